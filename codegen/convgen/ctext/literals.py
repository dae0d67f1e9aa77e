"""Python values as C text: the Jinja filters."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen import printable
from convgen.ctext.identifiers import INFIX

CTYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "float32": "float",
}
LINE = 96
MOST_COMMENT = 4000  # characters of a paragraph
# A line's macro, and a word that begins with a capital. `re` skips to the letters that a pattern
# begins with, but not past an assertion: with it behind them both take a third of the time.
DEFINED = r"#define (?<=^#define )(\w+)"
CAPITALISED = r"[A-Z](?<!\w[A-Z])\w*"


def integer(value: int) -> str:
    """Return *value* as a C int constant.

    >>> integer(-2147483648)
    '(-2147483647 - 1)'
    """
    value = int(value)
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def floating(value: float) -> str:
    """Return *value* as a C float constant that reads back as the same float32.

    >>> floating(np.float32(0.1)), floating(6.0)
    ('0.1f', '6.0f')
    """
    number = np.float32(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} has no C constant")
    text = str(number)
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def number(value: Any) -> str:
    """Return a numpy or Python scalar as a C constant of its kind."""
    if isinstance(value, (float, np.floating)):
        return floating(float(value))
    return integer(value)


def word(value: int) -> str:
    """Return a word of 32 bits as a C constant.

    >>> word(255)
    '0x000000ff'
    """
    return f"0x{value:08x}"


def array(values: NDArray[Any]) -> str:
    """Return the elements of *values* as an initialiser's lines, without the braces.

    They may have any shape; the last axis runs fastest.
    """
    words = values.dtype == np.uint32  # several values packed: of use only in hexadecimal
    shown: Callable[[Any], str] = word if words else number
    numbers = list(map(shown, values.reshape(-1).tolist()))
    per_line = max(1, LINE // (max(map(len, numbers)) + 2))
    lines = [numbers[start : start + per_line] for start in range(0, len(numbers), per_line)]
    return ",\n".join(f"    {', '.join(line)}" for line in lines)


def ctype(dtype: str) -> str:
    """Return the C type of a numpy dtype's name.

    >>> ctype("int8")
    'int8_t'
    """
    return CTYPES[str(dtype)]


def macro(name: str) -> str:
    """Return *name* in the case of macros."""
    return name.upper()


def comment(lines: Iterable[str]) -> str:
    """Return *lines* as the wrapped lines inside a block comment, which none of them ends.

    >>> comment(["mine */ .incbin"])
    ' * mine * / .incbin'
    """
    wrapped = (_wrapped(_inert(line)) for line in lines)
    return "\n".join(f" * {line}".rstrip() for part in wrapped for line in part)


def _wrapped(text: str) -> list[str]:
    """Return the lines of *text*, which has no control characters."""
    if len(text) <= LINE and text == text.strip():  # as most are: wrapping would change nothing
        return [text]
    return textwrap.wrap(text, LINE, subsequent_indent="  ", break_long_words=False) or [""]


def _inert(text: str) -> str:
    """Return *text* without what a comment's end, a trigraph or the next line could be made of."""
    shown = printable.word(text, MOST_COMMENT).replace("*/", "* /").replace("/*", "/ *")
    return shown.replace("??/", "?? /").removesuffix("\\")


def operand(value: Any) -> str:
    """Return a number as a macro of it must stand for it.

    >>> operand(5), operand(-5), operand(0.5)
    ('5', '(-5)', '0.5f')
    """
    text = number(value)
    return f"({text})" if text.startswith("-") else text


def owned(text: str, name: str) -> str:
    """Return *text* with the name of the layer before every macro that it defines and uses.

    Whatever macros a firmware or another layer has, none is defined twice or undefined.

    >>> print(owned("#define SIDE 3\\n#define TAPS 9\\nint area = SIDE * SIDE;", "stem"))
    #define STEM__SIDE 3
    int area = STEM__SIDE * STEM__SIDE;
    """
    text = _without_unused(text)
    defined = re.findall(DEFINED, text, re.MULTILINE)
    prefix = f"{macro(name)}{INFIX}"
    names = {name for name in defined if INFIX not in name}  # others are some operator's already
    return re.sub(
        CAPITALISED,
        lambda found: f"{prefix}{found[0]}" if found[0] in names else found[0],
        text,
    )


def _without_unused(text: str) -> str:
    """Return *text* without one-line macros that no code uses, nor a macro that is left."""
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    uses = set(re.findall(CAPITALISED, re.sub(r"#define \w+", "", code)))
    left = re.sub(
        rf"{DEFINED}\b(?!.*\\$).*\n",
        lambda found: found[0] if found[1] in uses else "",
        text,
        flags=re.MULTILINE,
    )
    return left if left == text else _without_unused(left)


FILTERS: dict[str, Callable[..., str]] = {
    "array": array,
    "comment": comment,
    "ctype": ctype,
    "integer": integer,
    "macro": macro,
    "number": number,
    "operand": operand,
    "owned": owned,
}
