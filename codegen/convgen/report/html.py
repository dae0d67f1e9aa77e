"""``report.html``: the report as one page that needs no network, for a browser.

Everything is computed here and printed by ``templates/report/page.html.j2``. Plots are drawn as SVG
by a few lines of our own: a library would be the largest dependency, for points, boxes and axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from types import ModuleType

from convgen.report import answer, layer_page, listing, network_page
from convgen.report.page import plain
from convgen.report.report import Report
from convgen.sources.render import render_html

WIDTH, HEIGHT = 760, 420  # of a plot
LEFT, RIGHT, TOP, BOTTOM = 78, 16, 20, 48  # its margins
SMALLEST, LARGEST = 4.0, 16.0  # radius of a point
STEPS = (1, 2, 5)  # of axes, in each power of ten
MOST_LABELS = 8  # of an axis
WARM = 0.001  # of all instructions: what a page shows of a profile
NAME_WIDTH, NAME_HEIGHT = 130, 15  # the room that the name of a point takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A figure of the summary; ``percent`` of what there is of it."""

    label: str
    value: str
    note: str
    percent: float = 0.0

    @property
    def gauge(self) -> str:
        """How its share is shown, if it is one."""
        return "gauge" if self.percent else "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotLine:
    """A line of a plot."""

    kind: str
    x1: float
    x2: float
    y1: float
    y2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A label of a plot."""

    x: float
    y: float
    text: str
    anchor: str = "middle"
    kind: str = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle, and what it tells."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point, and what it tells."""

    kind: str
    x: float
    y: float
    r: float
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawing."""

    title: str
    note: str
    lines: tuple[PlotLine, ...]
    texts: tuple[Text, ...]
    boxes: tuple[Box, ...] = ()
    dots: tuple[Dot, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a column shows, what it is sorted by, and how long its bar is."""

    text: str
    value: str = ""
    kind: str = "text"
    percent: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table."""

    cells: tuple[Cell, ...]
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SortableTable:
    """A table whose columns can be sorted."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Each heading, and the kind of the cells below it."""
        kinds = (cell.kind for cell in self.rows[0].cells) if self.rows else repeat("text")
        return list(zip(self.headings, kinds, strict=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All that the template prints."""

    title: str
    state: str
    verdict: str
    scope: str
    tools: str
    cards: tuple[Card, ...]
    said: tuple[tuple[str, tuple[tuple[tuple[str, bool], ...], ...]], ...]
    plots: tuple[Plot, ...] = ()
    tables: tuple[SortableTable, ...] = ()
    listings: tuple[tuple[str, str], ...] = field(default=())


def as_html(report: Report, folder: Path) -> str:
    """Return the page of *report*; the generated sources are in *folder*."""
    return render_html("report/page.html.j2", page=page(report, folder))


def page(report: Report, folder: Path) -> Page:
    """Return what the page of *report* shows."""
    name = report["model"] if "model" in report else report["layer"]
    is_planned = bool(report.get("operators"))  # a model for which something fits
    plots = (_front(report), _memory(report) if is_planned else None)
    tables = [_operators(report)] if is_planned else []
    return Page(
        title=f"{name} on {report['target']}",
        state=_state(report),
        verdict=_verdict(report),
        scope=report["scope"] or "",
        tools=_tools(report),
        cards=tuple(_cards(report)),
        said=tuple((title, tuple(map(_marked, found))) for title, found in _said(report) if found),
        plots=tuple(plot for plot in plots if plot),
        tables=(*tables, _candidates(report), *_refused(report)),
        listings=tuple(_listings(report, folder)),
    )


def _state(report: Report) -> str:
    """Return what colours the verdict: nothing where nothing ran and nothing failed."""
    if report["verified"]:
        return "good"
    return "bad" if report["failure"] else "open"


def _verdict(report: Report) -> str:
    if report["failure"]:
        return str(report["failure"])
    return plain(answer.headline((), report, _words(report).exact(report))).strip()


def _words(report: Report) -> ModuleType:
    """Return what says of a layer or of a model what a terminal is told too."""
    return network_page if "model" in report else layer_page


def _tools(report: Report) -> str:
    tools = answer.tools(report, everything=True) if report["toolchain"] else "Not built"
    return f"{tools}; convgen {report['convgen']}"


def _cards(report: Report) -> Iterator[Card]:
    memory, flash, budget = report["memory"], report["flash"], report["budget"]
    words = _words(report)
    if memory:
        yield _share("RAM", memory["total"], budget["ram"], answer.ram_parts(report, words.PARTS))
    if flash:
        yield _share("flash", flash["total"], budget["flash"], answer.flash_parts(report))
    if report["instructions"] is not None:
        yield Card(
            label="instructions", value=f"{report['instructions']:,}", note=words.work(report)
        )
    for key, label in (("cycles_estimated", "cycles, estimated"), ("cycles_measured", "cycles")):
        if report.get(key) is not None:
            yield Card(label=label, value=f"{report[key]:,}", note=report.get("cycles_model", ""))


def _share(label: str, used: int, budget: int, note: str) -> Card:
    percent = round(min(100.0, 100 * used / max(1, budget)), 1)
    return Card(label=label, value=f"{used:,}", note=f"of {budget:,}: {note}", percent=percent)


def _said(report: Report) -> Iterator[tuple[str, Sequence[str]]]:
    yield "Warnings", report["warnings"]
    yield "Beside ONNX Runtime", tuple(network_page.beside(report))
    yield "Decided", tuple(_decided(report))
    yield "Advice", report["advice"]


def _marked(text: str) -> tuple[tuple[str, bool], ...]:
    """Return the parts of *text*, and of each whether it is code, between backticks."""
    return tuple((part, bool(n % 2)) for n, part in enumerate(text.split("`")) if part)


def _decided(report: Report) -> Iterator[str]:
    if report.get("algorithm"):
        yield f"{report['algorithm']}, for the goal {report['optimize']}"
    if report.get("operators"):
        yield f"{network_page.chosen(report)}{network_page.peak(report)}"
    yield from report.get("notes", ())
    for saved in report.get("passes", ()):
        counts = (f"{saved[of]:,} {of}" for of in ("operators", "macs", "parameters") if saved[of])
        yield f"{saved['name']}: {', '.join(counts) or 'nothing'} less"


# Plots


@dataclass(frozen=True, slots=True)
class _PlotAxis:
    """A logarithmic axis from *low* to *high*, drawn from *begin* to *end*."""

    low: float
    high: float
    begin: float
    end: float

    @classmethod
    def of(cls, values: Iterable[float], begin: float, end: float) -> _PlotAxis:
        """Return the axis on which all *values* are, with a little room."""
        found = [max(1.0, value) for value in values]
        return cls(min(found) / 1.15, max(found) * 1.15, begin, end)

    def at(self, value: float) -> float:
        """Where a value is."""
        share = math.log(max(1.0, value) / self.low) / math.log(self.high / self.low)
        return round(self.begin + share * (self.end - self.begin), 1)

    @property
    def marks(self) -> list[int]:
        """Round values, not too many of them."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        every = [step * 10**power for power in powers if power >= 0 for step in STEPS]
        inside = [value for value in every if self.low <= value <= self.high]
        return inside[:: math.ceil(len(inside) / MOST_LABELS)] if inside else []


def _front(report: Report) -> Plot | None:
    """Return candidates by RAM and instructions, as large as their flash."""
    found = [row for row in report["candidates"] if row["applicable"]]
    if len(found) < 2:
        return None
    across = _PlotAxis.of([row["ram"] for row in found], LEFT, WIDTH - RIGHT)
    up = _PlotAxis.of(map(_instructions, found), HEIGHT - BOTTOM, TOP)
    flash = max(row["flash"] for row in found)
    # What is large is drawn first, and what was chosen last, so that nothing hides them.
    ordered = sorted(found, key=lambda row: (_is_chosen(report, row), -row["flash"]))
    dots = {
        number: Dot(
            kind=_kind(report, row),
            x=across.at(row["ram"]),
            y=up.at(_instructions(row)),
            r=round(max(SMALLEST, LARGEST * math.sqrt(row["flash"] / max(1, flash))), 1),
            tip=_tip(row),
        )
        for number, row in enumerate(ordered)
    }
    return Plot(
        title="Candidates",
        note="RAM and instructions of one call, both on logarithmic scales; the area is flash. "
        "Green: chosen; dark: what one would choose from; grey: over the budget.",
        lines=(
            *(_upright("grid", across.at(mark)) for mark in across.marks),
            *(_level("grid", up.at(mark)) for mark in up.marks),
            *_budget(across, report["budget"]["ram"]),
        ),
        texts=(
            *(Text(x=across.at(mark), y=HEIGHT - 30, text=_short(mark)) for mark in across.marks),
            *(Text(x=LEFT - 8, y=up.at(m) + 4, text=_short(m), anchor="end") for m in up.marks),
            Text(x=WIDTH - RIGHT, y=HEIGHT - 6, text="bytes of RAM", anchor="end"),
            Text(x=4, y=TOP - 3, text="instructions", anchor="start"),
            *_names((dot, _name(ordered[number])) for number, dot in dots.items()),
        ),
        dots=tuple(dots.values()),
    )


def _names(found: Iterable[tuple[Dot, str]]) -> Iterator[Text]:
    """Yield the names of what one would choose from, the chosen first; none covers another."""
    told = [(dot, name) for dot, name in found if dot.kind in ("chosen", "front")]
    placed: list[Dot] = []
    for dot, name in sorted(told, key=lambda each: each[0].kind):
        is_free = all(
            abs(dot.x - other.x) > NAME_WIDTH or abs(dot.y - other.y) > NAME_HEIGHT
            for other in placed
        )
        if is_free:
            placed.append(dot)
            is_right = dot.x > WIDTH - RIGHT - NAME_WIDTH
            x = dot.x - dot.r - 4 if is_right else dot.x + dot.r + 4
            anchor = "end" if is_right else "start"
            yield Text(x=round(x, 1), y=dot.y + 4, text=name, anchor=anchor, kind="name")


def _upright(kind: str, x: float) -> PlotLine:
    return PlotLine(kind=kind, x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM)


def _level(kind: str, y: float) -> PlotLine:
    return PlotLine(kind=kind, x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y)


def _budget(across: _PlotAxis, ram: int) -> Iterator[PlotLine]:
    if across.low < ram < across.high:
        yield _upright("budget", across.at(ram))


def _measured(row: Report) -> int | None:
    """Return the instructions that were counted, if any were."""
    counted: int | None = (row.get("measured") or {}).get("instructions")
    return counted


def _instructions(row: Report) -> int:
    counted = _measured(row)
    return int(row["predicted_instructions"] if counted is None else counted)


def _name(row: Report) -> str:
    """Return what a candidate is called: an algorithm, or a plan of a model."""
    if "algorithm" in row:
        return str(row["algorithm"])
    by_rows = ", handed in by rows" if row["feed"] == "rows" else ""
    return f"{row['stages']} stages{by_rows}"


def _is_chosen(report: Report, row: Report) -> bool:
    if "chosen" in row:
        return bool(row["chosen"])
    return report.get("algorithm") is not None and row["algorithm"] == report["algorithm"]


def _kind(report: Report, row: Report) -> str:
    if _is_chosen(report, row):
        return "chosen"
    if not row["fits"]:
        return "over"
    return "front" if row.get("pareto") else "other"


def _tip(row: Report) -> str:
    how = "instructions" if row.get("measured") else "instructions (predicted)"
    return (
        f"{_name(row)}: {row['ram']:,} bytes of RAM, {row['flash']:,} of flash, "
        f"{_instructions(row):,} {how}"
    )


def _memory(report: Report) -> Plot:
    """Return where everything lies in the arena, and from which operator to which."""
    places, operators = report["places"], report["operators"]
    steps = len(operators)
    most = max(1, int(report["memory"]["arena"]))
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(step: int) -> float:
        return round(LEFT + wide * min(max(step, 0), steps) / steps, 1)

    def y(offset: int) -> float:
        return round(HEIGHT - BOTTOM - high * offset / most, 1)

    marks = [round(most * quarter / 4) for quarter in range(5)]
    every = math.ceil(steps / 16)
    return Plot(
        title="Memory over time",
        note="Each box is a place in the arena, as high as its bytes, from the first operator that "
        "needs it to the last. Blue: tensors; yellow: workspace; violet: state; darker: where one "
        "overwrites what another no longer needs. Dashed: where a stage begins.",
        lines=(
            *(_level("grid", y(mark)) for mark in marks),
            *(_upright("cut", x(stage["first"])) for stage in report["stages"]),
        ),
        texts=(
            *(Text(x=LEFT - 8, y=y(m) + 4, text=f"{m:,}", anchor="end") for m in marks),
            *(
                Text(x=(x(n) + x(n + 1)) / 2, y=HEIGHT - 30, text=str(n))
                for n in range(0, steps, every)
            ),
            Text(x=WIDTH - RIGHT, y=HEIGHT - 6, text="operators in order", anchor="end"),
        ),
        boxes=tuple(
            Box(
                kind=_place_kind(report, place),
                x=x(place["first"]),
                y=y(place["offset"] + place["bytes"]),
                width=round(x(place["last"] + 1) - x(place["first"]), 1),
                height=round(y(place["offset"]) - y(place["offset"] + place["bytes"]), 1),
                tip=f"{place['what']}: {place['bytes']:,} bytes at {place['offset']:,}, "
                f"operators {max(0, place['first'])} to {place['last']}",
            )
            for place in places
        ),
    )


def _place_kind(report: Report, place: Report) -> str:
    if place["offset"] + place["bytes"] <= report["memory"]["state"]:
        return "state"
    is_scratch = place["what"].startswith(("sums of", "rows from", "workspace"))
    return "scratch" if is_scratch else "tensor"


def _short(value: int) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return str(value)


# Tables


def _number(value: int | None, guessed: int | None = None) -> Cell:
    """Return a figure; *guessed* stands for one that was not measured."""
    if value is None:
        shown = "" if guessed is None else f"~{guessed:,}"
        return Cell(text=shown, value="" if guessed is None else str(guessed), kind="number")
    return Cell(text=f"{value:,}", value=str(value), kind="number")


def _word(text: str) -> Cell:
    return Cell(text=text, value=text)


def _candidates(report: Report) -> SortableTable:
    """Return the algorithms that can do a layer, or the plans of a model."""
    is_model = "model" in report
    what, scratch = ("plan", "arena") if is_model else ("algorithm", "workspace")
    return SortableTable(
        title="Plans" if is_model else "Algorithms that can do it",
        headings=(what, scratch, "RAM", "flash", "instructions", "remark"),
        rows=tuple(
            Row(
                kind=_kind(report, row),
                cells=(
                    _word(_name(row)),
                    _number(row[scratch]),
                    _number(row["ram"]),
                    _number(row["flash"]),
                    _number(_measured(row), row["predicted_instructions"]),
                    _word(_remark(report, row)),
                ),
            )
            for row in report["candidates"]
            if row["applicable"]
        ),
    )


def _remark(report: Report, row: Report) -> str:
    if row.get("failure"):
        return str(row["failure"])
    kinds = {"chosen": "chosen", "over": "over the budget", "front": "to choose from", "other": ""}
    return kinds[_kind(report, row)]


def _refused(report: Report) -> Iterator[SortableTable]:
    found = [row for row in report["candidates"] if not row["applicable"]]
    if found:
        names = (row.get("algorithm") or f"--feed {row['feed']}" for row in found)
        rows = (
            Row(cells=(_word(name), _word(row["reason"])))
            for name, row in zip(names, found, strict=True)
        )
        yield SortableTable(title="What cannot do it", headings=("what", "why"), rows=tuple(rows))


def _operators(report: Report) -> SortableTable:
    taken = [_taken(each) for each in report["operators"]]
    most = max([1, *taken])
    return SortableTable(
        title="Operators",
        headings=(
            "#",
            "operator",
            "kind",
            "algorithm",
            "stage",
            "MACs",
            "workspace",
            "instructions",
        ),
        rows=tuple(
            Row(
                cells=(
                    _number(number),
                    _word(each["name"]),
                    _word(each["kind"]),
                    _word(each["algorithm"]),
                    _number(each["stage"]),
                    _number(each["macs"]),
                    _number(each["workspace"]),
                    _bar(each, taken[number], most),
                ),
            )
            for number, each in enumerate(report["operators"])
        ),
    )


def _taken(each: Report) -> int:
    counted = each["instructions"]
    return int(each["predicted_instructions"] if counted is None else counted)


def _bar(each: Report, taken: int, most: int) -> Cell:
    number = _number(each["instructions"], each["predicted_instructions"])
    return Cell(
        text=number.text, value=number.value, kind="share", percent=round(100 * taken / most, 1)
    )


def _listings(report: Report, folder: Path) -> Iterator[tuple[str, str]]:
    if "profile" in report:
        title = (
            f"Profile: what takes at least {WARM:.1%} of the instructions; all is in profile.txt"
        )
        yield title, listing.as_text(listing.warm(report["profile"], WARM), folder)
