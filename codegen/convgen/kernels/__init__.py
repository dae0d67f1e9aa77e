"""The inner kernels, in order of preference: the first that suits layer and target is used."""

from __future__ import annotations

from convgen.kernels.base import InnerKernel, KernelPlan, Runs
from convgen.kernels.portable import DOT, LANES
from convgen.layer import Layer
from convgen.target import Target

KERNELS: tuple[InnerKernel, ...] = (LANES, DOT)


def plan_kernel(layer: Layer, target: Target, runs: Runs) -> KernelPlan:
    """Fit the first inner kernel that suits."""
    kernel = next(kernel for kernel in KERNELS if kernel.suits(layer, target))
    return kernel.plan(layer, target, runs)
