"""One arena for a network: where every tensor and workspace lies, found by search.

Two blocks that are alive at once may not share bytes, but for the input and output of one operator,
which may as far as the order allows in which it reads and stores (`convgen.schedule.overlap`).
Either is an interval in which the distance between two blocks may not be. Blocks are placed one
after the other as low, or as high, as those before them allow; the search is over their order and
over which of them go high, first the orders that mostly do: by size, by time. Neighbours at
alternate ends, as a chain of operators wants it, are one choice of sides.

The problem is dynamic storage allocation (Garey and Johnson, SR2), here with blocks that may
overlap; the search stops at a lower bound that the caller knows.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add

ALIGN = 8
"""Of every block: as much as any core wants of tensors, and of pointers in a workspace."""

AIMS = 6
"""Heights that are aimed at, the bound first."""

TRIES, FEWER_TRIES = 3000, 300
"""Placements that are tried for the bound, and for each other height."""

OFTEN = 0.7  # of the tries put something at the other end


Gaps = tuple[tuple[int, int], ...]
"""Open intervals, none of which meets another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Bytes that are needed from the operator of number ``first`` to that of ``last``."""

    what: str
    bytes: int
    first: int
    last: int

    @property
    def room(self) -> int:
        """Its size as it is placed."""
        return aligned(self.bytes)

    def meets(self, other: Block) -> bool:
        """Whether both are alive at once."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """An input and an output that may share bytes, by their names.

    How far the input begins above the output is in none of the open intervals ``gaps``.
    """

    input: str
    output: str
    gaps: Gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A block, and where it begins."""

    block: Block
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """The places of all blocks in ``bytes`` bytes, and of what lies ``within`` one of these."""

    bytes: int
    places: tuple[Place, ...]
    within: tuple[Place, ...] = ()

    @property
    def align(self) -> int:
        """What its first byte must be a multiple of, for every block to be one."""
        return ALIGN

    @property
    def all(self) -> tuple[Place, ...]:
        """Every place that has a name."""
        return (*self.places, *self.within)

    def offset(self, what: str) -> int:
        """Return where the block *what* begins."""
        return next(place.offset for place in self.all if place.block.what == what)


Limits = Mapping[int, tuple[tuple[int, int, int], ...]]
"""Of each block: others, and open intervals in which it may not begin, counted from theirs."""


def aligned(size: int) -> int:
    """Return *size* as a multiple of `ALIGN`."""
    return -(-size // ALIGN) * ALIGN


def arrange(
    blocks: Sequence[Block], overlaps: Iterable[Overlap], bound: int, *, tries: int = TRIES
) -> Arena:
    """Place *blocks* in as few bytes as the search finds; none needs fewer than *bound*.

    Blocks have names of their own. The result is the same on every machine.
    """
    rooms = [block.room for block in blocks]
    best = _search(blocks, rooms, _limits(blocks, overlaps), aligned(bound), tries)
    return Arena(
        bytes=_height(rooms, best),
        places=tuple(
            Place(block=block, offset=offset) for block, offset in zip(blocks, best, strict=True)
        ),
    )


def apart(input_room: int, output_room: int) -> Gaps:
    """Return the gaps of blocks of these sizes that share no bytes."""
    return ((-input_room, output_room),)


def common(one: Gaps, other: Gaps) -> Gaps:
    """Return what lies in gaps of both.

    >>> common(((-8, 3), (3, 9)), ((-2, 5),))
    ((-2, 3), (3, 5))
    """
    both = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return tuple((least, most) for least, most in both if least < most)


def _limits(blocks: Sequence[Block], overlaps: Iterable[Overlap]) -> Limits:
    closer: dict[tuple[str, str], Gaps] = {}
    for pair in overlaps:
        closer[pair.input, pair.output] = pair.gaps
        closer[pair.output, pair.input] = tuple((-most, -least) for least, most in pair.gaps)
    return {
        number: tuple(
            (other, least, most)
            for other, near in enumerate(blocks)
            if other != number and block.meets(near)
            for least, most in closer.get((block.what, near.what), apart(block.room, near.room))
        )
        for number, block in enumerate(blocks)
    }


@dataclass(frozen=True, slots=True)
class _Placed:
    """A placement: groups in their order, and which of them go high."""

    height: int
    offsets: list[int]
    order: list[int]
    sides: list[bool]

    def by_height(self) -> int:
        """Return what to compare."""
        return self.height


def _search(
    blocks: Sequence[Block], rooms: Sequence[int], limits: Limits, bound: int, tries: int
) -> list[int]:
    """Return the offsets of the best placement of *blocks*, which take *rooms*, that is found.

    What goes high goes below a height that is aimed at: first *bound*, then halfway between what
    was found and what was not.
    """
    too_low = bound
    best = _aimed(blocks, rooms, limits, bound, tries)
    for _ in range(AIMS - 1):
        height = _height(rooms, best)
        if height <= too_low + ALIGN or height <= bound:
            break
        aim = aligned((too_low + height) // 2)
        found = _aimed(blocks, rooms, limits, aim, min(tries, FEWER_TRIES))
        best = min(best, found, key=lambda offsets: _height(rooms, offsets))
        too_low = too_low if _height(rooms, found) <= aim else aim
    return best


def _aimed(
    blocks: Sequence[Block], rooms: Sequence[int], limits: Limits, aim: int, tries: int
) -> list[int]:
    """Return the offsets of the best placement that is found below *aim*, or near it.

    Half of the *tries* are shared by all starts, the others go on from the best that they find.
    """
    draw = random.Random(len(blocks))  # noqa: S311 - no secret
    groups = _groups(blocks, limits)

    def placed(order: list[int], sides: list[bool]) -> _Placed:
        numbers = [(number, sides[group]) for group in order for number in groups[group]]
        offsets = _place(rooms, limits, aim, numbers)
        return _Placed(_height(rooms, offsets), offsets, order, sides)

    def improved(found: _Placed, tries: int) -> _Placed:
        for _ in range(tries):
            if found.height <= aim:
                break
            other = placed(*_changed(found.order, found.sides, draw))
            found = other if other.height <= found.height else found
        return found

    starts = sorted((placed(*start) for start in _starts(blocks, groups)), key=_Placed.by_height)
    share, best = tries // 2 // len(starts), starts[0]
    for start in starts:
        best = min(best, improved(start, share), key=_Placed.by_height)
        if best.height <= aim:
            return best.offsets
    return improved(best, tries - share * len(starts)).offsets


def _groups(blocks: Sequence[Block], limits: Limits) -> list[list[int]]:
    """Return blocks in groups that want one place, each in order of time, and so the groups.

    These are input and output of operators that work in place: they overlap at no distance or
    exactly.
    """
    group = list(range(len(blocks)))
    for number, others in limits.items():
        ends = [(other, least) for other, least, _ in others]
        starts = [(other, most) for other, _, most in others]
        for other, end in ends:
            if end == 0 and (other, 0) in starts:
                group = [group[number] if g == group[other] else g for g in group]
    by_time = sorted(range(len(blocks)), key=lambda n: (blocks[n].first, -blocks[n].room))
    found: dict[int, list[int]] = {}
    for number in by_time:
        found.setdefault(group[number], []).append(number)
    return list(found.values())


def _starts(
    blocks: Sequence[Block], groups: Sequence[Sequence[int]]
) -> list[tuple[list[int], list[bool]]]:
    """Return orders and sides of *groups* to begin with."""
    by_time = list(range(len(groups)))
    sizes = [max(blocks[n].room for n in group) for group in groups]
    by_size = sorted(by_time, key=lambda g: -sizes[g])
    crowds = _crowds(blocks)
    by_crowd = sorted(by_size, key=lambda g: -max(crowds[n] for n in groups[g]))
    low, high = [False] * len(groups), [True] * len(groups)
    lasting = [any(blocks[n].last > blocks[n].first for n in group) for group in groups]
    alternate = [count % 2 == 0 for count in accumulate(lasting)]
    return [
        (order, sides)
        for order in (by_size, by_crowd, by_time, by_time[::-1])
        for sides in (low, alternate, high)
    ]


def _crowds(blocks: Sequence[Block]) -> list[int]:
    """Return for each block the most bytes, of all that are needed, at a time when it is."""
    end = max((block.last for block in blocks), default=-1)
    there = [0] * (end + 2)
    for block in blocks:
        there[block.first] += block.room
        there[block.last + 1] -= block.room
    needed = list(accumulate(there))
    return [max(needed[block.first : block.last + 1]) for block in blocks]


def _changed(
    order: list[int], sides: list[bool], draw: random.Random
) -> tuple[list[int], list[bool]]:
    """Return *order* with one or two groups at another time, and mostly another side for one."""
    order, sides = list(order), list(sides)
    for _ in range(draw.choice((1, 1, 2))):
        group = order.pop(draw.randrange(len(order)))
        order.insert(draw.randrange(len(order) + 1), group)
    group = draw.randrange(len(sides))
    sides[group] ^= draw.random() < OFTEN
    return order, sides


def _place(
    rooms: Sequence[int], limits: Limits, top: int, order: Iterable[tuple[int, bool]]
) -> list[int]:
    """Return offsets of blocks of these *rooms*, in *order*: numbers, and which go to *top*."""
    placed: list[int | None] = [None] * len(rooms)
    for number, is_high in order:
        forbidden = sorted(
            (offset + least, offset + most)
            for other, least, most in limits[number]
            if (offset := placed[other]) is not None
        )
        place = _lowest(forbidden)
        if is_high:
            place = _highest(forbidden, top - rooms[number], place)
        placed[number] = place
    return [offset or 0 for offset in placed]


def _lowest(forbidden: Sequence[tuple[int, int]]) -> int:
    """Return the lowest offset in none of the open intervals *forbidden*, which are sorted."""
    place = 0
    for least, most in forbidden:
        if least < place < most:
            place = most
    return place


def _highest(forbidden: Sequence[tuple[int, int]], highest: int, lowest: int) -> int:
    """Return the highest free offset up to *highest*, or *lowest* where there is none."""
    place = highest
    for least, most in sorted(forbidden, key=lambda interval: -interval[1]):
        if least < place < most:
            place = least
    return place if place > lowest else lowest


def _height(rooms: Sequence[int], offsets: Sequence[int]) -> int:
    return max(map(add, rooms, offsets), default=0)
