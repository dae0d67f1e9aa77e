"""Sizes in bytes as people write them: ``64k``, ``1M``, ``65536``."""

from __future__ import annotations

import re
from typing import TypeAlias

from convgen.printable import word

Size: TypeAlias = int | str
"""Bytes: a number, or as people write them."""

_FACTORS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
MOST = 2**48  # far above any memory


def parse_size(text: str) -> int:
    """Return the bytes that *text* stands for; ValueError if it is no size.

    >>> parse_size("64k"), parse_size("1M"), parse_size("65536")
    (65536, 1048576, 65536)
    """
    match = re.fullmatch(r"0*([0-9]+)([kmg]?)", text.strip(), flags=re.IGNORECASE | re.ASCII)
    if match is None:
        raise ValueError(f"expected a size such as 64k, 1M or 65536, got '{word(text)}'")
    # Of more digits than these the first are too many already.
    size = int(match[1][:20]) * _FACTORS[match[2].lower()]
    if size > MOST:
        raise ValueError(f"expected a size of at most {MOST} bytes, got '{word(text)}'")
    return size


def in_bytes(size: Size) -> int:
    """Return the bytes of *size*; ValueError if it is none.

    >>> in_bytes(4096), in_bytes("4k")
    (4096, 4096)
    """
    return parse_size(str(size))


def text_of(size: int) -> str:
    """Return *size* as `parse_size` reads it, as short as it is exact.

    >>> text_of(4096), text_of(3 * 2**20), text_of(1000)
    ('4k', '3M', '1000')
    """
    for unit, letter in ((2**20, "M"), (2**10, "k")):
        if size and size % unit == 0:
            return f"{size // unit}{letter}"
    return str(size)


def whole(text: str) -> int:
    """Return the whole number *text*; ValueError if it is none that anything counts.

    Python reads digits of every script, and underlines, and refuses what is very long.

    >>> whole("-12")
    -12
    """
    if not re.fullmatch(r"-?[0-9]{1,20}", text.strip(), flags=re.ASCII):
        raise ValueError(f"expected a whole number, got '{word(text)}'")
    return int(text)
