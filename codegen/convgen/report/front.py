"""The Pareto front: which of many a person would choose from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

ALIKE = 1.1
"""So many times as much of something makes no difference to a choice."""

T = TypeVar("T")
Needs = tuple[int, ...]


def front(needs: Mapping[T, Needs]) -> set[T]:
    """Return those that no other beats, without those that one of them is as good as.

    To beat is to need less of something and no more of anything; to be as good, no more than
    `ALIKE` times as much of anything. What needs the least of something always counts, or what is
    best in all of what needs about that.
    """
    best = {each: mine for each, mine in needs.items() if not _is_beaten(mine, needs)}
    balanced = sorted(best, key=lambda each: math.prod(max(1, need) for need in best[each]))
    marked: list[T] = []
    for number in range(len(next(iter(best.values()), ()))):
        least = min(mine[number] for mine in best.values())
        marked.append(next(each for each in balanced if best[each][number] <= ALIKE * least))
    for each in balanced:
        if not any(_is_as_good(best[other], best[each]) for other in marked):
            marked.append(each)
    return set(marked)


def _is_beaten(mine: Needs, needs: Mapping[T, Needs]) -> bool:
    return any(
        other != mine and all(a <= b for a, b in zip(other, mine, strict=True))
        for other in needs.values()
    )


def _is_as_good(other: Needs, mine: Needs) -> bool:
    return all(a <= ALIKE * b for a, b in zip(other, mine, strict=True))
