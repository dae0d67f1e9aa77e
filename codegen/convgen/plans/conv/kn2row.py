"""MCMK by kn2row: one 1x1 convolution of the whole image for each tap, shifted and added.

Workspace: stacked (``kn2row``) ``KH * KW * M * H * W`` accumulators; kernel-accumulating
(``kn2row_as``) ``M * H * W`` accumulators, and ``M * OH * OW`` int32 sums for int8 outputs. With a
stride they compute ``H * W`` positions for ``OH * OW`` results.

Source: A. Vasudevan, A. Anderson, D. Gregg, "Parallel Multi Channel Convolution using General
Matrix Multiplication", ASAP 2017, arXiv 1704.04428; A. Anderson et al., "Low-memory GEMM-based
convolution algorithms for deep neural networks", arXiv 1709.03395.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import Band
from convgen.plans.buffers import Buffer
from convgen.plans.conv.base import (
    ending,
    overflow,
    packed,
    plain_bias,
    row_blocks,
    row_work,
    sum_buffer,
    sums_overflow,
    times,
)
from convgen.plans.conv.inside import pixels_reached
from convgen.plans.conv.taps import (
    TapSteps,
    needs_sums,
    partial_work,
    refuse_depthwise,
    tap_starts,
    tap_weights,
    taps_summed,
    unrolls_channels,
)
from convgen.plans.kernels import no_assembly, plan_kernel
from convgen.plans.kernels.base import Runs
from convgen.plans.order import StoreOrder, at_once
from convgen.plans.output import Output
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Kn2row:
    """Stacked: all taps' planes at once; else one after the other, added up."""

    stacked: bool

    @property
    def name(self) -> str:
        """``kn2row`` or ``kn2row_as``."""
        return "kn2row" if self.stacked else "kn2row_as"

    @property
    def family(self) -> str:
        """Each is a family of its own."""
        return self.name

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        if self.stacked:
            return "one 1x1 convolution for each tap, all kept, then shifted and added"
        return "one 1x1 convolution after the other, each shifted and added to the sums"

    def _too_large(self, layer: Conv2d) -> str | None:
        size = sum(buffer.bytes for buffer in self._buffers(layer))
        if size < 2**31:
            return None
        return needs("planes below 2^31 bytes", f"has planes of {size:,}")

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Lay out the planes and fit the kernel to one tap; refuse planes beyond int32."""
        layer, geometry = study.layer, study.layer.geometry
        reason = (
            refuse_depthwise(layer)
            or self._too_large(layer)
            or sums_overflow(layer)
            or _plane_overflow(layer)
        )
        if reason:
            return Refusal(reason)
        kernel = plan_kernel(tap_weights(layer), target, _runs(geometry))
        pixels = geometry.in_h * geometry.in_w
        ends = ending(layer, kernel, starts=plain_bias(layer), known=self._knows_channels(layer))
        steps = TapSteps(
            taps=geometry.taps,
            pixel_blocks=row_blocks(pixels, kernel.pixels),
            accumulates=False,
            partial_pitch=geometry.out_c * (geometry.taps if self.stacked else 1),
            partial="partial" if needs_sums(layer) else "output",
            finishes=ends.output.finishes,
            has_tap_starts=layer.zero_point != 0,
            has_outside=False,
            has_holes=False,
        )
        gemms = row_work(kernel, steps.pixel_blocks, pixels)
        gathers = self.stacked or needs_sums(layer)  # else sums grow in the output
        return Plan(
            variant=self,
            template=f"algorithms/{self.name}.c.j2",
            operator=layer,
            kernel=kernel,
            output=ends.output,
            workspace=self._buffers(layer),
            constants=(packed(kernel), *ends.tables, *tap_starts(layer)),
            steps=steps,
            orders=(
                StoreOrder(
                    stored_by=partial(at_once, geometry), gathers=gathers, needs_all=not gathers
                ),
            ),
            decisions=_decisions(layer),
            work=times(gemms, geometry.taps) + self._work(layer, ends.output) + ends.work,
            notes=no_assembly(study, target),
            band=Band(steps=replace(steps, pixel_blocks=row_blocks(geometry.in_w, kernel.pixels))),
        )

    def _buffers(self, layer: Conv2d) -> tuple[Buffer, ...]:
        g = layer.geometry
        if self.stacked:
            return (sum_buffer("planes", layer, g.in_h, g.in_w, g.taps, g.out_c),)
        plane = sum_buffer("plane", layer, g.in_h, g.in_w, g.out_c)
        if not needs_sums(layer):
            return (plane,)
        return plane, sum_buffer("partial", layer, g.out_h, g.out_w, g.out_c)

    def _knows_channels(self, layer: Conv2d) -> bool:
        """Whether each output's channel is a constant: not where a loop over taps is inside."""
        g = layer.geometry
        is_lone = g.out_c == 1 or (g.taps == 1 and not g.has_padding)
        return unrolls_channels(layer) and (is_lone or not self.stacked)

    def _work(self, layer: Conv2d, output: Output) -> Counter[str]:
        g = layer.geometry
        added = taps_summed(layer)
        asked = "" if g.has_padding else "whole_"
        sums = g.in_h * g.in_w * g.taps * g.out_c
        work = Counter(
            {
                "kn2row.sum": sums,
                "kn2row.start": sums if layer.zero_point else 0,
                f"{self.name}.{asked}tap": g.out_pixels * g.taps,
                f"{self.name}.{asked}run": added,
                f"{self.name}.row": g.out_h * (1 if self.stacked else g.taps),
                f"{self.name}.{asked}add": added * g.out_c,
            }
        )
        if not self.stacked:
            return work + partial_work(layer, output)
        work["kn2row.pixel"] = g.out_pixels
        work["kn2row.reach"] = pixels_reached(g) * g.out_c
        return work


def _runs(geometry: Geometry) -> Runs:
    return Runs(
        pixels=geometry.in_h * geometry.in_w,
        pitch=geometry.in_c,
        step=1,
        group=geometry.group_in_c,
    )


def _plane_overflow(layer: Conv2d) -> str | None:
    """Refuse layers of which one tap alone, without the bias, may leave int32."""
    if layer.quantization is None:
        return None
    low, high = layer.product_range
    share = layer.zero_point * layer.weights.sum(axis=(1, 2, 3), dtype="int64")
    return overflow(low - share, high - share, bits=31)


def _decisions(layer: Conv2d) -> tuple[str, ...]:
    g = layer.geometry
    wasted = g.in_h * g.in_w - g.out_pixels
    every = f"Each tap multiplies all {g.in_h * g.in_w} pixels of the image"
    if g.stride_h == g.stride_w == 1:
        return (f"{every}.",)
    return (f"{every}; with this stride {wasted} more than there are outputs.",)


VARIANTS = (Kn2row(stacked=True), Kn2row(stacked=False))
