"""MEC: lowers the image along its width only; successive output rows share lowered rows.

Workspace: ``OW * He * KW * C`` elements, where ``He = (OH - 1) * sh + dh * (KH - 1) + 1`` are the
image rows, padding included, that any output sees; ``mec_ring`` keeps only the
``dh * (KH - 1) + 1`` of them that one output row sees.

Source: M. Cho, D. Brand, "MEC: Memory-efficient Convolution for Deep Neural Network", ICML 2017,
arXiv 1706.06873. With batch 1 its solutions A and B are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import ROW_BY_ROW
from convgen.plans.buffers import Buffer, buffer
from convgen.plans.conv.base import (
    ending,
    packed,
    row_blocks,
    row_work,
    sums_overflow,
    times,
    weights_of,
    with_weights_of,
)
from convgen.plans.conv.gather import Gather, plan_gather
from convgen.plans.conv.inside import cols_inside, find_inner
from convgen.plans.kernels import (
    finishing_kernel,
    no_assembly,
    plain_notes,
    plan_kernel,
    single_notes,
)
from convgen.plans.kernels.base import KernelPlan, Level, Runs, patch_weights
from convgen.plans.kernels.finishing import FinishingPlan, Fitting
from convgen.plans.order import StoreOrder, at_once, first_reads, in_tiles
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class MecSteps:
    """What ``algorithms/mec.c.j2`` prints.

    The lowered matrix is ``[OUT_W][groups][rows][row_elems]``: for each output column (a column of
    ``column_elems``) and image row the ``row_elems`` that one kernel row reads. ``ring``: it holds
    the rows of one output row, each at its number modulo ``rows``. ``row_runs`` tells
    that a kernel row is a run of ``run_elems``, else the whole window is; ``gather`` how it is
    copied, ``copies_words`` whether its bytes go by words, wherever these lie.
    """

    ring: bool
    rows: int
    row_elems: int
    column_elems: int
    row_runs: bool
    run_elems: int
    pixel_blocks: tuple[int, ...]
    gather: Gather
    copies_words: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mec:
    """Lower all rows at once, or keep a ring of them.

    With ``weight_bits`` of 16, kernels may widen weights in flash.
    """

    ring: bool
    weight_bits: int = 8

    @property
    def name(self) -> str:
        """``mec`` or ``mec_ring``, with the bits of wide weights."""
        return with_weights_of(self.weight_bits, "mec_ring" if self.ring else "mec")

    @property
    def family(self) -> str:
        """Both are MEC."""
        return "mec"

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        if self.ring:
            return "lowers the image along its width, row by row into a ring of rows"
        shared = "lowers the image along its width; output rows share what is lowered"
        return f"{shared}{weights_of(self.weight_bits)}"

    def _refused(self, layer: Conv2d) -> str | None:
        """Refuse layers whose patch is a pixel, and a ring that would hold everything."""
        geometry = layer.geometry
        if geometry.is_pointwise:
            return needs(
                "a kernel, stride or padding for which anything must be lowered",
                "has a 1x1 kernel, stride 1x1 and no padding",
            )
        if self.ring and _reach(geometry) >= _all_rows(geometry):
            return needs("several output rows, or mec holds no more", "has 1")
        size = self._lowered(layer).bytes
        if size >= 2**31:
            return needs("a lowered matrix below 2^31 bytes", f"has one of {size:,}")
        return sums_overflow(layer)

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Lay out the lowered matrix and fit the kernel to its windows."""
        layer, geometry = study.layer, study.layer.geometry
        if reason := self._refused(layer):
            return Refusal(reason)
        runs = _runs(geometry, self._rows(geometry), ring=self.ring)
        fitting = None if self.ring else finishing_kernel(study, target, self.weight_bits)
        if self.weight_bits > 8 and isinstance(fitting, Refusal):
            return fitting
        kernel: KernelPlan | FinishingPlan
        if isinstance(fitting, Fitting):
            most = min(fitting.most_pixels(runs.pitch), runs.pixels)
            blocks = row_blocks(runs.pixels, most)
            kernel = fitting.plan(runs, tuple(fitting.rows(pixels, runs) for pixels in blocks))
            notes = single_notes(fitting, runs.pitch if runs.pixels > 1 else None)
        else:
            kernel = plan_kernel(patch_weights(layer), target, runs)
            blocks = row_blocks(runs.pixels, kernel.pixels)
            notes = no_assembly(study, target) if self.ring else plain_notes(study, target, 8)
        steps = _steps(geometry, self._rows(geometry), blocks, ring=self.ring)
        by_words = steps.gather.by_row and layer.elem_bytes == 1 and target.has("unaligned")
        steps = replace(steps, copies_words=by_words)
        ends = ending(layer, kernel)
        return Plan(
            variant=self,
            template="algorithms/mec.c.j2",
            operator=layer,
            kernel=kernel,
            output=ends.output,
            workspace=(self._lowered(layer),),
            constants=(packed(kernel), *ends.tables),
            steps=steps,
            orders=(_order(geometry, ring=self.ring),),
            decisions=_decisions(steps, layer),
            work=_work(steps, layer, kernel) + _sums_work(kernel, steps, geometry) + ends.work,
            notes=notes,
            band=ROW_BY_ROW,
        )

    def _rows(self, geometry: Geometry) -> int:
        return _reach(geometry) if self.ring else _all_rows(geometry)

    def _lowered(self, layer: Conv2d) -> Buffer:
        g = layer.geometry
        return buffer("lowered", layer.dtype, g.out_w, self._rows(g), g.k_w, g.in_c)


def _all_rows(geometry: Geometry) -> int:
    return (geometry.out_h - 1) * geometry.stride_h + _reach(geometry)


def _reach(geometry: Geometry) -> int:
    return geometry.dilation_h * (geometry.k_h - 1) + 1


def _runs(geometry: Geometry, rows: int, *, ring: bool) -> Runs:
    row = geometry.k_w * plan_gather(geometry).elems
    part = rows * row
    by_row = _by_row(geometry, ring=ring)
    return Runs(
        pixels=geometry.out_w,
        pitch=rows * geometry.k_w * geometry.in_c,
        step=geometry.in_c if geometry.group_in_c == 1 else 1,
        group=part if geometry.is_grouped else 1,
        count=geometry.k_h if by_row else 1,
        levels=(Level(count=geometry.k_h, pitch=geometry.dilation_h * row),) if by_row else (),
    )


def _by_row(geometry: Geometry, *, ring: bool) -> bool:
    """Return whether the rows of a window lie apart: each is a run of its own."""
    return ring or geometry.dilation_h > 1


def _steps(geometry: Geometry, rows: int, blocks: tuple[int, ...], *, ring: bool) -> MecSteps:
    gather = plan_gather(geometry)
    by_row = _by_row(geometry, ring=ring)
    return MecSteps(
        ring=ring,
        rows=rows,
        row_elems=geometry.k_w * gather.elems,
        column_elems=rows * geometry.k_w * geometry.in_c,
        row_runs=by_row,
        run_elems=geometry.patch_elems // (geometry.k_h if by_row else 1),
        pixel_blocks=blocks,
        gather=gather,
    )


def _decisions(steps: MecSteps, layer: Conv2d) -> tuple[str, ...]:
    padding = (
        f"Taps outside the image become {layer.zero_point} in the lowered matrix."
        if layer.geometry.has_padding
        else "No tap leaves the image: no bounds are checked."
    )
    if not steps.ring:
        return (padding,)
    return (f"Image row r is lowered to place r modulo {steps.rows}.", padding)


def _work(steps: MecSteps, layer: Conv2d, kernel: KernelPlan | FinishingPlan) -> Counter[str]:
    """Count the lowering: each image row that is seen, for each output column."""
    geometry = layer.geometry
    rows = _lowered_rows(steps, geometry)
    rows_inside = sum(0 <= row - geometry.pad_top < geometry.in_h for row in rows)
    taps = len(rows) * geometry.out_w * geometry.k_w
    inside = rows_inside * int(cols_inside(geometry).sum())
    whole_rows = rows_inside * find_inner(geometry).cols
    words = (
        inside * geometry.in_c // 4
        if steps.gather.goes_by_words(layer, kernel)
        else _words(steps, geometry, inside, whole_rows)
    )
    return Counter(
        {
            "mec.column": len(rows) * geometry.out_w,
            steps.gather.unit("mec", "copy"): steps.gather.copies(taps, whole_rows, geometry.k_w),
            steps.gather.unit("mec", "fill"): (taps - inside) * geometry.in_c,
            steps.gather.unit("mec", "elem"): inside * geometry.in_c - 4 * words,
            "mec.word": words,
        }
    )


def _words(steps: MecSteps, geometry: Geometry, inside: int, whole_rows: int) -> int:
    """Count the words of four elements that are copied, of *whole_rows* and of taps alone."""
    if not steps.copies_words:
        return 0
    lone_taps = inside - whole_rows * geometry.k_w
    row, tap = geometry.k_w * geometry.in_c, geometry.in_c
    return whole_rows * (row // 4) + lone_taps * (tap // 4)


def _sums_work(kernel: KernelPlan | FinishingPlan, steps: MecSteps, g: Geometry) -> Counter[str]:
    if isinstance(kernel, KernelPlan):
        return times(row_work(kernel, steps.pixel_blocks, g.out_w), g.out_h)
    work: Counter[str] = Counter()
    left = g.out_w
    for function in kernel.forms:
        work += kernel.work(function, g.out_h * (left // function.pixels))
        left %= function.pixels
    return work


def _lowered_rows(steps: MecSteps, geometry: Geometry) -> Collection[int]:
    """Return the rows that are lowered, counted from the first of the padding."""
    if not steps.ring:
        return range(steps.rows)
    firsts = range(0, geometry.out_h * geometry.stride_h, geometry.stride_h)
    if steps.rows >= geometry.stride_h:
        return range(firsts[-1] + steps.rows)
    return {row for first in firsts for row in range(first, first + steps.rows)}


def _order(g: Geometry, *, ring: bool) -> StoreOrder:
    """Return rows, whose input is lowered only once, or the whole image after all is lowered."""
    if not ring:
        return StoreOrder(stored_by=partial(at_once, g), gathers=True)
    stored = partial(in_tiles, g, 1, g.out_w)
    return StoreOrder(stored_by=stored, gathers=True, kept_by=lambda: first_reads(g, stored()))


VARIANTS = (Mec(ring=False), Mec(ring=False, weight_bits=16), Mec(ring=True))
