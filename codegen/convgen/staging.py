"""Files appear complete or not at all: everything is made in a staging folder, then moved."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convgen.errors import UsageError

REPORT = "report.json"


@contextmanager
def staging_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder on the file system of *out*; it is gone afterwards.

    Raises `UsageError` when *out* could not be written later, before any work is done, and when
    writing fails in the middle of it.
    """
    parent = out.absolute()
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise UsageError(f"--out: expected a folder, but {parent} is a file")
    try:
        stage = Path(tempfile.mkdtemp(prefix=".convgen-", dir=parent))
    except OSError as error:
        raise UsageError(f"--out: cannot write to {parent}: {error.strerror}") from None
    try:
        yield stage
    except OSError as error:  # a full disk
        raise UsageError(f"--out: cannot write to {parent}: {error.strerror}") from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def publish(stage: Path, out: Path) -> None:
    """Move every entry of *stage* into *out*, replacing what has the same name there.

    A file is replaced in one step; other files in *out* stay. The report goes first and comes
    last: where there is one, the files beside it belong to it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / REPORT).unlink(missing_ok=True)
        for entry in sorted(stage.iterdir(), key=lambda entry: (entry.name == REPORT, entry.name)):
            target = out / entry.name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            entry.replace(target)
    except OSError as error:
        raise UsageError(f"--out: cannot write to {out}: {error.strerror}") from None
