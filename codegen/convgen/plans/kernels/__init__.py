"""The sets of instructions, each a module and a line here, and the inner kernels, which are C."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from convgen.plans.kernels.base import InnerKernel, KernelPlan, Runs, Weights, has_lanes
from convgen.plans.kernels.finishing import FinishingKernel, FinishingPlan, Fitting
from convgen.plans.kernels.isa import InstructionSet
from convgen.plans.kernels.portable import DOT, LANES
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

SETS: tuple[tuple[Callable[[Target], bool], str, str], ...] = (
    (lambda target: target.has("mve") and target.has("dsp"), "mve", "MVE"),
    (lambda target: target.has("dsp"), "dsp", "DSP"),
    (lambda target: target.cpu.is_thumb and target.has("mul64"), "armv7m", "ARMV7M"),
    (lambda target: target.cpu.is_thumb, "armv6m", "ARMV6M"),
    (lambda target: target.cpu.isa == "rv32", "rv32", "RV32"),
    (lambda target: (target.cpu.vlen or 0) >= 256, "rvv", "RVV_256"),
    (lambda target: target.cpu.vlen is not None, "rvv", "RVV_128"),
    (lambda _: True, "portable", "PORTABLE"),
)
"""A core has the first that suits it: the module here, and the `InstructionSet` in it. Others are
not loaded."""

KERNELS: tuple[InnerKernel, ...] = (LANES, DOT)
"""In order of preference."""

WEIGHT_BITS = (8, 16)
"""What a weight may take in flash."""


def instruction_set(target: Target) -> InstructionSet:
    """Return what *target* has; the last of all suits any core."""
    module, name = next((module, name) for suits, module, name in SETS if suits(target))
    found: InstructionSet = getattr(import_module(f"{__name__}.{module}"), name)
    return found


def plan_kernel(weights: Weights, target: Target, runs: Runs) -> KernelPlan:
    """Fit the first inner kernel that suits *weights*, ``[matrices, out_c, depth]``.

    The last of them suits whatever the others do not.
    """
    kernel = next(kernel for kernel in KERNELS if kernel.suits(weights, target))
    return kernel.plan(weights, target, runs)


def finishing_kernel(
    study: Study, target: Target, weight_bits: int
) -> Fitting[FinishingPlan] | Refusal:
    """Return the finishing kernel that suits, or why none does.

    *weight_bits* is how many a weight takes in flash: 8, or 16 if it may be widened, or 4.
    """
    kernel = _for_target(study, target, weight_bits)
    if kernel is None:
        what = f"a kernel that reads weights of {weight_bits} bits"
        return Refusal(needs(what, "has none", "core"))
    return kernel.fit(study)


def in_place_kernel(
    study: Study, target: Target, weight_bits: int
) -> Fitting[FinishingPlan] | Refusal:
    """Return the one that suits where the input is read in place: of depthwise layers too."""
    layer = study.layer
    kernel = instruction_set(target).depthwise_of(layer.dtype).get(weight_bits)
    if kernel and kernel.runs_on(target) and has_lanes(layer.geometry):
        return kernel.fit(study)
    return finishing_kernel(study, target, weight_bits)


def _for_target(study: Study, target: Target, weight_bits: int) -> FinishingKernel | None:
    """Return the kernel for the layer's dtype; that of int8, which refuses it, if there is none."""
    isa = instruction_set(target)
    kernel = (isa.finishing_of(study.layer.dtype) or isa.finishing).get(weight_bits)
    return kernel if kernel is not None and kernel.runs_on(target) else None


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


def single_notes(fitting: Fitting[FinishingPlan], pitch: int | None) -> tuple[str, ...]:
    """Say in a sentence why the kernel in assembly takes one pixel at a time where it could more.

    *pitch* is None where another is not wanted.
    """
    reason = None if pitch is None else fitting.too_far(pitch)
    return () if reason is None else (f"One pixel at a time: the kernel in assembly {reason}.",)


def _offers(study: Study, target: Target) -> dict[int, Fitting[FinishingPlan] | Refusal]:
    """Return by bits of weights what the kernels for *target* say; none for float32."""
    if not instruction_set(target).finishing_of(study.layer.dtype):
        return {}
    found = {bits: _for_target(study, target, bits) for bits in WEIGHT_BITS}
    return {bits: kernel.fit(study) for bits, kernel in found.items() if kernel is not None}


def too_many_pixels(count: int, target: Target, *, lanes: bool) -> str | None:
    """Say in a sentence that the inner kernel takes fewer at once, if it does."""
    return only_so_many(count, block_pixels(target, lanes=lanes))


def block_pixels(target: Target, *, lanes: bool) -> int:
    """Return how many pixels the inner kernel takes at once."""
    at_once, _ = (LANES if lanes else DOT).block(target)
    return at_once


def only_so_many(count: int, most: int) -> str | None:
    """Say in a sentence that an inner loop takes fewer than *count* at once, if it does."""
    if count <= most:
        return None
    return needs(f"an inner loop of {count} at a time", f"has one of {most} on this core")
