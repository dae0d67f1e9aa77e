from __future__ import annotations

import pytest

from convgen.size import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("64k", 65536), ("64K", 65536), ("1M", 1048576), ("1g", 2**30), (" 7 ", 7), ("0", 0)],
)
def test_a_size_is_a_number_and_a_letter(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["64q", "", "k", "-1", "1.5k", "1 k", "64kb", "\u0661"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size such as 64k, 1M or 65536, got "):
        parse_size(text)
