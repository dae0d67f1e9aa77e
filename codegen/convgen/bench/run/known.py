"""What a run gave, recalled: of the same image and inputs, on the same emulator.

Only to see what not to choose: what is chosen is run (`convgen.bench.attempts`).
"""

from __future__ import annotations

import os
import shutil
from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

from convgen import __version__
from convgen.bench.build.toolchain import Image
from convgen.bench.run import emulator
from convgen.bench.run.emulator import Emulator, Run
from convgen.system import cache

MOST_BYTES = 2**20  # of outputs: larger ones take longer to run than to build


def run(emulated: Emulator, image: Image, inputs: bytes, *, expected_instructions: float) -> Run:
    """Return what a run of *image* gives, as `emulator.run` does, or gave before."""
    made: list[Run] = []

    def ran() -> dict[str, Any]:
        made.append(
            emulator.run(emulated, image, inputs, expected_instructions=expected_instructions)
        )
        return _plain(made[0])

    calls = len(inputs) // image.call.input_bytes
    if (
        emulated.server
        or not emulated.machine.memory
        or calls * image.call.output_bytes > MOST_BYTES
    ):
        ran()
        return made[0]
    name = cache.key(
        "run",
        __version__,
        cache.of_modules(Path(__file__).parent),
        _identity(emulated),
        image.call,
        image.layout,
        cache.digest(image.elf.read_bytes()),
        cache.digest(inputs),
        expected_instructions,
    )
    kept = cache.value(name, ran)
    return made[0] if made else _run(kept)


def _plain(found: Run) -> dict[str, Any]:
    """Return *found* as JSON has it, without the blocks that were counted."""
    return {
        "outputs": b64encode(found.outputs).decode(),
        "instructions": found.instructions,
        "stack_bytes": found.stack_bytes,
        "heap_bytes": found.heap_bytes,
        "init_instructions": found.init_instructions,
        "notes": found.notes,
    }


def _run(kept: dict[str, Any]) -> Run:
    counted = kept["instructions"]
    return Run(
        outputs=b64decode(kept["outputs"]),
        instructions=None if counted is None else tuple(counted),
        stack_bytes=kept["stack_bytes"],
        heap_bytes=kept["heap_bytes"],
        init_instructions=kept["init_instructions"],
        notes=tuple(kept["notes"]),
        recalled=True,
    )


def same(one: Run, other: Run) -> bool:
    """Whether both gave the same, whatever was counted meanwhile."""
    return _plain(one) == _plain(other)


def _identity(emulated: Emulator) -> tuple[object, ...]:
    """Return all that decides what *emulated* does; a core to play is a simpler target's too."""
    program = shutil.which(emulated.command[0]) if emulated.command else None
    status = Path(program).stat() if program else None
    return (
        replace(emulated, target=None),  # type: ignore[arg-type]
        program,
        status and (status.st_size, status.st_mtime_ns),
        sorted((name, value) for name, value in os.environ.items() if name.startswith("QEMU_")),
    )
