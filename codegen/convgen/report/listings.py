"""What there is, as a table for people and as an array for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from convgen import printable
from convgen.report.page import Part, TextTable, printed
from convgen.size import text_of

if TYPE_CHECKING:  # to list targets takes no NumPy, operators no targets
    from convgen.formats.tflite.listing import Listed
    from convgen.plans.plan import Variant
    from convgen.report.doctor import Tool
    from convgen.targets.target import Target

OPERATOR = ("index", "kind", "name", "inputs", "outputs", "MACs", "parameters", "becomes")
SIZES = ("RAM", "flash")
COUNTS = ("index", "MACs", "parameters")


@dataclass(frozen=True, slots=True)
class Listing:
    """Both of them."""

    parts: tuple[Part, ...]
    rows: Sequence[dict[str, Any]]

    def as_text(self) -> str:
        """Return the table."""
        return printed(*self.parts)

    def as_json(self) -> str:
        """Return the array."""
        return json.dumps(self.rows, indent=2, allow_nan=False) + "\n"


def targets(boards: Sequence[Target]) -> Listing:
    """List *boards*."""
    shown = TextTable()
    for heading in ("target", "RAM", "flash", "what it is"):
        shown.add_column(heading, "right" if heading in SIZES else "left")
    ordered = sorted(boards, key=lambda board: (_core(board), board.is_chip, board.name))
    for board in ordered:
        sizes = map(text_of, (board.memory.ram, board.memory.flash))
        shown.add_row(f"{'  ' if board.is_chip else ''}{board.name}", *sizes, board.description)
    return Listing((shown,), [_target(board) for board in ordered])


def _core(board: Target) -> str:
    """Return the name of the target that is its core, which may be itself."""
    return board.core if board.is_chip and board.core else board.name


def _target(board: Target) -> dict[str, Any]:
    return {
        "name": board.name,
        "description": board.description,
        "core": _core(board),
        "is_chip": board.is_chip,
        "ram": board.memory.ram,
        "flash": board.memory.flash,
        "regions": [region.model_dump() for region in board.memory.regions],
        "flash_wait_states": board.memory.wait_states,
        "emulators": list(board.emulator),
        "played_by": board.stand_in,
    }


def algorithms(known: Sequence[Variant]) -> Listing:
    """List algorithms."""
    shown = _without_headings((each.name, each.summary) for each in known)
    rows = [{"name": e.name, "family": e.family, "summary": e.summary} for e in known]
    return Listing((shown,), rows)


def tools(found: Sequence[Tool]) -> Listing:
    """List *found*, and say what cannot be done."""
    from convgen.report import doctor

    return Listing(tuple(doctor.parts(found)), [asdict(tool) for tool in found])


def operators(found: Listed) -> Listing:
    """List the operators of a model."""
    from convgen.formats.tflite.listing import becomes, described

    shown = TextTable()
    for heading in OPERATOR:
        shown.add_column(heading, "right" if heading in COUNTS else "left")
    for entry in found.entries:
        shown.add_row(
            str(entry.index),
            entry.kind.lower(),
            printable.word(entry.name, printable.LINE) or "-",
            _shapes(entry.inputs),
            _shapes(entry.outputs),
            f"{entry.macs:,}",
            f"{entry.parameters:,}",
            becomes(entry, found.left),
        )
    return Listing((shown,), described(found))


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    return " ".join("x".join(map(str, shape)) or "1" for shape in shapes) or "-"


def _without_headings(rows: Iterable[tuple[str, str]]) -> TextTable:
    shown = TextTable(show_header=False)
    for column in ("name", "what"):
        shown.add_column(column)
    for row in rows:
        shown.add_row(*row)
    return shown
