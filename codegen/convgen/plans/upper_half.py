"""Outputs of int16 by the upper half of one product, equal to TensorFlow Lite's for every sum.

With a multiplier ``m`` and a shift ``s`` to the right, its single rounding is
``(sum * m + 2**(s - 1)) >> s``. Times ``2**k``, with ``e = s + k - 32`` at least 1, that is
``(sum * (m << k) + 2**(31 + e)) >> (32 + e)``; the addend is a multiple of 2^32, so that

    (((sum * (m << k)) >> 32) + 2**(e - 1)) >> e

is the same, not only nearly: ``SMMLA`` and a shift. Double rounding is ``SMMULR`` of twice the sum,
its first step, less one where negative, and the same addend and shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.conv2d import Conv2d
from convgen.plans.constant import Constant
from convgen.plans.output import Requantize, step_by_step
from convgen.refusal import Refusal, needs

INT16 = np.iinfo(np.int16)
COARSER = "outputs at least four times as coarse as sums"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpperHalf:
    """``multiplier``, ``addend`` and ``shift`` of each channel, ``[out_c]`` each, int64.

    ``twice``: a sum is doubled, and its product rounded, before one is taken from what is negative.
    ``rounding`` is TensorFlow Lite's name for what it equals; outputs are from ``least`` to
    ``most``.
    """

    rounding: str
    least: int
    most: int
    multiplier: NDArray[np.int64]
    addend: NDArray[np.int64]
    shift: NDArray[np.int64]
    twice: bool

    form: ClassVar[str] = "upper half"
    finishes: ClassVar[bool] = True
    constants: ClassVar[tuple[Constant, ...]] = ()

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        return f"{self.rounding} rounding, exactly, as one multiplication per channel"

    @property
    def limits(self) -> dict[str, int]:
        """The ends of the range that are no saturation's, by what is beyond: ``lt`` or ``gt``."""
        ends = {"lt": (self.least, (0, INT16.min)), "gt": (self.most, (INT16.max,))}
        return {beyond: end for beyond, (end, usual) in ends.items() if end not in usual}

    @property
    def saturation(self) -> str:
        """The instruction that saturates ``{r}``, but for a shift: to 16 bits, or 15 unsigned."""
        return "usat {r}, #15, {r}" if self.least == 0 else "ssat {r}, #16, {r}"

    @property
    def extras(self) -> tuple[str, ...]:
        """Shifts of channels' own, two roundings, limits: what takes more than usual."""
        own = ("shifts",) if self.own_shifts else ()
        return (*own, *(("twice",) if self.twice else ()), *self.limits)

    @property
    def line_words(self) -> int:
        """Constants that finish a sum."""
        return 2 + self.own_shifts

    def words(self, some: slice) -> NDArray[np.int64]:
        """Return the constants of *some* channels: multipliers, addends, shifts of their own."""
        each = [self.multiplier, self.addend, *([self.shift] if self.own_shifts else [])]
        return np.stack([constants[some] for constants in each], axis=1).reshape(-1)

    @property
    def own_shifts(self) -> bool:
        """Whether channels are shifted by different numbers."""
        return bool((self.shift != self.shift[0]).any())


def upper_half(layer: Conv2d) -> UpperHalf | Refusal:
    """Return how the outputs of an int16 *layer* come of upper halves, or why they do not."""
    usual = step_by_step(layer)
    if not isinstance(usual, Requantize):
        raise AssertionError("layers of int16 are quantised")
    out_c = layer.geometry.out_c
    multiplier = np.resize(usual.multiplier, out_c).astype(np.int64)
    right = np.resize(usual.shift, out_c).astype(np.int64)
    low, high = layer.accumulator_range
    largest = np.maximum(-low, high)
    twice = usual.form == "double_right"
    if twice and largest.max() >= 2**30:
        return Refusal(needs("sums below 2^30", f"has sums of up to {largest.max():,}"))
    if not twice:
        found = _once(multiplier, right, largest) if usual.multiplies_wide else None
        if found is None:
            return Refusal(needs(COARSER, "has finer ones"))
        multiplier, right = found
    return UpperHalf(
        rounding=usual.rounding,
        least=usual.least,
        most=usual.most,
        multiplier=multiplier,
        addend=np.int64(1) << (right - 1),
        shift=right,
        twice=twice,
    )


def _once(
    multiplier: NDArray[np.int64], right: NDArray[np.int64], largest: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Return multipliers and shifts: the same shift if multipliers still fit, else each its own."""
    own = np.maximum(right - 32, 1)
    for shift in (np.full_like(own, own.max()), own):
        scaled = multiplier << np.minimum(32 + shift - right, 32)
        if scaled.max() < 2**31 and _fit(largest, scaled, shift):
            return scaled, shift
    return None


def _fit(
    largest: NDArray[np.int64], multiplier: NDArray[np.int64], shift: NDArray[np.int64]
) -> bool:
    """Whether products, with what is added to their upper half, stay in 64 bits."""
    each = zip(largest.tolist(), multiplier.tolist(), shift.tolist(), strict=True)
    return all(most * by + 2 ** (31 + bits) < 2**63 for most, by, bits in each)
