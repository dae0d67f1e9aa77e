"""Targets and the machines that run them, read from ``targets/``.

``targets/NAME.toml`` says what the core can do and how to compile for it;
``targets/chips/NAME.toml`` says what a chip has beside its core: memory above all;
``targets/machines/NAME.toml`` says what memory an emulated machine has and how to start it.
targets/README.md explains every key.

A target's file is trusted as code is: it names programs, and their options. What is checked is
that a mistake is told, and that its words end nothing where they are printed.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from convgen.ctext.identifiers import IDENTIFIER
from convgen.errors import TargetError
from convgen.printable import word
from convgen.resources import data_dir
from convgen.size import MOST, parse_size
from convgen.system import files
from convgen.system.files import Unreadable

Isa = Literal[
    "armv6-m", "armv7-m", "armv7e-m", "armv8-m", "armv8.1-m",
    "rv32", "rv32e", "rv32v", "rv64", "host",
]  # fmt: skip
Feature = Literal["divide", "dsp", "fpu", "mul64", "mve", "unaligned"]
EmulatorKind = Literal["native", "qemu-system", "unicorn", "qemu-user"]
CpuModel = Literal[
    "CORTEX_M0", "CORTEX_M3", "CORTEX_M4", "CORTEX_M7", "CORTEX_M33", "RISCV32_ANY", "RISCV64_ANY"
]

MOST_FILE_BYTES = 2**16
MOST_LINE = 8192  # characters: what a key's thousand parts take grows with their square
MOST_PROBLEMS = 20  # reported at once
MOST_VALUE = 200  # characters of a value that is quoted
MOST_NAME = 60
MOST_WAIT_STATES = 15
CHIPS = "chips"
UNLIMITED_LAYER_BYTES = 2**30
HIDING = ("-flto", "-DCONVGEN_CODE_SECTION", "-DCONVGEN_CONSTANTS_SECTION")  # flags: from measuring
_FIRMWARE = re.compile(r"[A-Za-z0-9_]{1,60}\.[cS]")
_FRACTION = re.compile(r"[1-9][0-9]{0,8}(/[1-9][0-9]{0,8})?")


def _printed(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"expected text of one line, without control characters, got {text!r}")
    return text


def _short(name: str) -> str:
    if not 0 < len(name) <= MOST_NAME:
        raise ValueError(f"expected a name of at most {MOST_NAME} characters, got {len(name)}")
    return name


def _firmware(name: str) -> str:
    if not (_FIRMWARE.fullmatch(name) and (data_dir("firmware") / name).is_file()):
        raise ValueError(f"expected a source in firmware/, got {name!r}")
    return name


def _macro(name: str) -> str:
    if not IDENTIFIER.fullmatch(name):
        raise ValueError(f"expected a C identifier, got {name!r}")
    return name


def _beside(program: str, info: ValidationInfo[Path]) -> str:
    """Return a path relative to the file that names it as absolute: programs run elsewhere."""
    has_folder = os.path.dirname(program) and info.context  # noqa: PTH120 - it may end in a slash
    return os.path.join(info.context.parent.absolute(), program) if has_folder else program  # noqa: PTH118


def _fraction(text: Any) -> Fraction:
    if isinstance(text, Fraction):
        return text
    if not isinstance(text, str) or not _FRACTION.fullmatch(text):
        raise ValueError(f"expected text of a fraction, such as 8/5, got {text!r}")
    return Fraction(text)


Bytes = Annotated[
    int,
    Field(gt=0, le=MOST),
    BeforeValidator(lambda size: parse_size(size) if isinstance(size, str) else size),
]
Address = Annotated[int, Field(ge=0, lt=2**64)]
# Below 1, two counts could read as the same ticks.
Ratio = Annotated[Fraction, Field(ge=1), BeforeValidator(_fraction)]
Text = Annotated[str, AfterValidator(_printed)]
Programs = Annotated[Text, AfterValidator(_beside)]
Texts = tuple[Text, ...]
Name = Annotated[Text, AfterValidator(_short)]
Firmware = Annotated[str, AfterValidator(_firmware)]
Macro = Annotated[str, AfterValidator(_macro)]


class TomlTable(BaseModel):
    """A table of a TOML file: no other keys, no other types, never changed.

    What checks it is built when the first is read, once for all tables within.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)


T = TypeVar("T", bound=TomlTable)


class Region(TomlTable):
    """A stretch of a machine's memory."""

    origin: Address
    bytes: Bytes


class MachineMemory(TomlTable):
    """Where an image goes: code and constants, the harness's data, the layer's own memory.

    ``vectors`` is where the machine starts, if that is not the start of ``code``; ``stack`` is the
    harness's own.
    """

    vectors: Region | None = None
    code: Region
    harness: Region
    layer: Region
    stack: Bytes = 32768


class Counter(TomlTable):
    """What the machine's counter reads after n instructions: n times a ratio, rounded.

    ``limit_ticks`` is the first count that it cannot tell from a smaller one, None if no run
    gets so far.
    """

    ticks_per_instruction: Ratio
    rounds: Literal["down", "up"]
    limit_ticks: Annotated[int, Field(gt=0, le=2**64)] | None = None

    def can_count(self, expected_instructions: float) -> bool:
        """Whether a run of about so many, at most twice as many, stays below the limit."""
        most_ticks = 2 * expected_instructions * float(self.ticks_per_instruction)
        return self.limit_ticks is None or most_ticks < self.limit_ticks

    def instructions(self, ticks: int) -> int:
        """Return the number of instructions that reads as *ticks*."""
        count = ticks / self.ticks_per_instruction
        return -(-count // 1) if self.rounds == "down" else count // 1


class Machine(TomlTable):
    """Something that runs an image: an emulated board, a user-mode emulator, or this computer.

    The command is ``program``, the target's own arguments, ``args``, the image. Without
    ``memory`` the image is linked as the compiler does by default. ``probe`` is the program to
    see with whether the emulator can play a core: emulator.py has it. ``on_desk``: it is no
    emulator, and has what memory it has.
    """

    description: Text
    machine: Name
    program: Programs = ""
    package: Text = ""
    args: Texts = ()
    firmware: tuple[Firmware, ...]
    defines: dict[Macro, Annotated[int, Field(ge=-(2**63), lt=2**64)]] = {}
    counter: Counter | None = None
    memory: MachineMemory | None = None
    probe: Literal["thumb-linux"] | None = None
    on_desk: bool = False

    @property
    def layer_bytes(self) -> int:
        """The most that a layer's buffers, stack and guard zones can take."""
        return self.memory.layer.bytes if self.memory else UNLIMITED_LAYER_BYTES

    @property
    def code_bytes(self) -> int:
        """The most that the whole program and its constants can take."""
        return self.memory.code.bytes if self.memory else UNLIMITED_LAYER_BYTES


class Fallback(TomlTable):
    """What to do where the emulator cannot play this core: another one, without some features."""

    args: Texts
    flags: Texts = ()
    without: frozenset[Feature] = frozenset()


def _machine(name: Any, info: ValidationInfo[Path]) -> Any:
    return load_machine(name, info.context) if isinstance(name, str) else name


class Emulation(TomlTable):
    """How one kind of emulator runs this target.

    With a ``model`` of the Unicorn library no program is started: the machine says only what
    memory and firmware the image is linked for.
    """

    machine: Annotated[Machine, BeforeValidator(_machine)]
    args: Texts = ()
    fallback: Fallback | None = None
    model: CpuModel | None = None

    @model_validator(mode="after")
    def _can_be_probed(self) -> Emulation:
        if self.fallback and not self.machine.probe:
            raise ValueError("expected no fallback, as the machine has no probe")
        return self


class Cpu(TomlTable):
    """What the core can do; kernels choose their instructions and block sizes by it.

    ``registers`` counts the general-purpose registers that any instruction can use. ``timing``
    names the model of its cycles, of ``targets/timing``. ``vlen``: bits of a vector register, of
    RISC-V's; code is right for longer ones too.
    """

    core: Text
    isa: Isa
    registers: Annotated[int, Field(gt=0, le=64)]
    features: frozenset[Feature]
    timing: Text | None = None
    vlen: Annotated[int, Field(ge=128, le=2**16)] | None = None

    @property
    def is_thumb(self) -> bool:
        """Whether it is an Arm core of the M-profile."""
        return self.isa.startswith("armv")

    @property
    def pointer_bytes(self) -> int:
        """The size of a pointer to data."""
        return 8 if self.isa in ("rv64", "host") else 4


class ChipRegion(Region):
    """A stretch of a chip's memory, of which one that runs a program needs the kind.

    ``external`` flash is a chip beside this one, and is there once a boot loader has set it up.
    ``fetched_at``: where code in it is fetched from, if not where data lie.
    """

    name: Name
    kind: Literal["ram", "flash"]
    external: bool = False
    fetched_at: Address | None = None


class Memory(TomlTable):
    """The memory of a typical part, in bytes: the defaults of the budgets.

    Of a chip ``regions`` say where it lies, and the defaults are its largest stretches: regions
    one behind the other count as one. ``wait_states`` are those of its flash at full speed.
    """

    ram: Bytes
    flash: Bytes
    regions: tuple[ChipRegion, ...] = ()
    wait_states: Annotated[int, Field(ge=0, le=MOST_WAIT_STATES)] | None = None
    counter: Literal["dwt", "mcycle"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_regions(cls, table: Any) -> Any:
        """Take what is not said from the regions."""
        if not isinstance(table, dict) or not isinstance(table.get("regions"), list):
            return table
        try:
            regions = tuple(ChipRegion.model_validate(region) for region in table["regions"])
        except ValidationError:
            return {**table, "regions": tuple(table["regions"])}  # which field is told later
        found = {kind: largest(regions, kind) for kind in ("ram", "flash")}
        return (
            {kind: each.bytes for kind, each in found.items() if each}
            | table
            | {"regions": regions}
        )


def largest(regions: Iterable[ChipRegion], kind: str) -> Region | None:
    """Return the largest stretch of regions of a *kind*, one behind the other."""
    stretches: list[Region] = []
    for region in sorted(regions, key=lambda region: region.origin):
        if region.kind != kind:
            continue
        last = stretches[-1] if stretches else None
        if last and last.origin + last.bytes == region.origin:
            stretches[-1] = Region(origin=last.origin, bytes=last.bytes + region.bytes)
        else:
            stretches.append(Region(origin=region.origin, bytes=region.bytes))
    return max(stretches, key=lambda stretch: stretch.bytes, default=None)


def _measurable(flags: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what hides from measuring how large a layer is, and where."""
    for flag in flags:
        if flag.startswith(HIDING):
            raise ValueError(
                f"expected flags without {flag.partition('=')[0]}, with which the layer cannot be "
                "told from the rest; give it to the firmware's own build"
            )
    return flags


Flags = Annotated[Texts, AfterValidator(_measurable)]


class Gcc(TomlTable):
    """A GNU compiler: ``prefix`` + ``gcc``, the package that has it, the core's flags.

    ``runtime``: flags to link with instead, where it has no library for the core's own.
    """

    prefix: Programs
    package: Text
    flags: Flags
    runtime: Texts = ()


class Zig(TomlTable):
    """Zig's clang: the core's ``flags``, and ``runtime``, by which Zig names the core.

    Zig builds the library of what the core has no instructions for, by names of its own.
    """

    flags: Flags
    runtime: Texts


class Toolchains(TomlTable):
    """The compilers that can build for the target."""

    gcc: Gcc
    zig: Zig | None = None

    def with_flags(self, more: Texts) -> Toolchains:
        """Return the same compilers with *more* flags behind their own."""
        gcc = self.gcc.model_copy(update={"flags": self.gcc.flags + more})
        zig = self.zig and self.zig.model_copy(update={"flags": self.zig.flags + more})
        return Toolchains(gcc=gcc, zig=zig)


class Target(TomlTable):
    """A core to generate for, or a chip. ``emulator`` is in order of preference.

    ``core`` names the core that a chip has. ``stand_in`` names the core that plays this one,
    where no emulator has it.
    """

    name: Name
    description: Text
    core: Name | None = None
    stand_in: Text | None = None
    cpu: Cpu
    memory: Memory
    toolchain: Toolchains
    emulator: dict[EmulatorKind, Emulation] = Field(min_length=1)

    @field_validator("emulator")
    @classmethod
    def _names_models_for_unicorn(
        cls, tables: dict[EmulatorKind, Emulation]
    ) -> dict[EmulatorKind, Emulation]:
        for kind, table in tables.items():
            if kind == "unicorn" and table.model is None:
                raise ValueError("expected a model for unicorn, got none")
            if kind != "unicorn" and table.model is not None:
                raise ValueError(f"expected no model for {kind}, got {table.model!r}")
        return tables

    @classmethod
    def load(cls, name: str) -> Target:
        """Return the target *name*, or that of the file *name* if it ends in ``.toml``.

        Raises TargetError.
        """
        return load(name)

    @property
    def is_chip(self) -> bool:
        """Whether it is a chip, whose memory is known, and not a core alone."""
        return bool(self.memory.regions)

    @property
    def preferred_machine(self) -> Machine:
        """The machine to link for when nothing is run."""
        return next(iter(self.emulator.values())).machine

    def has(self, feature: Feature) -> bool:
        """Whether the core has *feature*."""
        return feature in self.cpu.features

    def falling_back(self, fallback: Fallback) -> Target:
        """Return the target as *fallback* leaves it."""
        cpu = self.cpu.model_copy(update={"features": self.cpu.features - fallback.without})
        compilers = self.toolchain.with_flags(fallback.flags)
        return self.model_copy(update={"cpu": cpu, "toolchain": compilers})


def names() -> list[str]:
    """Return the names of the cores that come with convgen."""
    return _stems(data_dir("targets"))


def chips() -> list[str]:
    """Return the names of the chips that come with convgen."""
    return _stems(data_dir("targets") / CHIPS)


def _stems(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.toml"))


def load(name: str) -> Target:
    """Return the target *name*, or the one in the file *name* if that ends in ``.toml``."""
    path = Path(name) if _is_file(name) else _shipped_target(name)
    return read(path, Target, {"name": path.stem})


def _shipped_target(name: str) -> Path:
    """Return the file of a core or chip; TargetError, with the nearest name, if there is none."""
    for folder, known in ((Path(), names()), (Path(CHIPS), chips())):
        if name in known:
            return data_dir("targets") / folder / f"{name}.toml"
    close = nearest(name, [*names(), *chips()])
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise TargetError(
        f"unknown target '{word(name)}'; {hint}--list-targets has all names, "
        "and the path of a .toml file is one too"
    )


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """Return those of *known* that *name* most likely means.

    A part's number is a chip's name with more behind it; half a name means all that it begins, or
    else ends; else what is spelt alike is meant. Signs and capitals do not count.
    """
    plain = {_plain(each): each for each in sorted(known, key=len, reverse=True)}
    asked = _plain(name)
    if not asked:
        return []
    meant = (
        [each for each in plain if asked.startswith(each)][:1]  # the longest
        or [each for each in plain if each.startswith(asked)]
        or [each for each in plain if each.endswith(asked)]
        or difflib.get_close_matches(asked, plain, n=1)
    )
    return sorted(plain[each] for each in meant)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower().replace("+", "plus")))


def load_machine(name: str, target_file: Path) -> Machine:
    """Return the machine that *target_file* names: one of ours, or a ``.toml`` file beside it."""
    if _is_file(name):
        return read(target_file.parent / name, Machine, {})
    what = f"{target_file}: unknown machine"
    return read(shipped(name, data_dir("targets") / "machines", what), Machine, {})


def _is_file(name: str) -> bool:
    return name.endswith(".toml")


def shipped(name: str, folder: Path, what: str) -> Path:
    """Return the file *name* of *folder*; TargetError, which begins with *what*, if not there."""
    known = sorted(path.stem for path in folder.glob("*.toml"))
    if name in known:
        return folder / f"{name}.toml"
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?\n" if close else ""
    raise TargetError(
        f"{what} {name!r}; {hint}known: {', '.join(known)}, or the path of a .toml file"
    )


def read(path: Path, model: type[T], defaults: dict[str, str]) -> T:
    """Return the *model* that the file *path* describes; TargetError names the key at fault."""
    text = json.dumps(defaults | _inherited(_parsed(path), path), default=str)
    try:
        # As JSON, for which strict means: an array for a tuple, but no text for a number.
        return model.model_validate_json(text, context=path)
    except ValidationError as error:
        problems = [f"{path}: {_problem(e)}" for e in error.errors()[:MOST_PROBLEMS]]
        if error.error_count() > MOST_PROBLEMS:
            problems.append(f"... and {error.error_count() - MOST_PROBLEMS} more problems")
        raise TargetError("\n".join(problems)) from None


def _inherited(table: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return *table* with what it leaves to the core that it names.

    Its memory is its own as a whole.
    """
    if "core" not in table:
        return table
    core = table["core"]
    if not isinstance(core, str) or core not in names():
        raise TargetError(f"{path}: core: expected one of {', '.join(names())}, got {core!r}")
    joined = _joined(_parsed(data_dir("targets") / f"{core}.toml"), table)
    return joined | {"memory": table.get("memory", joined["memory"])}


def _joined(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return both tables in one: where both have a value, that of *over*."""
    joined = {**under, **over}
    for key in under.keys() & over.keys():
        if isinstance(under[key], dict) and isinstance(over[key], dict):
            joined[key] = _joined(under[key], over[key])
    return joined


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = files.read(path, MOST_FILE_BYTES).decode("utf-8")
        if max(map(len, text.splitlines()), default=0) > MOST_LINE:
            raise TargetError(f"{path}: expected lines of at most {MOST_LINE} characters")
        table = tomllib.loads(text)
        json.dumps(table, default=str)
    except Unreadable as error:
        raise TargetError(f"{path}: cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetError(f"{path}: not TOML: {error}") from None
    except RecursionError:
        raise TargetError(f"{path}: expected tables a few levels deep, got too many") from None
    except ValueError:  # Python reads and writes no integer of some thousand digits
        raise TargetError(f"{path}: expected numbers of a sane length, got a longer one") from None
    return table


def _problem(error: ErrorDetails) -> str:
    key = ".".join(word(str(part)) for part in error["loc"] if part != "[key]")
    match error["type"]:
        case "missing":
            return f"{key}: missing"
        case "extra_forbidden":
            return f"{key}: unknown key"
    said = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    expected = word(said, MOST_VALUE)
    got = "" if "got " in expected else f", got {word(repr(error['input']), MOST_VALUE)}"
    return f"{key}: {expected}{got}"
