"""A 3x3 kernel over a plane: which of its taps are inside, and how a window walks down a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from convgen.layer import Geometry

KERNEL = 3
ROWS = {(0, 3): "inner", (1, 3): "top", (0, 2): "bottom", (1, 2): "only"}
COLUMNS = {(0, 3): "inner", (1, 3): "left", (0, 2): "right", (1, 2): "only"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
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


@dataclass(frozen=True, slots=True, kw_only=True)
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
    def runs(self) -> tuple[Run, ...]:
        """All outputs: at most one before the inner ones, and one behind."""
        found: list[Run] = []
        for (first, last), outputs in groupby(range(self.outputs), self.taps):
            start, *more = outputs
            found.append(Run(start=start, count=1 + len(more), first=first, last=last))
        return tuple(found)

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
        return all(run.first <= 1 and run.last >= KERNEL - 1 for run in self.runs)


def axes(geometry: Geometry) -> tuple[Axis, Axis]:
    """Return rows and columns."""
    g = geometry
    rows = Axis(outputs=g.out_h, stride=g.stride_h, pad=g.pad_top, size=g.in_h)
    cols = Axis(outputs=g.out_w, stride=g.stride_w, pad=g.pad_left, size=g.in_w)
    return rows, cols


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRow:
    """A row of the window, by its letter, and the kernel row it is multiplied by."""

    letter: str
    kernel_row: int

    @property
    def first_weight(self) -> int:
        """Where the weights of the kernel row begin."""
        return KERNEL * self.kernel_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An output of a column: the letters of the rows loaded for it, where its sum starts."""

    loads: str
    start: str
    rows: tuple[WindowRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Outputs down a column: ``head``, ``loop`` as often as ``count`` says, and ``tail``.

    Three rows make up the window. They take turns: the letters are back after three outputs.
    """

    head: tuple[Output, ...]
    loop: tuple[Output, ...]
    count: int
    tail: tuple[Output, ...]

    @property
    def letters(self) -> tuple[str, ...]:
        """The rows of the window that are used."""
        every = (*self.head, *self.loop, *self.tail)
        return tuple(sorted({row.letter for output in every for row in output.rows}))


def walk_down(rows: Axis) -> Walk:
    """Return how a window walks down a column of the plane."""
    outputs = _outputs(rows)
    steady = [
        index
        for index, output in enumerate(outputs)
        if len(output.rows) == KERNEL and len(output.loads) == rows.stride
    ]
    count = len(steady) // KERNEL
    if count <= 1:
        return Walk(head=tuple(outputs), loop=(), count=0, tail=())
    first = steady[0]
    behind = first + KERNEL * count
    return Walk(
        head=tuple(outputs[:first]),
        loop=tuple(outputs[first : first + KERNEL]),
        count=count,
        tail=tuple(outputs[behind:]),
    )


def _outputs(rows: Axis) -> Sequence[Output]:
    outputs, loaded = [], 0
    for run in rows.runs:
        for index in range(run.start, run.end):
            origin = rows.origin(index)
            end = origin + run.last
            outputs.append(
                Output(
                    loads="".join(map(_letter, range(loaded, end))),
                    start=ROWS[run.first, run.last],
                    rows=tuple(
                        WindowRow(letter=_letter(origin + tap), kernel_row=tap) for tap in run.taps
                    ),
                )
            )
            loaded = end
    return outputs


def _letter(row: int) -> str:
    return "abc"[row % KERNEL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A variable for where sums of some rows start, and its place in the constants of a plane."""

    name: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Columns of outputs with the same taps inside.

    ``pixel`` is the first column of the image that they read.
    """

    name: str
    run: Run
    pixel: int
    starts: tuple[Start, ...]

    @property
    def title(self) -> str:
        """What to call them."""
        return f"{self.run.count} columns" if self.run.count > 1 else "One column"

    @property
    def pixels(self) -> tuple[tuple[int, int], ...]:
        """The taps inside, and how many pixels each is from the first."""
        return tuple((tap, tap - self.run.first) for tap in self.run.taps)


def columns(rows: Axis, cols: Axis, first_start: int) -> tuple[Columns, ...]:
    """Return the columns by their taps; the plane's starts are at *first_start*, row by row."""
    runs = cols.runs
    return tuple(
        Columns(
            name=COLUMNS[run.first, run.last],
            run=run,
            pixel=max(0, cols.origin(run.start)),
            starts=tuple(
                Start(name=ROWS[row.first, row.last], at=first_start + i * len(runs) + index)
                for i, row in enumerate(rows.runs)
            ),
        )
        for index, run in enumerate(runs)
    )
