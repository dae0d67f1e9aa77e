"""Cores that multiply one pair of numbers at a time: two products from each, in assembly.

A word ``w1 * 2^16 + w0`` of two channels' weights times an input is both products at once. After
two inputs, before the lower sum outgrows its half, it is flushed: ``q`` is added to one sum, and
``(q + 0x8000) >> 16``, exactly the upper half's products, to another. The first less 2^16 times the
second is the lower channel's sum; all of it holds modulo 2^32. This needs weights from -127 on:
``2 * 128 * 127 + 0x8000 < 2^16``. Weights take 16 bits each in flash.

Instructions per product, for whole blocks, come to 1.375 on Armv7-M, where ``MLA`` begins at 0x8000
and ``ADD`` shifts; to 2.25 on Armv6-M, where ``ASRS`` leaves bit 15 in the carry, so that ``ADCS``
rounds; to 2.125 on RV32IM, for two pixels times eight channels.

Sums become outputs by `convgen.plans.lines`, at a scale of 1 or 16 where lines start at a whole sum
there, which then is part of the bias; else at 256, unless sums are too large for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.assembly import Assembly
from convgen.plans.kernels import forms
from convgen.plans.kernels.base import Runs
from convgen.plans.kernels.finishing import Fitting, LinedPlan, beyond, no_blocks, no_pairs
from convgen.plans.kernels.forms import EdgeLimits, Form, Unrolling
from convgen.plans.lines import Lines
from convgen.plans.study import Study
from convgen.refusal import Refusal
from convgen.targets.target import Isa, Target

HALF = 0x8000
FINE_SCALE = 256

Clamping = Literal["saturate", "range", "unsigned"]
"""How a value gets into the activation's range: as `lines.Clamp` says, by comparing it with both
ends, or by comparing it, less the lower end, with how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """How the kernel is written for one instruction set.

    ``template`` prints it, and ``assembly`` is what that needs; its work is priced for ``isa``.
    ``blocks`` are the numbers of channels a block can have, the widest first; ``counts_halves``
    tells that 0x8000 of each flush is added to the whole sum too. Instructions reach ``farthest``
    bytes.
    """

    isa: Isa
    title: str
    template: str
    assembly: Assembly
    pixels: int
    blocks: tuple[int, ...]
    unrolling: Unrolling
    farthest: int
    clamping: Clamping
    counts_halves: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedPlan(LinedPlan):
    """The kernel fitted to a layer: what ``kernels/paired.c.j2`` prints."""

    core: Core

    template = "kernels/paired.c.j2"
    sizes = "kernels/paired_sizes.c.j2"

    @property
    def name(self) -> str:
        """What its prices are found by."""
        return "paired" if self.channels == self.core.blocks[0] else "paired_narrow"

    @property
    def assembly(self) -> Assembly:
        """That of the instruction set."""
        return self.core.assembly

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        block = f"{self.pixels} x {self.channels} (pixels x channels)"
        return f"{self.core.title}, {block} in registers, weights of two channels in a word"

    @property
    def packing(self) -> str:
        """The order of the constants."""
        shifts = "" if self.lines.more is None else ", shifts of their own"
        starts = "starts, " if self.has_starts else ""
        return (
            f"for each {self.channels} channels: where sums start; 2^16 * w1 + w0 of channels two "
            f"by two, for each two elements; then {starts}multipliers and addends{shifts}"
            f"{self.stepping}"
        )

    @property
    def has_starts(self) -> bool:
        """Whether lines start at a fraction of a sum: after scaling."""
        return bool((self.lines.start % self.lines.scale).any())

    @property
    def scale_bits(self) -> int:
        """By how many bits sums are shifted."""
        return self.lines.scale.bit_length() - 1

    @property
    def line_words(self) -> int:
        """Constants of a line."""
        return self.more_at + (self.lines.more is not None)

    @property
    def line_bytes(self) -> int:
        """Their size."""
        return 4 * self.line_words

    @property
    def multiplier_at(self) -> int:
        """Which of a line's constants is the multiplier."""
        return 1 if self.has_starts else 0

    @property
    def addend_at(self) -> int:
        """Which is the addend."""
        return self.multiplier_at + 1

    @property
    def change_at(self) -> int:
        """Which is what the addend changes by for negative sums."""
        return self.addend_at + 1

    @property
    def more_at(self) -> int:
        """Which is the channel's own shift."""
        return self.change_at + (self.lines.negative is not None)

    @property
    def step_bytes(self) -> int:
        """Constants of the products of two elements."""
        return 4 * self.channels

    @property
    def single_bytes(self) -> int:
        """Constants of the products of one element."""
        return 2 * self.channels

    @property
    def halves(self) -> int:
        """What the flushes add to a whole sum, beside products, modulo 2^32."""
        form = self.forms[0]
        flushes = self.depth // form.run_elems * (form.groups + len(form.tail_steps))
        return HALF * flushes % 2**32 if self.core.counts_halves else 0

    @property
    def offset(self) -> int:
        """What lines go through, less the output."""
        match self.core.clamping:
            case "saturate":
                return self.lines.clamp.offset
            case "range":
                return 0
        return -self.lines.low

    @property
    def lowest(self) -> int:
        """The least value of a line that stays as it is."""
        return self.lines.low + self.offset

    @property
    def highest(self) -> int:
        """The greatest."""
        return self.lines.high + self.offset

    def block(self, channel: int) -> NDArray[np.int64]:
        """Return the constants of the block from *channel* on."""
        some = slice(channel, channel + self.channels)
        ends = [self._end(index) for index in range(some.start, some.stop)]
        return np.concatenate([self._sums(some), self._words(some), *ends])

    def _sums(self, some: slice) -> NDArray[np.int64]:
        """Return where the sums of a block start: of two channels the whole one, and the upper."""
        starts = self.layer.folded_bias[some].astype(np.int64)
        if not self.has_starts:
            starts = starts + self.lines.start[some] // self.lines.scale
        lower, upper = starts[::2], starts[1::2]
        return np.stack([(upper << 16) + lower - self.halves, upper], axis=1).reshape(-1)

    def _words(self, some: slice) -> NDArray[np.int64]:
        """Return the weights of a block: for each two elements those of two channels, and so on."""
        matrix = self.layer.weights[some].astype(np.int64)
        elems = self.forms[0].run_elems
        runs = matrix.reshape(len(matrix), -1, elems)
        words = (runs[1::2] << 16) + runs[::2]
        even = elems // 2 * 2
        pairs = words[:, :, :even].reshape(*words.shape[:2], even // 2, 2).transpose(1, 2, 0, 3)
        last = words[:, :, even:].transpose(1, 2, 0)
        parts = [part.reshape(words.shape[1], -1) for part in (pairs, last)]
        return np.concatenate(parts, axis=1).reshape(-1)

    def _end(self, channel: int) -> NDArray[np.int64]:
        """Return the constants that finish the sum of a channel."""
        found = self.lines
        moved = (self.offset - found.clamp.offset) << found.shifts(channel)
        end = [found.multiplier[channel], found.addend[channel] + moved]
        if self.has_starts:
            end.insert(0, found.start[channel])
        if found.negative is not None:
            end.append(found.negative[channel] - found.addend[channel])
        if found.more is not None:
            end.append(found.more[channel])
        return np.array(end, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The kernel for one instruction set."""

    core: Core
    edge_limits: ClassVar[EdgeLimits] = EdgeLimits(taps=25, patch=256)

    @property
    def unrolling(self) -> Unrolling:
        """How it goes along a run."""
        return self.core.unrolling

    def edge(self, geometry: Geometry, runs: Runs) -> Form | None:
        """Go by pointers to taps, or copy the patch."""
        return forms.edge(geometry, runs, self.unrolling, self.edge_limits, forms.taps)

    def runs_on(self, target: Target) -> bool:
        """Each has prices for one class of cores."""
        return target.cpu.isa == self.core.isa

    def fit(self, study: Study) -> Fitting[PairedPlan] | Refusal:
        """Refuse channels that are no blocks, and weights that outgrow their half."""
        reason = no_blocks(study.layer, self.core.blocks[-1]) or no_pairs(study.layer)
        found = Refusal(reason) if reason else _lines(study)
        if isinstance(found, Refusal):
            return found
        channels = _channels(study.layer.geometry.out_c, self.core.blocks)
        planned = partial(PairedPlan, lines=found, core=self.core, channels=channels)
        return Fitting(kernel=self, layer=study.layer, planned=planned)

    def most_pixels(self, layer: Conv2d, pitch: int) -> int:
        """Return how many pixels instructions reach from the first."""
        return self.core.pixels if self.too_far(layer, pitch) is None else 1

    def too_far(self, layer: Conv2d, pitch: int) -> str | None:
        """Say in a sentence that instructions do not reach the second pixel, if so."""
        within = 2 * max(self.core.unrolling.most) + self.core.blocks[0]
        farthest, most = max(pitch, layer.geometry.out_c), self.core.farthest - within
        return beyond(farthest, most) if self.core.pixels > 1 and farthest > most else None


def _channels(out_c: int, blocks: tuple[int, ...]) -> int:
    """Return the channels of a block for which the fewest are computed; the most of equals.

    >>> [_channels(out_c, (8, 4)) for out_c in (4, 12, 15, 16)]
    [4, 4, 8, 8]
    """
    fitting = [block for block in blocks if block <= out_c]
    return min(fitting, key=lambda block: (-(-out_c // block) * block, -block))


def _lines(study: Study) -> Lines | Refusal:
    """Return lines for sums that need no start, if there are such, else finer ones, else any."""
    coarse = study.lines(16 if study.staircases.bend else 1)
    if isinstance(coarse, Lines) and not (coarse.start % coarse.scale).any():
        return coarse
    fine = study.lines(FINE_SCALE)
    if isinstance(fine, Refusal) and isinstance(coarse, Lines):
        return coarse
    return study.lines(FINE_SCALE, own_shifts=True)
