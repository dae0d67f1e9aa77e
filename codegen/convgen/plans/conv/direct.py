"""Direct convolution: reads the input where it is. No workspace.

Workspace: 0. Pixels whose kernel lies wholly inside the image are computed in blocks, a kernel row
(or tap) at a time; the others tap by tap, where a tap outside the image reads a constant row of
zero points, or is skipped when zero stands for zero.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

from convgen.model.arithmetic import of_dtype
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import ROW_BY_ROW
from convgen.plans.constant import Constant
from convgen.plans.conv.base import (
    block_work,
    ending,
    packed,
    row_blocks,
    row_work,
    sums_overflow,
    times,
    weights_of,
    with_weights_of,
    zero_points,
)
from convgen.plans.conv.direct_planes import DirectPlanes
from convgen.plans.conv.inside import Inner, find_inner, taps_inside
from convgen.plans.kernels import (
    block_pixels,
    in_place_kernel,
    plain_notes,
    plan_kernel,
    single_notes,
)
from convgen.plans.kernels.base import KernelPlan, Level, Runs, has_lanes, patch_weights
from convgen.plans.kernels.finishing import FinishingPlan, Fitting
from convgen.plans.kernels.forms import Form
from convgen.plans.order import Blocks, StoreOrder, both_ways, cut, in_blocks
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectSteps:
    """What ``algorithms/direct.c.j2`` prints.

    ``inner_pixels`` lists the pixel blocks of inner pixels, widest first; ``row_runs`` tells that
    a kernel row is one run, else each tap is; ``run_elems`` and ``tap_elems`` are their lengths.
    """

    inner: Inner
    inner_pixels: tuple[int, ...]
    has_edges: bool
    skips_outside: bool
    row_runs: bool
    run_elems: int
    tap_elems: int
    elem_bytes: int

    @property
    def pixel_bytes(self) -> str:
        """The size of a pixel of the image, in C."""
        return "IN_C" if self.elem_bytes == 1 else f"IN_C * {self.elem_bytes}"

    @property
    def pixel_blocks(self) -> tuple[int, ...]:
        """Every pixel block, widest first."""
        edges = (1,) if self.has_edges else ()
        return tuple(dict.fromkeys(self.inner_pixels + edges))

    def has_edges_behind(self, out_w: int, *, backwards: bool) -> bool:
        """Whether a row of *out_w* pixels has any behind the blocks of inner ones."""
        reaches = sum(cut(self.inner.cols, self.inner_pixels)) == self.inner.cols
        to_border = self.inner.left == 0 if backwards else self.inner.right == out_w
        return self.has_edges and not (self.inner_pixels and to_border and reaches)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suited:
    """The finishing kernel that suits a layer, and its function for the edges if there are any.

    ``row_runs`` tells that a kernel row is one run, else each tap is.
    """

    fitting: Fitting[FinishingPlan]
    row_runs: bool
    edge: Form | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """How sums are made: by which kernel, and what differs with it."""

    kernel: KernelPlan | FinishingPlan
    steps: DirectSteps
    zero_points: tuple[Constant, ...]
    work: Counter[str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """The algorithm without a workspace.

    Blocks have no more than ``pixels``; None: as many as the kernel takes. With ``weight_bits`` of
    16, kernels may widen weights in flash; with 8 they may not, with 4 each takes half a byte.
    """

    pixels: int | None = None
    weight_bits: int = 8

    @property
    def name(self) -> str:
        """``direct`` or ``direct_p<pixels>``, with the bits of wide weights."""
        name = f"direct_p{self.pixels}" if self.pixels else "direct"
        return with_weights_of(self.weight_bits, name)

    @property
    def family(self) -> str:
        """All variants are direct."""
        return "direct"

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        how = "reads the input in place"
        if self.pixels:
            how += ", one pixel at a time"
        return f"{how}: no workspace{weights_of(self.weight_bits)}"

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Split the image into inner pixels and edges and fit the kernel to them.

        Every layer will do whose sums fit; wide weights and nibbles need a kernel for them.
        """
        layer = study.layer
        suited = self._suited(study, target)
        if self.weight_bits != 8 and isinstance(suited, Refusal):
            return suited
        if reason := self._useless(layer, target, suited) or sums_overflow(layer):
            return Refusal(reason)
        if isinstance(suited, _Suited):
            return self._plan(layer, self._finishing(suited))
        return self._plan(layer, self._portable(study, target, suited.reason))

    def _plan(self, layer: Conv2d, sums: _Sums) -> Plan:
        g, kernel = layer.geometry, sums.kernel
        ends = ending(layer, kernel)
        return Plan(
            variant=self,
            template="algorithms/direct.c.j2",
            operator=layer,
            kernel=kernel,
            output=ends.output,
            workspace=(),
            constants=(packed(kernel), *ends.tables, *sums.zero_points),
            steps=sums.steps,
            orders=_orders(g, sums.steps),
            decisions=_decisions(sums.steps, g),
            work=sums.work + ends.work,
            notes=sums.notes,
            band=ROW_BY_ROW,
        )

    def _suited(self, study: Study, target: Target) -> _Suited | Refusal:
        """Return the finishing kernel that suits, with a function for the edges where it needs one.

        Refuse pixels at the edge with too many taps to keep on the stack.
        """
        fitting, g = in_place_kernel(study, target, self.weight_bits), study.layer.geometry
        if isinstance(fitting, Refusal):
            return fitting
        row_runs = g.dilation_w == 1
        if find_inner(g).pixels == g.out_pixels:
            return _Suited(fitting=fitting, row_runs=row_runs, edge=None)
        return _with_edge(fitting, row_runs=row_runs)

    def _useless(self, layer: Conv2d, target: Target, suited: _Suited | Refusal) -> str | None:
        """Say that blocks have no more pixels without a limit, if so."""
        if self.pixels is None:
            return None
        runs = _runs_of(layer.geometry, None, row_runs=layer.geometry.dilation_w == 1)
        if isinstance(suited, _Suited):
            most = suited.fitting.most_pixels(runs.pitch)
        else:
            most = block_pixels(target, lanes=has_lanes(layer.geometry))
        if min(most, runs.pixels) > self.pixels:
            return None
        return needs("blocks of several pixels", "has 1 in those of direct too")

    def _portable(self, study: Study, target: Target, unsuited: str) -> _Sums:
        """Fit an inner kernel: no finishing one suits, for the reason *unsuited*."""
        layer = study.layer
        geometry = layer.geometry
        inner = find_inner(geometry)
        runs = _all_runs(geometry, self.pixels)
        row_runs, run_elems, _ = _runs(geometry)
        kernel = plan_kernel(patch_weights(layer), target, runs)
        steps = DirectSteps(
            inner=inner,
            inner_pixels=row_blocks(inner.cols, kernel.pixels) if inner.pixels else (),
            has_edges=inner.pixels < geometry.out_pixels,
            skips_outside=layer.zero_point == 0,
            row_runs=row_runs,
            run_elems=run_elems,
            tap_elems=geometry.group_in_c,
            elem_bytes=layer.elem_bytes,
        )
        return _Sums(
            kernel=kernel,
            steps=steps,
            zero_points=_zero_points(kernel, steps, layer),
            work=_work(kernel, steps, geometry),
            notes=self._notes(study, target, unsuited),
        )

    def _notes(self, study: Study, target: Target, unsuited: str) -> tuple[str, ...]:
        """Say why plain C does it: no kernel suits, or none for its edges, or not by planes."""
        layer = study.layer
        planes = DirectPlanes().lines(study) if layer.geometry.is_depthwise else None
        notes = plain_notes(study, target, self.weight_bits, unsuited)
        if isinstance(planes, Refusal) and of_dtype(layer.dtype).is_byte:
            return (*notes, f"direct_planes {planes.reason}.")
        return notes

    def _finishing(self, suited: _Suited) -> _Sums:
        """Compute inner pixels in blocks; the others, and those left over, one by one."""
        fitting, edge = suited.fitting, suited.edge
        layer, g = fitting.layer, fitting.layer.geometry
        inner, runs = find_inner(g), _runs_of(g, self.pixels, row_runs=suited.row_runs)
        blocks = _finishing_pixels(fitting, inner, runs, has_edges=edge is not None)
        inside = tuple(fitting.rows(pixels, runs) for pixels in blocks)
        kernel = fitting.plan(runs, inside + ((edge,) if edge else ()))
        kernel = replace(kernel, out_of_line="edge" if edge else None)
        steps = DirectSteps(
            inner=inner,
            inner_pixels=blocks,
            has_edges=edge is not None,
            skips_outside=False,
            row_runs=suited.row_runs,
            run_elems=g.patch_elems // runs.count,
            tap_elems=g.in_c,
            elem_bytes=layer.elem_bytes,
        )
        outside = (zero_points(layer, g.in_c),) if kernel.edge_points_outside else ()
        return _Sums(
            kernel=kernel,
            steps=steps,
            zero_points=outside,
            work=_finishing_work(kernel, steps, g),
            notes=single_notes(fitting, None if self.pixels == 1 else runs.pitch),
        )


def _with_edge(fitting: Fitting[FinishingPlan], *, row_runs: bool) -> _Suited | Refusal:
    """Add the function for the edges: where groups of a row may lie in two taps, tap by tap."""
    edge = fitting.edge(_runs_of(fitting.layer.geometry, None, row_runs=row_runs))
    if isinstance(edge, Refusal):
        return _with_edge(fitting, row_runs=False) if row_runs else edge
    return _Suited(fitting=fitting, row_runs=row_runs, edge=edge)


def _orders(g: Geometry, steps: DirectSteps) -> tuple[StoreOrder, ...]:
    """Return inner pixels in their blocks, the others one by one: from either end."""
    blocks = partial(_blocks, g, steps.inner, steps.inner_pixels)
    mirrored = partial(_blocks, g, steps.inner.mirrored(g), steps.inner_pixels)
    return both_ways(blocks, mirrored, gathers=False)


def _blocks(g: Geometry, inner: Inner, blocks: tuple[int, ...]) -> Blocks:
    middle = cut(inner.cols, blocks)
    whole = [1] * inner.left + middle
    whole += [1] * (g.out_w - sum(whole))
    sizes = [
        whole if inner.top <= row < inner.bottom and middle else [1] * g.out_w
        for row in range(g.out_h)
    ]
    return in_blocks(g, [size for row in sizes for size in row])


def _all_runs(g: Geometry, most: int | None) -> Runs:
    """Return the runs of the inner pixels of a row, of *most* at a time."""
    row_runs, _, step = _runs(g)
    return _runs_of(g, most, row_runs=row_runs, step=step)


def _runs_of(g: Geometry, most: int | None, *, row_runs: bool, step: int = 1) -> Runs:
    inner = find_inner(g)
    cols = max(1, inner.cols if inner.rows else 1)
    return Runs(
        pixels=cols if most is None else min(cols, most),
        pitch=g.stride_w * g.in_c,
        step=step,
        group=g.group_in_c,
        count=g.k_h if row_runs else g.taps,
        levels=levels_of(g, row_runs=row_runs),
    )


def levels_of(g: Geometry, *, row_runs: bool) -> tuple[Level, ...]:
    """Return the loops over the runs, but for those that go round once."""
    levels = [Level(count=g.k_h, pitch=g.dilation_h * g.in_w * g.in_c)]
    if not row_runs:
        levels.append(Level(count=g.k_w, pitch=g.dilation_w * g.in_c))
    return tuple(level for level in levels if level.count > 1)


def _finishing_pixels(
    fitting: Fitting[FinishingPlan], inner: Inner, runs: Runs, *, has_edges: bool
) -> tuple[int, ...]:
    """Return the blocks of inner pixels; the function for edges sees to what is left over."""
    block = min(fitting.most_pixels(runs.pitch), runs.pixels)
    if not inner.pixels:
        return ()
    single = block > 1 and not has_edges and inner.cols % block
    return (block, 1) if single else (block,)


def _finishing_work(kernel: FinishingPlan, steps: DirectSteps, g: Geometry) -> Counter[str]:
    work: Counter[str] = Counter()
    left = g.out_pixels
    for form in kernel.forms[: len(steps.inner_pixels)]:
        calls = min(left // form.pixels, steps.inner.rows * (steps.inner.cols // form.pixels))
        work += kernel.work(form, calls)
        left -= calls * form.pixels
    if steps.has_edges:
        edge = kernel.forms[-1]
        if kernel.reads_taps:
            work["direct.tap"] += left * g.taps
        else:
            work["direct.patch_elem"] += left * g.patch_elems
        work += kernel.work(edge, left)
    return work


def _runs(geometry: Geometry) -> tuple[bool, int, int]:
    """Return whether a kernel row is one run, the elements of a run, and their step."""
    if geometry.group_in_c == 1:
        return True, geometry.k_w, geometry.dilation_w * geometry.in_c
    if geometry.groups == 1 and geometry.dilation_w == 1:
        return True, geometry.k_w * geometry.in_c, 1
    return False, geometry.group_in_c, 1


def _zero_points(kernel: KernelPlan, steps: DirectSteps, layer: Conv2d) -> tuple[Constant, ...]:
    if not steps.has_edges or steps.skips_outside:
        return ()
    count = max(kernel.channel_blocks) if kernel.lanes else steps.tap_elems
    return (zero_points(layer, count),)


def _decisions(steps: DirectSteps, geometry: Geometry) -> tuple[str, ...]:
    if not steps.has_edges:
        return ("No tap leaves the image: no bounds are checked.",)
    inner = steps.inner
    outside = "are skipped" if steps.skips_outside else "read a row of zero points"
    where = (
        f"Output rows {inner.top}..{inner.bottom - 1}, columns {inner.left}..{inner.right - 1} "
        "need no bounds checks; "
        if inner.pixels
        else ""
    )
    return (f"{where}taps outside the {geometry.in_h}x{geometry.in_w} image {outside}.",)


def _work(kernel: KernelPlan, steps: DirectSteps, geometry: Geometry) -> Counter[str]:
    inner = row_work(kernel, steps.inner_pixels, steps.inner.cols)
    work = times(inner, steps.inner.rows)
    edges = geometry.out_pixels - steps.inner.pixels
    taps = edges * geometry.taps
    rows_inside, cols_inside = taps_inside(geometry)
    outside = geometry.out_pixels * geometry.taps - rows_inside * cols_inside
    summed = taps - outside if steps.skips_outside else taps
    work += block_work(kernel, 1, edges, summed, steps.tap_elems, branches=True)
    blocks = sum(map(kernel.blocks, kernel.channel_blocks))
    skipped = taps - summed
    work["direct.edge_tap"] += (taps - skipped) * blocks
    work["direct.skipped_tap"] += skipped * blocks
    return work


VARIANTS = (
    *(Direct(weight_bits=bits) for bits in (8, 16, 4)),
    *(Direct(pixels=1, weight_bits=bits) for bits in (8, 16)),
)
