"""Inputs of int16 on Armv7E-M and Armv8-M with DSP instructions, in assembly as `smlad` for int8.

Two elements of the input are a word as it lies there. *Wide* weights are int16, two of a channel in
a word; of *narrow* ones a word holds two of each of two channels, which ``SXTB16`` takes apart.

Where the weights prove that sums fit in 32 bits a block is 2 pixels x 4 channels; else ``SMLALD``
adds to 64 bits, 1 pixel x 4 channels. Sums become outputs by `convgen.plans.upper_half`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.assembler import Role
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.kernels import forms
from convgen.plans.kernels.base import Runs
from convgen.plans.kernels.finishing import Fitting, beyond, too_few_channels
from convgen.plans.kernels.forms import EdgeLimits, Form, Unrolling
from convgen.plans.kernels.int16 import ELEM_BYTES, Int16Plan
from convgen.plans.kernels.smlad import (
    CHANNELS,
    FARTHEST,
    MASK,
    PIXELS,
    SUMS,
    WEIGHTS,
)
from convgen.plans.study import Study
from convgen.plans.upper_half import upper_half
from convgen.refusal import Refusal
from convgen.targets.target import Target

WORD, HALF = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True, kw_only=True, eq=False)
class SmladInt16Plan(Int16Plan):
    """The kernel fitted to a layer: what ``kernels/dsp/smlad.c.j2`` prints.

    ``long``: sums take 64 bits.
    """

    long: bool

    template = "kernels/dsp/smlad.c.j2"
    sizes = "kernels/dsp/smlad_int16_sizes.c.j2"
    products = "kernels/dsp/smlad_int16_steps.c.j2"
    finish = "kernels/dsp/smlad_int16_finish.c.j2"
    portable = "kernels/dsp/smlad_int16_portable.c.j2"
    stepping_back = "sub r0, r0, r2, lsl #1"

    @property
    def name(self) -> str:
        """What its prices are found by."""
        return f"{'smlald' if self.long else 'smlad'}_int16{'_wide' if self.wide else ''}"

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        instruction = "SMLALD" if self.long else "SMLAD"
        weights = "weights widened to int16" if self.wide else "weights of two channels in a word"
        return f"{instruction}, {self.pixels} x 4 (pixels x channels) in registers, {weights}"

    @property
    def pitch_bytes(self) -> int | None:
        """Bytes from pixel to pixel of a block."""
        return None if self.pitch is None else ELEM_BYTES * self.pitch

    @property
    def out_pitch_bytes(self) -> int:
        """The same of outputs."""
        return ELEM_BYTES * self.out_pitch

    @property
    def all_sums(self) -> tuple[tuple[str, ...], ...]:
        """The registers of the sums of a block: of each channel two."""
        return SUMS

    def sums(self, form: Form) -> tuple[tuple[str, ...], ...]:
        """Return the registers of sums: of each channel those of the pixels, or both halves."""
        return SUMS if self.long else tuple(pixels[: form.pixels] for pixels in SUMS)

    def roles(self, form: Form) -> tuple[Role, ...]:
        """Return what registers hold."""
        both = form.pixels == PIXELS
        pixel = "each" if both else "the"
        inputs = f"inputs: two elements of {pixel} pixel; r2 also a count or an end, last limits"
        summed = f"sums{' of two words' * self.long}{' of both pixels' * both}"
        return (
            Role(("r0",), "where the input is read, then where outputs are stored"),
            Role(("r1",), "constants, in order of use"),
            Role(("r2", "r3") if both else ("r2",), inputs),
            *self._weight_roles(form),
            Role(self.sum_registers(form), f"{summed}: of channel 0, of channel 1 ..."),
            *((MASK,) if form.source == "masked" else ()),
        )

    def _weight_roles(self, form: Form) -> Iterator[Role]:
        """Yield those that have multipliers, addends and shifts when the sums are there."""
        tap = "the next tap; " if form.source == "masked" else ""
        if form.pixels == PIXELS:
            yield Role(WEIGHTS, "weights; in the end addends and shifts")
        elif self.long:
            yield Role(("r3",), "weights; in the end multipliers")
            yield Role(("r12",), f"weights; {tap}in the end addends")
        else:
            yield Role(tuple(pixels[1] for pixels in SUMS), "weights")
            yield Role(("r3",), "multipliers")
            yield Role(("r12",), f"{tap}in the end addends")
        if form.pixels == 1 and self.upper.own_shifts and not tap:
            yield Role(("lr",), "shifts")

    def sum_registers(self, form: Form) -> tuple[str, ...]:
        """Return all registers of sums."""
        return tuple(register for channel in self.sums(form) for register in channel)

    @property
    def packing(self) -> str:
        """The order of the constants."""
        starts = "4 starts of two words" if self.long else "4 starts"
        weights = "w of 4 channels in int16" if self.wide else "w of 2 x 2 channels in int8"
        shifts = ", shifts" if self.upper.own_shifts else ""
        zero_points = "; behind all what a tap outside reads" if self.reads_zero_points else ""
        return (
            f"for each 4 channels: {starts}; {weights}, for each two elements; then multipliers, "
            f"addends{shifts}{self.stepping}{zero_points}"
        )

    @property
    def weights(self) -> NDArray[np.uint32]:
        """The stream, and behind it what a tap outside reads."""
        if not self.reads_zero_points:
            return self.stream
        words = -(-self.layer.geometry.in_c // 2)
        return np.append(self.stream, np.zeros(words, np.uint32))

    @property
    def reads_zero_points(self) -> bool:
        """Whether a function reads them behind the stream."""
        return self.forms[-1].source == "masked"

    def block(self, channel: int) -> NDArray[np.int64]:
        """Return the constants of four channels."""
        some = slice(channel, channel + CHANNELS)
        starts = self.layer.folded_bias[some].astype(np.int64)
        if self.long:
            starts = np.stack([starts & WORD, starts >> 32], axis=1).reshape(-1)
        return np.concatenate([starts, self._words(self._pairs(some)), self.upper.words(some)])

    def _pairs(self, some: slice) -> NDArray[np.int64]:
        """Return weights in order of use, ``[channel, step, 2]``: runs end with a whole pair."""
        elems = self.forms[0].run_elems
        runs = self.layer.weights[some].reshape(CHANNELS, -1, elems)
        padded = np.pad(runs.astype(np.int64), ((0, 0), (0, 0), (0, elems % 2)))
        return padded.reshape(CHANNELS, -1, 2)

    def _words(self, pairs: NDArray[Any]) -> NDArray[np.int64]:
        """Put the pairs of a step, ``[channel, step, 2]``, one behind the other."""
        if self.wide:
            words = (pairs[:, :, 0] & HALF) | (pairs[:, :, 1] & HALF) << 16
        else:
            halves = (pairs[::2] & 0xFF) | (pairs[1::2] & 0xFF) << 8
            words = halves[:, :, 0] | halves[:, :, 1] << 16
        return words.T.reshape(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmladInt16:
    """The kernel with narrow weights, or with wide ones; ``long`` where sums take 64 bits."""

    wide: bool
    long: bool = False
    unrolling: ClassVar[Unrolling] = Unrolling(group=2, most=(8, 8), elem_bytes=ELEM_BYTES)
    edge_limits: ClassVar[EdgeLimits] = EdgeLimits(taps=32, patch=76)  # taps: bits of a word

    def edge(self, geometry: Geometry, runs: Runs) -> Form | None:
        """Go by taps, with a bit for each, or copy a small patch: both spare the stack."""
        return forms.edge(geometry, runs, self.unrolling, self.edge_limits, self._masked)

    def _masked(self, geometry: Geometry, unrolling: Unrolling) -> Form:
        return replace(forms.masked(geometry, unrolling), keeps_tap=self.long)

    def runs_on(self, target: Target) -> bool:
        """It loads words wherever they are."""
        return target.has("dsp") and target.has("unaligned")

    def fit(self, study: Study) -> Fitting[SmladInt16Plan] | Refusal:
        """Refuse channels that are no blocks, and outputs that are no upper halves."""
        layer = study.layer
        if reason := too_few_channels(layer, CHANNELS):
            return Refusal(reason)
        found = upper_half(layer)
        if isinstance(found, Refusal):
            return found
        kernel = replace(self, long=layer.has_long_sums)
        planned = partial(
            SmladInt16Plan, upper=found, channels=CHANNELS, wide=self.wide, long=kernel.long
        )
        return Fitting(kernel=kernel, layer=layer, planned=planned)

    def most_pixels(self, layer: Conv2d, pitch: int) -> int:
        """Return how many pixels instructions reach from the first, and registers have room for."""
        return 1 if self.long or self.too_far(layer, pitch) else PIXELS

    def too_far(self, layer: Conv2d, pitch: int) -> str | None:
        """Say in a sentence that instructions do not reach the second pixel, if so."""
        farthest = ELEM_BYTES * max(pitch, layer.geometry.out_c)
        return beyond(farthest, FARTHEST) if farthest > FARTHEST else None
