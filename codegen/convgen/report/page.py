"""Sentences and tables for people: drawn by rich on a terminal, plain text elsewhere.

What is piped needs no more than columns of one width, so rich is loaded for a terminal only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

GAP = "  "  # between two columns


@dataclass(frozen=True, slots=True)
class Styled:
    """Text in a style of rich's."""

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A line of text, some parts of which are styled."""

    parts: tuple[str | Styled, ...]


Cell = str | Styled


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    justify: Literal["left", "right"]
    overflow: Literal["fold", "ellipsis"]
    no_wrap: bool


@dataclass(slots=True)
class Table:
    """Rows of cells under headings."""

    show_header: bool = True
    columns: list[_Column] = field(default_factory=list)
    rows: list[tuple[tuple[Cell, ...], str]] = field(default_factory=list)

    def add_column(
        self,
        heading: str,
        justify: Literal["left", "right"] = "left",
        overflow: Literal["fold", "ellipsis"] = "ellipsis",
        *,
        no_wrap: bool = False,
    ) -> None:
        """Add a column; how its cells are cut where a terminal is too narrow."""
        self.columns.append(_Column(heading, justify, overflow, no_wrap))

    def add_row(self, *cells: Cell, style: str = "") -> None:
        """Add a row: a cell for each column."""
        self.rows.append((cells, style))


def sentence(*parts: str | Styled) -> Sentence:
    """Return a line of *parts*, one behind the other."""
    return Sentence(parts)


def printed(*parts: str | Sentence | Table) -> str:
    """Return the text of *parts*: coloured for a terminal, plain when piped."""
    text = _drawn(parts) if sys.stdout.isatty() else "\n".join(map(_plain, parts))
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _plain(part: str | Sentence | Table) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Sentence):
        return "".join(map(_text, part.parts))
    return "\n".join(_lines(part))


def _lines(table: Table) -> Iterator[str]:
    rows = [tuple(column.heading for column in table.columns)] if table.show_header else []
    rows += [tuple(map(_text, cells)) for cells, _ in table.rows]
    widths = [max(map(_cells, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (
            cell + room if column.justify == "left" else room + cell
            for column, cell, width in zip(table.columns, row, widths, strict=True)
            for room in (" " * (width - _cells(cell)),)
        )
        yield GAP.join(padded)


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def _cells(text: str) -> int:
    """Return how wide *text* is: some characters take the room of two, some take none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _drawn(parts: tuple[str | Sentence | Table, ...]) -> str:
    from rich.console import Console

    console = Console(highlight=False)
    with console.capture() as text:
        for part in parts:
            console.print(_rich_table(part) if isinstance(part, Table) else _rich(part))
    return text.get()


def _rich(part: Cell | Sentence) -> Any:
    from rich.text import Text

    parts = part.parts if isinstance(part, Sentence) else (part,)
    return Text.assemble(*(p if isinstance(p, str) else (p.text, p.style) for p in parts))


def _rich_table(table: Table) -> Any:
    from rich import box
    from rich.table import Table as Drawn

    drawn = Drawn(box=box.SIMPLE_HEAD, pad_edge=False, show_header=table.show_header)
    for column in table.columns:
        drawn.add_column(
            column.heading,
            justify=column.justify,
            overflow=column.overflow,
            no_wrap=column.no_wrap,
        )
    for cells, style in table.rows:
        drawn.add_row(*map(_rich, cells), style=style or None)
    return drawn
