"""Who goes on when, and how long the place of each row is needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convgen.schedule.flow import Flow, Part, Reading, Store, settle


def operator(number: int, rows: int, makes: str, *readings: Reading, step: int = 1) -> Part:
    return Part(
        number=number,
        plan=None,
        rows=rows,
        step=step,
        by_rows=True,
        readings=readings,
        makes=(makes,),
    )


def window(tensor: str, height: int, *, stride: int = 1, pad: int = 0, reach: int = 3) -> Reading:
    return Reading(tensor=tensor, height=height, stride=stride, pad=pad, reach=reach)


def store(
    name: str, height: int, capacity: int, *, given: bool = False, kept: bool = False
) -> Store:
    return Store(
        tensors=(name,),
        leads=(0,),
        shifts=(0,),
        excesses=(0,),
        height=height,
        pitch=4,
        capacity=capacity,
        is_given=given,
        is_kept=kept,
    )


def chain(height: int, stride: int = 1) -> Flow:
    """Two windows of three rows, the second with a *stride*, padded as "same" is."""
    rows = -(-height // stride)
    pad = max((rows - 1) * stride + 3 - height, 0) // 2
    parts = [
        operator(0, height, "b", window("a", height, pad=1)),
        operator(1, rows, "c", window("b", height, stride=stride, pad=pad)),
    ]
    stores = [
        store("a", height, height, given=True),
        store("b", height, min(3, height)),
        store("c", rows, rows, kept=True),
    ]
    return settle(parts, stores)


def test_the_one_furthest_ahead_goes_on() -> None:
    flow = chain(4)
    assert [(turn.part, turn.row) for turn in flow.turns] == [
        (0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (0, 3), (1, 2), (1, 3),
    ]  # fmt: skip
    assert flow.store_of["b"].capacity == 3
    assert flow.waits == frozenset()
    assert flow.moved == 4 * 2  # rows 1 and 2 as row 3 comes


def test_a_row_is_needed_until_it_is_moved() -> None:
    """The last row of a ring is read for the last time, by a window, some turns before."""
    flow = chain(6, stride=2)
    _, dead = flow.times["b"]
    moves = [time for time, turn in enumerate(flow.turns) if turn.part == 0 and turn.row in (3, 5)]
    assert dead[2] >= max(moves)


def test_a_branch_that_waits_makes_a_ring_grow() -> None:
    """What is added to what comes behind two windows is kept meanwhile."""
    height = 9
    one, other = window("a", height, reach=1), window("c", height, reach=1)
    parts = [
        operator(0, height, "a", window("x", height, pad=1)),
        operator(1, height, "b", window("a", height, pad=1)),
        operator(2, height, "c", window("b", height, pad=1)),
        operator(3, height, "d", one, other),
    ]
    stores = [
        store("x", height, height, given=True),
        store("a", height, 1),
        store("b", height, 3),
        store("c", height, 1),
        store("d", height, height, kept=True),
    ]
    flow = settle(parts, stores)
    assert {s.name: s.capacity for s in flow.stores if not s.is_whole} == {"a": 3, "b": 3, "c": 1}
    last = {k: max(t.row for t in flow.turns if t.part == k) for k in range(4)}
    assert last == dict.fromkeys(range(4), height - 1)


def test_a_caller_does_not_hand_in_rows_for_which_there_is_no_use_yet() -> None:
    """A ring of small rows grows no faster than what everything waits for."""
    height = 9
    caller = operator(-1, height, "x")
    parts = [
        caller,
        operator(0, height, "a", window("x", height, pad=1)),
        operator(1, height, "b", window("a", height, pad=1)),
        operator(2, height, "d", window("b", height, reach=1), window("a", height, reach=1)),
    ]
    stores = [
        replace(store("x", height, 3), pitch=1),
        replace(store("a", height, 2), pitch=100),
        store("b", height, 1),
        store("d", height, height, kept=True),
    ]
    flow = settle(parts, stores)
    assert {s.name: s.capacity for s in flow.stores if not s.is_whole} == {"x": 3, "a": 3, "b": 1}


def test_several_rows_a_turn() -> None:
    height = 7
    parts = [
        operator(0, height, "b", window("a", height, pad=1)),
        operator(1, height, "c", window("b", height, pad=1), step=4),
    ]
    stores = [
        store("a", height, height, given=True),
        store("b", height, 3),
        store("c", height, height, kept=True),
    ]
    flow = settle(parts, stores)
    assert flow.store_of["b"].capacity == 5  # rows -1 to 4, of which one is padding, at first
    assert [turn.row for turn in flow.turns if turn.part == 1] == [0, 4]


@pytest.mark.parametrize("row", range(5))
def test_what_a_window_reads(row: int) -> None:
    for stride, pad, reach in ((1, 1, 3), (2, 0, 3), (3, 2, 2), (1, 6, 3), (2, 1, 9)):
        reading = window("a", 6, stride=stride, pad=pad, reach=reach)
        rows = [r for r in range(row * stride - pad, row * stride - pad + reach) if 0 <= r < 6]
        if rows:
            assert (reading.first(row), reading.end(row + 1)) == (rows[0], rows[-1] + 1)


def test_a_wide_row_needs_what_lies_beyond_a_narrow_one_in_its_place() -> None:
    """The narrow one begins where the wide one does."""
    both = replace(
        store("narrow", 4, 1),
        tensors=("wide", "narrow"),
        leads=(0, 0),
        shifts=(0, 0),
        excesses=(8, 0),
    )
    assert (both.bytes, both.slots) == (12, 3)
    assert (both.beyond("wide"), both.beyond("narrow")) == (2, 0)


def test_a_stage_that_can_never_go_on_says_so() -> None:
    """Somebody makes one row of a tensor of which another reads two."""
    parts = [
        operator(0, 1, "a", window("x", 1, reach=1)),
        operator(1, 1, "b", window("a", 2, reach=2)),
    ]
    stores = [
        store("x", 1, 1, given=True),
        store("a", 2, 2),
        store("b", 1, 1, kept=True),
    ]
    with pytest.raises(ValueError, match="stands still"):
        settle(parts, stores)
