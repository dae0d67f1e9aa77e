"""The loops over output rows: written once, in both directions, for all rows and for bands."""

from __future__ import annotations

import pytest

from convgen.ctext.expressions import NOTHING
from convgen.sources.rows import Rows


@pytest.mark.parametrize(
    ("backwards", "head"),
    [
        (False, "for (int32_t out_row = first; out_row < last; ++out_row) {"),
        (True, "for (int32_t out_row = last - 1; out_row >= first; --out_row) {"),
    ],
)
def test_a_band_goes_in_the_direction_of_the_order(backwards: bool, head: str) -> None:
    assert Rows(by_rows=True, backwards=backwards).each() == head


def test_pointers_move_behind_what_is_done_or_before_it() -> None:
    forwards, backwards = (Rows(by_rows=False, backwards=way) for way in (False, True))
    assert forwards.before(output="OUT_C") == backwards.after(output="OUT_C") == NOTHING
    assert forwards.after(output="OUT_C", pixel=1) == "output += OUT_C;\n++pixel;"
    assert backwards.before(output="OUT_C", pixel=1) == "output -= OUT_C;\n--pixel;"


def test_only_a_band_says_where_its_rows_lie() -> None:
    all_rows, band = (Rows(by_rows=by_rows, backwards=False) for by_rows in (False, True))
    assert (all_rows.at("row"), band.at("row")) == ("row", "(row - input_row)")
    assert (all_rows.parameter, band.parameter) == ("", "int32_t input_row, ")
