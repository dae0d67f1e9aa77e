"""Indirect convolution: a table of pointers, one for each output pixel and tap, instead of patches.

Taps outside the image point at one shared row of ``C`` zero points, a constant. Workspace:
``indirect_init`` ``OH * OW * KH * KW`` pointers that an init function fills once;
``indirect_row`` ``OW * KH * KW`` pointers, filled again for each output row; ``indirect_flash``
nothing: its table holds offsets, of 16 bits where the input is small enough, and is constant.

Source: M. Dukhan, "The Indirect Convolution Algorithm", arXiv 1907.02129.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.literals import ctype
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import Band
from convgen.plans.buffers import Buffer
from convgen.plans.constant import Constant
from convgen.plans.conv.base import (
    ending,
    packed,
    row_blocks,
    row_work,
    sums_overflow,
    times,
    zero_points,
)
from convgen.plans.conv.taps import needs_sums
from convgen.plans.kernels import no_assembly, plan_kernel
from convgen.plans.kernels.base import KernelPlan, Runs, patch_weights
from convgen.plans.kernels.portable import FEW_REGISTERS, MANY_REGISTERS
from convgen.plans.order import both_ways, cut, in_blocks
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

Table = Literal["flash", "row", "init"]
OUTSIDE_16, OUTSIDE_32 = 2**16 - 1, -1
MOST_ENTRIES = 2**24  # as offsets 64 MiB: more than any flash
SHORT_DEPTH = 16  # products of one sum from which a call costs less than spilt registers


@dataclass(frozen=True, slots=True, kw_only=True)
class IndirectSteps:
    """What ``algorithms/indirect.c.j2`` prints.

    ``table`` tells where the table is. In flash it has offsets of C type ``offset_type``, and
    ``outside`` stands for a tap outside the image, None where there is no such tap.
    """

    table: Table
    pixel_blocks: tuple[int, ...]
    offset_type: str
    outside: int | None

    @property
    def in_flash(self) -> bool:
        """Whether the table is a constant."""
        return self.table == "flash"

    @property
    def by_row(self) -> bool:
        """Whether the table is of one output row."""
        return self.table == "row"

    @property
    def computes(self) -> bool:
        """Whether the generated code computes the table."""
        return not self.in_flash


@dataclass(frozen=True, slots=True, kw_only=True)
class Indirect:
    """With its table in flash, in RAM for one row at a time, or in RAM for good."""

    table: Table
    summary: str
    family: str = "indirect"

    @property
    def name(self) -> str:
        """``indirect_flash``, ``indirect_row`` or ``indirect_init``."""
        return f"indirect_{self.table}"

    def _refused(self, layer: Conv2d) -> str | None:
        """Refuse tables larger than any memory, and a row's where there is but one row."""
        g = layer.geometry
        if self.table == "row" and g.out_h == 1:
            return needs("several output rows that use its table", "has 1")
        entries = self._pixels(g) * g.taps
        if entries > MOST_ENTRIES:
            most = f"a table of at most {MOST_ENTRIES:,} entries"
            return needs(most, f"has one of {entries:,}")
        return sums_overflow(layer)

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Make or lay out the table and fit the kernel to pixels behind pointers."""
        layer, geometry = study.layer, study.layer.geometry
        if reason := self._refused(layer):
            return Refusal(reason)
        row = self._pixels(geometry)
        runs = Runs(pixels=row, pitch=None, step=1, group=geometry.group_in_c, count=geometry.taps)
        kernel = plan_kernel(patch_weights(layer), target, runs)
        if self.table != "row" and _spills(kernel, layer, target):
            kernel = replace(kernel, out_of_line="block")
        offsets = _offsets(geometry) if self.table == "flash" else None
        narrow = offsets is not None and offsets.dtype == np.uint16
        steps = IndirectSteps(
            table=self.table,
            pixel_blocks=row_blocks(row, kernel.pixels),
            offset_type="uint16_t" if narrow else "int32_t",
            outside=(
                (OUTSIDE_16 if narrow else OUTSIDE_32)
                if offsets is not None and geometry.has_padding
                else None
            ),
        )
        ends = ending(layer, kernel)
        return Plan(
            variant=self,
            template="algorithms/indirect.c.j2",
            operator=layer,
            kernel=kernel,
            output=ends.output,
            workspace=() if self.table == "flash" else (_table(layer, target, row),),
            constants=(
                packed(kernel),
                *ends.tables,
                *((zero_points(layer, geometry.in_c),) if geometry.has_padding else ()),
                *(() if offsets is None else (_constant(offsets),)),
            ),
            steps=steps,
            orders=both_ways(
                partial(in_blocks, geometry, cut(row, steps.pixel_blocks)), gathers=False
            ),
            decisions=_decisions(layer),
            work=_work(kernel, steps, geometry, row) + ends.work,
            has_init=self.table == "init",
            notes=no_assembly(study, target),
            band=self._band(geometry, steps),
        )

    def _band(self, g: Geometry, steps: IndirectSteps) -> Band | Refusal:
        """Return how many rows are made, of whose pixels a single one may be left over."""
        if self.table == "init":
            return Refusal("needs its input where an init function found it when it made its table")
        return Band(steps=replace(steps, pixel_blocks=row_blocks(g.out_w, steps.pixel_blocks[0])))

    def _pixels(self, geometry: Geometry) -> int:
        """Return how many output pixels the table is for."""
        return geometry.out_w if self.table == "row" else geometry.out_pixels


def _spills(kernel: KernelPlan, layer: Conv2d, target: Target) -> bool:
    """Whether a block has too few registers beside those of a table of all pixels, by measurement.

    Where there are very few it has none to lose, and float sums are in registers of their own.
    """
    return (
        FEW_REGISTERS < target.cpu.registers < MANY_REGISTERS
        and kernel.out_of_line is None
        and kernel.depth >= SHORT_DEPTH
        and needs_sums(layer)
    )


def _table(layer: Conv2d, target: Target, row: int) -> Buffer:
    return Buffer(
        name="table",
        ctype=f"const {ctype(layer.dtype)} *",
        elem_bytes=target.cpu.pointer_bytes,
        shape=(row, layer.geometry.taps),
    )


def _offsets(geometry: Geometry) -> NDArray[np.uint16] | NDArray[np.int32]:
    """Return the first element of each tap, ``[out pixels, taps]``, in the narrowest type."""
    rows, cols = geometry.tap_positions()
    g = geometry
    inside_row, inside_col = (rows >= 0) & (rows < g.in_h), (cols >= 0) & (cols < g.in_w)
    inside = inside_row[:, None, :, None] & inside_col[None, :, None, :]
    pixels = rows[:, None, :, None] * g.in_w + cols[None, :, None, :]
    if g.in_elems <= OUTSIDE_16:
        return np.where(inside, pixels * g.in_c, OUTSIDE_16).astype(np.uint16)
    return np.where(inside, pixels * g.in_c, OUTSIDE_32).astype(np.int32)


def _constant(offsets: NDArray[np.uint16] | NDArray[np.int32]) -> Constant:
    return Constant(
        name="offsets", values=offsets, comment="the first element of each tap, [pixel][tap]"
    )


def _decisions(layer: Conv2d) -> tuple[str, ...]:
    if not layer.geometry.has_padding:
        return ("No tap leaves the image.",)
    return ("Taps outside the image share one row of zero points.",)


def _work(kernel: KernelPlan, steps: IndirectSteps, geometry: Geometry, row: int) -> Counter[str]:
    """Count the blocks of all rows, the pointers they load and those that are computed."""
    of_row = row_work(kernel, steps.pixel_blocks, row)
    work = times(of_row, geometry.out_pixels // row)
    channel_blocks = sum(map(kernel.blocks, kernel.channel_blocks))
    pointers = geometry.out_pixels * geometry.taps
    asked = "_asked" if geometry.has_padding else ""  # whether it is inside the image
    read = f"offset{asked}" if steps.in_flash else "pointer"
    work[f"indirect.{read}"] += pointers * channel_blocks
    work[f"indirect.point{asked}"] += pointers if steps.by_row else 0
    return work


VARIANTS = (
    Indirect(table="flash", summary="reads the input through a constant table of offsets"),
    Indirect(table="row", summary="reads the input through pointers, set for each output row"),
    Indirect(table="init", summary="reads the input through pointers that an init function sets"),
)
