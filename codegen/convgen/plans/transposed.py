"""Transposed convolution: each output gathers what the input adds to it, with no plane of sums.

Workspace: 0. Outputs a stride apart have the same weights, those of a *phase*: a small convolution
of the image itself. Of the kernel's taps each belongs to one phase. A row of outputs is made phase
by phase: pixels whose columns of taps are inside the image in blocks, a kernel row at a time, the
others tap by tap; a tap outside reads zero points, or is skipped where zero stands for zero.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.transposed_conv2d import TransposedConv2d
from convgen.plans.band import all_rows
from convgen.plans.constant import Constant
from convgen.plans.conv.base import (
    block_work,
    loop_work,
    output_work,
    packed,
    weights_of,
    with_weights_of,
    zero_points,
)
from convgen.plans.kernels import WEIGHT_BITS, instruction_set, plan_kernel
from convgen.plans.kernels.base import KernelPlan, Runs, patch_weights
from convgen.plans.kernels.portable import pack
from convgen.plans.output import step_by_step
from convgen.plans.phases import Phases, TransposedSteps, inside, plan_phases
from convgen.plans.plan import Plan
from convgen.plans.runs import distance_above
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

PHASES = all_rows("how many rows of the input a row of the output reads differs by its phase")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Each output by itself. With ``weight_bits`` of 16, kernels may widen weights in flash."""

    weight_bits: int = 8
    family: str = "transposed"

    @property
    def name(self) -> str:
        """``transposed``, with the bits of wide weights."""
        return with_weights_of(self.weight_bits, self.family)

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        how = "gathers what the input adds to each output, phase by phase: no workspace"
        return f"{how}{weights_of(self.weight_bits)}"

    def plan(self, operator: TransposedConv2d, target: Target) -> Plan | Refusal:
        """Cut the kernel into those of the phases: every layer will do, by plain C if need be."""
        found = _in_assembly(operator, target, self.weight_bits)
        if isinstance(found, Phases):
            return self._phase_by_phase(operator, found)
        if self.weight_bits != 8:
            return found
        layer = operator.convolution
        kernel, before = _kernel(operator, target)
        steps = _steps(operator, kernel.pixels)
        output, starts = step_by_step(layer), _starts(operator)
        outside = layer.geometry.in_c * (steps.pixels - 1 + steps.most_cols)
        return Plan(
            variant=self,
            template="algorithms/transposed.c.j2",
            operator=operator,
            kernel=kernel,
            output=output,
            workspace=(),
            constants=(
                packed(kernel),
                before,
                *((starts,) if starts.values.any() else ()),
                *output.constants,
                *(() if steps.skips_outside else (zero_points(layer, outside),)),
            ),
            steps=steps,
            orders=(),
            decisions=_decisions(operator),
            work=_work(kernel, steps) + output_work(layer, output),
            above=_above(steps, operator),
            band=PHASES,
        )

    def _phase_by_phase(self, operator: TransposedConv2d, phases: Phases) -> Plan:
        return Plan(
            variant=self,
            template="algorithms/transposed_phases.c.j2",
            operator=operator,
            kernel=phases.kernel,
            output=phases.kernel.output,
            workspace=(),
            constants=phases.constants,
            steps=phases.steps,
            orders=(),
            decisions=_decisions(operator),
            work=phases.work + loop_work(operator.convolution),
            above=_above(phases.steps, operator),
            band=PHASES,
        )


def _in_assembly(operator: TransposedConv2d, target: Target, weight_bits: int) -> Phases | Refusal:
    """Return what a kernel of *target* does of it, or why there is none."""
    layer = operator.convolution
    kernel = instruction_set(target).spaced.get(layer.dtype, {}).get(weight_bits)
    if kernel is None or not kernel.runs_on(target):
        return Refusal(needs("a kernel whose outputs may lie apart", "has none", "core"))
    fitting = kernel.fit(_studied(layer))
    if isinstance(fitting, Refusal):
        return fitting
    in_c, out_c = operator.input.shape[2], operator.convolution.geometry.out_c
    pitch = max(in_c, operator.strides[1] * out_c)
    in_w = operator.input.shape[1]
    steps = _steps(operator, min(fitting.most_pixels(pitch), in_w))
    return plan_phases(operator, fitting, steps)


@lru_cache(maxsize=4)
def _studied(layer: Conv2d) -> Study:
    """Return the study of a convolution, which is one object for all that plan it."""
    return Study(layer)


def _decisions(operator: TransposedConv2d) -> tuple[str, ...]:
    g, (stride_h, stride_w) = operator.convolution.geometry, operator.strides
    return (
        f"The kernel of {g.k_h} x {g.k_w} is cut into those of {stride_h} x {stride_w} phases: "
        "outputs that have the same taps.",
    )


def _kernel(operator: TransposedConv2d, target: Target) -> tuple[KernelPlan, Constant]:
    """Return the kernel, weights phase by phase, and how many taps come before each phase's."""
    layer, (stride_h, stride_w) = operator.convolution, operator.strides
    g, in_w = layer.geometry, operator.input.shape[1]
    most_cols = -(-g.k_w // stride_w)
    runs = Runs(pixels=max(1, in_w - most_cols + 1), pitch=g.in_c, step=1, group=0, count=g.k_h)
    kernel = plan_kernel(patch_weights(layer), target, runs)
    phases = [operator.phase(row, col) for row in range(stride_h) for col in range(stride_w)]
    matrices = [phase.reshape(1, g.out_c, -1) for phase in phases]
    weights = np.concatenate([pack(matrix, 1, kernel.spans) for matrix in matrices if matrix.size])
    taps = [matrix.shape[2] // g.in_c for matrix in matrices]
    before = Constant(
        name="taps_before",
        values=np.cumsum([0, *taps[:-1]]).astype(np.int32),
        comment="[phase]: how many taps the phases before it have",
    )
    return replace(kernel, weights=weights, packing=f"[phase]{kernel.packing}"), before


def _starts(operator: TransposedConv2d) -> Constant:
    """Return where the sums of each phase start: the bias, less its share of the zero point."""
    layer, (stride_h, stride_w) = operator.convolution, operator.strides
    bias: NDArray[Any] = np.zeros(layer.geometry.out_c) if layer.bias is None else layer.bias
    starts = [
        bias.astype(np.float64) - layer.zero_point * operator.phase(row, col).sum(axis=(1, 2, 3))
        for row in range(stride_h)
        for col in range(stride_w)
    ]
    return Constant(
        name="bias",
        values=np.concatenate(starts).astype(layer.sums_dtype),
        comment="[phase][channel]: where each sum starts, the bias less the zero point's share",
    )


def _steps(operator: TransposedConv2d, pixels: int) -> TransposedSteps:
    g, (in_h, in_w, in_c) = operator.convolution.geometry, operator.input.shape
    (stride_h, stride_w), (pad_top, pad_left) = operator.strides, operator.pads
    return TransposedSteps(
        in_h=in_h,
        in_w=in_w,
        in_c=in_c,
        out_h=g.out_h,
        out_w=g.out_w,
        out_c=g.out_c,
        k_h=g.k_h,
        k_w=g.k_w,
        stride_h=stride_h,
        stride_w=stride_w,
        pad_top=pad_top,
        pad_left=pad_left,
        pixels=pixels,
        skips_outside=operator.convolution.zero_point == 0,
    )


def _work(kernel: KernelPlan, steps: TransposedSteps) -> Counter[str]:
    """Count blocks inside, and the taps of the pixels at the edge."""
    row_taps = int(steps.rows[1].sum())
    work: Counter[str] = Counter()
    for start in range(min(steps.stride_w, steps.out_w)):
        taps_of = steps.cols[:, start :: steps.stride_w]
        cols = int(taps_of[1, 0])
        blocks = inside(taps_of, steps.in_w) // steps.pixels
        edges = taps_of.shape[1] - blocks * steps.pixels
        work += block_work(
            kernel,
            steps.pixels,
            steps.out_h * blocks,
            row_taps * blocks,
            cols * steps.in_c,
            branches=True,
        )
        taps = row_taps * cols * edges
        work += block_work(kernel, 1, steps.out_h * edges, taps, steps.in_c, branches=True)
        work["direct.edge_tap"] += taps * sum(map(kernel.blocks, kernel.channel_blocks))
    return +work


def _above(steps: TransposedSteps, operator: TransposedConv2d) -> tuple[int]:
    """Return how far above the output the input may begin: a row is written before it is read."""
    written = np.arange(1, steps.out_h + 1) * steps.out_w * steps.out_c
    read = steps.rows[0].clip(0, steps.in_h) * steps.in_w * steps.in_c
    return (distance_above(read, written) * operator.input.elem_bytes,)


VARIANTS = tuple(Gathering(weight_bits=bits) for bits in WEIGHT_BITS)
