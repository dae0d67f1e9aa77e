"""Sentences and tables for people, as wide as their terminal: no word is cut, no name left out.

What is piped has no width, unless COLUMNS says one. rich measures, breaks and colours lines; where
there is no width plain text needs none of it, so that it is not even loaded.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from convgen.system.streams import NARROWEST

if TYPE_CHECKING:
    from rich.text import Text

GAP = "  "  # between two columns
INDENT = 4  # of what goes on in another line
ROOM = 24  # columns in which a sentence beside others can be read


@dataclass(frozen=True, slots=True)
class Styled:
    """Text in a style of rich's."""

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A line of text, some parts of which are styled."""

    parts: tuple[str | Styled, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """What can be typed into a shell, in several lines too."""

    text: str


Cell = str | Styled


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    justify: Literal["left", "right"]


@dataclass(slots=True)
class TextTable:
    """Rows of cells under headings. Only in the last column there may be sentences."""

    show_header: bool = True
    columns: list[_Column] = field(default_factory=list)
    rows: list[tuple[tuple[Cell, ...], str]] = field(default_factory=list)

    def add_column(self, heading: str, justify: Literal["left", "right"] = "left") -> None:
        """Add a column."""
        self.columns.append(_Column(heading, justify))

    def add_row(self, *cells: Cell, style: str = "") -> None:
        """Add a row: a cell for each column."""
        self.rows.append((cells, style))


Part = str | Sentence | Command | TextTable


def sentence(*parts: str | Styled) -> Sentence:
    """Return a line of *parts*, one behind the other."""
    return Sentence(parts)


def printed(*parts: Part) -> str:
    """Return the text of *parts* for standard output, coloured and broken as is good there."""
    width = shutil.get_terminal_size(fallback=(0, 0)).columns
    if width or sys.stdout.isatty():
        return _drawn(parts, max(width, NARROWEST))
    return plain(*parts)


def plain(*parts: Part) -> str:
    """Return the text of *parts* as for a file: no colours, and lines as long as they are."""
    lines = (line for part in parts for line in _plain(part).splitlines())
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _plain(part: Part) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Sentence):
        return "".join(map(_text, part.parts))
    if isinstance(part, Command):
        return f"{' ' * INDENT}{part.text}"
    return "\n".join(_plain_rows(part))


def _plain_rows(table: TextTable) -> Iterator[str]:
    widths = _widths(table)
    for row, _ in _all_rows(table):
        cells = zip(row, table.columns, widths, strict=True)
        yield GAP.join(_padded(cell, column, width) for cell, column, width in cells)


def _all_rows(table: TextTable) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the headings, if they are shown, and the rows, as text, each with its style."""
    if table.show_header:
        yield tuple(column.heading for column in table.columns), ""
    for cells, style in table.rows:
        yield tuple(map(_text, cells)), style


def _widths(table: TextTable) -> list[int]:
    rows = [row for row, _ in _all_rows(table)]
    return [max(map(_cells, column)) for column in zip(*rows, strict=True)]


def _padded(text: str, column: _Column, width: int) -> str:
    room = " " * (width - _cells(text))
    return text + room if column.justify == "left" else room + text


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def _cells(text: str) -> int:
    """Return how wide *text* is: some characters take the room of two, some take none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _drawn(parts: Sequence[Part], width: int) -> str:
    from rich.console import Console

    console = Console(highlight=False, width=width)
    with console.capture() as captured:
        for part in parts:
            for line in _lines(part, width):
                line.rstrip()
                console.print(line, soft_wrap=True)
    return captured.get()


def _lines(part: Part, width: int) -> Iterator[Text]:
    """Yield *part* in lines of at most *width* columns, but for words that are longer."""
    from rich.text import Text

    if isinstance(part, Command):
        *most, last = _broken(Text(part.text), width - INDENT - 2)
        for line in most:
            yield Text(" " * INDENT) + line + " \\"
        yield Text(" " * INDENT) + last
    elif isinstance(part, TextTable):
        yield from _table_lines(part, width)
    else:
        parts = part.parts if isinstance(part, Sentence) else (part,)
        text = Text.assemble(*(p if isinstance(p, str) else (p.text, p.style) for p in parts))
        yield from _hanging(text, width)


def _hanging(text: Text, width: int) -> Iterator[Text]:
    """Yield *text* in lines, all but the first a little to the right."""
    from rich.text import Text

    if text.cell_len <= width:
        yield text
        return
    for number, line in enumerate(_broken(text, width - 2)):
        yield Text("  ") + line if number else line


def _broken(text: Text, width: int) -> list[Text]:
    """Return *text* broken between words; one that is wider than a line keeps its letters."""
    breaks, begin = [], 0
    for found in re.finditer(r"\S+", text.plain):
        if begin < found.start() and _cells(text.plain[begin : found.end()]) > width:
            begin = found.start()
            breaks.append(begin)
    lines = list(text.divide(breaks))
    for line in lines:
        line.rstrip()
    return lines


def _table_lines(table: TextTable, width: int) -> Iterator[Text]:
    from rich.text import Text

    widths = _widths(table)
    for row, (_, style) in zip(_styled_rows(table), _all_rows(table), strict=True):
        *cells, last = row
        lines = [Text()]
        for cell, column, wide in zip(cells, table.columns, widths, strict=False):
            room = Text(" " * (wide - cell.cell_len))
            padded = cell + room if column.justify == "left" else room + cell
            if lines[-1] and lines[-1].cell_len + len(GAP) + wide > width:
                lines.append(Text(" " * INDENT) + padded)
            else:
                lines[-1] += Text(GAP if lines[-1] else "") + padded
        if table.columns[-1].justify == "right":
            last = Text(" " * (widths[-1] - last.cell_len)) + last
        for line in _with_sentence(lines, last, width):
            line.stylize(style)
            yield line


def _styled_rows(table: TextTable) -> Iterator[list[Text]]:
    from rich.text import Text

    if table.show_header:
        yield [Text(column.heading) for column in table.columns]
    for cells, _ in table.rows:
        yield [Text(c) if isinstance(c, str) else Text(c.text, c.style) for c in cells]


def _with_sentence(lines: list[Text], last: Text, width: int) -> Iterator[Text]:
    """Yield *lines* with the last cell of a row: beside the last of them, or below."""
    from rich.text import Text

    *before, line = lines
    yield from before
    used = line.cell_len + len(GAP)
    longest = max((len(word) for word in last.plain.split()), default=0)
    if used + last.cell_len <= width:
        yield line + GAP + last if line else last
        return
    room = width - used
    below, aside = _broken(last, width - INDENT), _broken(last, max(1, room))
    if room < longest or (room < ROOM and len(below) < len(aside)):
        yield line
        yield from (Text(" " * INDENT) + part for part in below)
        return
    first, *others = aside
    yield line + GAP + first
    yield from (Text(" " * used) + part for part in others)
