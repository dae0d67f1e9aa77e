"""Run a linked image: the only module that starts an emulator, or lets one run in here."""

from __future__ import annotations

import math
import platform
import re
import shlex
import struct
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from convgen.bench.build.harness import Status
from convgen.bench.build.layout import Call
from convgen.bench.build.toolchain import Image
from convgen.bench.code.blocks import Counts, OwnerOf
from convgen.bench.run.access import Fault
from convgen.choices import EMULATORS, GDB
from convgen.errors import ConvgenError, ToolError, UsageError, VerificationError
from convgen.system import files, process
from convgen.system.files import Unreadable
from convgen.system.process import Finished, TimedOut
from convgen.targets.target import (
    Counter,
    CpuModel,
    Emulation,
    EmulatorKind,
    Fallback,
    Machine,
    Target,
)

SHORTEST_TIMEOUT_S = 60.0
SLOWEST_INSTRUCTIONS_PER_S = 10e6
SLOWEST_BOARD_INSTRUCTIONS_PER_S = 2e5  # a chip as it comes out of reset
# Where the emulator counts as it goes.
FEWEST_INSTRUCTIONS = 2_000_000
MOST_TIMES_EXPECTED = 10
MOST_LOOKED_AT = 3_000_000  # instructions of a call in which reads of unwritten bytes are sought
WHY_NOT = {"unicorn": ", which models neither Helium nor this computer"}
LOST = "lost_"  # begins the keys of run.txt that name a register
RUN_FILE = "run.txt"
MOST_REPORT_BYTES = 2**26  # a line for each call
EXACT = Counter(ticks_per_instruction=Fraction(1), rounds="down")


@dataclass(frozen=True, kw_only=True, slots=True)
class Emulator:
    """An emulator that works here.

    ``target`` is the one to generate and build for: less some features where the emulator can
    only play a simpler core. ``notes`` say so. With a ``model`` it runs in this process, with a
    ``server``, of GDB, on a board; ``command`` is empty then.
    """

    kind: EmulatorKind | Literal["gdb"]
    machine: Machine
    machine_name: str
    version: str
    command: tuple[str, ...]
    target: Target
    notes: tuple[str, ...] = ()
    model: CpuModel | None = None
    server: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What a run of the layer gave: outputs one after the other, and what was measured.

    ``instructions`` are those of the layer's function alone, one number for each input; None
    if the machine cannot count; ``init_instructions`` those of the init function, None if there is
    none. ``cycles`` are those that a board counted. ``stack_bytes`` and ``heap_bytes`` are the most
    of any call.
    ``blocks`` are those of all calls together, as `in_process` says; None if the emulator does
    not look on. ``notes`` say what could not be measured, and why. ``recalled``: it was another
    run of the same image.
    """

    outputs: bytes
    instructions: tuple[int, ...] | None
    stack_bytes: int
    heap_bytes: int
    init_instructions: int | None = None
    notes: tuple[str, ...] = ()
    blocks: Counts | None = None
    owned: tuple[Mapping[int | None, int], ...] = ()
    recalled: bool = False
    cycles: tuple[int, ...] | None = None


def choose(which: str, target: Target) -> Emulator:
    """Return emulator *which* for *target*; ``auto`` is the first that works here.

    UsageError if the target has no such emulator, ToolError if it is not installed.
    """
    if which.startswith(GDB):
        return _on_desk(which.removeprefix(GDB), target)
    if which != "auto":
        if which not in target.emulator:
            kinds = ("auto", *target.emulator, "none")
            known = ", ".join(kind for kind in kinds if kind in EMULATORS)
            raise UsageError(
                f"{target.name} does not run under {which!r}{WHY_NOT.get(which, '')};"
                f" it does under: {known}"
            )
        return _prepare(which, target)
    problems = []
    for kind in target.emulator:
        try:
            return _prepare(kind, target)
        except ToolError as error:
            problems.append(str(error))
    raise ToolError("\n".join(problems))


def _on_desk(server: str, target: Target) -> Emulator:
    """Return the board that a GDB *server* controls."""
    from convgen.bench.run import board, debugger

    version = debugger.version()
    return Emulator(
        kind="gdb",
        machine=board.machine(target),
        machine_name=f"{target.name} at {server}",
        version=version,
        command=(),
        target=target,
        server=server,
    )


def _prepare(kind: EmulatorKind, target: Target) -> Emulator:
    found = _started(kind, target)
    return replace(found, notes=(*_played(target), *found.notes))


def _played(target: Target) -> tuple[str, ...]:
    """Say in whose place an emulator runs the code, if that is not the target itself."""
    if target.stand_in:
        return (
            f"no emulator has {target.cpu.core}: verified on {target.stand_in}, "
            "which has every instruction of the code",
        )
    if target.is_chip:
        return (f"verified on {target.cpu.core}, the core of {target.name}, not on the chip",)
    return ()


def _started(kind: EmulatorKind, target: Target) -> Emulator:
    emulation = target.emulator[kind]
    if emulation.model:
        return _prepare_model(kind, emulation, emulation.model, target)
    machine = emulation.machine
    host = platform.machine()
    if not machine.program:
        return Emulator(
            kind=kind,
            machine=machine,
            machine_name=host,
            version=platform.system(),
            command=(),
            target=target,
        )
    program = machine.program.replace("{host}", host)
    version = process.version([program, "--version"], install=_install(machine))
    args = emulation.args
    notes: tuple[str, ...] = ()
    if emulation.fallback and not _starts(program, machine, args):
        fallback = emulation.fallback
        target = target.falling_back(fallback)
        notes = (_fallback_note(program, version, args, fallback),)
        args = fallback.args
    return Emulator(
        kind=kind,
        machine=machine,
        machine_name=" ".join((machine.machine, *args)) if kind == "qemu-user" else machine.machine,
        version=version,
        command=(program, *args, *machine.args),
        target=target,
        notes=notes,
    )


def _prepare_model(
    kind: EmulatorKind, emulation: Emulation, model: CpuModel, target: Target
) -> Emulator:
    """Return the emulator for an image of the machine, whose timer it need not play."""
    from convgen.bench.run import cores

    return Emulator(
        kind=kind,
        machine=emulation.machine.model_copy(update={"counter": EXACT}),
        machine_name=model,
        version=cores.library().__version__,
        command=(),
        target=target,
        model=model,
    )


def _fallback_note(program: str, version: str, args: tuple[str, ...], fallback: Fallback) -> str:
    note = f"{program} {version} aborts with {' '.join(args)}: ran with {' '.join(fallback.args)}"
    if fallback.without:
        note += f", built without {', '.join(sorted(fallback.without))}"
    return note


def _starts(program: str, machine: Machine, args: tuple[str, ...]) -> bool:
    """Whether the user-mode emulator survives its own start with *args*.

    QEMU 7.2's qemu-arm fails an assertion as soon as it loads a program for a Cortex-M.
    """
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "exit.elf"
        image.write_bytes(_EXIT_PROGRAMS[machine.probe])
        image.chmod(0o700)
        command = [program, *args, str(image)]
        done = process.run(
            command, install=_install(machine), timeout=process.VERSION_S, cwd=Path(folder)
        )
    return done.status == 0


def _thumb_exit_program() -> bytes:
    """Return a Linux ELF for 32-bit Arm of four instructions, which exits with status 0."""
    code = struct.pack("<4H", 0x27F8, 0x2000, 0xDF00, 0xE7FE)  # exit_group(0); b .
    base, offset = 0x10000, 52 + 32
    ident = struct.pack("<4s5B7x", b"\x7fELF", 1, 1, 1, 0, 0)
    executable, arm, abi5 = 2, 40, 0x5000000
    header = struct.pack(
        "<HHIIIIIHHHHHH", executable, arm, 1, base + offset + 1, 52, 0, abi5, 52, 32, 1, 0, 0, 0
    )
    total = offset + len(code)
    return ident + header + struct.pack("<8I", 1, 0, base, base, total, total, 5, 0x1000) + code


_EXIT_PROGRAMS: dict[str | None, bytes] = {"thumb-linux": _thumb_exit_program()}


def run(
    emulator: Emulator,
    image: Image,
    inputs: bytes,
    *,
    expected_instructions: float,
    owner_of: OwnerOf | None = None,
) -> Run:
    """Call the layer of *image* once for each input in *inputs*.

    VerificationError if it faults, does not return in time, accesses what it must not or changes
    its input. *expected_instructions* of all calls decide how long is too long. Raises ToolError.
    """
    folder = image.elf.parent
    (folder / "input.bin").write_bytes(inputs)
    for name in ("output.bin", RUN_FILE):
        (folder / name).unlink(missing_ok=True)
    of_each_call = expected_instructions / max(1, len(inputs) // image.call.input_bytes)
    if emulator.model:
        ended = _run_in_process(emulator.model, emulator, image, of_each_call, owner_of)
    elif emulator.server:
        ended = _run_on_board(emulator.server, emulator, image, of_each_call)
    else:
        # The first call is made twice.
        ended = _run_program(emulator, image, expected_instructions + of_each_call)
    report = _read_report(folder / RUN_FILE)
    if ended.status != Status.RAN:
        raise _failure(ended, report, emulator, image)
    calls = len(inputs) // image.call.input_bytes
    outputs = _outputs(folder / "output.bin", calls * image.call.output_bytes)
    if not _is_complete(report, calls * image.call.calls):
        raise _ended_early(report, calls, emulator, image)
    if outputs is None:
        raise ToolError(
            f"{emulator.machine_name} did not write all outputs, though {image.call.name} returned"
            f" from each call: expected {calls * image.call.output_bytes:,} bytes in output.bin"
        )
    counter = emulator.machine.counter
    counted = counter is None or counter.can_count(of_each_call)
    done = Run(
        outputs=outputs,
        instructions=(
            _of_inputs(_instructions(report, "ticks", counter), image.call)
            if counter and counted
            else None
        ),
        stack_bytes=report["stack"][0] - report["empty_stack"][0],
        heap_bytes=report["heap"][0],
        init_instructions=(
            _instructions(report, "init_ticks", counter)[0]
            if counter and "init_ticks" in report
            else None
        ),
        notes=_notes(emulator, of_each_call, counted=counted),
        blocks=ended.blocks,
        owned=ended.owned,
    )
    if not emulator.server:
        return done
    return _measured_on_board(done, report, emulator, image, inputs, expected_instructions)


def _measured_on_board(
    done: Run,
    report: dict[str, list[int]],
    emulator: Emulator,
    image: Image,
    inputs: bytes,
    expected_instructions: float,
) -> Run:
    """Return *done* with the cycles that the board counted, and the instructions of an emulator.

    That runs the same image in this process, where it is installed and has the core.
    """
    cycles = _cycles(report, image.call)
    notes: tuple[str, ...] = (
        () if cycles else (f"no cycles: {emulator.target.name} has no counter that runs",)
    )
    kind = counting(emulator.target)
    instructions = None
    if kind is not None:
        with suppress(ToolError):
            beside = _prepare(kind, emulator.target)
            counted = run(beside, image, inputs, expected_instructions=expected_instructions)
            instructions = counted.instructions
            notes += (f"instructions counted by {beside.kind} {beside.version}",)
    return replace(done, cycles=cycles, instructions=instructions, notes=(*done.notes, *notes))


def _cycles(report: dict[str, list[int]], call: Call) -> tuple[int, ...] | None:
    """Return what each input took beside calling an empty function; None if nothing counts."""
    if not all(report["ticks"]):
        return None
    [empty] = report["empty_ticks"]
    return _of_inputs([max(0, ticks - empty) for ticks in report["ticks"]], call)


def _of_inputs(of_calls: Sequence[int], call: Call) -> tuple[int, ...]:
    """Add up what the calls for each set of inputs took."""
    size = call.calls
    return tuple(sum(of_calls[at : at + size]) for at in range(0, len(of_calls), size))


def counting(target: Target) -> EmulatorKind | None:
    """Return the emulator of *target* that counts blocks, if there is one."""
    return next((kind for kind, found in target.emulator.items() if found.model), None)


def block_counts(
    image: Image, target: Target, inputs: bytes, *, expected_instructions: float
) -> Counts:
    """Run *image*, built for any emulator of *target*, where blocks are counted.

    Raises UsageError.
    """
    kind = counting(target)
    if kind is None:
        raise UsageError(f"no emulator counts what {target.name} executes")
    emulator = _prepare(kind, target)
    done = run(emulator, image, inputs, expected_instructions=expected_instructions)
    return done.blocks or {}


def counted_by_owner(
    image: Image, target: Target, inputs: bytes, owner_of: OwnerOf, *, expected_instructions: float
) -> Mapping[int | None, int] | None:
    """Run *image* where blocks are counted; return the last call's instructions by their owners.

    None where no emulator of *target* that is installed counts them.
    """
    kind = counting(target)
    if kind is None:
        return None
    try:
        emulator = _prepare(kind, target)
    except ToolError:
        return None
    expected = expected_instructions
    return run(emulator, image, inputs, expected_instructions=expected, owner_of=owner_of).owned[-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ended:
    """A run that ended by itself: its status, what the emulator said, the blocks it counted."""

    status: int
    said: str = ""
    blocks: Counts | None = None
    owned: tuple[Mapping[int | None, int], ...] = ()


def _run_program(emulator: Emulator, image: Image, expected_instructions: float) -> _Ended:
    timeout = max(SHORTEST_TIMEOUT_S, expected_instructions / SLOWEST_INSTRUCTIONS_PER_S)
    command = [*emulator.command, f"./{image.elf.name}"]
    try:
        done = process.run(
            command,
            install=_install(emulator.machine),
            timeout=timeout,
            expected=expected_instructions / SLOWEST_INSTRUCTIONS_PER_S,
            cwd=image.elf.parent,
        )
    except TimedOut:
        if not _has_begun(_read_report(image.elf.parent / RUN_FILE)):
            raise  # the emulator itself hung
        raise _too_slow(f"{timeout:g} s", emulator, image) from None
    if done.status < 0 and emulator.kind == "qemu-system":  # what runs on a board ends no emulator
        raise ToolError(process.failure(command, done))
    return _Ended(status=done.status, said=done.stderr)


def _run_in_process(
    model: CpuModel,
    emulator: Emulator,
    image: Image,
    expected_instructions: float,
    owner_of: OwnerOf | None,
) -> _Ended:
    from convgen.bench.run import in_process

    most = max(FEWEST_INSTRUCTIONS, math.ceil(MOST_TIMES_EXPECTED * expected_instructions))
    try:
        ended = in_process.run(
            model,
            image,
            most_instructions=most,
            sees_unwritten=expected_instructions <= MOST_LOOKED_AT and not owner_of,
            owner_of=owner_of,
        )
    except TimedOut:
        raise _too_slow(f"{most:,} instructions", emulator, image) from None
    return _Ended(status=ended.status, blocks=ended.blocks, owned=ended.owned)


def _run_on_board(
    server: str, emulator: Emulator, image: Image, expected_instructions: float
) -> _Ended:
    from convgen.bench.run import debugger

    limit = max(SHORTEST_TIMEOUT_S, expected_instructions / SLOWEST_BOARD_INSTRUCTIONS_PER_S)
    try:
        return _Ended(status=debugger.run(server, image, limit=limit))
    except TimedOut:
        raise _too_slow(f"{limit:g} s", emulator, image) from None


def _install(machine: Machine) -> str:
    return f"apt-get install {machine.package}" if machine.package else ""


def _has_begun(report: dict[str, list[int]]) -> bool:
    """Whether the harness has told of what it does right before it calls the layer."""
    return "empty_stack" in report


def _too_slow(limit: str, emulator: Emulator, image: Image) -> VerificationError:
    return VerificationError(
        f"{image.call.name} did not return within {limit} on {emulator.machine_name}"
    )


def _notes(emulator: Emulator, of_each_call: float, *, counted: bool) -> tuple[str, ...]:
    """Say what the run did not do, for calls of about so many instructions."""
    notes = []
    if not counted:
        notes.append(
            f"instructions not counted: about {of_each_call:.1g} in each call, "
            f"and the counter of {emulator.machine_name} is too short for them"
        )
    if emulator.model and of_each_call > MOST_LOOKED_AT:
        notes.append(
            f"reads of output and workspace before they are written: not looked for in calls of "
            f"about {of_each_call:.1g} instructions, only whether they change the output"
        )
    return tuple(notes)


def _read_report(path: Path) -> dict[str, list[int]]:
    """Return the numbers of each key of a ``key=0x...`` file, in their order."""
    try:
        text = files.read(path, MOST_REPORT_BYTES).decode("ascii", errors="replace")
    except Unreadable:
        return {}
    report: dict[str, list[int]] = {}
    for key, value in re.findall(r"^(\w+)=0x([0-9a-f]{16})$", text, flags=re.MULTILINE):
        report.setdefault(key, []).append(int(value, 16))
    return report


def _outputs(path: Path, size: int) -> bytes | None:
    """Return what the run wrote; None if that is not as long as all outputs."""
    try:
        outputs = files.read(path, size)
    except Unreadable:
        return None
    return outputs if len(outputs) == size else None


def _is_complete(report: dict[str, list[int]], calls: int) -> bool:
    """Whether the harness came to its end, with as many calls."""
    once = ("empty_ticks", "empty_stack", "heap", "stack")
    return all(len(report.get(key, ())) == 1 for key in once) and (
        len(report.get("ticks", ())) == calls
    )


def _ended_early(
    report: dict[str, list[int]], calls: int, emulator: Emulator, image: Image
) -> ConvgenError:
    name = image.call.name
    if not (image.elf.parent / RUN_FILE).exists():
        command = shlex.join([*emulator.command, image.elf.name])
        return ToolError(
            f"{emulator.machine_name} ended with status 0 and did not run {name}\n"
            f"  command: {command}"
        )
    done = len(report.get("ticks", ())) // image.call.calls
    return VerificationError(
        f"{name} ended the program, with status 0, in call {min(done + 1, calls)} of {calls}: "
        "it must return"
    )


def _instructions(report: dict[str, list[int]], ticks: str, counter: Counter) -> tuple[int, ...]:
    """Instructions of each call: what calling an empty function takes is not the layer's."""
    empty = counter.instructions(report["empty_ticks"][0])
    its_return = 1
    return tuple(counter.instructions(read) - empty + its_return for read in report[ticks])


def _failure(
    ended: _Ended, report: dict[str, list[int]], emulator: Emulator, image: Image
) -> ConvgenError:
    name = image.call.name
    says = _SENTENCES.get(ended.status)
    if says and report:
        return VerificationError(f"{name} {says(report, image)}")
    command = [*emulator.command, f"./{image.elf.name}"]
    failed = process.failure(command, Finished(status=ended.status, stdout="", stderr=ended.said))
    # Once there is a report the harness has started: what went wrong is the layer's doing.
    return VerificationError(f"{name}: {failed}") if report else ToolError(failed)


def _damage(report: dict[str, list[int]], image: Image) -> str:
    """Say what was done to a guard zone."""
    return image.layout.damage(report["guard_first"][0], report["guard_last"][0])


def _modified(report: dict[str, list[int]], image: Image) -> str:
    return f"modified its input: first byte at +{report['input_first'][0]}"


def _wrong_value(report: dict[str, list[int]], image: Image) -> str:
    """Say what a function that takes rows returned."""
    row, returned = report["row"][0], report["returned"][0] & 0xFFFF_FFFF
    expected = int(row + 1 >= image.call.rows_used)
    return (
        f"is wrong: {image.call.function} returned {returned - (returned >> 31 << 32)}, expected "
        f"{expected}, for row {row} of {image.call.rows}"
    )


def _varies(report: dict[str, list[int]], image: Image) -> str:
    return (
        "gives another output where output, workspace and stack held other bytes before the call: "
        f"first byte at +{report['output_first'][0]} of the first output"
    )


def _stray(report: dict[str, list[int]], image: Image) -> str:
    """Say what was accessed that must not be, and by which instruction."""
    arena, first, last, pc, fault = (
        report[key][0] for key in ("arena", "stray_first", "stray_last", "stray_pc", "stray_fault")
    )
    offset = first - arena
    zone = image.layout.zone_at(offset)
    did = "wrote" if fault == Fault.WRITE else "read"
    if zone is None and 0 <= offset < image.layout.arena_bytes:
        said = image.layout.damage(offset, last - arena, did)
    elif zone is None:
        said = f"{did} what is not its own, the byte at 0x{first:08x}"
    elif fault == Fault.WRITE:
        said = f"modified its {zone.name}: first byte at +{offset - zone.start}"
    else:
        said = f"read {zone.name} before it wrote there: first byte at +{offset - zone.start}"
    return f"{said}, {_place(pc, image)}"


def _lost(report: dict[str, list[int]], image: Image) -> str:
    """Name the registers that were found changed, and the function if the emulator saw that."""
    names = _listed([key.removeprefix(LOST) for key in report if key.startswith(LOST)])
    [function] = report.get("function", [0])
    place = f" in {_function(function, image)}" if function else ""
    return f"did not restore {names}{place}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _fault(report: dict[str, list[int]], image: Image) -> str:
    pc, sp, arena = (report[key][0] for key in ("fault_pc", "fault_sp", "arena"))
    stack = image.layout.stack
    if sp < arena + stack.start:
        return f"stack overflow: fault below the stack of {stack.bytes} bytes"
    return f"fault {_place(pc, image)}"


def _place(pc: int, image: Image) -> str:
    function = _function(pc, image)
    return f"at 0x{pc:08x}" + (f" in {function}" if function else "")


def _function(address: int, image: Image) -> str | None:
    from convgen.bench.code.measure import function_at

    return function_at(image.elf, address)


_SENTENCES: dict[int, Callable[[dict[str, list[int]], Image], str]] = {
    Status.GUARD_TOUCHED: _damage,
    Status.INPUT_MODIFIED: _modified,
    Status.NOT_RESTORED: _lost,
    Status.OUTPUT_VARIES: _varies,
    Status.WRONG_VALUE: _wrong_value,
    Status.STRAY: _stray,
    Status.FAULT: _fault,
}
