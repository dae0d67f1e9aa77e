"""Two reports compared: each figure of both, and which got worse by more than may be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from convgen.errors import RegressionError, UsageError
from convgen.printable import LINE, word
from convgen.report.page import TextTable, printed
from convgen.system import files

MOST_BYTES = 2**26  # of a report
FIGURES = range(2**63)
METRICS = {
    "ram": ("memory", "total"),
    "input": ("memory", "input"),
    "output": ("memory", "output"),
    "pool": ("memory", "pool"),
    "workspace": ("memory", "workspace"),
    "arena": ("memory", "arena"),
    "state": ("memory", "state"),
    "stack": ("memory", "stack"),
    "heap": ("memory", "heap"),
    "static": ("memory", "static"),
    "flash": ("flash", "total"),
    "code": ("flash", "code"),
    "constants": ("flash", "constants"),
    "instructions": ("instructions",),
    "cycles": ("cycles_estimated",),
    "cycles_measured": ("cycles_measured",),
}
"""Where a report has each figure; of all of them less is better."""

SAID = ("layer", "model", "target", "algorithm", "optimize", "feed", "verified")
"""What is told of if it is not the same in both."""

LIMIT = r"(\w+):\+(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)%|([0-9]{1,15}))"

Report: TypeAlias = Mapping[str, Any]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Limit:
    """By how much a metric may grow: by ``percent`` of what it was, or by ``more``."""

    metric: str
    more: int = 0
    percent: float | None = None

    def __str__(self) -> str:
        """As it was written."""
        return f"+{self.more:,}" if self.percent is None else f"+{self.percent:g}%"

    def holds(self, old: int, new: int) -> bool:
        """Whether *new* is within the limit."""
        return new <= old + (self.more if self.percent is None else old * self.percent / 100)


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of both reports, None where one has none."""

    what: str
    old: int | None
    new: int | None

    @property
    def more(self) -> str:
        """By how much it grew."""
        return "" if self.old is None or self.new is None else f"{self.new - self.old:+,}"

    @property
    def percent(self) -> str:
        """The same as a share of what it was."""
        if not self.old or self.new is None:
            return ""
        return f"{100 * (self.new - self.old) / self.old:+.2f}%"

    @property
    def cells(self) -> tuple[str, ...]:
        """Its row in a table."""
        numbers = ("" if value is None else f"{value:,}" for value in (self.old, self.new))
        return (self.what, *numbers, self.more, self.percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What differs: ``said`` in words, as (what, old, new); ``operators`` of models."""

    said: tuple[tuple[str, str, str], ...]
    figures: tuple[Change, ...]
    operators: tuple[Change, ...]
    regressions: tuple[str, ...]

    @property
    def failure(self) -> RegressionError | None:
        """What to end with if something got worse than it may."""
        return RegressionError("\n".join(self.regressions)) if self.regressions else None

    def as_text(self) -> str:
        """Return it as tables for people."""
        words = [f"{what}: {old} -> {new}" for what, old, new in self.said]
        figures = self.figures and [_table("", self.figures)]
        operators = self.operators and [_table("instructions of", self.operators)]
        return printed(*words, *figures, *operators)

    def as_markdown(self) -> str:
        """Return it for a pull request."""
        lines = [
            f"- {_text(what)}: `{_code(old)}` → `{_code(new)}`" for what, old, new in self.said
        ]
        lines += [""] * bool(lines) + [*_markdown("", self.figures)]
        if self.operators:
            lines += ["", *_markdown("instructions of", self.operators)]
        if self.regressions:
            lines += ["", *(f"**{_code(each)}**" for each in self.regressions)]
        return "\n".join(lines) + "\n"

    def as_json(self) -> str:
        """Return it for programs."""
        described = {
            "said": [dict(zip(("what", "old", "new"), each, strict=True)) for each in self.said],
            "figures": [_fields(each) for each in self.figures],
            "operators": [_fields(each) for each in self.operators],
            "regressions": list(self.regressions),
        }
        return json.dumps(described, indent=2) + "\n"


def diff(old: Path, new: Path, fail_on: str | None = None) -> Diff:
    """Compare the report *new* with *old*; *fail_on* as in ``ram:+0%,instructions:+2%,stack:+64``.

    Raises UsageError for what is no report or no list of limits.
    """
    limits = limits_of(fail_on) if fail_on else ()
    before, after = _read(old), _read(new)
    figures = tuple(_figures(before, after))
    return Diff(
        said=tuple(_said(before, after)),
        figures=figures,
        operators=tuple(_operators(before, after)),
        regressions=tuple(_regressions(before, after, figures, limits)),
    )


def limits_of(text: str) -> tuple[Limit, ...]:
    """Return the limits of ``--fail-on``. Raises UsageError."""
    return tuple(_limit(part.strip()) for part in text.split(","))


def _limit(text: str) -> Limit:
    found = re.fullmatch(LIMIT, text, re.ASCII)
    if found is None:
        raise UsageError(
            "--fail-on: expected limits such as ram:+0%,instructions:+2%,stack:+64, "
            f"got '{word(text)}'"
        )
    metric, percent, more = found.groups()
    if metric not in METRICS:
        known = ", ".join(METRICS)
        raise UsageError(f"--fail-on: expected one of {known}, got '{word(metric)}'")
    return Limit(metric, int(more or 0), float(percent) if percent else None)


def _read(path: Path) -> Report:
    shown = word(str(path), LINE)
    try:
        found = json.loads(files.read(path, MOST_BYTES))
    except files.Unreadable as reason:
        raise UsageError(f"--diff: {shown}: cannot be read: {reason}") from None
    except (ValueError, RecursionError):
        found = None
    if not _is_report(found):
        raise UsageError(f"--diff: {shown}: expected a report.json that convgen wrote")
    return dict(found)


def _is_report(found: Any) -> bool:
    if not isinstance(found, dict) or not isinstance(found.get("target"), str):
        return False
    names = [found.get(kind) for kind in ("layer", "model")]
    is_named = any(isinstance(name, str) for name in names)
    figures = [_figure(found, metric) for metric in METRICS]
    return is_named and all(value is None or _is_figure(value) for value in figures)


def _is_figure(value: Any) -> bool:
    return type(value) is int and value in FIGURES


def _figure(report: Report, metric: str) -> Any:
    value: Any = report
    for key in METRICS[metric]:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _said(old: Report, new: Report) -> Iterator[tuple[str, str, str]]:
    for what in SAID:
        if old.get(what) != new.get(what):
            yield what, _shown(old.get(what)), _shown(new.get(what))
    before, after = (_of_operators(report, "algorithm", str) for report in (old, new))
    for name, algorithm in before.items():
        if after.get(name, algorithm) != algorithm:
            yield f"algorithm of {name}", word(algorithm), word(after[name])


def _shown(value: Any) -> str:
    return word(value if isinstance(value, str) else json.dumps(value))


def _figures(old: Report, new: Report) -> Iterator[Change]:
    for metric in METRICS:
        change = Change(metric, _figure(old, metric), _figure(new, metric))
        if change.old is not None or change.new is not None:
            yield change


def _operators(old: Report, new: Report) -> Iterator[Change]:
    """Yield the operators whose instructions are not the same; those of one report too."""
    before, after = (_of_operators(report, "instructions", int) for report in (old, new))
    for name in dict.fromkeys((*before, *after)):
        change = Change(name, before.get(name), after.get(name))
        if change.old != change.new:
            yield change


def _of_operators(report: Report, what: str, kind: type[Value]) -> dict[str, Value]:
    """Return what the report has of each operator of a model, by its name."""
    operators = report.get("operators")
    found = operators if isinstance(operators, list) else []
    described = (each for each in found if isinstance(each, dict))
    return {
        word(str(each.get("name"))): each[what]
        for each in described
        if type(each.get(what)) is kind and (kind is str or _is_figure(each[what]))
    }


def _regressions(
    old: Report, new: Report, figures: Sequence[Change], limits: Sequence[Limit]
) -> Iterator[str]:
    """Yield a sentence for each limit that is passed. Raises UsageError where nothing tells."""
    if limits and old.get("verified") and not new.get("verified"):
        yield "verified: the old report is, the new one is not"
    known = {change.what: change for change in figures}
    for limit in limits:
        change = known.get(limit.metric)
        if change is None or change.old is None or change.new is None:
            missing = "both reports have" if change is None else "one of the reports has"
            raise UsageError(f"--fail-on: {limit.metric}: {missing} no such figure")
        if not limit.holds(change.old, change.new):
            by = f"{change.more}, {change.percent}" if change.percent else change.more
            yield (
                f"{change.what}: {change.new:,} after {change.old:,}, which is {by}: "
                f"expected at most {limit}"
            )


def _table(heading: str, changes: Sequence[Change]) -> TextTable:
    table = TextTable()
    for title in (heading, "old", "new", "change", ""):
        table.add_column(title, "left" if title == heading and not table.columns else "right")
    for change in changes:
        table.add_row(*change.cells)
    return table


def _markdown(heading: str, changes: Sequence[Change]) -> Iterator[str]:
    yield f"| {heading} | old | new | change | |"
    yield "|---|--:|--:|--:|--:|"
    for what, *cells in (change.cells for change in changes):
        yield f"| `{_code(what)}` | {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Return *text* so that Markdown takes nothing in it for its own."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&-])", r"\\\1", text)


def _code(text: str) -> str:
    """Return *text* so that it ends no cell and no code of Markdown."""
    return text.replace("`", "'").replace("|", "\\|")


def _fields(change: Change) -> dict[str, str | int | None]:
    return {"what": change.what, "old": change.old, "new": change.new}
