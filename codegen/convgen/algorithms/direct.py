"""Direct convolution: reads the input where it is. No workspace.

Workspace: 0. Pixels whose kernel lies wholly inside the image are computed in blocks, a kernel row
(or tap) at a time; the others tap by tap, where a tap outside the image reads a constant row of
zero points, or is skipped when zero stands for zero.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from convgen.algorithms.base import (
    block_work,
    layer_constants,
    output_work,
    row_blocks,
    row_work,
    sums_overflow,
    times,
    zero_points,
)
from convgen.algorithms.inside import Inner, find_inner, taps_inside
from convgen.kernels import plan_kernel
from convgen.kernels.base import KernelPlan, Runs, patch_weights
from convgen.layer import Geometry, Layer
from convgen.plan import Constant, Plan, StoreOrder
from convgen.requantize import plan_requantize
from convgen.target import Target


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

    @property
    def pixel_blocks(self) -> tuple[int, ...]:
        """Every pixel block, widest first."""
        edges = (1,) if self.has_edges else ()
        return tuple(dict.fromkeys(self.inner_pixels + edges))


@dataclass(frozen=True, slots=True)
class Direct:
    """The algorithm without a workspace."""

    name: str = "direct"
    family: str = "direct"
    summary: str = "reads the input in place: no workspace"

    def reject(self, layer: Layer, target: Target) -> str | None:
        """Every layer will do whose sums fit."""
        return sums_overflow(layer)

    def plan(self, layer: Layer, target: Target) -> Plan:
        """Split the image into inner pixels and edges and fit the kernel to them."""
        geometry = layer.geometry
        inner = find_inner(geometry)
        row_runs, run_elems, step = _runs(geometry)
        runs = Runs(
            pixels=max(1, inner.cols if inner.rows else 1),
            pitch=geometry.stride_w * geometry.in_c,
            step=step,
            group=geometry.group_in_c,
            count=geometry.k_h if row_runs else geometry.taps,
        )
        kernel = plan_kernel(patch_weights(layer), target, runs)
        steps = DirectSteps(
            inner=inner,
            inner_pixels=row_blocks(inner.cols, kernel.pixels) if inner.pixels else (),
            has_edges=inner.pixels < geometry.out_pixels,
            skips_outside=layer.zero_point == 0,
            row_runs=row_runs,
            run_elems=run_elems,
            tap_elems=geometry.group_in_c,
        )
        requantize = plan_requantize(layer)
        return Plan(
            algorithm=self.name,
            family=self.family,
            summary=self.summary,
            template="algorithms/direct.c.j2",
            layer=layer,
            kernel=kernel,
            requantize=requantize,
            workspace=(),
            constants=layer_constants(layer, kernel, requantize)
            + _zero_points(kernel, steps, layer),
            steps=steps,
            order=StoreOrder(pixels=kernel.pixels, gathers=False),
            decisions=_decisions(steps, geometry),
            work=_work(kernel, steps, geometry) + output_work(layer, requantize),
        )


def _runs(geometry: Geometry) -> tuple[bool, int, int]:
    """Return whether a kernel row is one run, the elements of a run, and their step."""
    if geometry.group_in_c == 1:
        return True, geometry.k_w, geometry.dilation_w * geometry.in_c
    if geometry.groups == 1 and geometry.dilation_w == 1:
        return True, geometry.k_w * geometry.in_c, 1
    return False, geometry.group_in_c, 1


def _zero_points(kernel: KernelPlan, steps: DirectSteps, layer: Layer) -> tuple[Constant, ...]:
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
    work += block_work(kernel, 1, edges, summed, steps.tap_elems)
    work["direct.edge_tap"] += taps * sum(map(kernel.blocks, kernel.channel_blocks))
    return work
