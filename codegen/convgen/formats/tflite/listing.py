"""The operators of a model, as ``--list-layers`` prints them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convgen.formats.tflite import reader, states
from convgen.formats.tflite.reader import Entry
from convgen.model import passes
from convgen.printable import word

MOST_NAME = 40
HEADINGS = ("index", "kind", "name", "inputs", "outputs", "MACs", "parameters", "becomes")
NUMBERS = ("index", "MACs", "parameters")


@dataclass(frozen=True, slots=True)
class Listed:
    """The operators of a file, and the names of those of the graph that rewriting leaves."""

    entries: tuple[Entry, ...]
    left: frozenset[str]

    def as_json(self) -> str:
        """Return an array with an object for each operator."""
        described = [_described(entry, self.left) for entry in self.entries]
        return json.dumps(described, indent=2) + "\n"

    def as_text(self) -> str:
        """Return a table with a line for each operator."""
        rows = [HEADINGS, *(_row(entry, self.left) for entry in self.entries)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            cells = [
                cell.rjust(width) if heading in NUMBERS else cell.ljust(width)
                for heading, cell, width in zip(HEADINGS, row, widths, strict=True)
            ]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines) + "\n"


def listed(path: Path) -> Listed:
    """Read the model at *path*; it may have operators that are not supported. Raises SpecError."""
    subgraphs = reader.read(path)
    entries = reader.entries(subgraphs)
    operators = tuple(operator for entry in entries for operator in entry.operators)
    if all(entry.problem is None for entry in entries):
        graph, _ = passes.simplified(reader.imported(subgraphs, "model").graph)
        operators = graph.operators
    return Listed(entries, frozenset(operator.name for operator in operators))


def _described(entry: Entry, left: frozenset[str]) -> dict[str, Any]:
    return {
        "index": entry.index,
        "kind": entry.kind,
        "name": entry.name,
        "inputs": [list(shape) for shape in entry.inputs],
        "outputs": [list(shape) for shape in entry.outputs],
        "macs": entry.macs,
        "parameters": entry.parameters,
        "supported": entry.problem is None,
        "becomes": becomes(entry, left),
    }


def _row(entry: Entry, left: frozenset[str]) -> tuple[str, ...]:
    return (
        str(entry.index),
        entry.kind.lower(),
        word(entry.name, MOST_NAME) or "-",
        _shapes(entry.inputs),
        _shapes(entry.outputs),
        f"{entry.macs:,}",
        f"{entry.parameters:,}",
        becomes(entry, left),
    )


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    return " ".join("x".join(map(str, shape)) or "1" for shape in shapes) or "-"


def becomes(entry: Entry, left: frozenset[str]) -> str:
    """Say what the operator becomes in the graph, and whether rewriting leaves it."""
    if entry.problem is not None:
        return f"not supported: {entry.problem}"
    if not entry.operators:
        return "kept state" if entry.kind in states.KINDS else "nothing: known beforehand or a view"
    titles = " and ".join(dict.fromkeys(operator.title for operator in entry.operators))
    stays = any(operator.name in left for operator in entry.operators)
    return titles if stays else f"{titles}, which joins another operator"
