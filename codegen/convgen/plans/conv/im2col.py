"""im2col: copies the patch of each output pixel into a row, then multiplies rows by weights.

Workspace: ``P * KH * KW * C`` elements for P patches at a time, the whole patch matrix
``OH * OW * KH * KW * C`` for ``im2col_full``; nothing for that where a patch is the pixel itself
(1x1, stride 1). CMSIS-NN's ``arm_convolve_s8`` is P = 2 with int16 elements.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import Band
from convgen.plans.buffers import buffer
from convgen.plans.conv.base import (
    chunk_work,
    ending,
    packed,
    sums_overflow,
    weights_of,
    with_weights_of,
)
from convgen.plans.conv.gather import Gather, plan_gather
from convgen.plans.conv.inside import find_inner, taps_inside
from convgen.plans.kernels import (
    finishing_kernel,
    only_so_many,
    plain_notes,
    plan_kernel,
    single_notes,
    too_many_pixels,
)
from convgen.plans.kernels.base import KernelPlan, Runs, has_lanes, patch_weights
from convgen.plans.kernels.finishing import FinishingPlan, Fitting
from convgen.plans.order import StoreOrder, both_ways, cut, in_blocks
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

MOST_KEPT = 36
"""The most elements of a patch that compilers keep in registers on their way through it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Im2colSteps:
    """What ``algorithms/im2col.c.j2`` prints.

    ``patches`` are gathered before they are multiplied, ``rest`` are left at the end;
    ``pixel_blocks`` are the pixel blocks of the multiplication, widest first. ``copies`` tells
    that patches are gathered at all, ``gather`` how.
    """

    copies: bool
    patches: int
    rest: int
    pixel_blocks: tuple[int, ...]
    patch_elems: int
    gather: Gather

    @property
    def has_rest(self) -> bool:
        """Whether patches are left when the image ends."""
        return self.rest > 0

    @property
    def unrolls(self) -> bool:
        """Whether compilers unroll all of a patch, which takes many registers: on the stack."""
        return self.patch_elems <= MOST_KEPT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Multiplication:
    """The multiplication of patches: by which kernel, and what differs with it."""

    kernel: KernelPlan | FinishingPlan
    steps: Im2colSteps
    work: Counter[str]
    notes: tuple[str, ...]
    band: Band


@dataclass(frozen=True, slots=True, kw_only=True)
class Im2col:
    """``pixels`` patches at a time; None: all of them.

    With ``weight_bits`` of 16, kernels may widen weights in flash; with 8 they may not, with 4
    each takes half a byte.
    """

    pixels: int | None
    weight_bits: int = 8

    @property
    def name(self) -> str:
        """``im2col_p<pixels>`` or ``im2col_full``, with the bits of wide weights."""
        name = f"im2col_p{self.pixels}" if self.pixels else "im2col_full"
        return with_weights_of(self.weight_bits, name)

    @property
    def family(self) -> str:
        """All variants are im2col."""
        return "im2col"

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        if self.pixels is None:
            how = "copies every patch into the whole patch matrix, then one GEMM"
        else:
            patches = "1 patch" if self.pixels == 1 else f"{self.pixels} patches"
            how = f"copies {patches} at a time, then multiplies"
        return how + weights_of(self.weight_bits)

    def _useless(self, layer: Conv2d) -> str | None:
        """Say why another variant does the same with less, if one does."""
        count = layer.geometry.out_pixels
        if self.pixels is not None and self.pixels >= count:
            more = f"more than {self.pixels} output pixels, or im2col_full does the same"
            return needs(more, f"has {count}")
        return None

    def _no_kernel(
        self, layer: Conv2d, target: Target, fitting: Fitting[FinishingPlan] | Refusal
    ) -> str | None:
        """Say why no kernel takes so many patches, or wide weights, if none does."""
        g, patches = layer.geometry, self.pixels or 1
        if self.weight_bits == 8:
            return too_many_pixels(patches, target, lanes=has_lanes(g))
        if isinstance(fitting, Refusal):
            return fitting.reason
        return only_so_many(patches, fitting.most_pixels(g.patch_elems))

    def _too_large(self, layer: Conv2d) -> str | None:
        g = layer.geometry
        matrix = (self.pixels or g.out_pixels) * g.taps * g.in_c * layer.elem_bytes
        if not self._copies(g) or matrix < 2**31:
            return None
        return needs("a patch matrix below 2^31 bytes", f"has one of {matrix:,}")

    def _copies(self, g: Geometry) -> bool:
        """Whether patches are copied: all of them are the image itself where each is a pixel."""
        return self.pixels is not None or not g.is_pointwise

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Lay out the patches and fit the kernel to them.

        Refuse variants that another variant makes pointless, and matrices beyond int32.
        """
        layer, geometry = study.layer, study.layer.geometry
        fitting = finishing_kernel(study, target, self.weight_bits)
        reason = (
            self._useless(layer)
            or self._no_kernel(layer, target, fitting)
            or self._too_large(layer)
            or sums_overflow(layer)
        )
        if reason:
            return Refusal(reason)
        patches = self.pixels or geometry.out_pixels
        runs = _runs(geometry, patches)
        if isinstance(fitting, Fitting):
            return self._plan(layer, self._finishing(runs, fitting))
        kernel = plan_kernel(patch_weights(layer), target, runs)
        steps = self._steps(geometry, kernel.pixels)
        sums = _Multiplication(
            kernel=kernel,
            steps=steps,
            work=chunk_work(kernel, steps.pixel_blocks, geometry.out_pixels, patches),
            notes=plain_notes(study, target, self.weight_bits),
            band=Band(steps=_band_steps(steps, geometry)),
        )
        return self._plan(layer, sums)

    def _finishing(self, runs: Runs, fitting: Fitting[FinishingPlan]) -> _Multiplication:
        g = fitting.layer.geometry
        steps = self._steps(g, min(fitting.most_pixels(g.patch_elems), runs.pixels))
        band = _band_steps(steps, g)
        functions, of_band = (
            tuple(fitting.rows(pixels, runs) for pixels in blocks)
            for blocks in (steps.pixel_blocks, band.pixel_blocks)
        )
        kernel = fitting.plan(runs, functions)
        return _Multiplication(
            kernel=kernel,
            steps=steps,
            work=_finishing_work(kernel, steps, g),
            notes=single_notes(fitting, runs.pitch if runs.pixels > 1 else None),
            band=Band(steps=band, kernel=replace(kernel, forms=of_band)),
        )

    def _plan(self, layer: Conv2d, sums: _Multiplication) -> Plan:
        g, kernel, steps = layer.geometry, sums.kernel, sums.steps
        ends = ending(layer, kernel)
        rows = buffer("patches", layer.dtype, steps.patches, steps.patch_elems)
        return Plan(
            variant=self,
            template="algorithms/im2col.c.j2",
            operator=layer,
            kernel=kernel,
            output=ends.output,
            workspace=(rows,) if steps.copies else (),
            constants=(packed(kernel), *ends.tables),
            steps=steps,
            orders=_orders(g, steps),
            decisions=_decisions(steps, layer),
            work=sums.work + _copy_work(kernel, steps, layer) + ends.work,
            notes=sums.notes,
            band=sums.band,
        )

    def _steps(self, g: Geometry, block: int) -> Im2colSteps:
        patches = self.pixels or g.out_pixels
        rest = g.out_pixels % patches
        return Im2colSteps(
            copies=self._copies(g),
            patches=patches,
            rest=rest,
            pixel_blocks=(block,) if patches % block == rest % block == 0 else (block, 1),
            patch_elems=g.taps * g.in_c,
            gather=plan_gather(g),
        )


def _orders(g: Geometry, steps: Im2colSteps) -> tuple[StoreOrder, ...]:
    """Return blocks of patches, from either end; or, where those are the image, of a function's.

    Such an image overlaps as much from one end as from the other.
    """
    if not steps.copies:
        stored = partial(in_blocks, g, cut(g.out_pixels, steps.pixel_blocks))
        return (StoreOrder(stored_by=stored, gathers=False),)
    blocks = tuple(filter(None, (steps.patches, steps.rest)))
    return both_ways(partial(in_blocks, g, cut(g.out_pixels, blocks)), gathers=True)


def _finishing_work(kernel: FinishingPlan, steps: Im2colSteps, g: Geometry) -> Counter[str]:
    work: Counter[str] = Counter()
    rows, rest = divmod(g.out_pixels, steps.patches)
    for form in kernel.forms:
        calls = rows * (steps.patches // form.pixels) + rest // form.pixels
        if form.pixels == 1 and len(kernel.forms) > 1:
            calls = rows * (steps.patches % 2) + rest % 2
        work += kernel.work(form, calls)
    return work


def _runs(geometry: Geometry, patches: int) -> Runs:
    return Runs(
        pixels=patches,
        pitch=geometry.taps * geometry.in_c,
        step=geometry.in_c if geometry.group_in_c == 1 else 1,
        group=geometry.patch_elems if geometry.is_grouped else 1,
    )


def _band_steps(steps: Im2colSteps, g: Geometry) -> Im2colSteps:
    """Return steps for any number of rows: only rows of whole blocks leave no single pixel."""
    block = steps.pixel_blocks[0]
    return replace(steps, pixel_blocks=steps.pixel_blocks if g.out_w % block == 0 else (block, 1))


def _decisions(steps: Im2colSteps, layer: Conv2d) -> tuple[str, ...]:
    if not steps.copies:
        return ("A 1x1 patch is the pixel itself: nothing is copied.",)
    if not layer.geometry.has_padding:
        return ("No tap leaves the image: no bounds are checked.",)
    return (f"Taps outside the image become {layer.zero_point} in the patch.",)


def _copy_work(
    kernel: KernelPlan | FinishingPlan, steps: Im2colSteps, layer: Conv2d
) -> Counter[str]:
    work: Counter[str] = Counter()
    geometry = layer.geometry
    if _stays_in_registers(kernel, steps, geometry):
        work["im2col.kept_elem"] += geometry.out_pixels * geometry.taps * geometry.in_c
    elif steps.copies:
        work["im2col.patch"] += geometry.out_pixels
        rows_inside, cols_inside = taps_inside(geometry)
        outside = geometry.out_pixels * geometry.taps - rows_inside * cols_inside
        work[steps.gather.unit("im2col", "copy")] += steps.gather.copies(
            taps=geometry.out_pixels * geometry.taps,
            whole_rows=rows_inside * find_inner(geometry).cols,
            k_w=geometry.k_w,
        )
        work[_row_unit(geometry)] += geometry.out_pixels * geometry.k_h
        work[steps.gather.unit("im2col", "fill")] += outside * geometry.in_c
        elems = rows_inside * cols_inside * geometry.in_c
        if steps.gather.goes_by_words(layer, kernel):
            work["im2col.word"] += elems // 4
        else:
            work[steps.gather.unit("im2col", "elem")] += elems
    return work


def _stays_in_registers(
    kernel: KernelPlan | FinishingPlan, steps: Im2colSteps, g: Geometry
) -> bool:
    """Whether one stretch of code gathers a patch and multiplies it, element by element."""
    return (
        steps.copies
        and steps.patches == 1
        and not g.has_padding
        and isinstance(kernel, KernelPlan)
        and kernel.out_of_line is None
        and steps.patch_elems <= MOST_KEPT
    )


def _row_unit(geometry: Geometry) -> str:
    """Return the unit that counts kernel rows: where none is outside, none is asked."""
    if geometry.k_h == 1:
        return "im2col.lone_row"
    return "im2col.row" if geometry.has_padding else "im2col.whole_row"


VARIANTS = (
    *(Im2col(pixels=pixels) for pixels in (1, 2, 4, None)),
    *(Im2col(pixels=pixels, weight_bits=16) for pixels in (1, 2, None)),
    Im2col(pixels=2, weight_bits=4),
)
