"""Spans of memory, and which of their bytes are not written yet."""

from __future__ import annotations

from convgen.bench.run.access import Unwritten, between


def test_what_lies_between_allowed_spans_is_not_allowed() -> None:
    mapped = [(0, 100), (200, 300)]
    assert between([(10, 20), (20, 30), (90, 210)], mapped) == ((0, 10), (30, 90), (210, 300))
    assert between([], mapped) == tuple(mapped)
    assert between([(0, 1000)], mapped) == ()


def test_a_byte_is_unwritten_until_it_is_written() -> None:
    unwritten = Unwritten([(100, 110), (200, 202)])
    unwritten.write(98, 4)
    assert unwritten.first_in(98, 4) is None
    assert unwritten.first_in(100, 4) == 102
    assert unwritten.first_in(150, 8) is None
    unwritten.write(200, 1)
    assert unwritten.first_in(198, 8) == 201
    unwritten.write(201, 100)
    assert unwritten.first_in(198, 8) is None
