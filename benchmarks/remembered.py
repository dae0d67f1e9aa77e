"""Measurements kept on disk by everything that decides them: the same code is not run twice."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from convgen.bench.trial import Bench
from convgen.resources import data_dir

COMMENT = re.compile(r"[ \t]*(/\*.*?\*/|//[^\n]*)[ \t]*", re.DOTALL)
FOLDER = Path(__file__).parent.parent / "build" / "measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a plan takes on a board; ``asks`` tells whether it asks anything of the caller."""

    instructions: int
    init_instructions: int
    code_bytes: int
    stack_bytes: int
    ram_without_stack: int
    asks: bool
    compiler: str


def remember(files: Mapping[str, str], bench: Bench, measure: Callable[[], Measured]) -> Measured:
    """Return what was measured of the same code before, or measure."""
    file = FOLDER / f"{_key(files, bench)}.json"
    if file.exists():
        return Measured(**json.loads(file.read_text(encoding="utf-8")))
    measured = measure()
    FOLDER.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(measured)), encoding="utf-8")
    return measured


def _key(files: Mapping[str, str], bench: Bench) -> str:
    """Return a digest of the generated code, the firmware, the machine and the tools."""
    parts: list[Any] = [
        {name: COMMENT.sub("", text) for name, text in files.items()},
        bench.machine.model_dump_json(),
        bench.toolchain.version,
        bench.toolchain.flags,
        bench.emulator.version if bench.emulator else None,
        {path.name: path.read_text(encoding="utf-8") for path in _sources()},
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _sources() -> list[Path]:
    """Return what is built with every layer, or decides how it is called."""
    templates = data_dir("templates")
    firmware = [path for path in data_dir("firmware").rglob("*") if path.is_file()]
    return sorted([*firmware, templates / "layer_call.c.j2", templates / "memory.ld.j2"])
