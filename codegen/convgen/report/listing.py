"""The profile for people: functions, then the C and the assembly beside what each line takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from convgen.report.page import Part, TextTable, plain

HOT = 0.5  # of what the hottest of a listing takes: a line that is marked
GAP_LINES = 3  # so many lines without instructions stand between others; more are left out

Row = tuple[dict[str, Any] | None, str, str]
"""What a line takes, None if nothing; its number or address; its text."""


def as_text(profile: dict[str, Any], out: Path) -> str:
    """Return the listing of a report's ``profile``; the sources are in *out*."""
    parts: list[Part] = [_functions(profile["functions"])]
    for file, counted in groupby(profile["lines"], key=lambda line: line["file"]):
        source = (out / file).read_text(encoding="utf-8").splitlines()
        parts += ["\n", _listing(file, list(annotated(list(counted), source)))]
    for function in profile["functions"]:
        if function.get("assembly"):
            rows: list[Row] = [(i, f"{i['address']:x}", i["text"]) for i in function["assembly"]]
            parts += ["\n", _listing(function["name"], rows)]
    return plain(*parts)


def warm(profile: dict[str, Any], share: float) -> dict[str, Any]:
    """Return a *profile* without what takes less than *share* of all instructions."""

    def kept(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["share"] >= share]

    functions = [
        function | {"assembly": kept(function["assembly"])} if "assembly" in function else function
        for function in kept(profile["functions"])
    ]
    return profile | {"functions": functions, "lines": kept(profile["lines"])}


def annotated(counted: Sequence[dict[str, Any]], source: Sequence[str]) -> Iterator[Row]:
    """Yield the lines from the first that takes instructions to the last, without long gaps."""
    found = {line["line"]: line for line in counted}
    before = None
    for number in sorted(found):
        gap = range(number if before is None else before + 1, number)
        if len(gap) <= GAP_LINES:
            yield from ((None, str(line), source[line - 1]) for line in gap)
        else:
            yield None, "", "..."
        yield found[number], str(number), source[number - 1]
        before = number


def _functions(functions: Sequence[dict[str, Any]]) -> TextTable:
    shown = TextTable()
    shown.add_column("instructions", justify="right")
    shown.add_column("share", justify="right")
    shown.add_column("function")
    for function in functions:
        shown.add_row(*_figures(function), function["name"])
    return shown


def _listing(title: str, rows: Sequence[Row]) -> TextTable:
    most = max(taken["instructions"] for taken, _, _ in rows if taken)

    shown = TextTable()
    shown.add_column("instructions", justify="right")
    shown.add_column("share", justify="right")
    shown.add_column("")
    shown.add_column("", justify="right")
    shown.add_column(title)
    for taken, place, text in rows:
        hot = taken is not None and taken["instructions"] >= HOT * most
        figures = _figures(taken) if taken else ("", "")
        shown.add_row(*figures, "*" if hot else "", place, text)
    return shown


def _figures(taken: dict[str, Any]) -> tuple[str, str]:
    return f"{taken['instructions']:,}", f"{taken['share']:.1%}"
