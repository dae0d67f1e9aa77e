"""How near blocks of which some rows are needed at a time may be to each other."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from convgen.schedule.arena import ALIGN
from convgen.schedule.fusion import _Layout, gaps_between

TURNS = 6
FARTHEST = 10 * ALIGN


def layout(rng: random.Random) -> _Layout:
    """Return some slots; one may never be used."""
    spans = [sorted(rng.randrange(TURNS) for _ in range(2)) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.3:
        spans.append([TURNS, -1])
    born, dead = np.array(spans).T
    starts = np.cumsum([rng.randint(0, 12) for _ in spans])
    return _Layout(starts, starts + np.array([rng.randint(1, 12) for _ in spans]), born, dead)


def needed(one: _Layout, start: int, turn: int) -> set[int]:
    """Return the bytes of *one*, which begins at *start*, that are needed in a turn."""
    return {
        start + byte
        for first, end, born, dead in zip(one.start, one.end, one.born, one.dead, strict=True)
        if born <= turn <= dead
        for byte in range(first, end)
    }


@pytest.mark.parametrize("number", range(40))
def test_a_gap_is_where_bytes_are_needed_by_both(number: int) -> None:
    rng = random.Random(number)  # noqa: S311
    one, other = layout(rng), layout(rng)
    gaps = gaps_between(one, other)
    assert all(end <= start for (_, end), (start, _) in pairwise(gaps))
    for distance in range(-FARTHEST, FARTHEST + 1, ALIGN):
        collides = any(
            needed(one, distance, turn) & needed(other, 0, turn) for turn in range(TURNS)
        )
        assert any(least < distance < most for least, most in gaps) == collides
