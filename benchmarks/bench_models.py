"""Measure whole models beside TensorFlow Lite Micro, write the tables of docs/models.md and README.

MODELS is a folder with `NAME/model.tflite` and `NAME/vectors.npz` for each name in
model_peers.json: they are public, and not copied here. Every output is compared with the vectors:
if one is wrong, the script fails and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from bench_chart import Chart, svg

import convgen
from convgen.choices import Feed, Goal
from convgen.errors import UsageError
from convgen.planning import Planned
from convgen.schedule.network import Schedule, unfused

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS, FIGURES = HERE / "model_peers.json", HERE / "models.json"
README, PAGE, CHART = ROOT / "README.md", ROOT / "docs" / "models.md", ROOT / "docs" / "models.svg"
BOARD = "cortex-m4"
RAM, FLASH = "256k", "1M"

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A model: what its peer needs, None where that was not measured, and what convgen does."""

    title: str
    live: int | None
    tflm: Mapping[str, int] | None
    figures: Figures


def main() -> None:
    """Measure, unless only the pages are asked for, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="?", help="the folder; none: only the pages")
    folder = parser.parse_args().models
    if folder:
        found = {name: measured(folder / name) for name in _read(PEERS)["models"]}
        FIGURES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for page, table in TABLES.items():
        text = page.read_text(encoding="utf-8")
        page.write_text(with_table(text, table(rows())), encoding="utf-8")
    CHART.write_text(svg(chart(rows())), encoding="utf-8")


def measured(folder: Path) -> Figures:
    """Return what a model takes: by default, handed in by rows, in the fewest instructions."""
    print(folder.name, flush=True)
    graph = convgen.read(folder / "model.tflite", name=folder.name)
    board = convgen.Target.load(BOARD)

    def planned(goal: Goal = "workspace", feed: Feed = "whole") -> Planned:
        return convgen.plan(graph, board, ram=RAM, flash=FLASH, goal=goal, feed=feed)

    vectors, default = folder / "vectors.npz", planned()
    found = {"macs": graph.macs, "default": run(default, vectors)}
    try:
        found["rows"] = run(planned(feed="rows"), vectors)
    except UsageError:  # it has no rows
        found["rows"] = None
    found["speed"] = run(planned("speed"), vectors)
    schedule = default.subject
    if isinstance(schedule, Schedule) and schedule.fused:
        found["unfused"] = run(replace(default, subject=unfused(schedule)), vectors)
    return found


def run(planned: Planned, vectors: Path) -> Figures:
    """Return what was measured of a plan, all its outputs right."""
    options = convgen.RunOptions(emulator="qemu-system", vectors=vectors, cycles=True)
    with tempfile.TemporaryDirectory() as out:
        outcome = convgen.verify(planned, Path(out) / "model", options)
    if outcome.failure:
        raise SystemExit(f"{planned.name}: {outcome.failure}")
    memory, report = outcome.report["memory"], outcome.report
    return {
        "arena": memory["arena"],
        "stack": memory["stack"],
        "flash": report["flash"]["total"],
        "instructions": report["instructions"],
        "cycles": report["cycles_estimated"],
    }


def rows() -> dict[str, Row]:
    """Return the models whose figures are kept, by name."""
    peers, figures = _read(PEERS)["models"], _read(FIGURES)
    return {name: Row(**peer, figures=figures[name]) for name, peer in peers.items()}


def with_table(text: str, table: Iterable[str]) -> str:
    """Return a page with *table* between the comments that say where it goes."""
    begin, end = "<!-- written by benchmarks/bench_models.py -->", "<!-- until here -->"
    pattern = rf"{re.escape(begin)}\n.*?{re.escape(end)}"
    return re.sub(pattern, "\n".join((begin, "", *table, "", end)), text, flags=re.DOTALL)


def chart(found: Mapping[str, Row]) -> Chart:
    """Return what convgen needs by default, as ratios of what its peer does."""
    peers = {name: row.tflm for name, row in found.items() if row.tflm}

    def ratios(needed: Callable[[Mapping[str, int]], int]) -> dict[str, float]:
        return {
            name: needed(found[name].figures["default"]) / needed(peer)
            for name, peer in peers.items()
        }

    return Chart(
        title=f"{BOARD}: TensorFlow Lite Micro with CMSIS-NN = 1",
        rows=tuple(peers),
        series={
            "RAM": ratios(_ram),
            "flash": ratios(lambda of: of["flash"]),
            "instructions": ratios(lambda of: of["instructions"]),
        },
    )


def short_table(found: Mapping[str, Row]) -> Iterator[str]:
    """Yield the lines of the README's table: those with a peer, beside it."""
    yield (
        "| model | RAM: TFLM | convgen | flash: TFLM | convgen | instructions: TFLM | convgen | "
        "`--optimize speed` |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for row in found.values():
        if row.tflm:
            default, fastest = row.figures["default"], row.figures["speed"]
            pairs = zip(_needs(row.tflm), _needs(default), strict=True)
            yield _line(row.title, *chain.from_iterable(pairs), _number(fastest["instructions"]))


def long_table(found: Mapping[str, Row]) -> Iterator[str]:
    """Yield the lines of the table of docs/models.md."""
    yield (
        "| model | live | TFLM | convgen | handed in by rows | instructions per MAC | "
        "of unfused | cycles of unfused |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for row in found.values():
        figures, default = row.figures, row.figures["default"]
        apart = figures.get("unfused")
        yield _line(
            row.title,
            _number(row.live),
            _number(row.tflm["arena"] if row.tflm else None),
            _memory(default),
            _memory(figures["rows"]),
            f"{default['instructions'] / figures['macs']:.2f}",
            *(_ratio(default, apart, of) for of in ("instructions", "cycles")),
        )


TABLES = {README: short_table, PAGE: long_table}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _ram(needs: Mapping[str, int]) -> int:
    return needs["arena"] + needs["stack"]


def _needs(of: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(map(_number, (_ram(of), of["flash"], of["instructions"])))


def _memory(of: Mapping[str, int] | None) -> str:
    return f"{of['arena']:,} + {of['stack']:,}" if of else ""


def _ratio(one: Mapping[str, int], other: Mapping[str, int] | None, of: str) -> str:
    return f"{one[of] / other[of]:.3f}" if other and one.get(of) and other.get(of) else ""


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |".replace("|  ", "| ")


if __name__ == "__main__":
    main()
