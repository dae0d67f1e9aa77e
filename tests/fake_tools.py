"""Programs that stand in for compilers and emulators, and do not do what those do."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("fake")
COMPILER, EMULATOR = "arm-none-eabi-gcc", "qemu-system-arm"
TELLS_VERSION = {
    COMPILER: 'if [ "$1" = -dumpfullversion ]; then echo 12.2.1; exit; fi',
    EMULATOR: 'if [ "$1" = --version ]; then echo "QEMU emulator version 7.2.0"; exit; fi',
}


def fake(name: str, does: str, *, mode: int = 0o755, version: bool = True) -> None:
    """Write a shell script for *name* that tells a version if asked to and then does *does*."""
    FOLDER.mkdir(exist_ok=True)
    script = FOLDER / name
    script.write_text(f"#!/bin/sh\n{TELLS_VERSION[name] if version else ''}\n{does}\n")
    script.chmod(mode)


HANGS = "trap '' TERM; sleep 600 & echo $$ $! >>$PIDS; wait; sleep 600"
"""Hang, deaf to SIGTERM, with a child; tell both process numbers in the file PIDS."""


def runs(process: int) -> bool:
    """Whether *process* lives; one that has ended may wait for its parent to notice."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False
