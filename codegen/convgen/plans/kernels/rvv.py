"""RV32 with vectors of integers (Zve32x): the output channels are lanes, in assembly.

Of each element the weights of all lanes are one register or group, times an input that is a scalar
(``VWMACC.VX``); a segment load fetches those of several elements. Where each channel has an input
of its own (depthwise), inputs are vectors as well (``VWMACC.VV``), each loaded once for all the
pixels that read it. Products are summed in int16 as far as the weights prove that it is wide
enough: a *window*. Then ``VWADD.WV`` adds it to int32.

``VSMUL`` is the reference's own first step of requantising, by whichever rounding that has; addends
hold what rounds its second step, and the zero point.

Constants do not depend on how long registers are, nor does the code: any VLEN from 128 on will do.
A block has one register of int8 for up to a register's channels, for more a group of two, and then
half the pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.model.quantize import INT8
from convgen.plans import assembly
from convgen.plans.assembly import Assembly
from convgen.plans.kernels import forms
from convgen.plans.kernels.base import Runs, has_lanes, no_bytes
from convgen.plans.kernels.finishing import FinishingPlan, Fitting, beyond
from convgen.plans.kernels.forms import EdgeLimits, Form, Unrolling, Walk
from convgen.plans.kernels.isa import InstructionSet
from convgen.plans.kernels.rv32 import RV32
from convgen.plans.lines import MOST_OWN_SHIFT, MOST_TWICE, Lines
from convgen.plans.study import Study
from convgen.refusal import Refusal, counted, needs
from convgen.targets.target import Target

FARTHEST = 2047  # what an LB reaches
UNROLLED = 16  # elements that stand in a row
MOST_RUN = 32  # of a depthwise layer they all do
FREE = 8  # registers of weights and inputs: v0 to v7
ENDS = (np.minimum, np.maximum)  # of a product
HALVES, SUMS = 8, 16  # the first registers of int16 and of int32


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An input ``at`` so many bytes, times the ``weights``; what is done before and after it.

    ``loads``: the weights of the next group; ``first`` of a window, ``last`` of it.
    """

    at: int
    weights: str
    loads: bool
    first: bool
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TapProduct:
    """What of a depthwise layer's input is added to: the sums of a ``pixel``."""

    pixel: int
    weights: str
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """An input of a depthwise layer: so many bytes to ``move`` to it, and its products."""

    move: int
    products: tuple[TapProduct, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Taps of a run whose ``weights`` are in registers at once: a window."""

    weights: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorRegisters:
    """The vector registers of a function, or of each group the first."""

    weights: tuple[str, ...]
    halves: tuple[str, ...]
    sums: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class VectorPlan(FinishingPlan):
    """The kernel fitted to a layer: what ``kernels/rvv/vector.c.j2`` prints.

    Of ``group`` registers are the int8 of a block.
    """

    lines: Lines
    group: int
    unrolling: Unrolling
    lanes: bool

    template = "kernels/rvv/vector.c.j2"
    sizes = "kernels/rvv/vector_sizes.c.j2"
    name = "vector"
    assembly: ClassVar[Assembly] = assembly.ZVE32X
    extras: ClassVar[tuple[str, ...]] = ()

    @property
    def output(self) -> Lines:
        """The reference's own steps."""
        return self.lines

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        many = "a register" if self.group == 1 else f"{self.group} registers"
        each = ", each with an input of its own" if self.lanes else ""
        pixels = counted(self.pixels, "pixel")
        return f"vectors, {pixels} times {many} of int8 channels{each}"

    @property
    def packing(self) -> str:
        """The order of the constants."""
        return (
            f"for each channel where its sum starts, then all multipliers, addends{self._shifts}; "
            f"then bytes: for each {self.step} elements the weights of all channels"
        )

    @property
    def _shifts(self) -> str:
        return " and shifts" if self.has_shifts else ""

    @property
    def has_shifts(self) -> bool:
        """Whether channels have shifts of their own."""
        return self.lines.more is not None

    @property
    def has_low(self) -> bool:
        """Whether the activation has a lower end of its own."""
        return self.lines.low > INT8.min

    @property
    def has_high(self) -> bool:
        """Whether it has an upper one."""
        return self.lines.high < INT8.max

    def is_near(self, distance: int) -> bool:
        """Whether an instruction holds a *distance*."""
        return abs(distance) <= FARTHEST

    @property
    def tables(self) -> int:
        """How many words a channel has before its weights."""
        return 4 if self.has_shifts else 3

    @property
    def step(self) -> int:
        """Elements whose weights are loaded at once."""
        return self.unrolling.group

    @cached_property
    def weights(self) -> NDArray[np.uint32]:
        """The words of all channels, and their weights behind them."""
        found = self.lines
        shifts = [found.shifts(channel) for channel in range(len(found.addend))]
        offset = np.array([found.clamp.offset << shift for shift in shifts], np.int64)
        words = [self.layer.folded_bias.astype(np.int64), found.multiplier, found.addend - offset]
        if self.has_shifts:
            words.append(np.array(shifts, np.int64))
        matrix = self.layer.weights.reshape(len(shifts), -1, self.step)
        packed = matrix.transpose(1, 0, 2).reshape(-1)
        padded = np.pad(packed, (0, -packed.size % 4)).astype(np.int8)
        head = (np.concatenate(words) & 0xFFFFFFFF).astype(np.uint32)
        return np.concatenate([head, padded.view("<u4").astype(np.uint32)])

    def grouped(self, registers: int) -> int:
        """Return how many registers a value takes whose lanes are so many times as wide."""
        return registers * self.group

    def halves(self, pixel: int) -> str:
        """Return the register of the int16 sums of a *pixel*."""
        return f"v{HALVES + 2 * self.group * pixel}"

    def sums(self, pixel: int) -> str:
        """Return that of its int32 sums."""
        return f"v{SUMS + 4 * self.group * pixel}"

    def free(self, number: int) -> str:
        """Return a register of int8."""
        return f"v{self.group * number}"

    def registers(self, form: Form) -> VectorRegisters:
        """Return those that a function uses; v0 has tables and outputs too."""
        count = self.window(form) if self.lanes else self.step
        pixels = range(form.pixels)
        return VectorRegisters(
            weights=tuple(map(self.free, range(count))),
            halves=tuple(map(self.halves, pixels)),
            sums=tuple(map(self.sums, pixels)),
        )

    @property
    def input_register(self) -> str:
        """Where an input of a depthwise layer is."""
        return self.free(FREE // self.group - 1)

    def row_elems(self, form: Form) -> int:
        """Return the elements that stand in a row: of a depthwise layer all."""
        return form.run_elems if self.lanes else form.loop.repeat * form.group

    def window(self, form: Form) -> int:
        """Return how many products int16 holds, of any element of a run on."""
        row = self.row_elems(form)
        most = min(row, FREE // self.group - 1) if self.lanes else row
        runs = self.layer.weights.astype(np.int64).reshape(-1, form.run_elems)
        return next(size for size in range(most, 0, -1) if size == 1 or _fits(runs, row, size))

    def elements(self, form: Form, groups: int) -> Iterator[Element]:
        """Yield the elements of so many *groups* in a row."""
        size, count = self.window(form), groups * form.group
        for at in range(count):
            yield Element(
                at=at,
                weights=self.free(at % form.group),
                loads=at % form.group == 0,
                first=at % size == 0,
                last=at % size == size - 1 or at == count - 1,
            )

    def pieces(self, form: Form) -> tuple[Piece, ...]:
        """Return a run of a depthwise layer."""
        size = self.window(form)
        found, at = [], 0
        for first in range(0, form.run_elems, size):
            taps = range(first, min(first + size, form.run_elems))
            columns, at = self._columns(form, taps, at)
            weights = tuple(self.free(tap - first) for tap in taps)
            found.append(Piece(weights=weights, columns=columns))
        return tuple(found)

    def _columns(self, form: Form, taps: range, at: int) -> tuple[tuple[Column, ...], int]:
        """Return the inputs of some *taps*, from *at* on, and where the last of them is."""
        read: dict[int, list[TapProduct]] = {}
        for pixel in range(form.pixels):
            for tap in taps:
                product = TapProduct(
                    pixel=pixel, weights=self.free(tap - taps.start), first=tap == taps.start
                )
                where = pixel * (self.pitch or 0) + tap * self.runs.step
                read.setdefault(where, []).append(product)
        columns = []
        for where, products in sorted(read.items()):
            columns.append(Column(move=where - at, products=tuple(products)))
            at = where
        return tuple(columns), at

    def skip(self, form: Form, level: Walk) -> int:
        """Return how far the next run is, of a depthwise layer from the last input of this one."""
        if not self.lanes or level != form.walk[-1]:
            return level.skip
        moved = sum(column.move for piece in self.pieces(form) for column in piece.columns)
        return level.skip + form.run_elems - moved

    def work(self, form: Form, calls: int) -> Counter[str]:
        """Count the instructions of *calls* calls of one function."""
        runs = self.depth // form.run_elems
        run = self._lanes_run(form) if self.lanes else self._dense_run(form)
        loops = 4 * len(form.walk) if form.source != "taps" else 4
        finish = 14 + (2 if self.has_shifts else 0) + form.pixels * self._output_instructions
        block = 14 + form.pixels + finish + runs * (run + loops)
        return Counter({"vector.call": calls, "vector.instruction": calls * self.blocks * block})

    @property
    def _output_instructions(self) -> int:
        return 7 + 2 * self.lines.rounds + self.has_low + self.has_high

    def _dense_run(self, form: Form) -> int:
        loop = form.loop
        bodies = loop.iterations * self._row(form, loop.repeat) + self._row(form, loop.rest)
        return bodies + (loop.iterations + 1 if loop.loops else 0)

    def _row(self, form: Form, groups: int) -> int:
        count = sum(
            2 * each.loads + 2 * form.pixels + (2 + form.pixels) * each.last
            for each in self.elements(form, groups)
        )
        return count + 1 if groups else 0

    def _lanes_run(self, form: Form) -> int:
        return sum(
            2 * len(piece.weights)
            + 2 + form.pixels
            + sum(2 + len(column.products) for column in piece.columns)
            for piece in self.pieces(form)
        )  # fmt: skip


def _fits(runs: NDArray[np.int64], row: int, size: int) -> bool:
    """Whether int16 holds the products of each *size* elements of a *row* of them, and so on."""
    length = runs.shape[1]
    rows = [range(first, min(first + row, length), size) for first in range(0, length, row)]
    starts = [at for each in rows for at in each]
    low, high = (np.add.reduceat(pick(-128 * runs, 127 * runs), starts, axis=1) for pick in ENDS)
    return bool(low.min() >= -(2**15) and high.max() < 2**15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """The kernel, for registers of ``vlen`` bits; ``group`` and ``step`` as the layer has them."""

    vlen: int
    group: int = 1
    step: int = 1
    edge_limits: ClassVar[EdgeLimits] = EdgeLimits(taps=25, patch=256)

    @property
    def unrolling(self) -> Unrolling:
        """How it goes along a run."""
        return Unrolling(group=self.step, most=(max(1, UNROLLED // self.step),) * 4)

    def edge(self, geometry: Geometry, runs: Runs) -> Form | None:
        """Go by pointers to taps, or copy the patch."""
        limits = self.edge_limits if not has_lanes(geometry) else replace(self.edge_limits, patch=0)
        return forms.edge(geometry, runs, self.unrolling, limits, forms.taps)

    def runs_on(self, target: Target) -> bool:
        """Those with vectors."""
        return target.cpu.vlen is not None

    def fit(self, study: Study) -> Fitting[VectorPlan] | Refusal:
        """Refuse what has no lanes, and shifts to the left."""
        layer = study.layer
        if reason := _no_lanes(layer):
            return Refusal(reason)
        lines = study.exact_lines
        if lines is None:
            return Refusal(_no_steps(layer))
        group = 1 if layer.geometry.out_c <= self.vlen // 8 else 2
        fitted = replace(self, group=group, step=_step(layer.geometry, FREE // group))
        return Fitting(kernel=fitted, layer=layer, planned=partial(_plan, fitted, lines))

    def most_pixels(self, layer: Conv2d, pitch: int) -> int:
        """Return how many pixels instructions reach from the first."""
        return 4 // self.group if self.too_far(layer, pitch) is None else 1

    def too_far(self, layer: Conv2d, pitch: int) -> str | None:
        """Say in a sentence that instructions do not reach the last pixel, if so."""
        if has_lanes(layer.geometry):
            return None
        most = (FARTHEST - 2 * UNROLLED) // (4 // self.group - 1)
        return beyond(pitch, most) if pitch > most else None


def _plan(
    kernel: Vector, lines: Lines, layer: Conv2d, runs: Runs, forms: tuple[Form, ...]
) -> VectorPlan:
    return VectorPlan(
        layer=layer,
        lines=lines,
        runs=_apart(runs, layer.geometry),
        forms=forms,
        channels=kernel.group * kernel.vlen // 8,
        group=kernel.group,
        unrolling=kernel.unrolling,
        lanes=has_lanes(layer.geometry),
    )


def _no_lanes(layer: Conv2d) -> str | None:
    g = layer.geometry
    if reason := no_bytes(layer):
        return reason
    if g.groups > 1 and not has_lanes(g):
        found = f"has {g.in_c} inputs and {g.out_c} outputs in {counted(g.groups, 'group')}"
        return needs("1 group, or one input and one output channel in each", found)
    if has_lanes(g) and g.k_w > MOST_RUN:
        return needs(f"kernel rows of at most {MOST_RUN} taps", f"has some of {g.k_w}")
    return None


def _no_steps(layer: Conv2d) -> str:
    q = layer.quantization
    shifts = () if q is None else (-q.shift).tolist()
    wanted = f"sums below 2^{MOST_TWICE.bit_length() - 1} and shifts of 1 to {MOST_OWN_SHIFT} bits"
    return needs(wanted, f"has shifts of {min(shifts)} to {max(shifts)}")


def _step(g: Geometry, most: int) -> int:
    """Return the elements whose weights are loaded at once.

    They divide a run; and a tap, where a patch at the edge is too large to be copied.
    """
    if has_lanes(g):
        return 1
    row = g.in_c * (g.k_w if g.dilation_w == 1 else 1)
    copied = g.patch_elems <= Vector.edge_limits.patch or not g.has_padding
    run = row if copied else g.in_c
    return max(size for size in range(1, most + 1) if run % size == 0)


def _apart(runs: Runs, g: Geometry) -> Runs:
    """Return runs of a depthwise layer with elements a pixel apart; dilated ones have only one."""
    return replace(runs, step=g.in_c) if has_lanes(g) else runs


def _of(vlen: int) -> InstructionSet:
    """Return the set for registers of *vlen* bits: which blocks are planned depends on it alone."""
    return replace(RV32, name="rvv", finishing={8: Vector(vlen=vlen)})


RVV_128, RVV_256 = _of(128), _of(256)
