"""Sizes in bytes as people write them: ``64k``, ``1M``, ``65536``."""

from __future__ import annotations

import re

_FACTORS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def parse_size(text: str) -> int:
    """Return the bytes that *text* stands for; ValueError if it is no size.

    >>> parse_size("64k"), parse_size("1M"), parse_size("65536")
    (65536, 1048576, 65536)
    """
    match = re.fullmatch(r"([0-9]+)([kmg]?)", text.strip(), flags=re.IGNORECASE | re.ASCII)
    if match is None:
        raise ValueError(f"expected a size such as 64k, 1M or 65536, got {text!r}")
    return int(match[1]) * _FACTORS[match[2].lower()]
