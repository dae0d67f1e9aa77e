"""Armv7E-M and Armv8-M with DSP instructions: two products at once, in assembly.

A block is 2 pixels x 4 channels: eight sums, the input, one stream of constants in order of use,
two words of inputs and two of weights fill the 14 registers. ``SXTB16`` takes bytes 0 and 2 of a
word apart, so elements are multiplied in the order (0, 2), (1, 3).

*Narrow* weights take no more flash than int8: a halfword holds ``256 * w1 + w0`` of two channels.
One sum takes the product with it whole, the other with its lower byte (``SXTB16`` again); their
difference is 256 times the first channel's sum. This needs weights from -127 on and sums below
2^23. *Wide* weights are int16, 256 times the weight, or twice where sums are larger.
*Nibbles* are weights of four bits, from -7 on: a halfword holds ``4096 * w3 + 256 * w2 + 16 * w1 +
w0`` of four channels. Sums are taken of it whole, of its lower byte, and of both shifted left by a
nibble; differences leave each channel's. This needs sums below 2^19.

Sums, 256 times TensorFlow Lite's, become outputs by `convgen.plans.lines`: ``SMMLA`` and ``SSAT``.
Of twice the sums ``SMMULR`` is the reference's own first step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.assembler import Role
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import assembly
from convgen.plans.assembly import Assembly
from convgen.plans.kernels import forms
from convgen.plans.kernels.base import Runs
from convgen.plans.kernels.finishing import (
    Fitting,
    LinedPlan,
    beyond,
    no_blocks,
    no_nibbles,
    no_pairs,
)
from convgen.plans.kernels.forms import EdgeLimits, Form, Unrolling, loop_over
from convgen.plans.lines import Lines
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Feature, Target

PIXELS, CHANNELS = 2, 4
SCALE = 256
MOST_STEPS = 16  # of int16 patches, in a row
SUMS = (("r4", "r5"), ("r6", "r7"), ("r8", "r9"), ("r10", "r11"))  # by channel, by pixel
WEIGHTS = ("r12", "lr")
MOST_OF_NIBBLES = 2**19 - 1
FARTHEST = 4095  # what an LDR or STRB reaches

MASK = Role(("lr",), "a bit for each tap that is inside the image")

Step = tuple[int, int | None]
"""Two elements of a sum that are multiplied at once; None for nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SmladPlan(LinedPlan):
    """The kernel fitted to a layer: what ``kernels/dsp/smlad.c.j2`` prints.

    A weight takes ``bits`` in flash: 4, 8 or 16.
    """

    bits: int

    template = "kernels/dsp/smlad.c.j2"
    sizes = "kernels/dsp/smlad_sizes.c.j2"
    products = "kernels/dsp/smlad_steps.c.j2"
    finish = "kernels/dsp/smlad_finish.c.j2"
    portable = "kernels/dsp/smlad_portable.c.j2"

    @property
    def name(self) -> str:
        """What its prices are found by."""
        return {4: "smlad_nibbles", 8: "smlad", 16: "smlad_wide"}[self.bits]

    @property
    def wide(self) -> bool:
        """Whether weights are int16."""
        return self.bits == 16

    @property
    def nibbles(self) -> bool:
        """Whether they have four bits."""
        return self.bits == 4

    @property
    def unscaled(self) -> tuple[int, ...]:
        """Which sums of a block are not yet scaled when they are alone: of those channels."""
        return {4: (0,), 8: (0, 2), 16: ()}[self.bits]

    @property
    def unscaled_shift(self) -> int:
        """What scales them."""
        return 4 if self.nibbles else 8

    @property
    def assembly(self) -> Assembly:
        """It loads words of bytes wherever they are; patches of int16 are aligned."""
        return assembly.DSP_UNALIGNED if self.reads_bytes else assembly.DSP

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        widened = {
            4: "weights of four channels in int16",
            8: "weights of two channels in int16",
            16: "weights widened to int16",
        }
        return f"SMLAD, {self.pixels} x 4 (pixels x channels) in registers, {widened[self.bits]}"

    def sums(self, form: Form) -> tuple[tuple[str, ...], ...]:
        """Return the registers of sums: of each channel those of the pixels."""
        return tuple(pixels[: form.pixels] for pixels in SUMS)

    def halves(self, form: Form) -> tuple[tuple[str, str], ...]:
        """Return pairs of them that have the products of the same weights in common."""
        sums = self.sums(form)
        return (*zip(sums[0], sums[1], strict=True), *zip(sums[2], sums[3], strict=True))

    def quarters(self, form: Form) -> tuple[tuple[str, ...], ...]:
        """Return of each pixel the sums of the channels, which have nibbles in common."""
        return tuple(zip(*self.sums(form), strict=True))

    def sum_registers(self, form: Form) -> tuple[str, ...]:
        """Return all of them."""
        return tuple(register for pixels in self.sums(form) for register in pixels)

    def weight_registers(self, form: Form) -> tuple[str, ...]:
        """Return those of weights: of one pixel those that the sums of another would have."""
        if form.pixels == PIXELS:
            return WEIGHTS
        free = tuple(pixels[1] for pixels in SUMS)
        return free if self.wide or (form.groups and form.source != "pairs") else free[:2]

    def roles(self, form: Form) -> tuple[Role, ...]:
        """Return what registers hold."""
        each = form.pixels == PIXELS
        inputs = f"inputs: two elements of {'each' if each else 'the'} pixel"
        summed = f"sums: of channel 0{' for both pixels' * each}, of channel 1 ..."
        return (
            Role(("r0",), "where the input is read, then where outputs are stored"),
            Role(("r1",), "constants, in order of use"),
            Role(("r2", "r3"), f"{inputs}; r2 also a count or an end, last multipliers"),
            Role(self.weight_registers(form), f"weights{'; in the end addends' * each}"),
            Role(self.sum_registers(form), summed),
            *(() if each else self._addend_roles(form)),
        )

    def _addend_roles(self, form: Form) -> tuple[Role, ...]:
        if form.source == "masked":
            return Role(("r12",), "the next tap; in the end addends"), MASK
        bend = Role(("lr",), "what addends change by for negative sums")
        return Role(("r12",), "addends"), *((bend,) if self.lines.bends else ())

    @property
    def pitch_and_1(self) -> int | None:
        """Where the next pixel's second element is."""
        return None if self.pitch is None else self.pitch + 1

    @property
    def step_count(self) -> int:
        """Steps of a sum."""
        return len(self.steps)

    @property
    def line_words(self) -> int:
        """Constants of a line."""
        return 2 + (self.lines.negative is not None) + (self.lines.more is not None)

    @property
    def more_at(self) -> int:
        """Which of a line's constants is the channel's own shift."""
        return 2 + (self.lines.negative is not None)

    @property
    def packing(self) -> str:
        """The order of the constants."""
        shifts = "" if self.lines.more is None else ", shifts of their own"
        weights = {
            4: "4096 * w3 + 256 * w2 + 16 * w1 + w0 of 4",
            8: "256 * w1 + w0 of 2 x 2",
            16: f"{self.lines.scale} * w of 4",
        }[self.bits]
        zero_points = "; behind all what a tap outside reads" if self.reads_zero_points else ""
        return (
            f"for each 4 channels: 4 starts; {weights} channels, for each two elements; then "
            f"multipliers and addends{shifts}{self.stepping}{zero_points}"
        )

    @property
    def weights(self) -> NDArray[np.uint32]:
        """The stream, and behind it what a tap outside reads."""
        if not self.reads_zero_points:
            return self.stream
        zero_point = self.layer.zero_point & 0xFF
        words = -(-self.layer.geometry.in_c // 4)
        return np.append(self.stream, np.full(words, 0x01010101 * zero_point, np.uint32))

    @property
    def reads_zero_points(self) -> bool:
        """Whether a function reads them behind the stream."""
        return self.forms[-1].source == "masked"

    def block(self, channel: int) -> NDArray[np.int64]:
        """Return the constants of four channels."""
        some = slice(channel, channel + CHANNELS)
        biases = self.layer.folded_bias[some].astype(np.int64)
        scaled = self.lines.scale * biases + self.lines.start[some]
        start, later = scaled, self.lines.start[some]
        if self.nibbles:
            start, later = _nibble_starts(scaled)
        elif not self.wide:
            start = _narrow_starts(biases, scaled)
        steps = self._steps(self.layer.weights[some].reshape(CHANNELS, -1))
        halves = self._halves(steps)
        words = (halves[:, :, 0] & 0xFFFF) | (halves[:, :, 1] & 0xFFFF) << 16
        ends = [self._end(channel + index, index, later[index]) for index in range(CHANNELS)]
        parts = (start, words.T.reshape(-1), np.concatenate(ends))
        return np.concatenate(parts)

    def _halves(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what halfwords hold of weights ``[channel, step, 2]``, of one or more channels."""
        if self.wide:
            return self.lines.scale * steps
        pairs = (16 if self.nibbles else SCALE) * steps[1::2] + steps[::2]
        return SCALE * pairs[1::2] + pairs[::2] if self.nibbles else pairs

    def _steps(self, matrix: NDArray[Any]) -> NDArray[np.int64]:
        """Return weights in order of use, ``[channel, step, 2]``."""
        padded = np.zeros((CHANNELS, self.depth + 1), np.int64)  # index -1: no element
        padded[:, :-1] = matrix
        return padded[:, self._order]

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.array([[a, -1 if b is None else b] for a, b in self.steps])

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Return which elements of the patch are multiplied together, in order."""
        form = self.forms[0]
        elems = form.run_elems
        runs = self.depth // elems
        if form.source == "pairs":
            return tuple(_paired_steps(runs, elems))
        return tuple(
            (run * elems + a, None if b is None else run * elems + b)
            for run in range(runs)
            for a, b in (*_group_steps(elems), *_tail_steps(elems))
        )

    def _end(self, channel: int, index: int, start: int) -> NDArray[np.int64]:
        """Return the constants that finish the sum of a channel, the *index*-th of its block.

        *start* is added to one that is not yet scaled.
        """
        found = self.lines
        end = [found.multiplier[channel], found.addend[channel]]
        if index in self.unscaled:
            end.insert(0, start)
        if found.negative is not None:
            end.append(found.negative[channel] - found.addend[channel])
        if found.more is not None:
            end.append(found.more[channel])
        return np.array(end, np.int64)


def _narrow_starts(biases: NDArray[np.int64], scaled: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the starts of a block: of the sums to be subtracted, and of those less these."""
    starts = biases.copy()
    starts[1::2] = scaled[1::2] + biases[::2]
    return starts


def _nibble_starts(scaled: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the starts of a block of nibbles, and what is added to sums when they are scaled.

    Of sums D, B, C and A, in the order of channels, 256 times those of channels are ``16 * D``,
    ``16 * B - D``, ``(C - 16 * B) / 16``, and ``(A - B) / 16`` less a sixteenth of that.
    """
    first = -scaled[1] % 16
    second = (scaled[1] + first) // 16
    third = 16 * (scaled[2] + second)
    fourth = 16 * scaled[3] + second + scaled[2]
    later = np.zeros_like(scaled)
    later[0] = scaled[0] - 16 * first
    return np.array([first, second, third, fourth]), later


def _group_steps(elems: int) -> Iterator[Step]:
    """Yield the steps of a run's groups of four, as ``SXTB16`` takes them apart."""
    for first in range(0, elems - elems % 4, 4):
        yield first, first + 2
        yield first + 1, first + 3


def _tail_steps(elems: int) -> Iterator[Step]:
    """Yield the steps of what is left of a run."""
    for first in range(elems - elems % 4, elems, 2):
        yield first, first + 1 if first + 1 < elems else None


def _paired_steps(runs: int, elems: int) -> Iterator[Step]:
    """Yield the steps of int16 patches: the groups of all runs, then all tails in a row."""
    for run in range(runs):
        for a, b in _group_steps(elems):
            yield run * elems + a, None if b is None else run * elems + b
    tails = [run * elems + k for run in range(runs) for k in range(elems - elems % 4, elems)]
    for first in range(0, len(tails), 2):
        yield tails[first], tails[first + 1] if first + 1 < len(tails) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Smlad:
    """The kernel with weights of so many ``bits``: nibbles, narrow or wide ones."""

    bits: int
    unrolling: ClassVar[Unrolling] = Unrolling(group=4, most=(8, 8))
    edge_limits: ClassVar[EdgeLimits] = EdgeLimits(taps=32, patch=76)  # taps: bits of a word

    def edge(self, geometry: Geometry, runs: Runs) -> Form | None:
        """Go by taps, with a bit for each, or copy a small patch: both spare the stack."""
        return forms.edge(geometry, runs, self.unrolling, self.edge_limits, forms.masked)

    def runs_on(self, target: Target) -> bool:
        """It loads words wherever they are."""
        return self.lacks(target) is None

    def lacks(self, target: Target) -> str | None:
        """Say in a sentence what *target* lacks, if anything."""
        wanted: dict[Feature, str] = {"dsp": "DSP instructions", "unaligned": "unaligned loads"}
        missing = [words for feature, words in wanted.items() if not target.has(feature)]
        if not missing:
            return None
        found = f"has no {' and no '.join(missing)}"
        return needs(f"a core with {' and '.join(wanted.values())}", found, "core")

    def fit(self, study: Study) -> Fitting[SmladPlan] | Refusal:
        """Refuse channels that are no blocks, and constants that it cannot hold."""
        layer = study.layer
        unsuited = {4: no_nibbles, 8: no_pairs}.get(self.bits)
        reason = no_blocks(layer, CHANNELS) or (unsuited(layer) if unsuited else None)
        found = Refusal(reason) if reason else self._lines(study)
        if isinstance(found, Refusal):
            return found
        if self.bits == 4 and (reason := _too_large(layer, found)):
            return Refusal(reason)
        planned = partial(SmladPlan, lines=found, channels=CHANNELS, bits=self.bits)
        return Fitting(kernel=self, layer=layer, planned=planned)

    def _lines(self, study: Study) -> Lines | Refusal:
        """Return how sums are finished: if they are too large for the scale, by exact steps.

        Of narrow weights the scale is not to be chosen.
        """
        found = study.lines(SCALE, own_shifts=True)
        if isinstance(found, Lines) or self.bits < 16:
            return found
        return study.exact_lines or found

    def most_pixels(self, layer: Conv2d, pitch: int) -> int:
        """Return how many pixels instructions reach from the first."""
        return PIXELS if self.too_far(layer, pitch) is None else 1

    def too_far(self, layer: Conv2d, pitch: int) -> str | None:
        """Say in a sentence that instructions do not reach the second pixel, if so."""
        farthest = max(pitch + 1, layer.geometry.out_c)
        return beyond(farthest, FARTHEST) if farthest > FARTHEST else None


def _too_large(layer: Conv2d, lines: Lines) -> str | None:
    """Refuse sums that leave int32 when they are 4096 times as large, as those of nibbles are."""
    low, high = (SCALE * end + lines.start for end in layer.accumulator_range)
    largest = max(int(-low.min()), int(high.max())) // SCALE
    return None if largest < MOST_OF_NIBBLES else needs("sums below 2^19", f"has {largest:,}")


def pairs(pixels: int, runs: int, run_elems: int) -> Form:
    """Return the function that reads int16 patches."""
    steps = len(tuple(_paired_steps(runs, run_elems)))
    return Form(
        name=f"pixels_{pixels}",
        source="pairs",
        pixels=pixels,
        run_elems=run_elems,
        levels=(),
        group=4,
        loop=loop_over(steps, MOST_STEPS),
    )
