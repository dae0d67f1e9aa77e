"""The kernels: inner ones in order of preference, and finishing ones by the bits of a weight."""

from __future__ import annotations

import numpy as np

from convgen.plans.kernels import paired
from convgen.plans.kernels.base import InnerKernel, KernelPlan, Runs, Weights
from convgen.plans.kernels.finishing import FinishingKernel, Fitting
from convgen.plans.kernels.portable import DOT, LANES
from convgen.plans.kernels.smlad import Smlad
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

KERNELS: tuple[InnerKernel, ...] = (LANES, DOT)
FINISHING: dict[int, tuple[FinishingKernel, ...]] = {
    8: (Smlad(wide=False),),
    16: (Smlad(wide=True), *paired.KERNELS),
}


def plan_kernel(weights: Weights, target: Target, runs: Runs) -> KernelPlan:
    """Fit the first inner kernel that suits *weights*, ``[matrices, out_c, depth]``.

    The last of them suits whatever the others do not.
    """
    kernel = next(kernel for kernel in KERNELS if kernel.suits(weights, target))
    return kernel.plan(weights, target, runs)


def finishing_kernel(study: Study, target: Target, weight_bits: int) -> Fitting | Refusal:
    """Return the finishing kernel that suits, or why none does.

    *weight_bits* is how many a weight may take in flash: 8, or 16 where it may be widened.
    """
    kernel = _for_target(target, weight_bits)
    if kernel is None:
        what = f"a kernel that reads weights of {weight_bits} bits"
        return Refusal(needs(what, "has none", "core"))
    return kernel.fit(study)


def _for_target(target: Target, weight_bits: int) -> FinishingKernel | None:
    return next((each for each in FINISHING[weight_bits] if each.runs_on(target)), None)


def no_assembly(study: Study, target: Target) -> tuple[str, ...]:
    """Say that the algorithm has no kernel in assembly, and why those of others refuse it."""
    offers = _offers(study, target)
    if not offers:
        return ()
    without = "Plain C: this algorithm has no kernel in assembly"
    refused = [offer.reason for offer in offers.values() if isinstance(offer, Refusal)]
    others = f"; that of others {refused[-1]}" if len(refused) == len(offers) else ""
    return (f"{without}{others}.",)


def plain_notes(
    study: Study, target: Target, weight_bits: int, otherwise: str | None = None
) -> tuple[str, ...]:
    """Say in sentences why plain C does it, where this core has kernels in assembly for int8.

    *weight_bits* is how many a weight may take in flash; *otherwise* why the kernel that suits the
    layer does not suit the algorithm.
    """
    offered = _offers(study, target)
    refused = {bits: each.reason for bits, each in offered.items() if isinstance(each, Refusal)}
    suits = [bits for bits in offered if bits not in refused]
    if not offered:
        return ()
    if weight_bits in suits:
        return (f"Plain C: the kernel in assembly {otherwise}.",) if otherwise else ()
    if weight_bits in refused:
        others = (f"; with weights of {bits} bits each in flash there is one" for bits in suits)
        return (f"Plain C: the kernel in assembly {refused[weight_bits]}{''.join(others)}.",)
    if suits:
        return (f"Plain C: this core's kernel in assembly takes weights of {suits[0]} bits each.",)
    bits, reason = next(iter(refused.items()))
    return (f"Plain C: the kernel in assembly, for weights of {bits} bits each, {reason}.",)


def single_notes(fitting: Fitting, pitch: int | None) -> tuple[str, ...]:
    """Say in a sentence why the kernel in assembly takes one pixel at a time where it could more.

    *pitch* is None where another is not wanted.
    """
    reason = None if pitch is None else fitting.too_far(pitch)
    return () if reason is None else (f"One pixel at a time: the kernel in assembly {reason}.",)


def _offers(study: Study, target: Target) -> dict[int, Fitting | Refusal]:
    """Return by bits of weights what the kernels for *target* say; none for float32."""
    found = {bits: _for_target(target, bits) for bits in FINISHING}
    return {
        bits: kernel.fit(study)
        for bits, kernel in found.items()
        if kernel is not None and study.layer.dtype == "int8"
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
