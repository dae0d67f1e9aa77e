"""Reading files that others wrote: regular ones only, no more of them than is expected.

A pipe may never end, nor may a device or a link to one; a file may grow while it is read. What is
written is there as a whole or not at all.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from convgen.system import interrupt, portability


class Unreadable(Exception):  # noqa: N818 - a reason, which its callers put into a sentence
    """The file cannot be read; the text says why."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Yield the regular file *path*, open for reading; `Unreadable` if there is none.

    An error of reading it in the body becomes `Unreadable` too.
    """
    try:
        with os.fdopen(_open(path), "rb") as file:
            yield file
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from None


def _open(path: Path) -> int:
    """Open without waiting for the other end of a pipe."""
    try:
        handle = os.open(path, portability.READ_ONLY)
    except ValueError:  # a NUL, or a character that no file name can have
        raise Unreadable("not a path") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Unreadable("not a regular file")
    return handle


def read(path: Path, most_bytes: int) -> bytes:
    """Return what the regular file *path* holds; `Unreadable` if that is more than *most_bytes*."""
    with opened(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise Unreadable(f"longer than {most_bytes} bytes")
    return content


def write(path: Path, content: bytes) -> None:
    """Write *content* as the file *path*, in the place of one that is there."""
    with interrupt.whole():
        handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink()
            raise
