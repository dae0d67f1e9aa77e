"""Numbers, tables and paragraphs as `paper` prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill

WIDTH = 140


def wrapped(block: str) -> str:
    """Return a paragraph or a list with lines of the usual length, anything else as it is."""
    if block.startswith(("#", "|")):
        return block
    if block.startswith("- "):
        return "\n".join(_fill(f"- {item}", "  ") for item in block[2:].split("\n- "))
    return _fill(block, "")


def _fill(text: str, indent: str) -> str:
    text = " ".join(text.split())
    return fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; all columns but the first are numbers."""
    head, *lines = (f"| {' | '.join(row)} |" for row in (heads, *rows))
    return "\n".join([head, f"|---|{'--:|' * (len(heads) - 1)}", *lines])


def code(names: Iterable[str]) -> list[str]:
    """Return names as code."""
    return [f"`{name}`" for name in names]


def exact(count: int) -> str:
    """Return all digits."""
    return f"{count:,}"


def mib(size: int) -> str:
    """Return bytes in MiB."""
    return f"{size / 2**20:.2f}"


def percent(ratio: float) -> str:
    """Return a difference, signed.

    >>> percent(-0.1234), percent(0.02), percent(-0.0001)
    ('-12.3 %', '+2.0 %', '+0.0 %')
    """
    return f"{round(100 * ratio, 1) + 0.0:+.1f} %"


def ends(ratios: Mapping[str, float]) -> tuple[str, str]:
    """Return the least and the greatest difference, and where they are."""
    if not ratios:
        return "not measured", "not measured"
    low, high = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
    return f"{percent(ratios[low])} ({low})", f"{percent(ratios[high])} ({high})"


def span(ratios: Mapping[str, float]) -> str:
    """Return the range of the differences."""
    return " to ".join(ends(ratios))


def times(ratios: Mapping[str, float]) -> str:
    """Return the range of factors."""
    return f"{min(ratios.values()):.2g} to {max(ratios.values()):.2g}"
