"""The rooms of the package: who may import whom."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "codegen" / "convgen"

ROOMS = (
    "system", "ctext", "model", "formats", "targets", "plans", "schedule", "sources",
    "bench/build", "bench/code", "bench/run", "bench/proof", "bench", "report",
)  # fmt: skip
"""A room may import from those before it, and from the modules beside the rooms."""

BESIDE = (
    "choices",
    "errors",
    "extras",
    "printable",
    "progress",
    "refusal",
    "resources",
    "size",
    "versions",
)
"""What any room may use. Other modules beside the rooms stand above them."""


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__")


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py")}


def imports(name: str) -> set[str]:
    """The modules of convgen that a module names in its imports, wherever they stand."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "convgen":
            base = (node.module or "").replace(".", "/").removeprefix("convgen").strip("/")
            for alias in node.names:
                within = f"{base}/{alias.name}".strip("/")
                found.add(within if within in MODULES else base or "__init__")
    return found & MODULES.keys() - {"__init__"}


def floor(name: str) -> int:
    """How high a module stands: beside the rooms and below them, in one, or above."""
    if name in BESIDE:
        return 0
    for room in sorted(ROOMS, key=len, reverse=True):
        if name == room or name.startswith(f"{room}/"):
            return 1 + ROOMS.index(room)
    return 1 + len(ROOMS)


def test_every_room_is_there() -> None:
    assert {room for room in ROOMS if room not in MODULES} == set()
    folders = {path.relative_to(PACKAGE).parts[0] for path in PACKAGE.glob("*/__init__.py")}
    assert folders == {room.partition("/")[0] for room in ROOMS}


def test_no_room_imports_from_a_higher_one() -> None:
    upward = [
        f"{name} imports {other}"
        for name in MODULES
        for other in imports(name)
        if floor(other) > floor(name)
    ]
    assert upward == []


def test_the_command_line_uses_the_public_functions_and_nothing_else() -> None:
    assert imports("cli") - set(BESIDE) == {"api", "system/streams"}


def test_there_is_no_circle_of_imports() -> None:
    TopologicalSorter({name: imports(name) - {name} for name in MODULES}).prepare()


def test_a_circle_and_a_way_up_would_be_seen() -> None:
    assert "bench/trial" in imports("bench/attempts")
    assert floor("bench/trial") > floor("bench/proof/vectors") > floor("plans/plan")
    assert floor("cli") > floor("report/report") > floor("errors")
