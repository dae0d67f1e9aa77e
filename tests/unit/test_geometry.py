"""Which rows of the image output rows read."""

from __future__ import annotations

from convgen.model.geometry import Geometry
from random_layers import MIXED, drawn


def read(g: Geometry, first: int, last: int) -> list[int]:
    """The rows inside the image under any tap of these output rows, one by one."""
    rows, _ = g.tap_positions()
    return sorted({row for row in rows[first:last].ravel().tolist() if 0 <= row < g.in_h})


def test_the_rows_needed_reach_from_the_first_read_to_the_last() -> None:
    for layer in drawn(MIXED, 60, 3):
        g = layer.geometry
        for first in range(g.out_h):
            for last in range(first + 1, g.out_h + 1):
                needed, under_taps = g.rows_needed(first, last), read(g, first, last)
                assert set(under_taps) <= set(needed)
                if under_taps and g.dilation_h == 1:
                    assert (needed[0], needed[-1]) == (under_taps[0], under_taps[-1])
        assert set(g.rows_needed(0, g.out_h)) <= set(range(g.in_h))
