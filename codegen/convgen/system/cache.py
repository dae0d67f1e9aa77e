"""What is the same in every run, kept on disk: what compilers and linkers make, what is measured
of that, and compiled templates.

Content is found by a digest of all it is made from, so nothing is ever stale. Runs may share a
folder: a file is complete from the moment it has its name. Whatever is wrong with the folder or
with a file in it, a run does without.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from convgen.system.files import write

T = TypeVar("T")
Files = tuple[tuple[str, bytes], ...]
"""Path and content of each."""

MOST_FILES = 4096
MOST_BYTES = 2**27
STORED = 64  # between two looks at how much there is
PACKED = ".files"
DIGEST = hashlib.sha256
FAST = 1  # of zlib's levels: debug information takes a third, in hardly any time


class _Place:
    """Where this run keeps things, None: nowhere; and how many it has stored."""

    folder: Path | None = None
    stored: int = 0


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
    return digest(repr(parts).encode())


def digest(content: bytes) -> str:
    """Return what stands for *content* in the name of what is made from it."""
    return DIGEST(content).hexdigest()


@functools.cache
def of_modules(folder: Path) -> tuple[str, ...]:
    """Return digests of the modules in *folder*: a checkout may have others of one version."""
    return tuple(digest(path.read_bytes()) for path in sorted(folder.glob("*.py")))


def load(name: str) -> bytes | None:
    """Return what was stored as *name*; None if it is not there, or not whole."""
    if _Place.folder is None:
        return None
    try:
        kept = (_Place.folder / name).read_bytes()
    except OSError:
        return None
    with suppress(OSError):
        os.utime(_Place.folder / name)  # the last to make room
    digest, content = kept[: DIGEST().digest_size], kept[DIGEST().digest_size :]
    return content if DIGEST(content).digest() == digest else None


def store(name: str, content: bytes) -> None:
    """Keep *content* as *name*, if that can be done."""
    if _Place.folder is None:
        return
    with suppress(OSError):
        _Place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _Place.stored % STORED == 0:
            _make_room(_Place.folder)
        _Place.stored += 1
        write(_Place.folder / name, DIGEST(content).digest() + content)


def value(name: str, make: Callable[[], T]) -> T:
    """Return what *make* makes, plain data as JSON has it: what was stored as *name* if it was."""
    found: T = _recalled(name, make, lambda made: json.dumps(made).encode(), json.loads)
    return found


def files(name: str, make: Callable[[], Files]) -> Files:
    """Return the files that *make* makes: what was stored as *name* if they were."""
    return _recalled(name + PACKED, make, _in_a_row, _taken_apart)


def kept_files(name: str) -> Files | None:
    """Return the files that were stored as *name*, None if they are not there."""
    kept = _kept(name + PACKED)
    return None if kept is None else _taken_apart(kept)


def _recalled(
    name: str, make: Callable[[], T], pack: Callable[[T], bytes], unpack: Callable[[bytes], T]
) -> T:
    kept = _kept(name)
    if kept is not None:
        return unpack(kept)
    made = make()
    if _Place.folder is not None:
        store(name, zlib.compress(pack(made), FAST))
    return made


def _kept(name: str) -> bytes | None:
    content = load(name)
    return None if content is None else zlib.decompress(content)


def _in_a_row(files: Files) -> bytes:
    """Return a line that says how long each is, and their contents."""
    lengths = json.dumps([(path, len(content)) for path, content in files])
    return b"\n".join((lengths.encode(), b"".join(content for _, content in files)))


def _taken_apart(row: bytes) -> Files:
    lengths, contents = row.split(b"\n", 1)
    source = BytesIO(contents)
    return tuple((path, source.read(length)) for path, length in json.loads(lengths))


def _make_room(folder: Path) -> None:
    """Remove what was not used for the longest time where there is a lot."""
    with os.scandir(folder) as entries:
        found = [(entry.stat(), entry.path) for entry in entries if entry.is_file()]
    if len(found) < MOST_FILES and sum(kept.st_size for kept, _ in found) < MOST_BYTES:
        return
    for _, path in sorted(found, key=lambda each: each[0].st_mtime)[: len(found) // 2]:
        Path(path).unlink(missing_ok=True)
