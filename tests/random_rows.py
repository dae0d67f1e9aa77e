"""Random networks of images with many rows, and schedules that fuse them wherever they are cut."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from unittest.mock import patch

from convgen.choices import Feed
from convgen.model.geometry import Geometry
from convgen.model.graph import Graph
from convgen.model.ops.add import Add
from convgen.model.ops.move import Concatenation
from convgen.model.ops.pool import Pool2d
from convgen.model.tensor import DType, Tensor
from convgen.plans import registry
from convgen.plans.conv import ALGORITHMS
from convgen.schedule.network import Planner, Schedule, _placed
from convgen.schedule.stages import IMPOSSIBLE, Cutter, Limits, Stage
from convgen.schedule.strip_stages import StripCutter
from convgen.targets.target import Target
from random_graphs import Grower

TALLEST, WIDEST = 14, 7
FREE = Limits(arena=IMPOSSIBLE, stack=IMPOSSIBLE)


def draw(number: int, dtype: DType = "int8") -> Graph:
    """Return the *number*-th network; the same each time. In each fourth images stay as large."""
    rng = random.Random(f"rows {dtype} {number}")  # noqa: S311
    return _Rows(rng, dtype, keeps=number % 4 == 3).network(number)


class _Rows(Grower):
    """A chain of windows with branches, nested ones too, and an end that sums all of it.

    With *keeps* images stay as large until then, so that rings slide through one.
    """

    def __init__(self, rng: random.Random, dtype: DType, *, keeps: bool = False) -> None:
        super().__init__(rng, dtype)
        self.keeps = keeps
        if keeps:
            shape = (rng.randint(8, TALLEST), rng.randint(4, WIDEST), rng.choice([3, 4, 5, 8]))
        else:
            height = rng.choice([1, 2, *range(5, TALLEST)])
            shape = (height, rng.randint(1, WIDEST), rng.randint(1, 6))
        self.start = self.tensor(shape)

    def network(self, number: int) -> Graph:
        now = self.start
        seen = [now]
        for _ in range(self.rng.randint(2, 5) + self.keeps):
            now = self.one_more(now)
            seen.append(now)
        if self.keeps or self.rng.random() < 0.5:
            now = self.end(now)
        read = {tensor.name for operator in self.operators for tensor in operator.inputs}
        more = [t for t in seen[1:] if t.name != now.name and self.rng.random() < 0.08]
        more += [self.start] if self.rng.random() < 0.03 else []
        made = {tensor.name for operator in self.operators for tensor in operator.outputs}
        more = [t for t in more if t.name in read | made]
        return Graph(
            name=f"rows{number}",
            operators=tuple(self.operators),
            inputs=(self.start,),
            outputs=(now, *{t.name: t for t in more}.values()),
        )

    def one_more(self, now: Tensor, depth: int = 0) -> Tensor:
        kinds = [self.dense, self.dense, self.apart, self.pointwise, self.pooled, self.functions]
        kinds += [self.scalar, self.viewed, self.framed]
        if self.keeps:
            kinds = [self.functions, *[partial(self.same, stride=1)] * 6]
        if depth < 2:
            kinds += [partial(self.branches, depth=depth)] * (1 if self.keeps else 4)
        return self.rng.choice(kinds)(now)

    def dense(self, now: Tensor) -> Tensor:
        return self.add(self.layer(now, self.window(now, self.rng.randint(1, 8), 1), "conv2d"))

    def apart(self, now: Tensor) -> Tensor:
        channels = now.shape[2]
        return self.add(self.layer(now, self.window(now, channels, channels), "conv2d"))

    def pointwise(self, now: Tensor) -> Tensor:
        geometry = self.pointwise_geometry(now, self.rng.randint(1, 8))
        return self.add(self.layer(now, geometry, "conv2d"))

    def framed(self, now: Tensor) -> Tensor:
        return self.padded(now)

    def window(self, now: Tensor, out_c: int, groups: int) -> Geometry:
        """Any kernel, stride, dilation and padding, even one larger than the image."""
        height, width, in_c = now.shape
        (k_h, s_h, d_h, top, bottom), (k_w, s_w, d_w, left, right) = map(self.axis, (height, width))
        return Geometry(
            in_h=height,
            in_w=width,
            in_c=in_c,
            out_h=(height + top + bottom - (k_h - 1) * d_h - 1) // s_h + 1,
            out_w=(width + left + right - (k_w - 1) * d_w - 1) // s_w + 1,
            out_c=out_c,
            k_h=k_h,
            k_w=k_w,
            stride_h=s_h,
            stride_w=s_w,
            dilation_h=d_h,
            dilation_w=d_w,
            pad_top=top,
            pad_left=left,
            pad_bottom=bottom,
            pad_right=right,
            groups=groups,
        )

    def axis(self, size: int) -> tuple[int, int, int, int, int]:
        kernel, stride = self.rng.choice([1, 2, 3, 3, 3, 5]), self.rng.choice([1, 1, 1, 2, 3])
        apart = self.rng.choice([1, 1, 1, 1, 2])
        reach = (kernel - 1) * apart + 1
        if self.rng.random() < 0.6:  # as "same" has it
            lacks = max((-(-size // stride) - 1) * stride + reach - size, 0)
            before, after = lacks // 2, lacks - lacks // 2
        else:
            before, after = (self.rng.randint(0, reach - 1) for _ in range(2))
        after += max(0, reach - size - before - after)
        return kernel, stride, apart, before, after

    def pooled(self, now: Tensor) -> Tensor:
        """Each window holds a pixel of the image."""
        height, width, channels = now.shape
        k_h, k_w = (self.rng.randint(1, min(3, size)) for size in (height, width))
        s_h, s_w = (self.rng.randint(1, 3) for _ in range(2))
        top, left = (self.rng.randint(0, k - 1) for k in (k_h, k_w))
        geometry = replace(
            self.pointwise_geometry(now, channels),
            k_h=k_h,
            k_w=k_w,
            stride_h=s_h,
            stride_w=s_w,
            pad_top=top,
            pad_left=left,
            out_h=(height + top - k_h) // s_h + 1,
            out_w=(width + left - k_w) // s_w + 1,
            groups=channels,
        )
        return self.over(now, geometry)

    def over(self, now: Tensor, geometry: Geometry) -> Tensor:
        limits = (-128, 127) if self.dtype == "int8" else (-math.inf, math.inf)
        return self.add(
            Pool2d(
                name="",
                kind=self.rng.choice(["average_pool", "average_pool", "max_pool"]),
                input=now,
                geometry=geometry,
                activation="none",
                activation_min=limits[0],
                activation_max=limits[1],
                output_name=self.tensor((1,)).name,
            )
        )

    def viewed(self, now: Tensor) -> Tensor:
        """See the rows as others, or each in another shape, and go on with that."""
        height, width, channels = now.shape
        shapes = [
            (height, 1, width * channels),
            (1, height, width * channels),
            (height * width, 1, channels),
        ]
        return self.pointwise(replace(now, shape=self.rng.choice(shapes)))

    def branches(self, now: Tensor, depth: int) -> Tensor:
        """Two ways that are added or joined; one may be none at all, or a 1x1 with a stride."""
        stride = self.rng.choice([1, 1, 1, 2])
        one = now
        for _ in range(self.rng.randint(0, 2)):
            one = self.same(one, 1)
        if depth == 0 and self.rng.random() < 0.3:
            one = self.branches(one, depth + 1)
        one = self.same(one, stride)
        other = (
            now
            if now.shape == one.shape and self.rng.random() < 0.6
            else self.skip(now, one, stride)
        )
        if other.shape != one.shape:
            return one
        if self.rng.random() < 0.2:
            shape = (*one.shape[:2], 2 * one.shape[2])
            output = self.tensor(shape, one)
            return self.add(Concatenation(name="", inputs=(one, other), output=output, axis=2))
        limits = (-128, 127) if self.dtype == "int8" else (-math.inf, math.inf)
        pair = (one, other) if self.rng.random() < 0.5 else (other, one)
        return self.add(
            Add(
                name="",
                inputs=pair,
                output=self.tensor(one.shape),
                activation="none",
                activation_min=limits[0],
                activation_max=limits[1],
            )
        )

    def same(self, now: Tensor, stride: int) -> Tensor:
        """A convolution whose image is as large as its input's, over the stride."""
        height, width, channels = now.shape
        kernel = self.rng.choice([1, 3, 3, 5])
        out = [-(-size // stride) for size in (height, width)]
        lacks = [
            max((n - 1) * stride + kernel - size, 0)
            for n, size in zip(out, (height, width), strict=True)
        ]
        groups = self.rng.choice([1, channels])
        geometry = replace(
            self.pointwise_geometry(now, channels),
            out_h=out[0],
            out_w=out[1],
            k_h=kernel,
            k_w=kernel,
            stride_h=stride,
            stride_w=stride,
            pad_top=lacks[0] // 2,
            pad_bottom=lacks[0] - lacks[0] // 2,
            pad_left=lacks[1] // 2,
            pad_right=lacks[1] - lacks[1] // 2,
            groups=groups,
        )
        return self.add(self.layer(now, geometry, "conv2d"))

    def skip(self, now: Tensor, one: Tensor, stride: int) -> Tensor:
        geometry = replace(
            self.pointwise_geometry(now, one.shape[2]),
            out_h=one.shape[0],
            out_w=one.shape[1],
            stride_h=stride,
            stride_w=stride,
        )
        return self.add(self.layer(now, geometry, "conv2d"))

    def end(self, now: Tensor) -> Tensor:
        """What reads all of the image, and perhaps something that sees it as an image again."""
        how = self.rng.choice([self.flat, self.mean, self.over_all, self.over_all])
        now = how(now)
        if self.rng.random() < 0.5:
            now = self.flat(replace(now, shape=(1, 1, now.elems)))
        if self.rng.random() < 0.3:
            seen = replace(now, shape=(now.elems, 1, 1))
            now = self.same(seen, 1)
        return now

    def over_all(self, now: Tensor) -> Tensor:
        height, width, channels = now.shape
        geometry = replace(
            self.pointwise_geometry(now, channels),
            k_h=height,
            k_w=width,
            out_h=1,
            out_w=1,
            groups=channels,
        )
        return self.over(now, geometry)


@dataclass(frozen=True)
class _Few:
    """Algorithms of convolutions, and all others."""

    names: frozenset[str]

    def __contains__(self, name: object) -> bool:
        return name in self.names or name not in CONVOLUTIONS


CONVOLUTIONS = {algorithm.name for algorithm in ALGORITHMS}
LEAN = ("direct", "direct_p1", "im2col_p1", "mec_ring", "im2col_full")


@contextmanager
def few_algorithms(*names: str) -> Iterator[None]:
    """Plan convolutions by these alone: it takes a tenth of the time."""
    few = partial(registry.plans, names=_Few(frozenset(names)))
    with patch("convgen.schedule.select.registry.plans", few):
        yield


def cut(
    graph: Graph,
    board: Target,
    rng: random.Random,
    feed: Feed = "whole",
    *,
    strips: bool = False,
) -> Schedule:
    """Return a schedule with stages as long as they may be, or cut at random.

    With *strips* each that can runs over strips of columns.
    """
    with few_algorithms("direct", rng.choice(LEAN)):
        planner = Planner(graph, board, feed=feed)
        cutter = planner._strip_cutter
        stages = []
        for one in _cuts(cutter, rng):
            if cutter._is_fused(one):
                cutter._play(one)
            stage = (_over_strips(cutter, one, rng) if strips else None) or cutter._stage(one, FREE)
            assert stage is not None
            stages.append(stage)
    return _placed(stages, planner.graph, "workspace")


def _over_strips(cutter: StripCutter, one: tuple[int, int], rng: random.Random) -> Stage | None:
    """Return a stage over strips of some columns, None if it has none."""
    width = cutter.graph.operators[one[1] - 1].outputs[0].shape[1:2]
    if not cutter._may_be_striped(one) or width in ((), (1,)):
        return None
    algorithms = [candidate.algorithm for candidate in cutter._leanest(one, IMPOSSIBLE)]
    found = cutter._over(one, rng.randint(1, width[0] - 1), algorithms)
    return cutter._as_stage(one, found) if found else None


def _cuts(cutter: Cutter, rng: random.Random) -> list[tuple[int, int]]:
    """Return stages that may be, from the first operator to the last."""
    count = len(cutter.steps)
    places = [n for n in range(1, count) if rng.random() < rng.choice([0, 0, 0.2, 0.5])]
    bounds = [0, *places, count]
    return [
        each
        for first, end in pairwise(bounds)
        for each in (
            [(first, end)]
            if first in cutter._starts(end)
            else [(n, n + 1) for n in range(first, end)]
        )
    ]
