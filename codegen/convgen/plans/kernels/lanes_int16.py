"""Depthwise layers of int16 on cores with DSP instructions, where the input is: four channels.

Two words are a tap of four channels, each multiplied by a half of a word of weights: ``SMLABB`` and
``SMLATT``. Weights are int16, or as int8 in one word for a tap, which ``SXTB16`` takes apart. Taps
stand one after the other in the code; of a pixel at the edge those outside are skipped by a mask.
Sums become outputs by `convgen.plans.upper_half`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.assembler import Role
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.kernels import forms
from convgen.plans.kernels.base import Runs
from convgen.plans.kernels.finishing import Fitting
from convgen.plans.kernels.forms import EdgeLimits, Form, Unrolling
from convgen.plans.kernels.int16 import ELEM_BYTES, Int16Plan
from convgen.plans.study import Study
from convgen.plans.upper_half import upper_half
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

LANES = 4
MOST_TAPS = 64  # they stand one after the other in the code
FARTHEST = 4095  # bytes that a load reaches
SUMS = ("r4", "r5", "r6", "r7")
WEIGHTS = ("r8", "r9", "r10", "r11")
HALF = 0xFFFF
MASKS = (
    Role(("r10",), "a bit for each tap that is inside the image, of those left; in the end shifts"),
    Role(("r11",), "the same of all"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """A tap ``at`` so many bytes from the kernel row's first, whose weights are in two registers.

    ``loaded`` are the registers of weights that are loaded before it; ``row`` is how many bytes on
    a new kernel row begins, None within one.
    """

    at: int
    weights: tuple[str, ...]
    loaded: tuple[str, ...]
    row: int | None

    @property
    def at_next(self) -> int:
        """Where its other two channels are."""
        return self.at + 4


@dataclass(frozen=True, kw_only=True, eq=False)
class LanesInt16Plan(Int16Plan):
    """The kernel fitted to a layer: what ``kernels/dsp/lanes_int16.c.j2`` prints."""

    template = "kernels/dsp/lanes_int16.c.j2"
    sizes = "kernels/dsp/lanes_int16_sizes.c.j2"
    sums = SUMS

    @property
    def name(self) -> str:
        """What its prices are found by."""
        return f"lanes_int16{'_wide' if self.wide else ''}"

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        weights = "int16" if self.wide else "int8"
        return f"SMLABB and SMLATT, 4 channels of a pixel in registers, weights in {weights}"

    @property
    def packing(self) -> str:
        """The order of the constants."""
        weights = "in int16" if self.wide else "in int8: 0, 2, 1 and 3"
        shifts = ", shifts" if self.upper.own_shifts else ""
        return (
            f"for each 4 channels: 4 starts; for each tap their weights {weights}; then "
            f"multipliers, addends{shifts}{self.stepping}"
        )

    def block(self, channel: int) -> NDArray[np.int64]:
        """Return the constants of four channels."""
        some = slice(channel, channel + LANES)
        starts = self.layer.folded_bias[some].astype(np.int64)
        four = self.layer.weights[some].astype(np.int64).reshape(LANES, -1).T  # [tap, channel]
        if self.wide:
            words = (four[:, ::2] & HALF) | (four[:, 1::2] & HALF) << 16
        else:
            shifts = np.array([0, 16, 8, 24])
            words = ((four & 0xFF) << shifts).sum(axis=1)
        return np.concatenate([starts, words.reshape(-1), self.upper.words(some)])

    def taps_of(self, form: Form) -> tuple[Tap, ...]:
        """Return the taps in order; without a mask wide weights are loaded for two at a time."""
        g = self.layer.geometry
        step = g.dilation_w * g.in_c * ELEM_BYTES
        paired = self.wide and form.source != "masked"
        found = []
        for index in range(g.taps):
            row, col = divmod(index, g.k_w)
            second = paired and index % 2 == 1
            both = WEIGHTS if paired and index + 1 < g.taps else WEIGHTS[:2]
            found.append(
                Tap(
                    at=col * step,
                    weights=WEIGHTS[2:] if second else WEIGHTS[:2],
                    loaded=() if second else both if self.wide else WEIGHTS[:1],
                    row=self.row_bytes if row and not col else None,
                )
            )
        return tuple(found)

    @property
    def row_bytes(self) -> int:
        """Bytes from a kernel row to the next."""
        g = self.layer.geometry
        return g.dilation_h * g.in_w * g.in_c * ELEM_BYTES

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where taps are, in elements."""
        g = self.layer.geometry
        return tuple(
            (row * g.dilation_h * g.in_w + col * g.dilation_w) * g.in_c
            for row in range(g.k_h)
            for col in range(g.k_w)
        )

    @property
    def to_next(self) -> int:
        """Bytes from the first row's next block back from the last kernel row."""
        return (self.layer.geometry.k_h - 1) * self.row_bytes - LANES * ELEM_BYTES

    @property
    def line_at(self) -> int:
        """Where in a block's constants those of lines begin."""
        return LANES + self.layer.geometry.taps * (2 if self.wide else 1)

    def roles(self, form: Form) -> tuple[Role, ...]:
        """Return what registers hold."""
        masked = form.source == "masked"
        named = (each.weights for each in self.taps_of(form))
        weights = tuple(dict.fromkeys(register for pair in named for register in pair))
        shifts = self.upper.own_shifts and not masked and "r10" not in weights
        return (
            Role(("r0",), "where the input is read"),
            Role(("r1",), "constants, in order of use"),
            Role(("r2",), "inputs: two channels of a tap; also a distance, in the end a limit"),
            Role(("r3",), "inputs: two more"),
            Role(SUMS, "sums, of four channels"),
            Role(weights, "weights; in the end multipliers, addends, shifts"),
            *(MASKS if masked else ()),
            *((Role(("r10",), "shifts"),) if shifts else ()),
            Role(("r12",), "where outputs are stored"),
            Role(("lr",), "the end of the constants"),
        )

    def _run_work(self, form: Form, blocks: int, unit: str) -> Counter[str]:
        g = self.layer.geometry
        taps = "masked" if form.source == "masked" else "tap"
        return Counter({f"{unit}.{taps}": blocks * g.taps, f"{unit}.row": blocks * (g.k_h - 1)})


@dataclass(frozen=True, slots=True, kw_only=True)
class LanesInt16:
    """The kernel with weights of int8, or widened."""

    wide: bool
    unrolling: ClassVar[Unrolling] = Unrolling(group=1, most=(MOST_TAPS,), elem_bytes=ELEM_BYTES)
    edge_limits: ClassVar[EdgeLimits] = EdgeLimits(taps=32, patch=0)  # taps: bits of a word

    def edge(self, geometry: Geometry, runs: Runs) -> Form | None:
        """Go by taps, with a bit for each."""
        if geometry.taps > self.edge_limits.taps:
            return None
        return replace(forms.masked(geometry, self.unrolling), run_elems=1)

    def runs_on(self, target: Target) -> bool:
        """It loads words wherever they are."""
        return target.has("dsp") and target.has("unaligned")

    def fit(self, study: Study) -> Fitting[LanesInt16Plan] | Refusal:
        """Refuse few channels, many or far taps, and outputs that are no upper halves."""
        layer, g = study.layer, study.layer.geometry
        farthest = ELEM_BYTES * ((g.k_w - 1) * g.dilation_w * g.in_c + 2)
        if g.out_c < LANES:
            return Refusal(needs(f"at least {LANES} channels", f"has {g.out_c}"))
        if g.taps > MOST_TAPS:
            return Refusal(needs(f"at most {MOST_TAPS} taps", f"has {g.taps}"))
        if farthest > FARTHEST:
            most = f"taps of a row at most {FARTHEST:,} bytes apart"
            return Refusal(needs(most, f"has some {farthest:,} apart"))
        if layer.has_long_sums:
            return Refusal(needs("sums below 2^31", "has larger ones"))
        found = upper_half(layer)
        if isinstance(found, Refusal):
            return found
        planned = partial(LanesInt16Plan, upper=found, channels=LANES, wide=self.wide)
        return Fitting(kernel=self, layer=layer, planned=planned)

    def most_pixels(self, layer: Conv2d, pitch: int) -> int:
        """Return that it takes one pixel at a time."""
        return 1

    def too_far(self, layer: Conv2d, pitch: int) -> str | None:
        """Say nothing: it never takes more."""
        return None
