"""Operators that write their output in order: how far an input must lie above it.

An input that begins so far above the output, or farther, is read before it is overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

INDICES = ("i", "j", "k", "l", "m", "n")
"""Of loops, outermost first."""


def distance_above(source: Ints, target: Ints) -> int:
    """Return how many elements or more above the output the input must begin.

    Elements *source* of it are read, in that order, to make what begins at *target*.

    >>> distance_above(np.array([0, 0, 1, 1]), np.arange(4))
    2
    """
    read_later = np.minimum.accumulate(source[::-1])[::-1]
    return max(0, int((target - read_later).max()))


def places(base: int, axes: Iterable[tuple[int, int]]) -> Ints:
    """Return where the elements are that loops over *axes*, of counts and strides, come by."""
    found = np.array([base])
    for count, stride in axes:
        found = (found[:, None] + np.arange(count) * stride).reshape(-1)
    return found
