"""Where a run works: one folder beside its results, which is gone when the run has ended.

Everything temporary is in it, that of compilers too. A run that was killed cannot remove its
folder; the next one does. Whose process lives is told by a lock, which ends with the process.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convgen.errors import UsageError
from convgen.system import interrupt, portability, publishing

PREFIX = ".convgen-"
LOCK = "lock"
TEMPORARY = "tmp"
# What a full or protected disk says, to a write that names no file.
CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
_NAME = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}")  # as tempfile makes them


@contextmanager
def staging_folder(out: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield an empty folder on the file system of *out*, where *names* will be published.

    Raises `UsageError` before any work is done if *out* cannot be written, or holds under one of
    *names* what convgen did not write.
    """
    out = _absolute(out)
    parent = nearest_folder(out)
    sweep(out)
    for place in {parent, out.parent} - {out}:
        with suppress(UsageError):  # not about *out*
            sweep(place)
    publishing.check(out, names)
    stage, lock = _made(parent)
    before = tempfile.tempdir
    try:
        (stage / TEMPORARY).mkdir()
        tempfile.tempdir = str(stage / TEMPORARY)
        yield stage
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        raise _cannot_write(parent, error) from None
    finally:
        tempfile.tempdir = before
        for place in {stage, out / stage.name}:  # `publishing` moves it where the results are
            if not publishing.is_unfinished(place):
                _remove(place)
            interrupt.folders.discard(str(place))
        if lock is not None:
            os.close(lock)


def _absolute(out: Path) -> Path:
    """Return *out* as an absolute path; UsageError if there can be no folder of that name."""
    try:
        out = out.absolute()
        out.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        if not out.is_absolute():
            raise UsageError("--out: the current folder has been removed") from error
    except OSError as error:
        raise _cannot_write(out, error) from None
    return out


def _remove(stage: Path) -> None:
    """Remove *stage*, the lock last: until then `sweep` knows it."""
    with suppress(OSError):
        for entry in stage.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name != LOCK:
                entry.unlink()
        shutil.rmtree(stage)


def nearest_folder(out: Path) -> Path:
    """Return *out*, or the folder that it will be made in; UsageError if it cannot be one."""
    parent = out.absolute()
    while not os.path.lexists(parent):
        parent = parent.parent
    if not parent.is_dir():
        raise UsageError(f"--out: expected a folder, but {parent} is a file")
    return parent


def _cannot_write(place: Path, error: OSError) -> UsageError:
    return UsageError(f"--out: cannot write to {place}: {error.strerror}")


def _made(parent: Path) -> tuple[Path, int | None]:
    """Make a folder in *parent*; return it and its lock, which is held where there are locks."""
    while True:
        with interrupt.whole():
            try:
                stage = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            except OSError as error:
                raise _cannot_write(parent, error) from None
            interrupt.folders.add(str(stage))
            try:
                lock = portability.lock(stage / LOCK, make=True)
            except FileNotFoundError:  # another run has swept it away by now
                continue
            except OSError:  # there are no locks: nobody sweeps either
                return stage, None
            if lock is not None and (stage / LOCK).exists():
                return stage, lock
            if lock is not None:
                os.close(lock)


def sweep(place: Path) -> None:
    """Finish in *place* what runs that were killed had begun to publish; remove their folders."""
    if not place.is_dir():
        return
    try:
        found = [entry.name for entry in os.scandir(place) if _NAME.fullmatch(entry.name)]
    except OSError:
        return
    for name in sorted(found):
        stage = place / name
        if stage.is_dir() and not stage.is_symlink():
            _sweep(stage)


def _sweep(stage: Path) -> None:
    try:
        lock = portability.lock(stage / LOCK)
    except FileNotFoundError:
        with suppress(OSError):  # killed before it had a lock: empty, or not one of ours
            stage.rmdir()
        return
    except OSError:  # nobody can tell
        return
    if lock is None:  # its run goes on
        return
    try:
        publishing.finish(stage)
        _remove(stage)
    except OSError:
        pass
    finally:
        os.close(lock)
