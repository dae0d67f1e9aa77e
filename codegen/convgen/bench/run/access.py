"""Which bytes of memory a call of the layer may read and write: spans, and what lies between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

Span = tuple[int, int]
"""The first byte, and the one after the last."""


class Fault(IntEnum):
    """What is wrong with an access."""

    READ = 0
    WRITE = 1
    READ_UNWRITTEN = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What a call must not touch, and what it must write before it reads it."""

    unreadable: tuple[Span, ...]
    unwritable: tuple[Span, ...]
    unwritten: tuple[Span, ...] = ()


def between(allowed: Iterable[Span], mapped: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans of *mapped* that are not *allowed*."""
    left = sorted(mapped)
    for start, end in allowed:
        left = [part for whole in left for part in _without(whole, start, end)]
    return tuple(left)


def _without(whole: Span, start: int, end: int) -> list[Span]:
    parts = ((whole[0], min(whole[1], start)), (max(whole[0], end), whole[1]))
    return [part for part in parts if part[0] < part[1]]


class Unwritten:
    """The bytes of some spans that nothing has written yet."""

    def __init__(self, spans: Sequence[Span]) -> None:
        """Begin with all of *spans* unwritten."""
        self._first = min((start for start, _ in spans), default=0)
        self._known = bytearray(b"\1") * (max((end for _, end in spans), default=0) - self._first)
        for start, end in spans:
            self._known[start - self._first : end - self._first] = bytes(end - start)

    def write(self, address: int, size: int) -> None:
        """Note that *size* bytes at *address* are written."""
        start, end = max(0, address - self._first), max(0, address + size - self._first)
        end = min(end, len(self._known))
        self._known[start:end] = b"\1" * (end - start)

    def first_in(self, address: int, size: int) -> int | None:
        """Return the address of the first unwritten byte of *size* at *address*."""
        start, end = max(0, address - self._first), max(0, address + size - self._first)
        found = self._known.find(0, start, end)
        return None if found < 0 else self._first + found
