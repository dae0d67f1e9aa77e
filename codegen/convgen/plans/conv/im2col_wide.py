"""im2col with patches widened to int16, two at a time, for cores that multiply pairs of int16.

Workspace: ``2 * KH * KW * C`` int16, as CMSIS-NN's ``arm_convolve_s8`` has. The patches of two
pixels are interleaved, each pair of elements in the order in which the kernel multiplies them.
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
    loop_work,
    packed,
    row_blocks,
    sums_overflow,
    weights_of,
    with_weights_of,
)
from convgen.plans.conv.inside import find_inner, taps_inside
from convgen.plans.kernels import only_so_many
from convgen.plans.kernels.base import Runs
from convgen.plans.kernels.finishing import FinishingPlan, Fitting
from convgen.plans.kernels.smlad import Smlad, SmladPlan, pairs
from convgen.plans.order import both_ways, cut, in_blocks
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

PIXELS = 2
SHORT_RUN = 32  # elements: shorter ones take hardly more instructions than their bounds do


@dataclass(frozen=True, slots=True, kw_only=True)
class WideSteps:
    """What ``algorithms/im2col_wide.c.j2`` prints.

    A patch is ``runs`` of ``run_elems``, each ``run_taps`` taps side by side: ``groups`` of four
    elements and a ``tail``. ``whole_taps``: each tap is whole groups. Tails follow all groups,
    from element ``tails`` of the interleaved patches on. Elements ``unused`` only meet weights of
    nought.
    """

    pixel_blocks: tuple[int, ...]
    runs: int
    run_taps: int
    run_elems: int
    tap_elems: int
    has_padding: bool

    @property
    def by_tap(self) -> bool:
        """Whether each tap is a run of its own."""
        return self.run_taps == 1

    @property
    def groups(self) -> int:
        """Groups of four elements of a run."""
        return self.run_elems // 4

    @property
    def tap_groups(self) -> int:
        """Groups of four elements of a tap."""
        return self.tap_elems // 4

    @property
    def whole_taps(self) -> bool:
        """Whether taps are whole groups."""
        return self.tap_elems % 4 == 0

    @property
    def checks_patches(self) -> bool:
        """Whether bounds are checked once for most patches, since checks of short runs add up."""
        return self.has_padding and not self.by_tap and self.run_elems <= SHORT_RUN

    @property
    def unrolled(self) -> int:
        """How many groups are widened at once: a divisor of all counts that occur."""
        count = self.tap_groups if self.whole_taps and self.has_padding else self.groups
        return next(some for some in (4, 3, 2, 1) if count % some == 0)

    @property
    def tail(self) -> int:
        """Elements of a run after its groups."""
        return self.run_elems % 4

    @property
    def tails(self) -> int:
        """The element of the patches where tails begin."""
        return self.runs * self.groups * 4 * PIXELS

    @property
    def unused(self) -> tuple[int, ...]:
        """The second element of the last pair of each pixel, if it has none."""
        whole_pairs, odd = divmod(self.runs * self.run_elems, 2)
        first = whole_pairs * 2 * PIXELS + 1
        return tuple(range(first, first + 2 * PIXELS, 2)) if odd else ()

    @property
    def fills_groups(self) -> bool:
        """Whether groups stand for taps outside the image."""
        return self.has_padding and self.whole_taps

    @property
    def has_edge_runs(self) -> bool:
        """Whether runs that are partly outside have a function: only few patches have any."""
        return self.checks_patches and self.whole_taps

    @property
    def has_rest(self) -> bool:
        """Whether a single patch is left when the image ends."""
        return len(self.pixel_blocks) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Im2colWide:
    """Two patches of int16 at a time, times weights of ``weight_bits`` in flash."""

    weight_bits: int = 8

    @property
    def name(self) -> str:
        """``im2col_p2_wide``, with the bits of wide weights."""
        return with_weights_of(self.weight_bits, "im2col_p2_wide")

    @property
    def family(self) -> str:
        """A variant of im2col."""
        return "im2col"

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        how = "copies 2 patches at a time, widened to int16, then multiplies"
        return how + weights_of(self.weight_bits)

    @property
    def _kernel(self) -> Smlad:
        return Smlad(bits=self.weight_bits)

    def _fit(self, study: Study, target: Target) -> Fitting[SmladPlan] | Refusal:
        """Refuse what the kernel does not suit, and images that are one patch."""
        if reason := self._kernel.lacks(target):
            return Refusal(reason)
        if study.layer.geometry.out_pixels < PIXELS:
            return Refusal(needs("more than 1 output pixel", "has 1"))
        fitting = self._kernel.fit(study)
        if isinstance(fitting, Refusal):
            return fitting
        reason = only_so_many(PIXELS, fitting.most_pixels(0)) or sums_overflow(study.layer)
        return Refusal(reason) if reason else fitting

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Lay out the interleaved patches."""
        fitting = self._fit(study, target)
        if isinstance(fitting, Refusal):
            return fitting
        layer, g = study.layer, study.layer.geometry
        run_taps = g.k_w if g.dilation_w == 1 else 1
        runs = g.taps // run_taps
        blocks, of_band = (row_blocks(pixels, PIXELS) for pixels in (g.out_pixels, g.out_w))
        steps = WideSteps(
            pixel_blocks=blocks,
            runs=runs,
            run_taps=run_taps,
            run_elems=run_taps * g.in_c,
            tap_elems=g.in_c,
            has_padding=g.has_padding,
        )
        forms, more = (
            tuple(pairs(pixels, runs, steps.run_elems) for pixels in some)
            for some in (blocks, of_band)
        )
        kernel = fitting.plan(Runs(pixels=PIXELS, pitch=None, step=1, group=1), forms)
        kernel = replace(kernel, out_of_line="edge" if steps.has_edge_runs else None)
        patches = buffer("patches", "int16", kernel.step_count, PIXELS, 2)
        return Plan(
            variant=self,
            template="algorithms/im2col_wide.c.j2",
            operator=layer,
            kernel=kernel,
            output=kernel.output,
            workspace=(patches,),
            constants=(packed(kernel),),
            steps=steps,
            orders=both_ways(partial(in_blocks, g, cut(g.out_pixels, blocks)), gathers=True),
            decisions=_decisions(layer),
            work=_work(kernel, steps, g),
            band=Band(
                steps=replace(steps, pixel_blocks=of_band), kernel=replace(kernel, forms=more)
            ),
        )


def _decisions(layer: Conv2d) -> tuple[str, ...]:
    if not layer.geometry.has_padding:
        return ("No tap leaves the image: no bounds are checked.",)
    return (f"Taps outside the image become {layer.zero_point} in the patch.",)


def _work(kernel: FinishingPlan, steps: WideSteps, g: Geometry) -> Counter[str]:
    twos, rest = divmod(g.out_pixels, PIXELS)
    work = kernel.work(kernel.forms[0], twos)
    if rest:
        work += kernel.work(kernel.forms[1], rest)
    return work + loop_work(kernel.layer) + _gather_work(steps, g)


def _gather_work(steps: WideSteps, g: Geometry) -> Counter[str]:
    """Count runs wholly inside the image and cut ones; of the latter each element where need be."""
    rows, cols = taps_inside(g)
    inner = find_inner(g)
    runs = g.out_pixels * steps.runs
    unasked = inner.pixels * steps.runs if steps.checks_patches or not steps.has_padding else 0
    whole = rows * (cols if steps.by_tap else inner.cols)
    cut = runs - whole
    work = Counter(
        {
            "im2col_wide.patch": g.out_pixels,
            "im2col_wide.run": runs - unasked,
            "im2col_wide.whole_run": unasked,
            "im2col_wide.cut": cut,
        }
    )
    if steps.whole_taps:
        work["im2col_wide.group"] = rows * cols * steps.tap_groups
        work["im2col_wide.fill"] = (g.out_pixels * g.taps - rows * cols) * steps.tap_groups
    else:
        work["im2col_wide.group"] = whole * steps.groups
        work["im2col_wide.looped_tail" if steps.by_tap else "im2col_wide.tail"] = whole * steps.tail
        work["im2col_wide.cut_elem"] = cut * steps.run_elems
    return work


VARIANTS = tuple(Im2colWide(weight_bits=bits) for bits in (8, 16, 4))
