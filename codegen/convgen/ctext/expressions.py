"""Small expressions of C, as text: the templates' ``expr``. What is 0 or 1 is not spelt out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

NOTHING = "\0"
"""What an ``if`` without ``else`` prints where it does not hold: a line of it is none."""


class Term(Protocol):
    """A multiple of one of several variables, by a number in C, "" for 1."""

    @property
    def negative(self) -> bool:
        """Whether it is subtracted."""
        ...

    @property
    def factor(self) -> str:
        """The number without its sign."""
        ...

    @property
    def index(self) -> int:
        """Which variable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loops:
    """The loops over the sums of a block: what stands before and behind a statement on one of them.

    ``pixel`` is which pixel it is of.
    """

    begin: str
    margin: str
    pixel: str
    end: str

    def at(self, pitch: int | str) -> str:
        """Return where the pixel is, ready to be added to."""
        if self.pixel == "0" or not pitch:
            return ""
        return "pixel + " if pitch == 1 else f"pixel * {pitch} + "

    def around(self, statement: str, pitch: int | str) -> str:
        """Return the loops with a *statement* on the ``{sum}`` whose pixel is ``{at}`` a place."""
        inner = statement.format(sum=f"sums[{self.pixel}][c]", at=self.at(pitch))
        return f"{self.begin}\n{self.margin}{inner}\n{self.end}"


def loops(pixels: int, channels: int) -> Loops:
    """Return the loops over *pixels* times *channels* sums."""
    over_channels = f"for (int32_t c = 0; c < {channels}; ++c) {{"
    if pixels == 1:
        return Loops(begin=f"    {over_channels}", margin=" " * 8, pixel="0", end="    }")
    return Loops(
        begin=f"    for (int32_t pixel = 0; pixel < {pixels}; ++pixel) {{\n        {over_channels}",
        margin=" " * 12,
        pixel="pixel",
        end="        }\n    }",
    )


class CountedLoop(Protocol):
    """A loop that goes round ``count`` times."""

    @property
    def index(self) -> str:
        """Its variable."""
        ...

    @property
    def count(self) -> int:
        """How often it goes round."""
        ...


def opened(levels: Iterable[CountedLoop], margin: str) -> str:
    """Return the heads of loops, outermost first."""
    heads = [
        f"{margin}for (int32_t {it.index} = 0; {it.index} < {it.count}; ++{it.index}) {{"
        for it in levels
    ]
    return "\n".join(heads) or NOTHING


def closed(levels: Iterable[CountedLoop], margin: str) -> str:
    """Return their ends."""
    return "\n".join(f"{margin}}}" for _ in levels) or NOTHING


class Nested(CountedLoop, Protocol):
    """A loop of several, each of which stands in the one before."""

    @property
    def margin(self) -> str:
        """Where it stands."""
        ...


def nested(levels: Iterable[Nested]) -> str:
    """Return the heads of loops that stand in one another."""
    heads = [
        f"{it.margin}for (int32_t {it.index} = 0; {it.index} < {it.count}; {it.index}++) {{"
        for it in levels
    ]
    return "\n".join(heads) or NOTHING


def unnested(levels: Sequence[Nested]) -> str:
    """Return their ends."""
    return "\n".join(f"{it.margin}}}" for it in reversed(levels)) or NOTHING


def grid(rows: Iterable[int], columns: Iterable[int]) -> Iterable[tuple[int, int]]:
    """Return each of *rows* with each of *columns*."""
    return product(rows, columns)


def each(of: Iterable[object], line: str, pitch: int | str = 1) -> str:
    """Return *line* of each, where ``it`` is that and ``i`` its number; no line of none.

    ``at`` is its place among things that lie *pitch* apart. A line of markup escapes what it has.

    >>> print(each(["a", "b"], "x{i} = {it};"))
    x0 = a;
    x1 = b;
    """
    lines = (line.format(it=it, i=i, at=at(i, pitch)) for i, it in enumerate(of))
    return type(line)("\n").join(lines) or NOTHING


def times(count: int | str) -> str:
    """Return what multiplies what follows.

    >>> times(3), times(1)
    ('3 * ', '')
    """
    return "" if count == 1 else f"{count} * "


def at(number: int, pitch: int | str) -> str:
    """Return where number *number* is of things that lie *pitch* apart.

    >>> at(0, "ROW"), at(1, "ROW"), at(2, "ROW")
    ('0', 'ROW', '2 * ROW')
    """
    return f"{times(number)}{pitch}" if number else "0"


def places(count: int, pitch: int | str) -> list[str]:
    """Return where each of *count* things is that lie *pitch* apart.

    >>> places(3, "ROW")
    ['0', 'ROW', '2 * ROW']
    """
    return [at(number, pitch) for number in range(count)]


def factor(*parts: int | str) -> str:
    """Return a sum of *parts*, which may be nothing, as what is multiplied next.

    >>> factor("row * TILE", 2), factor("row * TILE", 0)
    ('(row * TILE + 2)', 'row * TILE')
    """
    some = [str(part) for part in parts if part]
    return some[0] if len(some) == 1 else f"({' + '.join(some)})"


def cast(ctype: str, text: str) -> str:
    """Return *text* as a value of *ctype*.

    >>> cast("int16_t", "-d1"), cast("int16_t", "d1 - d2")
    ('(int16_t)-d1', '(int16_t)(d1 - d2)')
    """
    return f"({ctype}){text if text.lstrip('-').isidentifier() else f'({text})'}"


def plus(base: int | str, more: int | str) -> str:
    """Return a sum of two, each of which may be nothing.

    >>> plus("first", 4), plus("first", 0), plus("", 0)
    ('first + 4', 'first', '0')
    """
    return " + ".join(str(part) for part in (base, more) if part) or str(more)


def offset(more: int | str | None) -> str:
    """Return what is added to what stands before.

    >>> offset(4), offset(0)
    (' + 4', '')
    """
    return f" + {more}" if more else ""


def offsets(count: int) -> list[str]:
    """Return what is added for each of *count* things side by side.

    >>> offsets(3)
    ['', ' + 1', ' + 2']
    """
    return [offset(number) for number in range(count)]


def fits(variable: str, count: int, end: str) -> str:
    """Return whether there are *count* more before *end*.

    >>> fits("col", 2, "OUT_W"), fits("col", 1, "OUT_W")
    ('col + 2 <= OUT_W', 'col < OUT_W')
    """
    return f"{variable} < {end}" if count == 1 else f"{variable} + {count} <= {end}"


def remains(variable: str, count: int, begin: str = "") -> str:
    """Return whether there are *count* more back to *begin*.

    >>> remains("col", 2, "LEFT"), remains("col", 1), remains("col", 2)
    ('col >= LEFT + 2', 'col > 0', 'col >= 2')
    """
    if count == 1:
        return f"{variable} > {begin or 0}"
    return f"{variable} >= {plus(begin, count)}"


def advance(variable: str, count: int | str, sign: str = "+") -> str:
    """Return what moves *variable* on by *count*, or back.

    >>> advance("col", 2), advance("col", 1, "-")
    ('col += 2', '--col')
    """
    return f"{sign}{sign}{variable}" if count == 1 else f"{variable} {sign}= {count}"


def at_least(variable: str, least: str) -> str:
    """Return what raises *variable* to *least*.

    >>> at_least("value", "LOW")
    'value = value < LOW ? LOW : value;'
    """
    return f"{variable} = {variable} < {least} ? {least} : {variable};"


def at_most(variable: str, most: str) -> str:
    """Return what lowers it to *most*."""
    return f"{variable} = {variable} > {most} ? {most} : {variable};"


def countdown(pixels: int) -> str:
    """Return the rest of a loop that takes *pixels* of ``count`` while there are so many.

    >>> countdown(2)
    'count >= 2; count -= 2'
    """
    return f"count >= {pixels}; {advance('count', pixels, '-')}"


def combination(variables: str, terms: Iterable[Term]) -> str:
    """Return a sum of multiples of *variables*, which have numbers."""
    text = ""
    for term in terms:
        sign = (" - " if term.negative else " + ") if text else "-" if term.negative else ""
        text += sign + (f"{term.factor} * " if term.factor else "") + f"{variables}{term.index}"
    return text


def combinations(variables: str, sums: Iterable[Iterable[Term]]) -> list[str]:
    """Return several of them."""
    return [combination(variables, terms) for terms in sums]
