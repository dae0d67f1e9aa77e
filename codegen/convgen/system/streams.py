"""Standard output and standard error, whatever they are: closed, full, a pipe nobody reads."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convgen import printable
from convgen.errors import UsageError


def prepare() -> None:
    """Make both streams usable.

    Where one is closed the next file that is opened would take its number, and a program that is
    started would write into it. Names of files hold characters that some terminals do not have.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def check_output() -> None:
    """Refuse a closed standard output before any work is done. Raises UsageError."""
    if sys.stdout is None:
        raise UsageError("cannot write to standard output: it is closed")


@contextmanager
def results() -> Iterator[None]:
    """Write results all the way out; a reader that has gone, as ``head`` does, is no error.

    Raises UsageError.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"cannot write to standard output: {error.strerror}") from None


def say(message: str) -> None:
    """Write a message for the user; there may be nobody to hear it."""
    try:
        print(f"convgen: {printable.lines(message)}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        _silence(sys.stderr)


def _silence(stream: object) -> None:
    """Let what is still buffered go nowhere: it must not fail again at exit."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[attr-defined]
