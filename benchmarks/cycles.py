"""Estimated cycles of a Cortex-M4, from QEMU's log of the blocks that a run executes.

QEMU counts instructions, not time. But it can log each block it translates, with its instructions
(`-d in_asm`), and each block it executes (`exec,nochain`). Together they tell how often every
instruction was executed and every branch taken; `targets/timing` tells what that takes where memory
has no wait states. Unlike `convgen --cycles` this sees every branch, and needs no other emulator.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TextIO

from measure import candidate_of

from convgen.bench.code import timing
from convgen.bench.trial import Bench, attempt
from convgen.errors import VerificationError
from convgen.plans.plan import Plan

TRAMPOLINE = "convgen_call_on_stack"
"""The harness's function that calls the layer's, in two blocks: before the call and after it."""

TIMING = timing.named("cortex-m4")
_TRANSLATED = re.compile(r"0x([0-9a-f]+): +([0-9a-f]{4}(?: [0-9a-f]{4})?) +(\S.*)")
_EXECUTED = re.compile(r"Trace \d+: \S+ \[\w+/(\w+)/\w+/\w+\] *(\S*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction of the log: ``end`` is the address after it."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Instructions that QEMU executes in one go; ``symbol`` is the function they lie in."""

    symbol: str
    instructions: tuple[Instruction, ...]

    @property
    def start(self) -> int:
        """The address of the first."""
        return self.instructions[0].start

    @property
    def end(self) -> int:
        """The address after the last, where execution goes on unless that is a branch taken."""
        return self.instructions[-1].end

    @cached_property
    def cycles(self) -> int:
        """Cycles of all of them, if no branch is taken."""
        return TIMING.in_a_row([instruction.text for instruction in self.instructions])


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Instructions of one call, and the cycles that they would take."""

    instructions: int
    cycles: int


def executed(log: Iterable[str]) -> Iterator[Block]:
    """Yield the blocks of a log in the order of their execution.

    A block is translated just before it is first executed. It may be translated again, shorter,
    where the emulator must stop inside it; a block before which it stopped was logged too early.
    """
    seen: dict[str, Block] = {}
    translated: list[Instruction] = []
    waiting: Block | None = None
    for line in log:
        if line.startswith("Trace"):
            if waiting:
                yield waiting
            if line not in seen:
                seen[line] = block_of(line, translated)
            waiting, translated = seen[line], []
        elif line.startswith("Stopped"):
            waiting = None
        elif found := _TRANSLATED.match(line):
            translated.append(_instruction(*found.groups()))
    if waiting:
        yield waiting


def _instruction(address: str, code: str, text: str) -> Instruction:
    start, halfwords = int(address, 16), len(code.split())
    return Instruction(start=start, end=start + 2 * halfwords, text=" ".join(text.split()))


def block_of(line: str, translated: Sequence[Instruction]) -> Block:
    """Return the block of a line, which is the last that was translated."""
    found = _EXECUTED.match(line)
    if not found or not translated or int(found[1], 16) != translated[0].start:
        raise VerificationError(f"a line of the emulator's log that was not expected: {line!r}")
    return Block(symbol=found[2], instructions=tuple(translated))


def last_call(blocks: Iterable[Block]) -> Counter[tuple[Block, Block]]:
    """Count each block with the one after it, in the last call that the harness made."""
    calls: list[Counter[tuple[Block, Block]]] = [Counter()]
    for block, following in pairwise(blocks):
        if block.symbol != TRAMPOLINE:
            calls[-1][block, following] += 1
        elif following.symbol != TRAMPOLINE:
            calls.append(Counter())
    return calls[-2]  # after the last return only the harness is left


def estimate_of(steps: Counter[tuple[Block, Block]]) -> Estimate:
    """Add up the instructions of all blocks, their cycles and those of branches taken."""
    taken = sum(count for (block, after), count in steps.items() if after.start != block.end)
    untaken = sum(block.cycles * count for (block, _), count in steps.items())
    return Estimate(
        instructions=sum(len(block.instructions) * count for (block, _), count in steps.items()),
        cycles=untaken + TIMING.taken * taken,
    )


def estimate(plan: Plan, bench: Bench, expected: int) -> Estimate:
    """Build *plan* and run it with a log; VerificationError if log and counter disagree."""
    candidate = candidate_of(plan, expected)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        pipe = Path(folder) / "log"
        os.mkfifo(pipe)
        kept_open = os.open(pipe, os.O_RDWR)  # neither end waits for the other to open it
        reader = pool.submit(_read, pipe.open(encoding="ascii", errors="replace"))
        try:
            ram = bench.target.memory.ram
            trial = attempt(candidate, logging(bench, pipe), Path(folder) / "c", ram, roomy=True)
        finally:
            os.close(kept_open)
        found = estimate_of(reader.result())
    if not trial.verified or trial.instructions != found.instructions:
        counted = f"counted {trial.instructions}, logged {found.instructions}"
        raise VerificationError(trial.failure or f"instructions: {counted}")
    return found


def _read(file: TextIO) -> Counter[tuple[Block, Block]]:
    with file:
        return last_call(executed(file))


def logging(bench: Bench, pipe: Path) -> Bench:
    """Return *bench* with an emulator that logs to *pipe*."""
    assert bench.emulator is not None
    program, *arguments = bench.emulator.command
    log = ("-d", "in_asm,exec,nochain", "-D", str(pipe))
    return replace(bench, emulator=replace(bench.emulator, command=(program, *log, *arguments)))
