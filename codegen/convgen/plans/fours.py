"""Operators that go element by element: four at a time, which saves most of a loop."""

from __future__ import annotations

from dataclasses import dataclass

AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fours:
    """What ``parts/elements.c.j2`` prints; the first ``fours`` elements go four at a time."""

    elems: int
    fours: int

    @property
    def is_whole(self) -> bool:
        """Whether none is left over."""
        return self.fours == self.elems


def by_fours(elems: int) -> Fours:
    """Return as many fours as there are."""
    return Fours(elems=elems, fours=elems - elems % AT_ONCE)


def one_by_one(elems: int) -> Fours:
    """Return none: of what takes so many instructions that a loop is next to nothing."""
    return Fours(elems=elems, fours=0)
