"""Standard output and standard error, whatever they are: closed, full, a pipe nobody reads."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import TextWrapper

from convgen import printable
from convgen.errors import UsageError

NARROWEST = 40  # columns that are made use of, whatever the terminal says
USUAL = 80  # where it does not say


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
        text = f"convgen: {printable.lines(message)}"
        print(_broken(text) if sys.stderr.isatty() else text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        _silence(sys.stderr)


def _broken(text: str) -> str:
    """Return *text* in lines as wide as the terminal, broken between words."""
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns or USUAL
    except OSError:
        width = USUAL
    lines = TextWrapper(
        max(width, NARROWEST),
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(
        line if len(line) <= lines.width else lines.fill(line) for line in text.splitlines()
    )


def _silence(stream: object) -> None:
    """Let what is still buffered go nowhere: it must not fail again at exit."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[attr-defined]
