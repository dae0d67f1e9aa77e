"""Running other programs: an argument list, a time-out, a status someone looks at."""

from __future__ import annotations

import os
import selectors
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from convgen import interrupt, printable
from convgen.errors import ProgramFailedError, ToolError
from convgen.versions import version_in

Command = tuple[str, ...]

VERSION_S = 10.0  # for a program to tell its version
TOOL_S = 120.0  # for any other call of a tool
ALL_S = 1200.0  # for all calls of one run, beside what emulated instructions may take
QUOTED_LINES = 10
MOST_OUTPUT_BYTES = 2**26  # far above any listing of a layer's code
PIPE_BYTES = 2**16
HERE = "/proc/self/cwd"
"""What compilers take for the name of the folder they run in, where a system has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A program that ended by itself; a negative status is the signal that ended it."""

    status: int
    stdout: str
    stderr: str


class TimedOut(ToolError):  # noqa: N818 - what happened, to those who explain it
    """The program was still running after its time and has been ended.

    Whoever tries one thing after the other stops at it: the next would hang as well.
    """


class _TalksTooMuch(Exception):  # noqa: N818 - `run` makes it an error
    """The program prints without an end."""


class _Allowance:
    """Seconds that the programs of one run may take together; None: there is no limit."""

    left: float | None = None


@contextmanager
def allowance() -> Iterator[None]:
    """Let all programs that are run in here take ``ALL_S`` together."""
    before, _Allowance.left = _Allowance.left, ALL_S
    try:
        yield
    finally:
        _Allowance.left = before


def run(
    command: Sequence[str],
    *,
    install: str = "",
    timeout: float,
    expected: float = 0,
    cwd: Path | None = None,
) -> Finished:
    """Run *command* for at most *timeout* seconds; TimedOut if it has been ended then.

    ToolError if it cannot be started; *install* is the command that installs it. Of the run's
    allowance it takes only what goes beyond *expected* seconds.
    """
    left = timeout if _Allowance.left is None else max(0.0, _Allowance.left) + expected
    limit = min(timeout, left)
    if not limit:
        raise TimedOut(_hung(command, limit, timeout))
    start = time.monotonic()
    try:
        with interrupt.whole():
            process = _start(command, cwd)
            interrupt.processes.add(process.pid)
    except OSError as error:
        raise ToolError(_cannot_run(command, install, error)) from None
    try:
        stdout, stderr = _heard(process, start + limit)
        process.wait(max(0.0, start + limit - time.monotonic()))
    except subprocess.TimeoutExpired:
        interrupt.end([process.pid])
        raise TimedOut(_hung(command, limit, timeout)) from None
    except _TalksTooMuch as error:
        interrupt.end([process.pid])
        raise ToolError(
            f"{command[0]} was ended: it printed more than {MOST_OUTPUT_BYTES:,} bytes"
            f"{_quoted(str(error))}\n  command: {shlex.join(command)}"
        ) from None
    except BaseException:
        interrupt.end([process.pid])
        raise
    finally:
        interrupt.processes.discard(process.pid)
        _close(process)
        _spend(time.monotonic() - start - expected)
    return Finished(status=process.returncode, stdout=stdout, stderr=stderr)


def _spend(seconds: float) -> None:
    if _Allowance.left is not None:
        _Allowance.left -= max(0.0, seconds)


def _heard(process: subprocess.Popen[bytes], until: float) -> tuple[str, str]:
    """Return what *process* writes to its standard output and standard error."""
    said = {stream: bytearray() for stream in (process.stdout, process.stderr) if stream}
    with selectors.DefaultSelector() as selector:
        for stream in said:
            selector.register(stream, selectors.EVENT_READ, said[stream])
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if time.monotonic() >= until:
                raise subprocess.TimeoutExpired(process.args, until)
            for key, _ in ready:
                part = os.read(key.fd, PIPE_BYTES)
                key.data.extend(part)
                if not part:
                    selector.unregister(key.fileobj)
                if len(key.data) > MOST_OUTPUT_BYTES:
                    raise _TalksTooMuch(_text(key.data[:PIPE_BYTES]))
    stdout, stderr = map(_text, said.values())
    return stdout, stderr


def _text(said: bytes | bytearray) -> str:
    return said.decode("utf-8", errors="replace").replace("\r\n", "\n")


def _start(command: Sequence[str], cwd: Path | None) -> subprocess.Popen[bytes]:
    """Start *command* in a session of its own, so that its children can be ended with it."""
    temporary = {"TMPDIR": tempfile.tempdir} if tempfile.tempdir else {}
    return subprocess.Popen(
        list(command),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C", "PWD": HERE, **temporary},
        start_new_session=True,
    )


def _close(process: subprocess.Popen[bytes]) -> None:
    process.poll()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


def run_tool(
    command: Sequence[str],
    *,
    install: str = "",
    timeout: float | None = None,
    cwd: Path | None = None,
) -> str:
    """Run *command*, which must succeed, and return its standard output; else ToolError,
    ProgramFailedError if it ran to an end.

    Unless a *timeout* is given, the run has no use for another tool once this one has hung.
    """
    try:
        done = run(command, install=install, timeout=timeout or TOOL_S, cwd=cwd)
    except TimedOut:
        _spend(0.0 if timeout else ALL_S)
        raise
    if done.status != 0:
        raise ProgramFailedError(failure(command, done))
    return done.stdout


def version(command: Sequence[str], *, install: str) -> str:
    """Return the version that *command* tells."""
    return version_in(run_tool(command, install=install, timeout=VERSION_S))


def failure(command: Sequence[str], done: Finished) -> str:
    """Say how *command* failed, in its own words."""
    words = _quoted(done.stderr if done.stderr.strip() else done.stdout)
    ended = f"failed with status {done.status}"
    if done.status < 0:
        ended = f"was ended by {_signal_name(-done.status)}"
    return f"{command[0]} {ended}{words}\n  command: {shlex.join(command)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _quoted(text: str) -> str:
    lines = printable.lines(text).splitlines()[:QUOTED_LINES]
    return ":" + "".join(f"\n  {line}" for line in lines) if lines else " and said nothing"


def _hung(command: Sequence[str], limit: float, timeout: float) -> str:
    how = f"hung: it was ended after {limit:.3g} s"
    if limit < timeout:
        how = f"was ended: all tools of a run together may take {ALL_S:,.4g} s, which are over"
    return f"{command[0]} {how}\n  command: {shlex.join(command)}"


def _cannot_run(command: Sequence[str], install: str, error: OSError) -> str:
    """Say why *command* could not be started: only what is missing is to be installed."""
    program = command[0]
    is_missing = isinstance(error, FileNotFoundError) and shutil.which(program) is None
    hint = f"\n  to install it: {install}" if install and is_missing else ""
    reason = error.strerror
    if isinstance(error, FileNotFoundError) and not is_missing:
        reason = f"{shutil.which(program)} is there, but not what it needs to start"
    return f"cannot run {program}: {reason}\n  command: {shlex.join(command)}{hint}"
