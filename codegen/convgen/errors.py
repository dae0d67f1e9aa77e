"""The errors a user can meet. Each kind carries the exit code of docs/reference.md."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum


class ExitCode(IntEnum):
    """What the command's exit status says."""

    VERIFIED = 0
    WRONG_OUTPUT = 1
    BAD_INPUT = 2
    NO_FIT = 3
    TOOL = 4


class ConvgenError(Exception):
    """An error with a message for the user and an exit code for scripts."""

    exit_code = ExitCode.BAD_INPUT


class UsageError(ConvgenError):
    """The command line is wrong."""


class MachineTooSmallError(UsageError):
    """The emulated machine has less memory than the budget, or than a candidate over it needs."""


class SpecError(ConvgenError):
    """The layer spec is wrong; the message holds every problem found, one per line."""

    def __init__(self, problems: list[str]) -> None:
        """Keep *problems*, each ``field: what was expected, what was found``."""
        super().__init__("\n".join(problems))
        self.problems = problems


def refuse(problems: list[str]) -> None:
    """Raise SpecError if there are any *problems*."""
    if problems:
        raise SpecError(problems)


class TargetError(ConvgenError):
    """The target is unknown, or its file is wrong."""


class NoFitError(ConvgenError):
    """No algorithm fits the budget; the message names the smallest need and the shortfall."""

    exit_code = ExitCode.NO_FIT


class ToolError(ConvgenError):
    """A tool is missing or failed; the message names it, its command and how to install it."""

    exit_code = ExitCode.TOOL


class ProgramFailedError(ToolError):
    """A tool ran, and ended with a status that says no."""


class BuildError(ToolError):
    """The layer's own code does not compile or link: that of another algorithm may."""

    @property
    def summary(self) -> str:
        """What failed and the first error it told of, in one line."""
        first, *said = str(self).splitlines()
        told = [line.strip() for line in said if not line.startswith("  command: ")]
        return " ".join([first, *([line for line in told if "error" in line] or told)[:1]])


class VerificationError(ConvgenError):
    """The emulated layer did something wrong; the message says what and where."""

    exit_code = ExitCode.WRONG_OUTPUT


class RegressionError(ConvgenError):
    """A figure is worse than `--fail-on` allows; the message has a line for each."""

    exit_code = ExitCode.WRONG_OUTPUT


def foreseen(error: Exception) -> ConvgenError | None:
    """Return what an error that nobody nearer explained means to the user; None: a bug."""
    match error:
        case ConvgenError():
            return error
        case MemoryError():
            return ToolError("not enough memory on this computer")
        case RuntimeError() if "start new thread" in str(error):
            return ToolError("no thread can be started: not enough memory, or too many processes")
        case ImportError():
            return ToolError(f"a part of convgen is missing, reinstall it: {error}")
        case OSError():
            where = f": {error.filename}" if error.filename else ""
            return ToolError(f"the system refused: {error.strerror or error}{where}")
    return None


@contextmanager
def explained() -> Iterator[None]:
    """Raise what is foreseen as the `ConvgenError` that it means; a bug as it is."""
    try:
        yield
    except Exception as error:
        known = foreseen(error)
        if known is None or known is error:
            raise
        raise known from error
