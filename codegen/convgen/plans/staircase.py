"""Functions of a sum that climb by steps, as one line: ``(multiplier * sum + offset) >> shift``.

What a line must give is known for every sum there can be; all are tried. Halves that are rounded
away from zero need another offset below some sum: the line is bent there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

MOST_SUMS = 2**20
MOST_SHIFT = 44
LEAST_SHIFT = 8
AROUND = (0, 1, -1, 2, -2, 3, -3, 5, -5, 8, -8)
"""Multipliers that are tried, from the nearest to the slope."""
_NONE = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line whose values are clamped afterwards; products and sums take so many ``bits``.

    Sums below ``turn`` have the offset ``lower``, where it is bent.
    """

    multiplier: int
    offset: int
    shift: int
    bits: int
    turn: int = 0
    lower: int | None = None

    @property
    def is_bent(self) -> bool:
        """Whether one offset does not do for all."""
        return self.lower is not None

    @property
    def is_wide(self) -> bool:
        """Whether they need 64."""
        return self.bits == 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Staircase:
    """What each of ``sums`` gives, from ``low`` to ``high``, where they are clamped anyway.

    ``turn`` is the sum on whose sides halves are rounded to different ones.
    """

    sums: Ints
    right: Ints
    low: int
    high: int
    turn: int

    def line(self, slope: float) -> Line | None:
        """Return a line near *slope* that gives every output; None if none is found.

        In 32 bits rather than in 64, straight rather than bent.
        """
        most = int(np.abs(self.sums).max())
        for bits in (32, 64):
            for shift in range(min(MOST_SHIFT, bits - 2), LEAST_SHIFT - 1, -1):
                multiplier, room = round(slope * 2**shift), 2 ** (bits - 1) - (300 << shift)
                if multiplier < 2**31 and multiplier * most < room:
                    if line := self._near(multiplier, shift, bits):
                        return line
                    break
        return None

    def _near(self, multiplier: int, shift: int, bits: int) -> Line | None:
        whole = np.ones(self.sums.shape, bool)
        for more in AROUND:
            offset = self._offset(multiplier + more, shift, bits, whole)
            if offset is not None:
                return Line(multiplier=multiplier + more, offset=offset, shift=shift, bits=bits)
        for more in AROUND:
            below = self.sums < self.turn
            offset = self._offset(multiplier + more, shift, bits, ~below)
            lower = self._offset(multiplier + more, shift, bits, below)
            if offset is not None and lower is not None:
                return Line(
                    multiplier=multiplier + more,
                    offset=offset,
                    shift=shift,
                    bits=bits,
                    turn=self.turn,
                    lower=lower,
                )
        return None

    def _offset(
        self, multiplier: int, shift: int, bits: int, some: NDArray[np.bool_]
    ) -> int | None:
        """Return the middle of the offsets that will do for *some* of the sums, if any does."""
        sums, right = self.sums[some], self.right[some]
        if not sums.size:
            return 0
        products = sums * multiplier
        floor = (right << shift) - products
        room = 2 ** (bits - 1) - 1 - int(np.abs(products).max())
        least = max(int(floor[right > self.low].max(initial=-_NONE)), -room)
        above = floor[right < self.high] + (1 << shift)
        most = min(int(above.min(initial=_NONE)) - 1, room)
        return (least + most) // 2 if least <= most else None
