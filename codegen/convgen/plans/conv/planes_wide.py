"""A kernel of any size along the lines of a plane whose pixels were widened to int16, with a frame.

Two pixels that follow each other are one word, so that one instruction multiplies both. Of the
outputs of a block every second begins in the middle of a word: its weights are shifted by half a
word, with nought at both ends. With a stride of 2 all begin with a word.

    words of pixels         (x0, x1) (x2, x3) (x4, x5) (x6, x7)
    weights of outputs 0, 2 (w0, w1) (w2, w3) (w4,  0)
    weights of outputs 1, 3 ( 0, w0) (w1, w2) (w3, w4)

For each row of the kernel the words that a block's outputs share are loaded at once, and each word
of weights is used for two outputs or for all four. Rows that have too many words for the registers
are cut into segments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.assembler import Role
from convgen.plans.conv.thumb import Distance, OutputStore

SUMS = ("r4", "r5", "r6", "r7")
FREE = ("r2", "r3", "r8", "r9", "r10", "r11", "r12", "lr")  # words of pixels, then of weights
STARTS = len(SUMS)  # words: a block loads them at once
AT_ONCE = 12  # pixels of a line that are widened in a row
AFTERWARDS = "in the end what requantises"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSide:
    """The outputs along one side of the image. ``pad`` pixels lie outside before the first."""

    outputs: int
    stride: int
    pad: int
    size: int
    taps: int

    @property
    def reach(self) -> int:
        """The pixels that outputs see, with those outside."""
        return (self.outputs - 1) * self.stride + self.taps

    @property
    def inside(self) -> int:
        """Those inside the image, from the first on."""
        return max(0, min(self.size, self.reach - self.pad))


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """``taps`` of a kernel's row from ``first`` on; ``word`` is where their weights begin."""

    first: int
    taps: int
    word: int
    shifts: tuple[int, ...]

    @property
    def words(self) -> int:
        """Words of weights, of all shifts."""
        return sum(self.words_of(shift) for shift in self.shifts)

    def words_of(self, shift: int) -> int:
        """Return the words of weights that are *shift* halves late."""
        return (self.taps + shift + 1) // 2

    def pairs(self) -> Iterator[tuple[int | None, int | None]]:
        """Yield the taps of each word, low half first; None for nought."""
        for shift in self.shifts:
            for low in range(-shift, self.taps, 2):
                halves = (low, low + 1)
                some = [self.first + tap if 0 <= tap < self.taps else None for tap in halves]
                yield some[0], some[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class WideProduct:
    """``sum`` grows by the product of two pixels and two weights."""

    sum: str
    pixels: str
    weights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedWeights:
    """Registers of weights that are loaded at once, and the products with them."""

    registers: tuple[str, ...]
    products: tuple[WideProduct, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSegment:
    """A segment of a kernel's row: the pixels of all outputs, and how far it is to the next."""

    pixels: tuple[str, ...]
    advance: Distance
    weights: tuple[LoadedWeights, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WideBlock:
    """Outputs side by side: ``sums`` of them, of which the last may be none that is stored.

    ``back`` leads from behind the last row of the kernel to the next block.
    """

    sums: tuple[str, ...]
    steps: tuple[KernelSegment, ...]
    stores: tuple[OutputStore, ...]
    back: Distance

    @property
    def is_whole(self) -> bool:
        """Whether it has as many sums as there are registers."""
        return self.sums == SUMS

    @property
    def loads(self) -> int:
        """Instructions of a kernel's row that are no products."""
        return sum(2 + len(step.weights) for step in self.steps)

    @property
    def products(self) -> int:
        """Products of a kernel's row, each of two pixels."""
        return sum(len(some.products) for step in self.steps for some in step.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """How the pixels of a line are widened: ``turns`` of a ``group``, then a ``rest``."""

    turns: int
    group: tuple[int, ...]
    rest: tuple[int, ...]

    @property
    def pixels(self) -> int:
        """Of a group."""
        return len(self.group)


@dataclass(frozen=True, kw_only=True)
class PlaneWalk:
    """The lines of a plane: ``along`` them and ``across``; ``out_pitch`` from output to output."""

    along: ImageSide
    across: ImageSide
    out_pitch: int
    out_line: int

    @property
    def shifts(self) -> tuple[int, ...]:
        """The halves of a word at which outputs begin."""
        return (0, 1) if self.along.stride == 1 else (0,)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The pieces of a kernel's row, all but the last an even number of taps."""
        most = max(
            taps for taps in range(1, 2 * len(FREE)) if self._pixel_words(STARTS, taps) < len(FREE)
        )
        found: list[Segment] = []
        first = word = 0
        while first < self.along.taps:
            left = self.along.taps - first
            taps = left if left <= most else most - most % 2
            segment = Segment(first=first, taps=taps, word=word, shifts=self.shifts)
            found.append(segment)
            first, word = first + taps, word + segment.words
        return tuple(found)

    @property
    def row_words(self) -> int:
        """Words of weights of a kernel's row."""
        return sum(segment.words for segment in self.segments)

    @cached_property  # like the registers: each block of a wide image asks for it
    def pitch(self) -> int:
        """Elements from line to line: an even number, and as many as blocks read."""
        first, read = 0, self.along.pad + self.along.inside
        for sums, _ in self._widths():
            for segment in self.segments:
                words = self._pixel_words(sums, segment.taps)
                read = max(read, first + segment.first + 2 * words)
            first += sums * self.along.stride
        return read + read % 2

    @cached_property
    def blocks(self) -> tuple[WideBlock, int, WideBlock | None]:
        """Return the block that is repeated, how often, and the last if it is narrower."""
        widths = self._widths()
        made = [self._block(*width) for width in widths]
        first = made[0]
        turns = sum(block == first for block in made)
        return first, turns, made[turns] if turns < len(made) else None

    def _widths(self) -> list[tuple[int, int]]:
        """Return of each block how many sums it has, and how many outputs it stores.

        Where weights are shifted for every second output a block has both kinds.
        """
        whole, rest = divmod(self.along.outputs, STARTS)
        least = len(self.shifts)
        return [(STARTS, STARTS)] * whole + ([(max(least, rest), rest)] if rest else [])

    def _pixel_words(self, sums: int, taps: int) -> int:
        """Return the words of pixels that the outputs of a block see along so many taps."""
        reached = [(taps + output * self.along.stride + 1) // 2 for output in range(sums)]
        return max(reached)

    @cached_property
    def pixel_registers(self) -> tuple[str, ...]:
        """Those of pixels."""
        sums = max(sums for sums, _ in self._widths())
        words = [self._pixel_words(sums, segment.taps) for segment in self.segments]
        return FREE[: max(words)]

    @cached_property
    def weight_registers(self) -> tuple[str, ...]:
        """Those of weights, no more than a segment has."""
        words = max(segment.words for segment in self.segments)
        return FREE[len(self.pixel_registers) :][:words]

    def _block(self, sums: int, stored: int) -> WideBlock:
        moved = 2 * self.along.stride * sums
        return WideBlock(
            sums=SUMS[:sums],
            steps=tuple(self._steps(sums)),
            stores=_stores(SUMS[:stored], self.out_pitch),
            back=Distance(bytes=moved - self.across.taps * 2 * self.pitch),
        )

    def _steps(self, sums: int) -> Iterator[KernelSegment]:
        followers = [*(segment.first for segment in self.segments[1:]), self.pitch]
        for segment, follower in zip(self.segments, followers, strict=True):
            words = self._pixel_words(sums, segment.taps)
            yield KernelSegment(
                pixels=self.pixel_registers[:words],
                advance=Distance(bytes=2 * (follower - segment.first)),
                weights=tuple(self._weights(sums, segment)),
            )

    def _weights(self, sums: int, segment: Segment) -> Iterator[LoadedWeights]:
        """Yield the words of weights, as many at once as there are registers."""
        places = [(shift, word) for shift in self.shifts for word in range(segment.words_of(shift))]
        at_once = len(self.weight_registers)
        for first in range(0, len(places), at_once):
            some = places[first : first + at_once]
            registers = self.weight_registers[: len(some)]
            products = [
                WideProduct(
                    sum=SUMS[output], pixels=self.pixel_registers[at + word], weights=register
                )
                for register, (shift, word) in zip(registers, some, strict=True)
                for output, at in self._outputs(sums, shift)
            ]
            yield LoadedWeights(registers=registers, products=tuple(products))

    def _outputs(self, sums: int, shift: int) -> Iterator[tuple[int, int]]:
        """Yield the outputs of a block that begin *shift* halves late, and with which word."""
        for output in range(sums):
            word, late = divmod(output * self.along.stride, 2)
            if late == shift:
                yield output, word

    @property
    def looped(self) -> Distance:
        """How far the pointer to the plane gets in all turns of the loop over blocks."""
        block, turns, _ = self.blocks
        return Distance(bytes=turns * 2 * self.along.stride * len(block.sums))

    @property
    def next_line(self) -> Distance:
        """How far it is from behind the last block of a line to the next line."""
        moved = 2 * self.along.stride * sum(sums for sums, _ in self._widths())
        return Distance(bytes=2 * self.pitch * self.across.stride - moved)

    @property
    def next_output(self) -> Distance:
        """How far it is from behind the last output of a line to those of the next."""
        return Distance(bytes=self.out_line - self.along.outputs * self.out_pitch)

    def registers(self, finishing: int) -> tuple[Role, ...]:
        """Say what each register holds; so many are needed to finish sums."""
        roles = {
            ("r0",): "where the plane is read",
            ("r1",): "constants, in order of use; then where outputs are stored",
            SUMS[: len(self.blocks[0].sums)]: "sums, side by side",
            self.pixel_registers: f"inputs: two pixels in each; {AFTERWARDS}",
            self.weight_registers: f"weights: two in each; {AFTERWARDS}",
            FREE[len(self.pixel_registers) + len(self.weight_registers) : finishing]: AFTERWARDS,
        }
        return tuple(Role(names=names, words=words) for names, words in roles.items() if names)

    def weights(self, kernel: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the words of *kernel*, ``[channels, across, along]``, in order of use."""
        padded = np.pad(kernel, ((0, 0), (0, 0), (0, 1)))  # index -1: nought
        order = [
            [-1 if tap is None else tap for tap in pair]
            for segment in self.segments
            for pair in segment.pairs()
        ]
        halves = padded[:, :, order]
        words = (halves[..., 0] & 0xFFFF) | (halves[..., 1] & 0xFFFF) << 16
        return words.reshape(len(kernel), -1)


def copies(walk: PlaneWalk) -> Copies:
    """Return how the pixels of a line that are inside the image are widened."""
    count = walk.along.inside
    turns = -(-count // AT_ONCE)
    group = count // turns if turns else 0
    return Copies(
        turns=turns,
        group=tuple(range(group)),
        rest=tuple(range(count - turns * group)),
    )


def _stores(sums: tuple[str, ...], pitch: int) -> tuple[OutputStore, ...]:
    """Return how outputs are stored: each moves the pointer on if it can, else only the last."""
    here, step = Distance(bytes=0), Distance(bytes=pitch)
    if step.is_step:
        return tuple(OutputStore(sum=sum_, to=here, step=step) for sum_ in sums)
    beside = [
        OutputStore(sum=sum_, to=Distance(bytes=index * pitch), step=None)
        for index, sum_ in enumerate(sums[1:], 1)
    ]
    return (*beside, OutputStore(sum=sums[0], to=here, step=Distance(bytes=len(sums) * pitch)))
