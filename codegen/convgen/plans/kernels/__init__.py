"""The kernels: inner ones in order of preference, and finishing ones by the bits of a weight."""

from __future__ import annotations

import numpy as np

from convgen.model.ops.conv2d import Conv2d
from convgen.plans.kernels import paired
from convgen.plans.kernels.base import InnerKernel, KernelPlan, Runs, Weights
from convgen.plans.kernels.finishing import FinishingKernel
from convgen.plans.kernels.portable import DOT, LANES
from convgen.plans.kernels.smlad import Smlad
from convgen.refusal import needs
from convgen.targets.target import Target

KERNELS: tuple[InnerKernel, ...] = (LANES, DOT)
FINISHING: dict[int, tuple[FinishingKernel, ...]] = {
    8: (Smlad(wide=False),),
    16: (Smlad(wide=True), *paired.KERNELS),
}


def plan_kernel(weights: Weights, target: Target, runs: Runs) -> KernelPlan:
    """Fit the first inner kernel that suits."""
    kernel = next(kernel for kernel in KERNELS if kernel.suits(weights, target))
    return kernel.plan(weights, target, runs)


def finishing_kernel(layer: Conv2d, target: Target, weight_bits: int) -> FinishingKernel | None:
    """Return the finishing kernel that suits, with weights of so many bits in flash."""
    kernel = _for_target(target, weight_bits)
    return kernel if kernel is not None and kernel.reject(layer) is None else None


def no_finishing_kernel(layer: Conv2d, target: Target, weight_bits: int) -> str | None:
    """Say in a sentence why `finishing_kernel` is None, if it is."""
    kernel = _for_target(target, weight_bits)
    if kernel is None:
        return needs(f"a kernel that reads weights of {weight_bits} bits", "has none", "core")
    return kernel.reject(layer)


def _for_target(target: Target, weight_bits: int) -> FinishingKernel | None:
    return next((each for each in FINISHING[weight_bits] if each.runs_on(target)), None)


def no_assembly(layer: Conv2d, target: Target) -> tuple[str, ...]:
    """Say that the algorithm has no kernel in assembly, and why those of others refuse *layer*."""
    offers = _offers(layer, target)
    if not offers:
        return ()
    without = "Plain C: this algorithm has no kernel in assembly"
    refused = [reason for reason in offers.values() if reason is not None]
    others = f"; that of others {refused[-1]}" if len(refused) == len(offers) else ""
    return (f"{without}{others}.",)


def plain_notes(
    layer: Conv2d, target: Target, weight_bits: int, otherwise: str | None = None
) -> tuple[str, ...]:
    """Say in sentences why plain C does *layer*, where this core has kernels in assembly for int8.

    *weight_bits* is how many a weight may take in flash; *otherwise* why the kernel that suits the
    layer does not suit the algorithm.
    """
    offered = _offers(layer, target)
    if not offered:
        return ()
    if offered.get(weight_bits, "") is None:
        return (f"Plain C: the kernel in assembly {otherwise}.",) if otherwise else ()
    suits = [bits for bits, reason in offered.items() if reason is None]
    others = "".join(f"; with weights of {bits} bits each in flash there is one" for bits in suits)
    if weight_bits in offered:
        return (f"Plain C: the kernel in assembly {offered[weight_bits]}{others}.",)
    if suits:
        return (f"Plain C: this core's kernel in assembly takes weights of {suits[0]} bits each.",)
    bits, reason = next(iter(offered.items()))
    return (f"Plain C: the kernel in assembly, for weights of {bits} bits each, {reason}.",)


def single_notes(kernel: FinishingKernel, layer: Conv2d, pitch: int | None) -> tuple[str, ...]:
    """Say in a sentence why the kernel in assembly takes one pixel at a time where it could more.

    *pitch* is None where another is not wanted.
    """
    reason = None if pitch is None else kernel.too_far(layer, pitch)
    return () if reason is None else (f"One pixel at a time: the kernel in assembly {reason}.",)


def _offers(layer: Conv2d, target: Target) -> dict[int, str | None]:
    """Return by bits of weights why the kernels for *target* refuse *layer*; none for float32."""
    found = {bits: _for_target(target, bits) for bits in FINISHING}
    return {
        bits: kernel.reject(layer)
        for bits, kernel in found.items()
        if kernel is not None and layer.dtype == "int8"
    }


def too_many_pixels(count: int, dtype: str, target: Target, *, lanes: bool) -> str | None:
    """Say in a sentence that the kernel for a matrix of *dtype* takes fewer at once, if it does."""
    return only_so_many(count, block_pixels(dtype, target, lanes=lanes))


def block_pixels(dtype: str, target: Target, *, lanes: bool) -> int:
    """Return how many pixels the inner kernel for a matrix of *dtype* takes at once."""
    some = Weights(values=np.empty((1, 1, 1), dtype), groups=1, lanes=lanes)
    kernel = next(kernel for kernel in KERNELS if kernel.suits(some, target))
    at_once, _ = kernel.block(target)
    return at_once


def only_so_many(count: int, most: int) -> str | None:
    """Say in a sentence that an inner loop takes fewer than *count* at once, if it does."""
    if count <= most:
        return None
    return needs(f"an inner loop of {count} at a time", f"has one of {most} on this core")
