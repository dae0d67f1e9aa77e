"""One candidate for real: generated, compiled, run, compared and measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convgen.bench.build import layout, toolchain
from convgen.bench.build.compilers import SMALL, Toolchain
from convgen.bench.build.layout import Call
from convgen.bench.build.toolchain import Image, Objects
from convgen.bench.code import known
from convgen.bench.code.sizes import Sizes
from convgen.bench.program import Program, Subject, program
from convgen.bench.proof.comparison import Arrays, Comparison, compare
from convgen.bench.proof.vectors import Vectors
from convgen.bench.run import emulator
from convgen.bench.run import known as runs
from convgen.bench.run.emulator import Emulator, Run
from convgen.choices import Goal
from convgen.errors import MachineTooSmallError, VerificationError
from convgen.model.operator import Computation, output_bytes
from convgen.model.whole import rule_of
from convgen.schedule.select import Budget, Candidate
from convgen.sources.remake import Remake
from convgen.targets.target import Machine, Target

if TYPE_CHECKING:
    from convgen.bench.code.cycles import Estimate
    from convgen.schedule.network import Schedule

ROOMY_STACK_BYTES = 16384  # where the compiler cannot bound it
UNTOUCHED_BYTES = 32  # no run leaves more of the compiler's bound: it counts padding too
PROGRAM_BYTES = 65536  # more than harness and layer ever take without the layer's constants


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bench:
    """What every candidate is tried with. ``emulator`` None: compile only.

    Buffers are aligned as callers' usually are; with ``strict_alignment`` no better than the
    generated header asks for, so that code which relies on more is caught. ``remake`` is the
    command for the comments, None: they name none.
    """

    target: Target
    machine: Machine
    toolchain: Toolchain
    emulator: Emulator | None
    vectors: Vectors
    strict_alignment: bool = False
    remake: Remake | None = None

    def for_network(self, goal: Goal) -> Bench:
        """Return the bench on which a network for *goal* is built: for the least flash, by size."""
        if goal != "flash":
            return self
        return replace(self, toolchain=replace(self.toolchain, optimization=SMALL))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Built:
    """A program compiled and linked; sizes in bytes."""

    program: Program
    image: Image
    sizes: Sizes
    static: int

    @property
    def candidate(self) -> Candidate:
        """What a layer is done by."""
        if not isinstance(self.program.subject, Candidate):
            raise TypeError(f"{self.program.call.name} is no layer")
        return self.program.subject

    @property
    def schedule(self) -> Schedule:
        """How a network is done."""
        if isinstance(self.program.subject, Candidate):
            raise TypeError(f"{self.program.call.name} is no network")
        return self.program.subject

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.image.objects.folder

    @property
    def stack_bound(self) -> int | None:
        """The compiler's bound."""
        return self.sizes.stack_bound_bytes

    @property
    def ram_without_stack(self) -> int:
        """Tensors, workspace and the generated code's own variables."""
        return self.program.ram_without_stack + self.static

    @property
    def least_ram(self) -> int:
        """What it needs in all at least: a run leaves little of the bound untouched."""
        return self.ram_without_stack + max(0, (self.stack_bound or 0) - UNTOUCHED_BYTES)

    @property
    def most_ram(self) -> int | None:
        """What it needs in all at most; None if the compiler cannot say."""
        bound = self.stack_bound
        return None if bound is None else self.ram_without_stack + bound

    @property
    def flash(self) -> int:
        """Code and constants."""
        return self.sizes.code_bytes + self.sizes.constant_bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial(Built):
    """What came of a program.

    Where it was not run, or did not get to the end, ``run`` is None; ``failure`` says in a
    sentence what went wrong, if anything did. ``given`` is what it was run on. ``cycles`` and
    ``profile`` only if asked for.
    """

    run: Run | None
    comparison: Comparison | None
    failure: str | None
    vectors: int
    compared_with: str
    given: Vectors | None = None
    cycles: Estimate | None = None
    profile: dict[str, Any] | None = None
    on_board: bool = False

    @property
    def verified(self) -> bool:
        """Whether it ran and every output was right."""
        return self.comparison is not None and self.failure is None

    @property
    def disagrees(self) -> bool:
        """Whether the outputs are those of the spec, and ``--vectors`` has others."""
        found = self.comparison
        return found is not None and found.mismatches > 0 and found.is_right

    @property
    def stack(self) -> int | None:
        """The deepest use measured, or the bound if it was not run."""
        return self.run.stack_bytes if self.run else self.stack_bound

    @property
    def heap(self) -> int | None:
        """Bytes asked of an allocator."""
        return self.run.heap_bytes if self.run else None

    @property
    def instructions(self) -> int | None:
        """Guest instructions of one call: of the vector that took the most."""
        return max(self.run.instructions) if self.run and self.run.instructions else None

    @property
    def cycles_measured(self) -> int | None:
        """Cycles of one call on a board: of the vector that took the most."""
        return max(self.run.cycles) if self.run and self.run.cycles else None

    @property
    def ram(self) -> int:
        """All of it."""
        return self.ram_without_stack + (self.stack or 0)

    @property
    def least_ram(self) -> int:
        """What it needs in all."""
        return self.ram

    @property
    def most_ram(self) -> int:
        """What it needs in all."""
        return self.ram

    def fits(self, budget: Budget) -> bool:
        """Whether what was measured is within *budget*."""
        return budget.holds(self.ram, self.flash)


def attempt(subject: Subject, bench: Bench, folder: Path, ram: int, *, roomy: bool) -> Trial:
    """Build *subject* in *folder*, run it in exactly *ram* bytes, compare and measure.

    *roomy*: give it what it needs instead, where that is more.
    """
    return put_to_test(build(subject, bench, folder, ram), bench, ram, roomy=roomy)


def build(subject: Subject, bench: Bench, folder: Path, ram: int) -> Built:
    """Generate, compile and link *subject* in *folder*, for *ram* bytes or what it needs.

    Raises MachineTooSmallError.
    """
    problem = too_large(subject, bench.machine)
    if problem:
        raise MachineTooSmallError(f"{subject.label} {problem}")
    printed = program(subject, bench.target, bench.remake, strict=bench.strict_alignment)
    return build_printed(printed, bench, folder, ram)


def build_printed(printed: Program, bench: Bench, folder: Path, ram: int) -> Built:
    """Compile and link a program in *folder*, for *ram* bytes or what it needs."""
    call = printed.call
    folder.mkdir()
    for name, text in printed.files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    objects = toolchain.compile_objects(folder, call, bench.machine, bench.toolchain)
    static = known.static_bytes(objects)
    image = _link(objects, call, bench, max(ram, call.buffer_bytes + static), static)
    sizes = known.sizes(image, bench.toolchain)
    return Built(program=printed, image=image, sizes=sizes, static=static)


def put_to_test(
    built: Built, bench: Bench, ram: int, *, roomy: bool, recall: bool = False
) -> Trial:
    """Run *built* in exactly *ram* bytes, compare and measure.

    *roomy*: give it what it needs instead, where that is more. A candidate whose stack the
    compiler's bound puts over *ram* is first run with room, to see whether it really is.
    *recall*: what the same image gave before will do.
    """
    image, bound = built.image, built.stack_bound
    needed = image.call.buffer_bytes + built.static
    generous = needed + (ROOMY_STACK_BYTES if bound is None else bound)
    if bench.emulator is None or (generous <= ram and bound is not None):
        return _run(built, bench, image, recall=recall)
    spacious = _run(built, bench, _linked_anew(built, bench, max(ram, generous)), recall=recall)
    if roomy or spacious.ram > ram or spacious.run is None:
        return spacious
    return _run(built, bench, _linked_anew(built, bench, ram), recall=recall)


def _linked_anew(built: Built, bench: Bench, ram: int) -> Image:
    """Return the image of *built* for other memory."""
    return _link(built.image.objects, built.image.call, bench, ram, built.static)


def too_large(subject: Subject, machine: Machine) -> str | None:
    """Say what *subject* needs that the machine has not, if there is something."""
    program = 0 if machine.on_desk else PROGRAM_BYTES  # the linker tells what it really takes
    needs = (
        (subject.ram_without_stack, machine.layer_bytes, "RAM"),
        (subject.constant_bytes + program, machine.code_bytes, "flash"),
    )
    for need, limit, what in needs:
        if need > limit:
            return f"needs {need:,} bytes of {what}, the emulated machine has {limit:,}"
    return None


def _link(objects: Objects, call: Call, bench: Bench, ram: int, static: int) -> Image:
    placed = layout.arrange(
        call,
        budget=ram,
        static_bytes=static,
        machine_bytes=bench.machine.layer_bytes,
        cut=bench.machine.on_desk,
    )
    return toolchain.link(objects, call, placed, bench.machine, bench.toolchain)


def _run(built: Built, bench: Bench, image: Image, *, recall: bool) -> Trial:
    program, run, found, failure = built.program, None, None, None
    given = bench.vectors
    if bench.emulator:
        try:
            execute = runs.run if recall else emulator.run
            run = execute(
                bench.emulator,
                image,
                given.tobytes(),
                expected_instructions=program.instructions * given.count,
            )
            outputs = split_outputs(program.computes, run.outputs)
            found = compare(program.computes, given.inputs, outputs, given.expected, given.right)
            failure = _complaint(found, given) or _too_deep(run, built.sizes)
        except VerificationError as error:
            failure = str(error)
    return Trial(
        program=program,
        image=image,
        sizes=built.sizes,
        static=built.static,
        run=run,
        comparison=found,
        failure=failure,
        vectors=given.count if bench.emulator else 0,
        compared_with=rule_of(program.computes) if given.expected is None else "--vectors",
        given=given if bench.emulator else None,
        on_board=bench.machine.on_desk,
    )


def split_outputs(operator: Computation, raw: bytes) -> Arrays:
    """Return each output ``[N, *shape]`` from the bytes of all, one call after the other."""
    calls = np.frombuffer(raw, np.uint8).reshape(-1, output_bytes(operator))
    ends = list(accumulate(tensor.bytes for tensor in operator.outputs))
    return tuple(
        np.ascontiguousarray(calls[:, end - tensor.bytes : end])
        .view(tensor.dtype)
        .reshape(-1, *tensor.shape)
        for tensor, end in zip(operator.outputs, ends, strict=True)
    )


def _too_deep(run: Run, sizes: Sizes) -> str | None:
    """Say that the stack went deeper than it can, if it did."""
    bound = sizes.stack_bound_bytes
    if bound is None or run.stack_bytes <= bound:
        return None
    return (
        f"{run.stack_bytes:,} bytes of stack were written to, and no path through the call graph "
        f"takes more than {bound:,}: a write below the stack, or a bound that is wrong"
    )


def _complaint(found: Comparison, given: Vectors) -> str | None:
    if not found.mismatches:
        return None
    if found.is_right and given.disagreement:
        said_by = given.disagreement.said_by
        return f"the code does what the {said_by} says, but {given.disagreement.sentence}"
    count = found.mismatches
    wrong = "it is the only wrong output" if count == 1 else f"{count:,} outputs are wrong"
    besides = f"; besides, {given.disagreement.sentence}" if given.disagreement else ""
    return f"{found.first}; {wrong}{besides}"
