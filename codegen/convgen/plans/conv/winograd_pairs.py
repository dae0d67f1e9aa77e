"""Winograd for int8 with two input channels in each 32-bit word.

Sums and differences of words are those of both halves, so that a transform of a word transforms two
channels. Where the lower half may be negative it would borrow from the upper one; adding `LIFT` to
four pixels of a tile of F(4x4) adds it to every value of the transformed tile, which then are all
positive. What that adds to four of the sixteen outputs is taken off their sums beforehand.

A block of tiles and output channels is multiplied by all weights of a position at a time, in
assembly where there is some. Sums come out of the output transform as multiples that requantising
takes as they are: `convgen.plans.lines`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.expressions import at, offset
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.buffers import Buffer, buffer
from convgen.plans.constant import Constant
from convgen.plans.conv.base import output_work, overflow, zero_points
from convgen.plans.conv.winograd_transforms import OUTPUTS, WEIGHTS, Transform, of_pixels
from convgen.plans.kernels import instruction_set
from convgen.plans.kernels.base import KernelPlan, Runs, no_bytes, spans_of
from convgen.plans.kernels.isa import Products
from convgen.plans.lines import Lines
from convgen.plans.output import Output, step_by_step
from convgen.plans.study import Study
from convgen.plans.winograd_forms import F4, WinogradForm, has_outside, tiles_in_row
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

Ints = NDArray[np.int64]
Pairs = tuple[tuple[int, int], ...]
Pixels = Literal["halves", "words", "bytes"]

LIFT = 12_800
"""No value of a transformed tile of F(4x4) is less than -LIFT or more than 32767 - LIFT."""
LIFTED = 4  # first row and column of the pixels that it is added to

FRACTIONS = (0, 2, 4, 6)  # more bits of fraction to try where requantising needs them


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many tiles and output channels are multiplied at a time, for the core's registers."""

    tiles: int
    channels: int

    @property
    def sums(self) -> int:
        """How many sums that makes."""
        return self.tiles * self.channels

    def ordered(self, registers: Sequence[Sequence[str]]) -> list[str]:
        """Return the *registers* of sums, which are by channel and tile, as they are stored."""
        return [registers[c][tile] for tile in range(self.tiles) for c in range(self.channels)]

    @property
    def name(self) -> str:
        """As in a unit of work."""
        return f"{self.tiles}x{self.channels}"


SHAPES: tuple[tuple[int, tuple[Shape, ...]], ...] = (
    (26, (Shape(tiles=1, channels=8), Shape(tiles=2, channels=8), Shape(tiles=4, channels=4))),
    (12, (Shape(tiles=1, channels=8), Shape(tiles=2, channels=4))),
    (0, (Shape(tiles=1, channels=2), Shape(tiles=2, channels=1), Shape(tiles=4, channels=1))),
)
"""By registers: the first row whose registers the target has is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """The pairs of channels of a sum: the first, ``more`` and ``rounds`` times ``unrolled``."""

    more: int
    unrolled: int
    rounds: int

    @property
    def loops(self) -> bool:
        """Whether there is more than one round."""
        return self.rounds > 1

    @property
    def pairs(self) -> int:
        """How many in all."""
        return 1 + self.more + self.unrolled * self.rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class TileParts:
    """Which tiles there are, and which parts beside whole squares and blocks.

    Tiles lie ``inside`` the image or reach ``outside``; ``columns`` are those of them that are
    transformed column by column.
    """

    inside: bool
    outside: bool
    columns: tuple[str, ...]
    rows: bool
    cols: bool
    tiles: bool
    channels: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The constants of an output channel, in the order of the table ``finish_table``.

    ``extra`` are bits that sums are shifted to the left for lines. ``starts`` names what the sums
    of an output begin with: ``start``, or for lifted outputs, by row and column, one of their own.
    """

    extra: int
    names: tuple[str, ...]
    starts: tuple[tuple[str, ...], ...]
    values: NDArray[np.int32]

    @property
    def arguments(self) -> tuple[str, ...]:
        """What finishes a sum beside where it starts: constants of a line, or the channel."""
        rest = tuple(name for name in self.names if not name.startswith("start"))
        return rest or ("channel",)

    @property
    def factor(self) -> int:
        """What sums are multiplied by for it."""
        return 1 << self.extra


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSteps:
    """What ``algorithms/winograd_pairs.c.j2`` prints.

    ``pixels`` is how input becomes pairs: by instructions for both halves, four channels in a word,
    or byte by byte. ``wide``: transformed values are words, not halves of words. ``offset`` is
    added to the lower channel of a pair where pixels are transformed.
    """

    form: WinogradForm
    shape: Shape
    depth: Depth
    pixels: Pixels
    products: Products
    wide: bool
    offset: int
    blocks: int
    in_ram: bool
    parts: TileParts
    finish: Finish
    channels: int
    channel_pairs: Pairs

    def subtracted(self, name: str, a: str, b: str) -> str:
        """Return ``a - b``: of halves by themselves, where the core has instructions for that."""
        return f"{name}__subtract({a}, {b})" if self.packs else f"{a} - {b}"

    def added(self, name: str, a: str, b: str) -> str:
        """Return ``a + b``."""
        return f"{name}__add({a}, {b})" if self.packs else f"{a} + {b}"

    def of_pixels(self, name: str, *, is_last: bool) -> Transform:
        """Return ``B^T`` with statements that store; the last as the multiplication reads them."""
        found = of_pixels(self.form, partial(self.subtracted, name), partial(self.added, name))
        stored = (
            self._stored(name, place, value) if is_last else f"to[{place}] = {value};"
            for number, value in enumerate(found.results)
            for place in (at(number, "step"),)
        )
        return replace(found, results=tuple(stored))

    def _stored(self, name: str, place: str, value: str) -> str:
        if self.wide:
            return f"{name}__put(to{'' if place == '0' else offset(place)}, {value});"
        return f"to[{place}] = {f'{name}__settle({value})' if self.unpacks else value};"

    @property
    def pixel_parameters(self) -> str:
        """What is transformed, as C declares it."""
        return ", ".join(f"uint32_t d{i}" for i in range(self.form.size))

    @property
    def of_weights(self) -> Transform:
        """``G``."""
        return WEIGHTS[self.form]

    @property
    def of_products(self) -> Transform:
        """``A^T``."""
        return OUTPUTS[self.form]

    def reads(self, name: str, reader: str, channel: str) -> tuple[str, ...]:
        """Return the pairs of channels of a column of pixels, from *channel* on."""
        usual = "OFFSET" if self.offset and self.pixels == "halves" else "0"
        lifts = [usual] * LIFTED + ["added"] * (self.form.size - LIFTED)
        return tuple(
            f"{name}__{reader}(pixels[{i}] + {channel}{f', {lift}' if self.lift else ''})"
            for i, lift in enumerate(lifts)
        )

    @property
    def row_words(self) -> tuple[str, ...]:
        """The words of a row of a tile."""
        return tuple(f"d[{at(i, 'POSITION')}]" for i in range(self.form.size))

    @property
    def packs(self) -> bool:
        """Whether tiles are added by halves, which cannot borrow from each other."""
        return self.form is not F4 and self.pixels == "halves"

    @property
    def calls_rows(self) -> bool:
        """Whether each row of outputs is a call: 16 are long without SMMLA or MLA."""
        return self.form is F4 and not self.products.inlines_outputs

    @property
    def lift(self) -> int:
        """What is added to four pixels."""
        return LIFT if self.form is F4 else 0

    @property
    def pair_words(self) -> int:
        """Words of a pair of channels of one tile."""
        return 2 if self.wide else 1

    @property
    def pair_step(self) -> int:
        """Words from one pair of the tiles to the next."""
        return self.pair_words * self.shape.tiles

    @property
    def pair_bytes(self) -> int:
        """The same in bytes."""
        return 4 * self.pair_step

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights of a pair."""
        return 4 * self.shape.channels

    @property
    def sum_bytes(self) -> int:
        """Bytes of the sums of a position."""
        return 4 * self.shape.sums

    @property
    def unpacks(self) -> bool:
        """Whether transformed values are put right in the end: halves that borrow, or words."""
        return self.wide or not (self.packs or self.lift)

    @property
    def settles(self) -> bool:
        """Whether some lower halves borrow from upper ones."""
        return self.in_ram or (self.unpacks and not self.wide)

    @property
    def readers(self) -> tuple[str, ...]:
        """What reads pairs of channels in a round of the loop over channels."""
        return ("pair",) if self.pixels == "bytes" else ("even", "odd")

    @property
    def reading(self) -> str:
        """How that loop goes on."""
        if self.pixels == "bytes":
            return "channel + 1 < IN_C; channel += 2"
        return "channel < IN_C; channel += 4"

    @property
    def lifted(self) -> int:
        """First row and column of the pixels that are lifted."""
        return LIFTED

    @property
    def odd(self) -> bool:
        """Whether the last word has only one channel."""
        return self.channel_pairs[-1][1] == self.channels

    @property
    def position_words(self) -> int:
        """Words from one position of the tiles to the next."""
        return self.depth.pairs * self.pair_words * self.shape.tiles

    @property
    def matrix_words(self) -> int:
        """Words of a block's weights of one position."""
        return self.depth.pairs * self.shape.channels

    @property
    def block_words(self) -> int:
        """Words of a block's weights."""
        return self.form.positions * self.matrix_words


def refused(layer: Conv2d, form: WinogradForm) -> str | None:
    """Say in a sentence why two channels of *layer* are not multiplied at once, or None."""
    if reason := no_bytes(layer):
        return reason
    if layer.geometry.groups != 1:
        return needs("1 group", f"has {layer.geometry.groups}")
    return overflow(*layer.accumulator_range, bits=31 - form.shift)


def shapes(target: Target) -> dict[int, Shape]:
    """Return the shapes of a block by how many tiles they take."""
    found = next(found for registers, found in SHAPES if target.cpu.registers >= registers)
    return {shape.tiles: shape for shape in found}


def plan_steps(
    study: Study, target: Target, form: WinogradForm, tiles: int, *, in_ram: bool
) -> tuple[PairSteps, Output]:
    """Fit blocks, channel pairs and the way input is read to the target and the layer.

    Return with them how sums become outputs: by lines, where all channels have them.
    """
    layer, g = study.layer, study.layer.geometry
    shape = shapes(target)[tiles]
    pixels = _pixels(layer, target)
    pairs = _channel_pairs(g.in_c, pixels)
    offset = _offset(form, pixels)
    products = instruction_set(target).products
    output, extra = _output(study, form)
    steps = PairSteps(
        form=form,
        shape=shape,
        depth=_depth(len(pairs), products.unrolled),
        pixels=pixels,
        products=products,
        wide=target.cpu.registers < 12,
        offset=offset,
        blocks=-(-g.out_c // shape.channels),
        in_ram=in_ram,
        parts=_parts(g, form, shape),
        finish=_finish(output, extra, form, _starts(layer, form, pairs, offset)),
        channels=g.in_c,
        channel_pairs=pairs,
    )
    return steps, output


def _pixels(layer: Conv2d, target: Target) -> Pixels:
    if not target.has("unaligned") or layer.geometry.in_c % 4:
        return "bytes"
    return "halves" if instruction_set(target).bytewise else "words"


def _channel_pairs(channels: int, pixels: Pixels) -> Pairs:
    """Return lower and upper channel of each word; the last upper one may not exist.

    >>> _channel_pairs(4, "halves"), _channel_pairs(3, "bytes")
    (((0, 2), (1, 3)), ((0, 1), (2, 3)))
    """
    if pixels == "bytes":
        return tuple((channel, channel + 1) for channel in range(0, channels, 2))
    return tuple((first + i, first + i + 2) for first in range(0, channels, 4) for i in (0, 1))


def _offset(form: WinogradForm, pixels: Pixels) -> int:
    """Return what makes pixels positive in the lower half, where that costs nothing."""
    if pixels == "words":
        return 128 * 0x10001
    return 128 if pixels == "halves" and form is F4 else 0


def _depth(pairs: int, most: int) -> Depth:
    """Cut what follows the first pair into rounds of at most *most* that leave the fewest over.

    >>> _depth(1, 32), _depth(33, 32)
    (Depth(more=0, unrolled=0, rounds=1), Depth(more=0, unrolled=32, rounds=1))
    >>> _depth(32, 4)
    Depth(more=1, unrolled=3, rounds=10)
    """
    rest = pairs - 1
    if rest <= most:
        return Depth(more=0, unrolled=rest, rounds=1)
    unrolled = min(range(most, most // 2, -1), key=lambda count: rest % count)
    return Depth(more=rest % unrolled, unrolled=unrolled, rounds=rest // unrolled)


def _parts(g: Geometry, form: WinogradForm, shape: Shape) -> TileParts:
    rows = _tiles_inside(g.in_h, g.pad_top, g.out_h, form)
    cols = _tiles_inside(g.in_w, g.pad_left, g.out_w, form)
    inside, outside = rows > 0 and cols > 0, has_outside(g, form)
    by_column = {"inside": inside and form is F4, "edge": outside}
    return TileParts(
        inside=inside,
        outside=outside,
        columns=tuple(name for name, has in by_column.items() if has),
        rows=g.out_h % form.outputs != 0,
        cols=g.out_w % form.outputs != 0,
        tiles=tiles_in_row(g, form) % shape.tiles != 0,
        channels=g.out_c % shape.channels != 0,
    )


def _tiles_inside(size: int, pad: int, outputs: int, form: WinogradForm) -> int:
    """Count the tiles of one direction that do not reach over the image."""
    firsts = np.arange(0, outputs, form.outputs) - pad
    return int(((firsts >= 0) & (firsts + form.size <= size)).sum())


def _finish(output: Output, extra: int, form: WinogradForm, starts: dict[str, Ints]) -> Finish:
    """Return the constants that requantise, and where sums start: those of *starts*, scaled."""
    scale = 1 << (form.shift + extra)
    columns = {name: scale * start for name, start in starts.items()}
    if isinstance(output, Lines):
        columns = {name: start + output.start for name, start in columns.items()}
        columns |= {"multiplier": output.multiplier, "addend": output.addend}
        if output.negative is not None:
            columns["bend"] = output.negative - output.addend
    outputs = range(form.outputs)
    return Finish(
        extra=extra,
        names=tuple(columns),
        starts=tuple(
            tuple(_lifted(row, col) if _lifted(row, col) in columns else "start" for col in outputs)
            for row in outputs
        ),
        values=np.stack(list(columns.values()), axis=1).astype(np.uint32).view(np.int32),
    )


def _output(study: Study, form: WinogradForm) -> tuple[Output, int]:
    """Return how sums become outputs, and by how many bits they are shifted to the left for it."""
    for extra in FRACTIONS:
        found = study.lines(1 << (form.shift + extra))
        if isinstance(found, Lines):
            return found, extra
    return step_by_step(study.layer), 0


def _starts(layer: Conv2d, form: WinogradForm, pairs: Pairs, offset: int) -> dict[str, Ints]:
    """Return where the sums of each output begin, by name: less what offset and lift add."""
    weights = layer.weights.astype(np.int64).sum(axis=(1, 2))
    lower = layer.weights[..., [pair[0] for pair in pairs]].sum(axis=-1, dtype=np.int64)
    share = lower.sum(axis=(1, 2))
    upper = weights.sum(axis=1) - share
    start = layer.folded_bias.astype(np.int64)
    start = start - (offset & 0xFFFF) * share - (offset >> 16) * upper
    found = {"start": start}
    if form is F4:
        for row, col in ((2, 2), (2, 3), (3, 2), (3, 3)):
            seen = lower[:, LIFTED - row :, LIFTED - col :].sum(axis=(1, 2))
            found[_lifted(row, col)] = start - LIFT * seen
    return found


def _lifted(row: int, col: int) -> str:
    return f"start_{row}{col}"


def kernel_plan(study: Study, steps: PairSteps) -> KernelPlan:
    """Return what the frame of a layer reads of the multiplication."""
    g, shape = study.layer.geometry, steps.shape
    sums = f"{shape.tiles} x {shape.channels} sums (tiles x channels)"
    return KernelPlan(
        name="pairs",
        template="algorithms/winograd_pairs.c.j2",
        description=f"{steps.products.description}, {sums}",
        dtype="int16",
        given="int16",
        sums="uint32",
        depth=g.in_c,
        pixels=shape.tiles,
        runs=Runs(pixels=shape.tiles, pitch=None, step=1, group=g.in_c),
        lanes=False,
        out_of_line="block",
        groups=1,
        group_channels=g.out_c,
        spans=spans_of(g.out_c, shape.channels),
        weights=_weights(study, steps),
        packing="[channel block][position][channel pair][channel], two input channels in a word",
    )


def _weights(study: Study, steps: PairSteps) -> NDArray[Any]:
    """Return the transformed weights as words; or as given, to be transformed in each call."""
    if steps.in_ram:
        g = study.layer.geometry
        taps = study.layer.weights.reshape(g.out_c, g.taps, g.in_c).transpose(1, 0, 2)
        return _packed(taps, steps).transpose(0, 2, 3, 4, 1).reshape(-1)
    packed = _packed(study.transformed(steps.form), steps)
    return np.ascontiguousarray(packed).view(np.uint32).reshape(-1)


def _packed(matrices: NDArray[Any], steps: PairSteps) -> NDArray[Any]:
    """Order ``[matrix, out_c, in_c]`` as ``[block, matrix, pair, channel, half]``, with noughts."""
    count, out_c, in_c = matrices.shape
    shape, depth = steps.shape, steps.depth
    padded = np.zeros((count, steps.blocks * shape.channels, in_c + 1), matrices.dtype)
    padded[:, :out_c, :in_c] = matrices
    order = [min(channel, in_c) for pair in steps.channel_pairs for channel in pair]
    chosen = padded[:, :, order].reshape(count, steps.blocks, shape.channels, depth.pairs, 2)
    return chosen.transpose(1, 0, 3, 2, 4)


def workspace(steps: PairSteps) -> tuple[Buffer, ...]:
    """Return the transformed tiles, the products of a block, and weights transformed in RAM."""
    positions, depth, shape = steps.form.positions, steps.depth, steps.shape
    words = depth.pairs * steps.pair_words
    transformed = buffer(
        "transformed", "uint32", steps.blocks, positions, depth.pairs, shape.channels
    )
    return (
        buffer("products", "uint32", positions, shape.sums),
        buffer("tiles", "uint32", positions, words, shape.tiles),
        *((transformed,) if steps.in_ram else ()),
    )


def constants(
    layer: Conv2d, steps: PairSteps, kernel: KernelPlan, output: Output
) -> tuple[Constant, ...]:
    """Return weights, what finishes outputs, and what stands for pixels outside the image."""
    given = "[channel block][channel pair][channel][half][tap], to be transformed in each call"
    finish = steps.finish
    columns = Constant(
        name="finish_table", values=finish.values, comment=f"[channel]: {', '.join(finish.names)}"
    )
    return (
        Constant(
            name="weights",
            values=kernel.weights,
            comment=given if steps.in_ram else f"transformed, {kernel.packing}",
        ),
        columns,
        *output.constants,
        *((zero_points(layer, layer.geometry.in_c),) if steps.parts.outside else ()),
    )


def decisions(layer: Conv2d, steps: PairSteps) -> tuple[str, ...]:
    """Say what was chosen, and why."""
    said = []
    if steps.form is F4:
        said.append(
            f"{LIFT:,} is added to four pixels of a tile, and so to each of its transformed "
            "values: no lower half of a word is negative."
        )
    return tuple(said)


def notes(study: Study, target: Target, steps: PairSteps, output: Output) -> tuple[str, ...]:
    """Say in sentences why pixels are not read as words, or outputs not finished by lines."""
    said = []
    if steps.pixels == "bytes" and target.has("unaligned"):
        reason = needs("a multiple of 4 input channels", f"has {study.layer.geometry.in_c}")
        said.append(f"Pixels are read byte by byte: reading words {reason}.")
    coarsest = study.lines(1 << (steps.form.shift + FRACTIONS[0]))
    if isinstance(coarsest, Refusal) and not isinstance(output, Lines):
        said.append(f"Requantised step by step: doing so by one multiplication {coarsest.reason}.")
    return tuple(said)


def work(layer: Conv2d, steps: PairSteps, output: Output) -> Counter[str]:
    """Count tiles, transforms, and the GEMM of each position."""
    g, form, shape = layer.geometry, steps.form, steps.shape
    row, rows = tiles_in_row(g, form), -(-g.out_h // form.outputs)
    tiles, calls = rows * row, rows * -(-row // shape.tiles)
    own = f"winograd_pairs_{form.name}"
    positions = calls * steps.blocks * form.positions
    return output_work(layer, output) + Counter(
        {
            f"{own}.tile": tiles,
            f"{own}.input": tiles * len(steps.channel_pairs),
            f"{own}.output": tiles * g.out_c,
            f"{own}.weights": steps.in_ram * steps.blocks * shape.channels * steps.depth.pairs,
            f"pairs_{shape.name}.position": positions,
            f"pairs_{shape.name}.pair": positions * steps.depth.pairs,
        }
    )
