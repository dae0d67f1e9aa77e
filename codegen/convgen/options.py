"""What may be asked of convgen, as values: how to read, to plan, to run; and a job, all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convgen.choices import (
    EMULATORS,
    ENDS,
    FEEDS,
    FUSIONS,
    GDB,
    GOALS,
    MODELS,
    PACKAGES,
    REFERENCES,
    TOOLCHAINS,
    Ends,
    Feed,
    Fusion,
    Goal,
    Package,
    Reference,
    ToolchainName,
)
from convgen.errors import UsageError
from convgen.printable import word
from convgen.size import Size, in_bytes

MOST_WAIT_STATES = 255
_SERVER = re.compile(rf"{GDB}([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])?:[0-9]{{1,5}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How to read a layer's spec or a model.

    ``layer``: which operator of a model, by index or output, to take as a layer; None: all, as a
    network. ``name``: the prefix of symbols and files of what is read from a model. ``seed``: of
    made-up numbers. ``ends``: what the network of a model begins and ends with. ``reference``:
    whose rounding a model has. Raises UsageError.
    """

    layer: str | None = None
    name: str | None = None
    seed: int = 0
    allow_outside: bool = False
    ends: Ends = "model"
    reference: Reference = "litert"

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _seed(self.seed)
        _one_of("--io", self.ends, ENDS)
        _one_of("--reference", self.reference, REFERENCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What to plan for. Raises UsageError.

    ``ram`` and ``flash`` may be used, None: all that the target has. ``algorithm``: of a layer, an
    algorithm or a family; None: any that asks nothing of the caller but memory. ``overlap``: input
    and output of a layer share one pool, as tensors of a network always do. ``fusion``: operators
    of a network may go row by row together, or one goes after the other. ``feed``: the caller puts
    the input of a network there as a whole, or hands in rows; None: as a whole, and where plans are
    compared in both ways.
    """

    ram: Size | None = None
    flash: Size | None = None
    goal: Goal = "workspace"
    algorithm: str | None = None
    overlap: bool = False
    fusion: Fusion = "auto"
    feed: Feed | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _one_of("--optimize", self.goal, GOALS)
        _one_of("--fusion", self.fusion, FUSIONS)
        _one_of("--feed", self.fed, FEEDS)
        _ = self.ram_bytes, self.flash_bytes

    @property
    def fed(self) -> Feed:
        """How the input of the network that is chosen is fed."""
        return self.feed or "whole"

    @property
    def ram_bytes(self) -> int | None:
        """The budget of RAM."""
        return _size("--budget", self.ram)

    @property
    def flash_bytes(self) -> int | None:
        """The budget of flash."""
        return _size("--flash", self.flash)


def _emulator(name: str) -> None:
    """Refuse what is neither an emulator nor a GDB server."""
    if not name.startswith(GDB):
        _one_of("--emulator", name, (*EMULATORS, f"{GDB}HOST:PORT"))
        return
    if not _SERVER.fullmatch(name):
        raise UsageError(
            f"--emulator: expected gdb:HOST:PORT, such as gdb:localhost:3333, got '{word(name)}'"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How to build, run and look into what was planned. Raises UsageError.

    ``vectors``: a .npz file of inputs and expected outputs; None: inputs made up from ``seed``.
    ``cycles`` are estimated, ``flash_wait_states`` added to each fetch of code;
    None: the chip's at full speed. ``profile``: which
    functions and lines take the instructions. ``cache``: read and write the user's cache.
    ``package``: the kind of build system that gets files of its own beside the C.
    """

    emulator: str = "auto"
    toolchain: ToolchainName = "auto"
    vectors: Path | None = None
    seed: int = 0
    cycles: bool = False
    flash_wait_states: int | None = None
    profile: bool = False
    cache: bool = True
    package: Package | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _emulator(self.emulator)
        _one_of("--toolchain", self.toolchain, TOOLCHAINS)
        if self.package is not None:
            _one_of("--package", self.package, PACKAGES)
        _seed(self.seed)
        found = self.flash_wait_states
        if found is not None and not 0 <= found <= MOST_WAIT_STATES:
            raise UsageError(f"--flash-wait-states: expected 0 to {MOST_WAIT_STATES}, got {found}")

    @property
    def runs(self) -> bool:
        """Whether anything is run at all."""
        return self.emulator != "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The whole of it: from ``spec``, a layer's or a model, to files in ``out`` and a report.

    ``compare``: run all that could be chosen. ``out`` None: a folder by the name.
    """

    spec: Path
    target: str
    out: Path | None = None
    compare: bool = False
    read: ReadOptions = field(default_factory=ReadOptions)
    plan: PlanOptions = field(default_factory=PlanOptions)
    run: RunOptions = field(default_factory=RunOptions)

    @property
    def is_network(self) -> bool:
        """Whether it is about a model as a whole."""
        return self.read.layer is None and is_model(self.spec)


def is_model(path: Path) -> bool:
    """Whether *path* is a model and not a layer's spec."""
    return path.suffix.lower() in MODELS


def refuse_without_model(job: Job, specs: Sequence[Path]) -> None:
    """Refuse what *job* says of models, or of whole ones, where *specs* are none.

    The name of several specs is that of their package. Raises UsageError.
    """
    read, plan = job.read, job.plan
    said = {
        "--name": read.name is not None and len(specs) == 1,
        "--reference": read.reference != "litert",
        "--io": read.ends != "model",
        "--feed": plan.feed is not None,
        "--fusion": plan.fusion != "auto",
    }
    if any(map(is_model, specs)):
        said |= {"--name": False, "--reference": False}
        if read.layer is None:
            return
    wanted = "a model as a whole" if read.layer is not None else "a model, a .tflite or .onnx file"
    problems = [
        f"{option}: expected {wanted}, got a layer" for option, is_said in said.items() if is_said
    ]
    if problems:
        raise UsageError("\n".join(problems))


def _one_of(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageError(f"{option}: expected one of {', '.join(known)}, got '{word(str(value))}'")


def _seed(value: int) -> None:
    if not 0 <= value < 2**63:
        raise UsageError(f"--seed: expected 0 or a positive integer below 2**63, got {value}")


def _size(option: str, value: Size | None) -> int | None:
    try:
        return None if value is None else in_bytes(value)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
