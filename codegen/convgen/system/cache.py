"""What is the same in every run, kept on disk: compiled firmware and compiled templates.

Content is found by a digest of all it is made from, so nothing is ever stale. Runs may share a
folder: a file is complete from the moment it has its name. Whatever is wrong with the folder or
with a file in it, a run does without.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convgen.system import interrupt

MOST_FILES = 1024
DIGEST = hashlib.sha256


class _Place:
    """Where this run keeps things; None: nowhere."""

    folder: Path | None = None


@contextmanager
def kept_in(folder: Path | None) -> Iterator[None]:
    """Let what is done in here use the cache in *folder*; None: none."""
    before, _Place.folder = _Place.folder, folder
    try:
        yield
    finally:
        _Place.folder = before


def usual_folder() -> Path | None:
    """Return the folder for convgen by this platform's convention; None if there is no home."""
    variable, *usual = {
        "win32": ("LOCALAPPDATA", "AppData", "Local"),
        "darwin": ("XDG_CACHE_HOME", "Library", "Caches"),
    }.get(sys.platform, ("XDG_CACHE_HOME", ".cache"))
    named = Path(os.environ.get(variable, ""))
    try:
        return (named if named.is_absolute() else Path.home().joinpath(*usual)) / "convgen"
    except RuntimeError:
        return None


def key(*parts: object) -> str:
    """Return the name of what is made from *parts*, which `repr` tells apart."""
    return DIGEST(repr(parts).encode()).hexdigest()


def load(name: str) -> bytes | None:
    """Return what was stored as *name*; None if it is not there, or not whole."""
    if _Place.folder is None:
        return None
    try:
        kept = (_Place.folder / name).read_bytes()
    except OSError:
        return None
    digest, content = kept[: DIGEST().digest_size], kept[DIGEST().digest_size :]
    return content if DIGEST(content).digest() == digest else None


def store(name: str, content: bytes) -> None:
    """Keep *content* as *name*, if that can be done."""
    if _Place.folder is None:
        return
    with suppress(OSError):
        _Place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_room(_Place.folder)
        _write(_Place.folder / name, DIGEST(content).digest() + content)


def _write(path: Path, content: bytes) -> None:
    with interrupt.whole():
        handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink()
            raise


def _make_room(folder: Path) -> None:
    """Remove what was stored first where there is a lot."""
    files = [path for path in folder.iterdir() if path.is_file()]
    if len(files) >= MOST_FILES:
        for path in sorted(files, key=lambda path: path.stat().st_mtime)[: MOST_FILES // 2]:
            path.unlink(missing_ok=True)
