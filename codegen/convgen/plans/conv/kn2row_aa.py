"""GEMM-accumulating kn2row: each tap's GEMM adds into the sums at the shifted place, no planes.

``kn2row_aa`` goes output row by output row and clips each tap to the columns it serves: any
geometry, constant input. Workspace: ``OW * M`` int32 for int8, nothing for float32.

``kn2row_aa_holes`` multiplies the whole image by each tap. Rows would wrap round their ends into
the next, so the columns that would are made zero points before ("hole punching") and restored
after: stride 1, output as large as the image, writable input. Workspace: ``OH * OW * M`` int32 for
int8, and the columns saved.

Source: A. Vasudevan, A. Anderson, D. Gregg, "Parallel Multi Channel Convolution using General
Matrix Multiplication", ASAP 2017, arXiv 1704.04428; A. Anderson et al., "Low-memory GEMM-based
convolution algorithms for deep neural networks", arXiv 1709.03395.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

import numpy as np

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import ROW_BY_ROW
from convgen.plans.buffers import Buffer, buffer
from convgen.plans.conv.base import ending, packed, rows_work, sum_buffer, sums_overflow, times
from convgen.plans.conv.inside import cols_inside, rows_inside
from convgen.plans.conv.taps import (
    TapSteps,
    makes_up_outside,
    needs_sums,
    outside,
    partial_work,
    refuse_depthwise,
    tap_weights,
    taps_summed,
    unrolls_channels,
)
from convgen.plans.kernels import no_assembly, plan_kernel
from convgen.plans.kernels.base import KernelPlan, Runs
from convgen.plans.order import StoreOrder, at_once, in_tiles
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

AT_ONCE = Refusal("shifts the whole image for each tap, with holes where columns would wrap")


@dataclass(frozen=True, slots=True, kw_only=True)
class ByRows:
    """Clipped: one output row after the other."""

    name: str = "kn2row_aa"
    family: str = "kn2row_aa"
    summary: str = "each tap's GEMM adds into the sums of one output row"

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Fit the kernel to the part of a row that a tap serves."""
        g = study.layer.geometry
        sums = sum_buffer("partial", study.layer, g.out_w, g.out_c)
        stride = g.stride_w if g.out_w > 1 else 1  # of no use then, and it may be huge
        return _plan(self, study, target, _Extent(pixels=g.out_w, stride=stride, sums=sums))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holes:
    """Whole images, with holes."""

    name: str = "kn2row_aa_holes"
    family: str = "kn2row_aa"
    summary: str = "each tap's GEMM adds into the sums of the whole image; punches holes in it"

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Fit the kernel to the image as one long row; refuse what a shift of it cannot do."""
        layer, g = study.layer, study.layer.geometry
        if (g.stride_h, g.stride_w) != (1, 1) or (g.out_h, g.out_w) != (g.in_h, g.in_w):
            return Refusal(
                needs(
                    "stride 1x1 and an output as large as the image",
                    f"has stride {g.stride_h}x{g.stride_w}, {g.out_h}x{g.out_w} outputs "
                    f"of {g.in_h}x{g.in_w} pixels",
                )
            )
        sums = sum_buffer("partial", layer, g.out_h, g.out_w, g.out_c)
        saved = _most_holes(g)
        columns = (buffer("columns", layer.dtype, g.in_h, saved, g.in_c),) if saved else ()
        extent = _Extent(pixels=g.out_pixels, stride=1, sums=sums, is_image=True, columns=columns)
        return _plan(self, study, target, extent)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extent:
    """What is summed at a time: the pixels of an output row, or ``is_image`` all of them.

    ``stride`` is the image pixels from one to the next; ``columns`` is where holes are saved.
    """

    pixels: int
    stride: int
    sums: Buffer
    is_image: bool = False
    columns: tuple[Buffer, ...] = ()


def _plan(
    algorithm: ByRows | Holes, study: Study, target: Target, extent: _Extent
) -> Plan | Refusal:
    layer, geometry = study.layer, study.layer.geometry
    if reason := refuse_depthwise(layer) or sums_overflow(layer):
        return Refusal(reason)
    runs = Runs(
        pixels=extent.pixels,
        pitch=extent.stride * geometry.in_c,
        step=1,
        group=geometry.group_in_c,
    )
    kernel = plan_kernel(tap_weights(layer), target, runs)
    ends = ending(layer, kernel, known=unrolls_channels(layer))
    steps = TapSteps(
        taps=geometry.taps,
        pixel_blocks=(kernel.pixels, 1) if kernel.pixels > 1 else (1,),
        accumulates=True,
        partial_pitch=geometry.out_c,
        partial="partial" if needs_sums(layer) else "output",
        finishes=ends.output.finishes,
        has_tap_starts=False,
        has_outside=makes_up_outside(layer),
        has_holes=bool(extent.columns),
        begins_above=geometry.pad_top > 0 and 1 in (geometry.k_h, geometry.out_h),
    )
    count = _image_work if extent.is_image else _rows_work
    return Plan(
        variant=algorithm,
        template=f"algorithms/{algorithm.name}.c.j2",
        operator=layer,
        kernel=kernel,
        output=ends.output,
        workspace=((extent.sums,) if needs_sums(layer) else ()) + extent.columns,
        constants=(packed(kernel), *ends.tables, *outside(layer)),
        steps=steps,
        orders=(_order(layer, extent),),
        decisions=_decisions(layer, steps),
        work=count(kernel, steps, layer) + partial_work(layer, ends.output) + ends.work,
        writes_input=steps.has_holes,
        notes=no_assembly(study, target),
        band=AT_ONCE if extent.is_image else ROW_BY_ROW,
    )


def _order(layer: Conv2d, extent: _Extent) -> StoreOrder:
    """Return rows, or the whole image, whose sums grow in the workspace or else in the output."""
    g, gathers = layer.geometry, needs_sums(layer)
    return StoreOrder(
        stored_by=partial(at_once, g) if extent.is_image else partial(in_tiles, g, 1, g.out_w),
        gathers=gathers,
        needs_all=extent.is_image and not gathers,
    )


def _most_holes(g: Geometry) -> int:
    """Return the most columns that are ever holes."""
    rightmost = g.dilation_w * (g.k_w - 1) - g.pad_left
    return min(max(g.pad_left, abs(rightmost)), g.in_w)


def _rows_work(kernel: KernelPlan, steps: TapSteps, layer: Conv2d) -> Counter[str]:
    """Count a GEMM for each kernel row inside the image and each tap column."""
    g = layer.geometry
    rows = int(rows_inside(g).sum())
    work = times(rows_work(kernel, steps.pixel_blocks, cols_inside(g)), rows)
    return work + _sums_work(layer, taps_summed(layer), gemms=rows * g.k_w)


def _image_work(kernel: KernelPlan, steps: TapSteps, layer: Conv2d) -> Counter[str]:
    """Count a GEMM for each tap, over all pixels that stay in the image when it is shifted."""
    g = layer.geometry
    down = np.arange(g.k_h) * g.dilation_h - g.pad_top
    right = np.arange(g.k_w) * g.dilation_w - g.pad_left
    shifts = abs(down[:, None] * g.in_w + right).reshape(-1)
    pixels = (g.out_pixels - shifts).clip(min=0)
    work = rows_work(kernel, steps.pixel_blocks, pixels)
    holes = int(abs(right).clip(max=g.in_w).sum())
    work["kn2row_aa.hole"] += holes * g.in_h * g.in_c
    return work + _sums_work(layer, int(pixels.sum()), gemms=g.taps)


def _sums_work(layer: Conv2d, summed: int, *, gemms: int) -> Counter[str]:
    g = layer.geometry
    missing = g.out_pixels * g.taps - summed if makes_up_outside(layer) else 0
    asked = "" if g.has_padding else "whole_"
    divided = "strided_" if asked == "" and g.stride_w > 1 else asked
    return Counter(
        {
            f"kn2row_aa.{divided}gemm": gemms,
            f"kn2row_aa.{asked}sum": summed * g.out_c,
            "kn2row_aa.outside": missing * g.out_c,
        }
    )


def _decisions(layer: Conv2d, steps: TapSteps) -> tuple[str, ...]:
    parts = []
    if steps.has_outside:
        parts.append(f"Taps outside the image add {layer.zero_point} times their weights.")
    if steps.has_holes:
        parts.append("Image columns that would wrap round the row ends are holes meanwhile.")
    if not needs_sums(layer):
        parts.append("Sums grow in the output itself.")
    return tuple(parts)


VARIANTS = (ByRows(), Holes())
