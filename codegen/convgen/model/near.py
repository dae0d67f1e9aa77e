"""Values and how far float32 arithmetic may be from them, through one operation after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNIT = 2.0**-24  # to which float32 rounds
SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Near:
    """What is at most ``error`` away from ``value``, in the same shape."""

    value: Floats
    error: Floats

    @classmethod
    def of(cls, values: NDArray[Any], errors: NDArray[Any]) -> Near:
        """Return them in float64."""
        return cls(values.astype(np.float64), errors.astype(np.float64))

    @classmethod
    def stack(cls, parts: Sequence[Near], axis: int) -> Near:
        """Return *parts* along a new axis."""
        values, errors = ([each.value for each in parts], [each.error for each in parts])
        return cls(np.stack(values, axis), np.stack(errors, axis))

    @classmethod
    def joined(cls, parts: Sequence[Near]) -> Near:
        """Return *parts* one after the other, along the last axis."""
        values, errors = ([each.value for each in parts], [each.error for each in parts])
        return cls(np.concatenate(values, axis=-1), np.concatenate(errors, axis=-1))

    def split(self, count: int) -> Iterator[Near]:
        """Yield *count* parts of the last axis."""
        return map(Near, *(np.split(each, count, axis=-1) for each in (self.value, self.error)))

    def __getitem__(self, index: Any) -> Near:
        """Return a part of it."""
        return Near(self.value[index], self.error[index])

    def __add__(self, other: Near) -> Near:
        """Return the sum, rounded."""
        return Near(self.value + other.value, self.error + other.error)._to_float32()

    def __mul__(self, other: Near) -> Near:
        """Return the product, rounded."""
        one, two = np.abs(self.value), np.abs(other.value)
        error = one * other.error + self.error * two + self.error * other.error
        return Near(self.value * other.value, error)._to_float32()

    def _to_float32(self) -> Near:
        return Near(self.value, self.error + UNIT * (np.abs(self.value) + self.error))

    def products(self, weights: Floats, bias: Floats | float) -> Near:
        """Return sums over the last axis with exact *weights* ``[out, in]``, in any order."""
        sizes = np.abs(self.value) + self.error
        each = UNIT * (sizes @ np.abs(weights).T + np.abs(bias))
        error = self.error @ np.abs(weights).T + (weights.shape[1] + 2) * each
        return Near(self.value @ weights.T + bias, error)

    def through(self, function: Callable[[Floats], Floats]) -> Near:
        """Return an exact *function* that never falls of it: as near as those of both ends."""
        value = function(self.value)
        low, high = function(self.value - self.error), function(self.value + self.error)
        return Near(value, np.maximum(high - value, value - low))

    def curve(self, function: Callable[[Floats], Floats]) -> Near:
        """Return the same of a *function* with exponentials, which has an error of its own."""
        found = self.through(function)
        return Near(found.value, found.error + 8 * UNIT * np.abs(found.value) + SLACK)
