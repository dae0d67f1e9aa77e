"""Refusals as values, and their sentence: what is needed, and what there is instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """That something cannot be done, where it might have been: ``reason`` says in a sentence why.

    The sentence goes on after the name of what refuses, as `needs` makes it.
    """

    reason: str


def needs(what: str, found: str, whose: str = "layer") -> str:
    """Return why *whose* is refused: *what* is needed, and what it has or is.

    >>> needs("a 3x3 kernel", "has 5x5")
    'needs a 3x3 kernel; this layer has 5x5'
    """
    return f"needs {what}; this {whose} {found}"


def counted(count: int, thing: str) -> str:
    """Return how many there are.

    >>> counted(1, "group"), counted(1200, "group")
    ('1 group', '1,200 groups')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
