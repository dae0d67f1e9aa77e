"""Running other programs: an argument list, a time-out, a status someone looks at."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convgen.errors import ToolError

Command = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A program that ended by itself; a negative status is the signal that ended it."""

    status: int
    stdout: str
    stderr: str


class TimedOut(Exception):  # noqa: N818 - an outcome its callers explain, not an error by itself
    """The program was still running after its time and has been ended."""


def run(
    command: Sequence[str],
    *,
    package: str = "",
    install: str = "",
    timeout: float,
    cwd: Path | None = None,
) -> Finished:
    """Run *command* for at most *timeout* seconds.

    ToolError if it cannot be started. *package* is the Debian package that has it, if any has;
    *install* the command that installs it where that is another.
    """
    try:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        raise TimedOut(f"still running after {timeout:g} s: {shlex.join(command)}") from None
    except OSError as error:
        raise ToolError(
            f"cannot run {command[0]}: {error.strerror}\n"
            f"  command: {shlex.join(command)}{_hint(package, install)}"
        ) from None
    return Finished(status=done.returncode, stdout=done.stdout, stderr=done.stderr)


def run_tool(
    command: Sequence[str],
    *,
    package: str = "",
    install: str = "",
    timeout: float = 300,
    cwd: Path | None = None,
) -> str:
    """Run *command*, which must succeed, and return its standard output; else ToolError."""
    try:
        done = run(command, package=package, install=install, timeout=timeout, cwd=cwd)
    except TimedOut as error:
        raise ToolError(str(error)) from None
    if done.status != 0:
        said = "\n".join(f"  {line}" for line in done.stderr.splitlines()[:10])
        raise ToolError(
            f"{command[0]} failed with status {done.status}:\n{said}\n"
            f"  command: {shlex.join(command)}{_hint(package, install)}"
        )
    return done.stdout


def _hint(package: str, install: str) -> str:
    how = install or (f"apt-get install {package}" if package else "")
    return f"\n  to install it: {how}" if how else ""
