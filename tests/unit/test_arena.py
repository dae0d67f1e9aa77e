"""Places in an arena: what is alive at once overlaps only as it may, and nothing is wasted."""

from __future__ import annotations

import random

import pytest

from convgen.schedule.arena import ALIGN, Arena, Block, Overlap, arrange


def block(what: str, size: int, first: int, last: int) -> Block:
    return Block(what=what, bytes=size, first=first, last=last)


def random_blocks(seed: int) -> list[Block]:
    draw = random.Random(seed)  # noqa: S311 - no secret
    firsts = [draw.randrange(30) for _ in range(draw.randrange(1, 40))]
    return [
        block(str(n), draw.randrange(1, 5000), first, first + draw.choice((0, 1, 1, 2, 5)))
        for n, first in enumerate(firsts)
    ]


def most_alive(blocks: list[Block]) -> int:
    """Return the most bytes that are alive at once."""
    return max(
        sum(b.room for b in blocks if b.first <= time <= b.last)
        for time in range(max(b.last for b in blocks) + 1)
    )


def assert_apart(arena: Arena) -> None:
    for number, one in enumerate(arena.places):
        assert one.offset % ALIGN == 0
        assert one.offset >= 0
        assert one.offset + one.block.bytes <= arena.bytes
        for other in arena.places[number + 1 :]:
            if one.block.meets(other.block):
                first, second = sorted((one, other), key=lambda place: place.offset)
                assert first.offset + first.block.bytes <= second.offset


@pytest.mark.parametrize("seed", range(60))
def test_blocks_alive_at_once_are_apart_in_as_few_bytes_as_are_alive(seed: int) -> None:
    blocks = random_blocks(seed)
    bound = most_alive(blocks)
    arena = arrange(blocks, (), bound)
    assert_apart(arena)
    assert arena.bytes == bound


@pytest.mark.parametrize("seed", range(10))
def test_places_are_aligned_below_any_bound(seed: int) -> None:
    blocks = random_blocks(seed)
    assert_apart(arrange(blocks, (), most_alive(blocks) + 3))


def test_a_chain_lies_at_alternate_ends() -> None:
    sizes = (3000, 1000, 2500, 700, 3200, 100)
    blocks = [block(f"t{n}", size, max(0, n - 1), n) for n, size in enumerate(sizes)]
    arena = arrange(blocks, (), bound := most_alive(blocks))
    assert_apart(arena)
    assert arena.bytes == bound


@pytest.mark.parametrize(("above", "below"), [(0, 900), (40, 900), (700, 0), (704, 8)])
def test_an_input_and_an_output_overlap_as_far_as_they_may(above: int, below: int) -> None:
    blocks = [block("in", 800, 0, 1), block("out", 600, 1, 2)]
    overlap = Overlap(input="in", output="out", gaps=((-below, above),))
    least = min(max(above + 800, 600), max(800, below + 600))
    arena = arrange(blocks, [overlap], least)
    distance = arena.offset("in") - arena.offset("out")
    assert distance >= above or -distance >= below
    assert arena.bytes == least


def test_neighbours_that_overlap_do_so_in_a_chain() -> None:
    blocks = [block(f"t{n}", 1000, max(0, n - 1), n) for n in range(9)]
    overlaps = [Overlap(input=f"t{n}", output=f"t{n + 1}", gaps=((-64, 104),)) for n in range(8)]
    assert arrange(blocks, overlaps, 1064).bytes == 1104  # what the wider of both ways takes


def test_the_same_blocks_always_get_the_same_places() -> None:
    blocks = random_blocks(7)
    assert arrange(blocks, (), 0) == arrange(blocks, (), 0)


def test_what_needs_no_bytes_is_placed_too() -> None:
    assert arrange([block("nothing", 0, 0, 0)], (), 0).bytes == 0
    assert arrange([], (), 0) == Arena(bytes=0, places=())
