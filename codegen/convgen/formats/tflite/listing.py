"""The operators of a model, as ``--list-layers`` tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convgen.formats import models
from convgen.formats.tflite import states
from convgen.formats.tflite.reader import ReadOperator
from convgen.model import passes


@dataclass(frozen=True, slots=True)
class Listed:
    """The operators of a file, and the names of those of the graph that rewriting leaves."""

    entries: tuple[ReadOperator, ...]
    left: frozenset[str]


def listed(path: Path) -> Listed:
    """Read the model at *path*; it may have operators that are not supported. Raises SpecError."""
    model = models.read(path)
    entries = model.entries
    operators = tuple(operator for entry in entries for operator in entry.operators)
    if all(entry.problem is None for entry in entries):
        graph, _ = passes.simplified(model.imported("model").graph)
        operators = graph.operators
    return Listed(entries, frozenset(operator.name for operator in operators))


def described(found: Listed) -> list[dict[str, Any]]:
    """Return an object for each operator."""
    return [_described(entry, found.left) for entry in found.entries]


def _described(entry: ReadOperator, left: frozenset[str]) -> dict[str, Any]:
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


def becomes(entry: ReadOperator, left: frozenset[str]) -> str:
    """Say what the operator becomes in the graph, and whether rewriting leaves it."""
    if entry.problem is not None:
        return f"not supported: {entry.problem}"
    if not entry.operators:
        return "kept state" if entry.kind in states.KINDS else "nothing: known beforehand or a view"
    titles = " and ".join(dict.fromkeys(operator.title for operator in entry.operators))
    stays = any(operator.name in left for operator in entry.operators)
    return titles if stays else f"{titles}, which joins another operator"
