"""The plan of `direct_planes`: borders and scale in the constants, the walk over planes, a stack.

Requantising is one multiplication (`convgen.plans.lines`); the weights and where sums start are
multiplied by the lines' scale here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.assembler import Role
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import Band
from convgen.plans.buffers import Buffer, buffer
from convgen.plans.constant import Constant
from convgen.plans.conv.base import loop_work
from convgen.plans.conv.planes import (
    KERNEL,
    Direction,
    Kind,
    LineWalk,
    Route,
    axes,
    kinds_of,
    order_along_rows,
    order_down_columns,
    order_of_starts,
    route_through,
    walk_along,
)
from convgen.plans.conv.planes_dsp import (
    FIRST_WEIGHT,
    PUSHED,
    SPARE,
    BandRows,
    Plane,
    RowGroup,
    rows_at_once,
)
from convgen.plans.conv.thumb import Distance
from convgen.plans.kernels import instruction_set
from convgen.plans.kernels.base import OwnSums
from convgen.plans.lines import Lines
from convgen.plans.order import StoreOrder, in_tiles
from convgen.plans.plan import Plan, Variant
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

MOST_ALONG = 16_384  # outputs of a row or column: each is laid out before most turn out alike
KEEPS = Refusal("keeps the row above of one channel at a time; the next band needs that of all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """Where a weight is in the constants of a plane: a word, and its high half or its low one."""

    word: int
    is_high: bool

    @property
    def value(self) -> str:
        """The weight in C, of the constants at ``plane``."""
        word = f"plane[{self.word}]"
        return f"(int16_t)({word} >> 16)" if self.is_high else f"(int16_t){word}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The stack of the assembly: constants, then what it has no register for; offsets in bytes.

    Where a row is kept, ``output`` is where the output's pointer is; None where that has a
    register.
    """

    saved: int
    plane: int
    row_end: int
    bytes: int
    output: int | None
    registers: tuple[Role, ...]
    inner_start: int | None
    middle: Distance
    last: Distance


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeFrame(Frame):
    """That of whole planes: ``rows`` are what it walks along.

    ``copies``: the registers that carry the constants there. Where a row is kept, ``line`` is where
    the argument is that points to it.
    """

    copies: tuple[str, ...]
    weights: str
    input: int
    rows_end: int
    line: int | None
    rows: tuple[RowGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandFrame(Frame):
    """That of one row of a kind.

    ``constants`` are the instructions that bring theirs there, and weights to registers.
    """

    constants: tuple[str, ...]
    rows: BandRows


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanesSteps:
    """What ``algorithms/direct_planes.c.j2`` prints.

    ``words`` are the constants of a plane; ``weights`` says where among them each weight is, those
    of a slice side by side. ``has_saturation``: plain C may ask for the instruction. ``line`` is
    the part of the workspace where the pixels of a line are kept, ``frame`` that of the assembly;
    None where there is none. ``bands`` are those of the kinds of rows of a band.
    """

    in_row: int
    out_row: int
    words: int
    weights: tuple[Half, ...]
    has_saturation: bool
    direction: Direction
    kinds: tuple[Kind, ...]
    walk: LineWalk
    line: Buffer | None
    frame: WholeFrame | None
    bands: tuple[BandFrame, ...] = ()


def laid_out(variant: Variant, layer: Conv2d, found: Lines, target: Target, *, keeps: bool) -> Plan:
    """Return the plan of *variant* for a layer that *found* requantises.

    It ``keeps`` the pixels of a row in the workspace where outputs may overwrite them.
    """
    g = layer.geometry
    isa = instruction_set(target)
    table = _Table(layer=layer, lines=found, for_dsp=isa.planes is not None)
    route = route_through(g, may_go_down=not (table.for_dsp or keeps))
    plane = _plane(table, keeps=keeps)
    line = _line(plane, for_dsp=table.for_dsp) if keeps else None
    steps = PlanesSteps(
        in_row=g.in_w * g.in_c,
        out_row=g.out_w * g.out_c,
        words=table.values.shape[1],
        weights=table.halves_along(route),
        has_saturation=isa.planes is None and isa.saturating is not None,
        direction=route.direction,
        kinds=kinds_of(route, table.first_start, keeps=keeps),
        walk=walk_along(route),
        line=line,
        frame=_frame(table, plane) if table.for_dsp else None,
    )
    return Plan(
        variant=variant,
        template="algorithms/direct_planes.c.j2",
        operator=layer,
        kernel=OwnSums(
            name="planes",
            description=_description(table),
            out_of_line=None if target.has("mul64") else "block",
        ),
        output=found,
        own_assembly=isa.planes.assembly if isa.planes else isa.saturating,
        workspace=(line,) if line else (),
        constants=(Constant(name="planes", values=table.values, comment=table.comment),),
        steps=steps,
        orders=(order_of(g, route, for_dsp=table.for_dsp, keeps=keeps),),
        decisions=_decisions(route, keeps=keeps),
        work=_work(table, route, keeps=keeps) + loop_work(layer),
        band=KEEPS if keeps else _band(steps, table, plane),
    )


def _band(steps: PlanesSteps, table: _Table, plane: Plane) -> Band:
    """Return how rows are made: always along them, one by one."""
    g = table.layer.geometry
    route = route_through(g, may_go_down=False)
    return Band(
        steps=replace(
            steps,
            weights=table.halves_along(route),
            direction=route.direction,
            kinds=kinds_of(route, table.first_start, keeps=False),
            walk=walk_along(route),
            bands=tuple(_band_frame(table, plane, rows) for rows in plane.bands())
            if table.for_dsp
            else (),
        ),
    )


def unfit(g: Geometry, *, keeps: bool) -> str | None:
    """Say in a sentence why planes of *g* are not laid out, if so."""
    return _wrong_shape(g) or _long(g) or _wide_border(g) or (kept_in_vain(g) if keeps else None)


def _wrong_shape(g: Geometry) -> str | None:
    if (g.k_h, g.k_w) != (KERNEL, KERNEL):
        return needs(f"a {KERNEL}x{KERNEL} kernel", f"has {g.k_h}x{g.k_w}")
    if (g.dilation_h, g.dilation_w) != (1, 1):
        return needs("dilation 1x1", f"has {g.dilation_h}x{g.dilation_w}")
    if max(g.stride_h, g.stride_w) > 2:
        return needs("strides of 1 or 2", f"has {g.stride_h}x{g.stride_w}")
    return None


def _long(g: Geometry) -> str | None:
    """Refuse planes that are too long to be laid out output by output."""
    if max(g.out_h, g.out_w) <= MOST_ALONG:
        return None
    return needs(f"at most {MOST_ALONG:,} rows and columns", f"has {g.out_h:,}x{g.out_w:,}")


def _wide_border(g: Geometry) -> str | None:
    """Refuse outputs that see less than the middle of their kernel on some side."""
    if all(axis.fits for axis in axes(g)):
        return None
    return needs(
        "no more than one row or column of the kernel outside the image at each side",
        f"has padding {g.pad_top}, {g.pad_left}, {g.pad_bottom}, {g.pad_right} "
        f"(top, left, bottom, right) around {g.in_h}x{g.in_w} pixels",
    )


def kept_in_vain(g: Geometry) -> str | None:
    """Refuse planes whose outputs do not overwrite what is read again."""
    if (g.stride_h, g.stride_w) != (1, 1):
        return needs("stride 1x1", f"has {g.stride_h}x{g.stride_w}")
    if g.out_h == 1:
        return needs("several output rows, so that a row is read again", "has 1")
    if g.pad_top == 0:
        return needs("padding above the image, so that outputs overwrite what is read", "has none")
    return None


def _line(plane: Plane, *, for_dsp: bool) -> Buffer:
    """Return the workspace: the pixels of a row, or the words that the assembly packs them in."""
    if for_dsp:
        return buffer("line", "int32", plane.words)
    return buffer("line", "int8", plane.cols.size)


def order_of(g: Geometry, route: Route, *, for_dsp: bool, keeps: bool) -> StoreOrder:
    """Return the order in which outputs are stored: one by one, or in the sets of the assembly.

    Plain C in place of the assembly does two rows one after the other. What it has stored of the
    first when it begins the second is less than what two rows at a time have stored when they begin
    their second output, and lies below what the second row reads if that begins two rows later.
    """
    if route.down:
        return order_down_columns(g)
    if not for_dsp:
        return order_along_rows(g, partial(in_tiles, g, 1, 1), keeps=keeps)
    if rows_at_once(route.along) == 1:
        return order_along_rows(g, partial(in_tiles, g, 1, 2), keeps=keeps)
    order = order_along_rows(g, partial(in_tiles, g, 2, 1), keeps=keeps)
    return order if g.stride_h > 1 and g.out_w > 1 else replace(order, gathers=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """The constants: for each channel the words of its plane, in the order of their use."""

    layer: Conv2d
    lines: Lines
    for_dsp: bool

    @property
    def first_start(self) -> int:
        """The word of the first start, after what requantises."""
        return 3 if self.lines.bends else 2

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where sums start, ``[out_c, starts]``: by rows and columns with the same taps."""
        layer, found = self.layer, self.lines
        weights = layer.weights.astype(np.int64)[..., 0]
        bias = np.zeros(len(weights), np.int64) if layer.bias is None else layer.bias
        rows, cols = axes(layer.geometry)
        inside = [
            weights[:, row.first : row.last, col.first : col.last].sum(axis=(1, 2))
            for row in (rows.runs[number] for number in order_of_starts(rows))
            for col in cols.runs
        ]
        sums = [bias.astype(np.int64) - layer.zero_point * part for part in inside]
        return np.stack([found.scale * sum_ + found.start for sum_ in sums], axis=1)

    @property
    def pairs(self) -> tuple[tuple[int, int | None], ...]:
        """The taps of each word of weights: of its low half, and of its high one."""
        if not self.for_dsp:
            return (0, 1), (2, 3), (4, 5), (6, 7), (8, None)
        begin = (0, 1), (3, 4), (6, 7)
        if self.layer.geometry.stride_w == 1:
            return (*begin, (1, 2), (4, 5), (7, 8))
        return (*begin, (2, 5), (8, None))

    @property
    def first_pair(self) -> int:
        """The word of the first weights."""
        return self.first_start + int(self.starts.shape[1])

    def halves_along(self, route: Route) -> tuple[Half, ...]:
        """Return where each weight is, slice by slice of the kernel."""
        taps = [route.as_rows(tap, slice_) for slice_ in range(KERNEL) for tap in range(KERNEL)]
        return tuple(self.halves[KERNEL * row + col] for row, col in taps)

    @property
    def halves(self) -> tuple[Half, ...]:
        """Where each weight is, row by row."""
        place = {
            tap: Half(word=self.first_pair + index, is_high=is_high)
            for index, pair in enumerate(self.pairs)
            for is_high, tap in zip((False, True), pair, strict=True)
            if tap is not None
        }
        return tuple(place[tap] for tap in range(KERNEL * KERNEL))

    @cached_property
    def values(self) -> NDArray[np.uint32]:
        """All words, ``[out_c, words]``."""
        found = self.lines
        bent = () if found.negative is None else (found.negative - found.addend,)
        finishing = np.stack([found.multiplier, found.addend, *bent], axis=1)
        weights = found.scale * self.layer.weights.reshape(-1, KERNEL**2).astype(np.int64)
        none = np.zeros(len(weights), np.int64)
        words = [
            (weights[:, low] & 0xFFFF) | ((none if high is None else weights[:, high]) << 16)
            for low, high in self.pairs
        ]
        every = np.concatenate([finishing, self.starts, np.stack(words, axis=1)], axis=1)
        return every.astype(np.uint32)

    @property
    def comment(self) -> str:
        """What they are, in words."""
        rows, cols = axes(self.layer.geometry)
        pairs = ", ".join(f"({low}, {'-' if high is None else high})" for low, high in self.pairs)
        bent = ", what to add to it below zero" if self.lines.bends else ""
        return (
            f"for each channel: multiplier, addend{bent}; where sums start, "
            f"{len(rows.runs)} x {len(cols.runs)} (rows x columns, by the taps inside); "
            f"weights {self.lines.scale} times, as pairs (low, high) of taps {pairs}"
        )


def _plane(table: _Table, *, keeps: bool) -> Plane:
    rows, cols = axes(table.layer.geometry)
    return Plane(
        rows=rows,
        cols=cols,
        pitch=table.layer.geometry.in_c,
        first_start=table.first_start,
        keeps=keeps,
    )


def _frame(table: _Table, plane: Plane) -> WholeFrame:
    words = table.first_pair
    copies = [min(SPARE, words - first) for first in range(0, words, SPARE)]
    saved = 4 * words
    size = saved + (36 if plane.keeps else 32)
    clamp = table.lines.clamp
    return WholeFrame(
        copies=tuple(_run(range(3, 3 + count)) for count in copies),
        saved=saved,
        input=saved + 8,
        plane=saved + 16,
        row_end=saved + 24,
        rows_end=saved + 28,
        output=saved + 32 if plane.keeps else None,
        bytes=size,
        line=size + PUSHED if plane.keeps else None,
        registers=plane.registers(),
        weights=_registers(plane.weights),
        inner_start=None if plane.is_paired else plane.inner_start,
        rows=plane.walk(),
        middle=Distance(bytes=clamp.middle or 0),
        last=Distance(bytes=clamp.last),
    )


def _band_frame(table: _Table, plane: Plane, rows: BandRows) -> BandFrame:
    """Return the stack for one of *rows*: what lies between their constants stays in flash."""
    finishing, starts = table.first_start, rows.starts
    count = finishing + len(starts)
    saved = 4 * count
    at = saved + (8 if table.lines.bends else 0)
    clamp = table.lines.clamp
    return BandFrame(
        constants=tuple(_brought(finishing, starts, table.first_pair, plane.weights)),
        saved=saved,
        plane=at,
        row_end=at + 8,
        output=None,
        bytes=at + (12 if rows.one.loop else 8),
        registers=plane.registers(),
        inner_start=rows.inner_start,
        rows=rows,
        middle=Distance(bytes=clamp.middle or 0),
        last=Distance(bytes=clamp.last),
    )


def _brought(finishing: int, starts: range, behind: int, weights: Sequence[str]) -> Iterator[str]:
    """Yield what brings constants from r2 to the stack, weights to registers, and r2 behind both.

    The first are *finishing*; *starts* are those of the others that are needed; the weights begin
    at *behind*. What lies side by side is loaded at once where its registers are free.
    """
    count = finishing + len(starts)
    skipped, left = 4 * (starts.start - finishing), 4 * (behind - starts.stop)
    firsts, own = range(3, 3 + finishing), range(3 + finishing, 3 + count)
    is_one = not left and own.stop <= FIRST_WEIGHT
    if skipped and len(firsts) == 2:  # a pair of words
        yield f"ldrd r3, r4, [r2], #{8 + skipped}"
    elif skipped:
        yield f"ldm r2!, {_run(firsts)}; add r2, r2, #{skipped}"
    else:
        own = range(3, 3 + count)
    if is_one:
        yield f"ldm r2!, {_registers([*(f'r{each}' for each in own), *weights])}"
        yield f"stm sp, {_run(range(3, 3 + count))}"
        return
    yield f"ldm r2!, {_run(own)}; stm sp, {_run(range(3, 3 + count))}"
    if left:
        yield f"add r2, r2, #{left}"
    yield f"ldm r2!, {_registers(weights)}"


def _run(numbers: range) -> str:
    """Return registers of these *numbers* as a list of an instruction."""
    return f"{{r{numbers[0]}-r{numbers[-1]}}}" if len(numbers) > 1 else f"{{r{numbers[0]}}}"


def _registers(names: Sequence[str]) -> str:
    return f"{{{', '.join(names)}}}"


def _description(table: _Table) -> str:
    scale = f"weights and sums {table.lines.scale} times"
    if table.for_dsp:
        return f"assembly with DSP instructions where there are, two at a time; {scale}"
    return f"plain C, one at a time; {scale}"


def _decisions(route: Route, *, keeps: bool) -> tuple[str, ...]:
    kept = (
        "The workspace holds the pixels of the row above, which outputs may have overwritten; "
        "those of the row itself take their place as they are read."
    )
    return (_bounds(route), *((kept,) if keeps else ()))


def _bounds(route: Route) -> str:
    rows, cols = route.as_rows(len(route.across.runs), len(route.along.runs))
    if rows * cols == 1:
        return "Every output has the same taps inside the image: no bounds are checked."
    return (
        f"{rows} x {cols} kinds of outputs (rows x columns) differ in the taps inside the image: "
        "each kind has its own code and start, so no bounds are checked."
    )


def _work(table: _Table, route: Route, *, keeps: bool) -> Counter[str]:
    """Count the pixels loaded, the products with them, and what finishes outputs."""
    g, across, along = table.layer.geometry, route.across, route.along
    at_once = rows_at_once(along) if table.for_dsp else 1
    line = along.read(along.outputs)
    found = table.lines
    every_int8 = (found.least, found.most) == (-128, 127)
    work = Counter(
        {
            "direct_planes.plane": g.in_c,
            "direct_planes.pixel": g.in_c * across.read(at_once) * line,
            "direct_planes.tap": g.in_c * across.taps_inside * along.taps_inside,
            "direct_planes.output": g.out_elems,
            "direct_planes.bend": g.out_elems if found.bends else 0,
            "direct_planes.clamp": 0 if every_int8 else g.out_elems,
        }
    )
    if keeps:
        work["direct_planes.kept"] = g.in_c * (across.outputs - 1) * line
    return work
