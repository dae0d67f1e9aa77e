"""What a byte of flash is worth in instructions.

Where there is not enough of it, more than where there is. For the least RAM plans count as equal
whose instructions differ by next to nothing: of these the one with the least flash is taken.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import TypeVar

PRICES = (0.0, *(2.0**power for power in range(-3, 9)), 1e3, 1e4, 1e6)
"""Instructions for a byte; the last is the least flash, whatever that takes."""

SAME_INSTRUCTIONS = 0.02
"""The share of a network's instructions that makes no difference where RAM is what counts."""

Found = TypeVar("Found")


def leaner(
    fastest: Found, at: Callable[[float], Found], instructions: Callable[[Found], int]
) -> Found:
    """Return what is best *at* the highest price that takes hardly more than the *fastest*."""
    most = instructions(fastest) * (1 + SAME_INSTRUCTIONS)
    too_slow = bisect_left(PRICES, True, key=lambda price: instructions(at(price)) > most)
    return at(PRICES[too_slow - 1]) if too_slow else fastest


def fitting(at: Callable[[float], Found], fits: Callable[[Found], bool]) -> float | None:
    """Return the lowest price *at* which what is best *fits*, None if there is none."""
    place = bisect_left(PRICES, True, key=lambda price: fits(at(price)))
    return PRICES[place] if place < len(PRICES) else None
