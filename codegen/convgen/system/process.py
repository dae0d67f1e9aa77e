"""Running other programs: an argument list, a time-out, a status someone looks at."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from convgen import printable
from convgen.errors import ProgramFailedError, ToolError
from convgen.system import cache, interrupt, portability
from convgen.versions import version_in

T = TypeVar("T")
Command = tuple[str, ...]

VERSION_S = 10.0  # for a program to tell its version
TOOL_S = 120.0  # for any other call of a tool
ALL_S = 1200.0  # for all calls of one run, beside what emulated instructions may take
QUOTED_LINES = 10
QUOTED_BYTES = 2**16
MOST_OUTPUT_BYTES = 2**26  # far above any listing of a layer's code
LOOK_S = 0.1  # between two looks at how much a program has printed
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
    with ExitStack() as stack:
        said = [stack.enter_context(tempfile.TemporaryFile()) for _ in ("stdout", "stderr")]
        try:
            with interrupt.whole():
                process = _start(command, cwd, said)
                interrupt.started(process)
        except OSError as error:
            raise ToolError(_cannot_run(command, install, error)) from None
        try:
            _wait(process, said, start + limit)
            stdout, stderr = map(_text, said)
        except subprocess.TimeoutExpired:
            portability.end([process])
            raise TimedOut(_hung(command, limit, timeout)) from None
        except _TalksTooMuch as error:
            portability.end([process])
            raise ToolError(
                f"{command[0]} was ended: it printed more than {MOST_OUTPUT_BYTES:,} bytes"
                f"{_quoted(str(error))}\n  command: {shlex.join(command)}"
            ) from None
        except BaseException:
            portability.end([process])
            raise
        finally:
            interrupt.ended(process)
            _spend(time.monotonic() - start - expected)
    return Finished(status=process.returncode, stdout=stdout, stderr=stderr)


def _spend(seconds: float) -> None:
    if _Allowance.left is not None:
        _Allowance.left -= max(0.0, seconds)


def _wait(process: portability.Process, said: Sequence[BinaryIO], until: float) -> None:
    """Wait for *process*, in a thread of its own, which is told at once."""
    ended = threading.Event()

    def wait() -> None:
        process.wait()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    while not ended.wait(min(LOOK_S, max(0.0, until - time.monotonic()))):
        if time.monotonic() >= until:
            raise subprocess.TimeoutExpired(process.args, until)
        for file in said:
            _refuse_too_much(file)


def _refuse_too_much(file: BinaryIO) -> None:
    if os.fstat(file.fileno()).st_size > MOST_OUTPUT_BYTES:
        file.seek(0)
        raise _TalksTooMuch(_decoded(file.read(QUOTED_BYTES)))


def _text(file: BinaryIO) -> str:
    _refuse_too_much(file)
    file.seek(0)
    return _decoded(file.read())


def _decoded(said: bytes) -> str:
    return said.decode("utf-8", errors="replace").replace("\r\n", "\n")


def _start(
    command: Sequence[str], cwd: Path | None, said: Sequence[BinaryIO]
) -> portability.Process:
    """Start *command*, which prints to files.

    At the other end of a pipe one would wait for all that hold it: a wrapper of a compiler may
    leave something running that does.
    """
    stdout, stderr = said
    temporary = dict.fromkeys(("TMPDIR", "TMP", "TEMP"), tempfile.tempdir or "")
    return subprocess.Popen(
        list(command),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env={**os.environ, "LC_ALL": "C", "PWD": HERE, **(temporary if tempfile.tempdir else {})},
        **portability.apart(),
    )


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
    """Return the version that *command* tells, or told before if its program is still the same.

    A script is asked each time: what it starts may be another.
    """

    def told() -> str:
        return version_in(run_tool(command, install=install, timeout=VERSION_S))

    program = shutil.which(command[0])
    if program is None or _is_script(Path(program)):
        return told()
    status = Path(program).stat()
    name = cache.key("version", *command, program, status.st_size, status.st_mtime_ns)
    return cache.value(name, told)


def _is_script(program: Path) -> bool:
    with program.open("rb") as file:
        return file.read(2) == b"#!"


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


def beside(jobs: Iterable[Callable[[], object]], work: Callable[[], T], at_once: int = 0) -> T:
    """Return what *work* does while *jobs* are done; after a failure none of them begins.

    So many *at_once*; 0: as the computer has processors.
    """
    from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

    with ThreadPoolExecutor(at_once or os.cpu_count()) as pool:
        begun = [pool.submit(job) for job in jobs]
        try:
            result = work()
            wait(begun, return_when=FIRST_EXCEPTION)
            for job in filter(Future.done, begun):
                job.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return result
