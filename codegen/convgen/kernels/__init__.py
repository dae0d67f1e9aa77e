"""The inner kernels, in order of preference: the first that suits weights and target is used."""

from __future__ import annotations

import numpy as np

from convgen.kernels.base import InnerKernel, KernelPlan, Runs, Weights
from convgen.kernels.portable import DOT, LANES
from convgen.target import Target

KERNELS: tuple[InnerKernel, ...] = (LANES, DOT)


def plan_kernel(weights: Weights, target: Target, runs: Runs) -> KernelPlan:
    """Fit the first inner kernel that suits."""
    kernel = next(kernel for kernel in KERNELS if kernel.suits(weights, target))
    return kernel.plan(weights, target, runs)


def too_many_pixels(count: int, dtype: str, target: Target, *, lanes: bool) -> str | None:
    """Say in a sentence that the kernel for a matrix of *dtype* takes fewer at once, if it does."""
    some = Weights(values=np.empty((1, 1, 1), dtype), groups=1, lanes=lanes)
    kernel = next(kernel for kernel in KERNELS if kernel.suits(some, target))
    at_once, _ = kernel.block(target)
    return f"the inner loop takes no more than {at_once} at a time" if count > at_once else None
