"""Run a linked image: the only module that starts an emulator."""

from __future__ import annotations

import platform
import re
import shlex
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from convgen.errors import ConvgenError, ToolError, UsageError, VerificationError
from convgen.harness import Status
from convgen.measure import function_at
from convgen.process import Finished, TimedOut, run_tool
from convgen.process import run as run_process
from convgen.target import Counter, EmulatorKind, Fallback, Machine, Target
from convgen.toolchain import Image

NAMES = ("auto", "qemu-system", "qemu-user", "none")  # what a user may ask for
SHORTEST_TIMEOUT_S = 60.0
SLOWEST_INSTRUCTIONS_PER_S = 10e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Emulator:
    """An emulator that works here.

    ``target`` is the one to generate and build for: less some features where the emulator can
    only play a simpler core. ``notes`` say so.
    """

    kind: EmulatorKind
    machine: Machine
    machine_name: str
    version: str
    command: tuple[str, ...]
    target: Target
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What a run of the layer gave: outputs one after the other, and what was measured.

    ``instructions`` are those of the layer's function alone, one number for each input; None
    if the machine cannot count; ``init_instructions`` those of the init function, None if there is
    none. ``stack_bytes`` and ``heap_bytes`` are the most of any call.
    ``notes`` say what could not be measured, and why.
    """

    outputs: bytes
    instructions: tuple[int, ...] | None
    stack_bytes: int
    heap_bytes: int
    init_instructions: int | None = None
    notes: tuple[str, ...] = ()


def choose(which: str, target: Target) -> Emulator:
    """Return emulator *which* for *target*; ``auto`` is the first that works here.

    UsageError if the target has no such emulator, ToolError if it is not installed.
    """
    if which != "auto":
        if which not in target.emulator:
            kinds = ("auto", *target.emulator, "none")
            known = ", ".join(kind for kind in kinds if kind in NAMES)
            raise UsageError(f"{target.name} does not run under {which!r}; it does under: {known}")
        return _prepare(which, target)
    problems = []
    for kind in target.emulator:
        try:
            return _prepare(kind, target)
        except ToolError as error:
            problems.append(str(error))
    raise ToolError("\n".join(problems))


def _prepare(kind: EmulatorKind, target: Target) -> Emulator:
    emulation = target.emulator[kind]
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
    banner = run_tool([program, "--version"], package=machine.package)
    version = banner.split("version ", 1)[-1].split()[0]
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
        done = run_process(
            [program, *args, str(image)], package=machine.package, timeout=30, cwd=Path(folder)
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


def run(emulator: Emulator, image: Image, inputs: bytes, *, expected_instructions: float) -> Run:
    """Call the layer of *image* once for each input in *inputs*.

    VerificationError if it faults, does not return in time, writes outside of its buffers or
    changes its input. *expected_instructions* of all calls decide how long is too long.
    """
    folder = image.elf.parent
    (folder / "input.bin").write_bytes(inputs)
    for name in ("output.bin", "run.txt"):
        (folder / name).unlink(missing_ok=True)
    timeout = max(SHORTEST_TIMEOUT_S, expected_instructions / SLOWEST_INSTRUCTIONS_PER_S)
    command = [*emulator.command, f"./{image.elf.name}"]
    package = emulator.machine.package
    try:
        done = run_process(command, package=package, timeout=timeout, cwd=folder)
    except TimedOut:
        raise VerificationError(
            f"{image.call.name} did not return within {timeout:g} s on {emulator.machine_name}"
        ) from None
    report = _read_report(folder / "run.txt")
    if done.status != Status.RAN:
        raise _failure(done, report, emulator, image)
    counter = emulator.machine.counter
    of_each_call = expected_instructions / max(1, len(inputs) // image.call.input_bytes)
    counted = counter is None or counter.can_count(of_each_call)
    return Run(
        outputs=(folder / "output.bin").read_bytes(),
        instructions=_instructions(report, "ticks", counter) if counter and counted else None,
        stack_bytes=report["stack"][0] - report["empty_stack"][0],
        heap_bytes=report["heap"][0],
        init_instructions=(
            _instructions(report, "init_ticks", counter)[0]
            if counter and "init_ticks" in report
            else None
        ),
        notes=() if counted else (_too_long_note(emulator, of_each_call),),
    )


def _too_long_note(emulator: Emulator, instructions: float) -> str:
    return (
        f"instructions not counted: about {instructions:.1g} in each call, "
        f"and the counter of {emulator.machine_name} is too short for them"
    )


def _read_report(path: Path) -> dict[str, list[int]]:
    """Return the numbers of each key of a ``key=0x...`` file, in their order."""
    text = path.read_text(encoding="ascii", errors="replace") if path.exists() else ""
    report: dict[str, list[int]] = {}
    for key, value in re.findall(r"^(\w+)=0x([0-9a-f]+)$", text, flags=re.MULTILINE):
        report.setdefault(key, []).append(int(value, 16))
    return report


def _instructions(report: dict[str, list[int]], ticks: str, counter: Counter) -> tuple[int, ...]:
    """Instructions of each call: what calling an empty function takes is not the layer's."""
    empty = counter.instructions(report["empty_ticks"][0])
    its_return = 1
    return tuple(counter.instructions(read) - empty + its_return for read in report[ticks])


def _failure(
    done: Finished, report: dict[str, list[int]], emulator: Emulator, image: Image
) -> ConvgenError:
    name = image.call.name
    match done.status:
        case Status.GUARD_TOUCHED:
            damage = image.layout.damage(report["guard_first"][0], report["guard_last"][0])
            return VerificationError(f"{name} {damage}")
        case Status.INPUT_MODIFIED:
            first = report["input_first"][0]
            return VerificationError(f"{name} modified its input: first byte at +{first}")
        case Status.FAULT if report:
            return VerificationError(f"{name} {_fault(report, image)}")
    said = "".join(f"\n  {line}" for line in done.stderr.splitlines()[:10])
    command = shlex.join([*emulator.command, image.elf.name])
    message = f"{name}: the run ended with status {done.status}{said}\n  command: {command}"
    # Once there is a report the harness has started: what went wrong is the layer's doing.
    return VerificationError(message) if report else ToolError(message)


def _fault(report: dict[str, list[int]], image: Image) -> str:
    pc, sp, arena = (report[key][0] for key in ("fault_pc", "fault_sp", "arena"))
    stack = image.layout.stack
    if sp < arena + stack.start:
        return f"stack overflow: fault below the stack of {stack.bytes} bytes"
    function = function_at(image.elf, pc)
    return f"fault at 0x{pc:08x}" + (f" in {function}" if function else "")
