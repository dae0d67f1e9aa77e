"""A 3x3 kernel over a plane: which of its taps are inside, and how a window walks along a line.

Lines are the plane's rows, or its columns. What is said of a line holds for both: pixels follow
each other along it, the next line is across. The window is three slices across the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import groupby
from typing import TypeVar

import numpy as np

from convgen.model.geometry import Geometry
from convgen.plans.order import Blocking, Blocks, StoreOrder

T = TypeVar("T")

KERNEL = 3
NARROW = 3  # pixels of a row: fewer than make it worth a walk of its own
ROWS = {(0, 3): "inner", (1, 3): "top", (0, 2): "bottom", (1, 2): "only"}
COLUMNS = {(0, 3): "inner", (1, 3): "left", (0, 2): "right", (1, 2): "only"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideRun:
    """``count`` outputs side by side whose taps ``first`` to ``last`` are inside the image."""

    start: int
    count: int
    first: int
    last: int

    @property
    def end(self) -> int:
        """The output behind the last."""
        return self.start + self.count

    @property
    def taps(self) -> range:
        """Those inside."""
        return range(self.first, self.last)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The outputs along one side of the image. ``pad`` pixels lie outside before the first."""

    outputs: int
    stride: int
    pad: int
    size: int

    def origin(self, output: int) -> int:
        """Return where the first tap of *output* is, inside or not."""
        return output * self.stride - self.pad

    def taps(self, output: int) -> tuple[int, int]:
        """Return the first tap inside and the one behind the last."""
        origin = self.origin(output)
        return max(0, -origin), min(KERNEL, self.size - origin)

    @property
    def inner(self) -> range:
        """The outputs whose taps are all inside."""
        start = min(-(-self.pad // self.stride), self.outputs)
        end = (self.size - KERNEL + self.pad) // self.stride + 1
        return range(start, max(start, min(end, self.outputs)))

    @cached_property
    def runs(self) -> tuple[InsideRun, ...]:
        """All outputs: at most one before the inner ones, and one behind."""
        inner = self.inner
        whole = (
            (InsideRun(start=inner.start, count=len(inner), first=0, last=KERNEL),) if inner else ()
        )
        before, behind = range(inner.start), range(inner.stop, self.outputs)
        return (*self._edges(before), *whole, *self._edges(behind))

    def _edges(self, outputs: range) -> Iterator[InsideRun]:
        for (first, last), same in groupby(outputs, self.taps):
            start, *more = same
            yield InsideRun(start=start, count=1 + len(more), first=first, last=last)

    def read(self, at_once: int) -> int:
        """Count the pixels that outputs read, done *at_once*, if each group reads its own."""
        firsts = range(0, self.outputs, at_once)
        lasts = (min(first + at_once, self.outputs) - 1 for first in firsts)
        return sum(
            self.origin(last) + self.taps(last)[1] - max(0, self.origin(first))
            for first, last in zip(firsts, lasts, strict=True)
        )

    @property
    def taps_inside(self) -> int:
        """Count the taps of all outputs that are inside the image."""
        return sum(run.count * len(run.taps) for run in self.runs)

    @property
    def fits(self) -> bool:
        """Whether every output has its middle tap inside, and another unless there is none."""
        return self.taps(0)[0] <= 1 and self.taps(self.outputs - 1)[1] >= KERNEL - 1


def axes(geometry: Geometry) -> tuple[Axis, Axis]:
    """Return rows and columns."""
    g = geometry
    rows = Axis(outputs=g.out_h, stride=g.stride_h, pad=g.pad_top, size=g.in_h)
    cols = Axis(outputs=g.out_w, stride=g.stride_w, pad=g.pad_left, size=g.in_w)
    return rows, cols


def order_of_starts(rows: Axis) -> tuple[int, ...]:
    """Return the runs of *rows*, by number, in the order in which their starts are kept.

    Inner ones are last, so that weights are the next words.
    """
    whole = [len(run.taps) == KERNEL for run in rows.runs]
    return tuple(sorted(range(len(whole)), key=whole.__getitem__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """What lines are, in words and by the names of the sizes in the generated code.

    ``slice``: three pixels across a line. ``kinds`` and ``starts`` are names by the taps inside, of
    lines and of outputs along one. ``in_*`` and ``out_*`` lead from pixel to pixel along a line and
    from line to line.
    """

    line: str
    slice: str
    way: str
    kinds: Mapping[tuple[int, int], str]
    starts: Mapping[tuple[int, int], str]
    in_along: str
    in_across: str
    out_along: str
    out_across: str
    stride: str


ALONG_ROWS = Direction(
    line="row",
    slice="column",
    way="from left to right",
    kinds=ROWS,
    starts=COLUMNS,
    in_along="IN_C",
    in_across="IN_ROW",
    out_along="OUT_C",
    out_across="OUT_ROW",
    stride="STRIDE_H",
)
DOWN_COLUMNS = Direction(
    line="column",
    slice="row",
    way="from top to bottom",
    kinds=COLUMNS,
    starts=ROWS,
    in_along="IN_ROW",
    in_across="IN_C",
    out_along="OUT_ROW",
    out_across="OUT_C",
    stride="STRIDE_W",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How a plane is walked: ``across`` counts the lines, ``along`` the outputs of each."""

    down: bool
    across: Axis
    along: Axis

    @property
    def direction(self) -> Direction:
        """What they are."""
        return DOWN_COLUMNS if self.down else ALONG_ROWS

    def as_rows(self, across: T, along: T) -> tuple[T, T]:
        """Return row and column of what is so far across the lines and along one."""
        return (along, across) if self.down else (across, along)


def route_through(g: Geometry, *, may_go_down: bool) -> Route:
    """Go along the rows, or down the columns of a narrow image that keeps its width."""
    rows, cols = axes(g)
    is_narrow = g.out_w == g.in_w <= NARROW and g.out_w < g.out_h
    if may_go_down and is_narrow and g.stride_h == g.stride_w == 1:
        return Route(down=True, across=cols, along=rows)
    return Route(down=False, across=rows, along=cols)


def order_along_rows(g: Geometry, stored: Blocking, *, keeps: bool) -> StoreOrder:
    """Return the order of a walk along the rows whose outputs are *stored* so.

    With *keeps* each pixel is read for the last time when its own row is the middle one: by the
    first output of that row whose taps reach as far.
    """
    order = StoreOrder(stored_by=stored, gathers=True, by_channel=True)
    return replace(order, kept_by=partial(_kept, g, stored)) if keeps else order


def _kept(g: Geometry, stored: Blocking) -> Blocks:
    rows = np.arange(g.in_h).clip(max=g.out_h - 1)
    cols = (np.arange(g.in_w) + g.pad_left - (KERNEL - 1)).clip(0, g.out_w - 1)
    kept: Blocks = stored()[np.ix_(rows, cols)]
    return kept


def order_down_columns(g: Geometry) -> StoreOrder:
    """Return the order of a walk down the columns."""
    return StoreOrder(stored_by=partial(_down, g), gathers=True, by_channel=True)


def _down(g: Geometry) -> Blocks:
    stored: Blocks = np.arange(g.out_pixels).reshape(g.out_w, g.out_h).T
    return stored


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSlice:
    """A slice of the window, by its letter, and the slice of the kernel it is multiplied by."""

    letter: str
    tap: int

    @property
    def first_weight(self) -> int:
        """Where the weights of the kernel's slice begin."""
        return KERNEL * self.tap


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOutput:
    """An output of a line: the letters of the slices loaded for it, where its sum starts."""

    loads: str
    start: str
    slices: tuple[WindowSlice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineWalk:
    """Outputs along a line: ``head``, ``loop`` as often as ``count`` says, and ``tail``.

    Three slices make up the window. They take turns: the letters are back after three outputs.
    """

    head: tuple[LineOutput, ...]
    loop: tuple[LineOutput, ...]
    count: int
    tail: tuple[LineOutput, ...]

    @property
    def letters(self) -> tuple[str, ...]:
        """The slices of the window that are used."""
        every = (*self.head, *self.loop, *self.tail)
        return tuple(sorted({slice_.letter for output in every for slice_ in output.slices}))


def walk_along(route: Route) -> LineWalk:
    """Return how a window walks along a line of the plane."""
    outputs = _outputs(route)
    steady = [
        index
        for index, output in enumerate(outputs)
        if len(output.slices) == KERNEL and len(output.loads) == route.along.stride
    ]
    count = len(steady) // KERNEL
    if count <= 1:
        return LineWalk(head=tuple(outputs), loop=(), count=0, tail=())
    first = steady[0]
    behind = first + KERNEL * count
    return LineWalk(
        head=tuple(outputs[:first]),
        loop=tuple(outputs[first : first + KERNEL]),
        count=count,
        tail=tuple(outputs[behind:]),
    )


def _outputs(route: Route) -> Sequence[LineOutput]:
    outputs, loaded = [], 0
    for run in route.along.runs:
        for index in range(run.start, run.end):
            origin = route.along.origin(index)
            end = origin + run.last
            outputs.append(
                LineOutput(
                    loads="".join(map(_letter, range(loaded, end))),
                    start=route.direction.starts[run.first, run.last],
                    slices=tuple(
                        WindowSlice(letter=_letter(origin + tap), tap=tap) for tap in run.taps
                    ),
                )
            )
            loaded = end
    return outputs


def _letter(pixel: int) -> str:
    return "abc"[pixel % KERNEL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A variable for where sums of some outputs start, and its place in a plane's constants."""

    name: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixel:
    """A tap of a slice, and how many lines its pixel is from the first.

    None: it was kept when it was read for the line before. ``keeps``: it is for the next line.
    """

    tap: int
    lines: int | None
    keeps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Lines of outputs with the same taps inside.

    ``first`` is the first line of the image that they read where it is.
    """

    name: str
    title: str
    run: InsideRun
    first: int
    pixels: tuple[Pixel, ...]
    starts: tuple[Start, ...]

    @property
    def start(self) -> int:
        """The first line."""
        return self.run.start

    @property
    def end(self) -> int:
        """The line behind the last."""
        return self.run.end

    @property
    def loops(self) -> bool:
        """Whether there are several lines."""
        return self.run.count > 1


def kinds_of(route: Route, first_start: int, *, keeps: bool) -> tuple[Kind, ...]:
    """Return the lines by their taps; the plane's starts are at *first_start*.

    With *keeps* each line reads the one before it from the workspace, and leaves its own there.
    """
    return tuple(
        Kind(
            name=route.direction.kinds[run.first, run.last],
            title=_title(run.count, route.direction.line),
            run=run,
            first=run.start if keeps else max(0, route.across.origin(run.start)),
            pixels=_pixels_kept(run, route.across.outputs) if keeps else _pixels(run),
            starts=_starts(route, index, first_start),
        )
        for index, run in enumerate(route.across.runs)
    )


def _title(count: int, line: str) -> str:
    return f"{count} {line}s" if count > 1 else f"One {line}"


def _pixels(run: InsideRun) -> tuple[Pixel, ...]:
    return tuple(Pixel(tap=tap, lines=tap - run.first, keeps=False) for tap in run.taps)


def _pixels_kept(run: InsideRun, outputs: int) -> tuple[Pixel, ...]:
    """Return taps of which the first was kept, and the middle one is unless no line follows."""
    follows = run.count > 1 or run.end < outputs
    return tuple(
        Pixel(tap=tap, lines=tap - 1 if tap else None, keeps=tap == 1 and follows)
        for tap in run.taps
    )


def _starts(route: Route, kind: int, first_start: int) -> tuple[Start, ...]:
    rows, cols = route.as_rows(route.across, route.along)
    order, pitch = order_of_starts(rows), len(cols.runs)
    places = [route.as_rows(kind, index) for index in range(len(route.along.runs))]
    return tuple(
        Start(
            name=route.direction.starts[run.first, run.last],
            at=first_start + order.index(row) * pitch + col,
        )
        for run, (row, col) in zip(route.along.runs, places, strict=True)
    )
