"""The kernels: inner ones in order of preference, and finishing ones by the bits of a weight."""

from __future__ import annotations

import numpy as np

from convgen.kernels import paired
from convgen.kernels.base import InnerKernel, KernelPlan, Runs, Weights
from convgen.kernels.finishing import FinishingKernel
from convgen.kernels.portable import DOT, LANES
from convgen.kernels.smlad import Smlad
from convgen.layer import Layer
from convgen.target import Target

KERNELS: tuple[InnerKernel, ...] = (LANES, DOT)
FINISHING: dict[int, tuple[FinishingKernel, ...]] = {
    8: (Smlad(wide=False),),
    16: (Smlad(wide=True), *paired.KERNELS),
}


def plan_kernel(weights: Weights, target: Target, runs: Runs) -> KernelPlan:
    """Fit the first inner kernel that suits."""
    kernel = next(kernel for kernel in KERNELS if kernel.suits(weights, target))
    return kernel.plan(weights, target, runs)


def finishing_kernel(layer: Layer, target: Target, weight_bits: int) -> FinishingKernel | None:
    """Return the finishing kernel that suits, with weights of so many bits in flash."""
    kernel = _for_target(target, weight_bits)
    return kernel if kernel is not None and kernel.reject(layer) is None else None


def no_finishing_kernel(layer: Layer, target: Target, weight_bits: int) -> str | None:
    """Say in a sentence why `finishing_kernel` is None, if it is."""
    kernel = _for_target(target, weight_bits)
    if kernel is None:
        return f"no kernel for this core reads weights of {weight_bits} bits"
    return kernel.reject(layer)


def _for_target(target: Target, weight_bits: int) -> FinishingKernel | None:
    return next((each for each in FINISHING[weight_bits] if each.runs_on(target)), None)


def too_many_pixels(count: int, dtype: str, target: Target, *, lanes: bool) -> str | None:
    """Say in a sentence that the kernel for a matrix of *dtype* takes fewer at once, if it does."""
    at_once = block_pixels(dtype, target, lanes=lanes)
    return only_so_many(at_once) if count > at_once else None


def block_pixels(dtype: str, target: Target, *, lanes: bool) -> int:
    """Return how many pixels the inner kernel for a matrix of *dtype* takes at once."""
    some = Weights(values=np.empty((1, 1, 1), dtype), groups=1, lanes=lanes)
    kernel = next(kernel for kernel in KERNELS if kernel.suits(some, target))
    at_once, _ = kernel.block(target)
    return at_once


def only_so_many(pixels: int) -> str:
    """Return the sentence that refuses more *pixels*."""
    return f"the inner loop takes no more than {pixels} at a time"
