"""Plans built and run on emulated boards: what `fit_cost` and `paper` share."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from convgen import emulator, toolchain
from convgen.errors import VerificationError
from convgen.layer import Layer
from convgen.plan import Plan
from convgen.select import Candidate
from convgen.target import Target
from convgen.trial import Bench, attempt
from convgen.vectors import Vectors, make_inputs

K = TypeVar("K")
J = TypeVar("J")
R = TypeVar("R")

WORKERS = 2
BLOCK_UNIT = re.compile(r"(\w+)_(\d+)x(\d+)\.(\w+)")
"""A unit of work that is a block: the kernel, pixels, channels, the loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a plan takes on a board; ``asks`` tells whether it asks anything of the caller."""

    instructions: int
    init_instructions: int
    code_bytes: int
    stack_bytes: int
    ram_without_stack: int
    asks: bool
    compiler: str


def bench_for(layer: Layer, board: Target) -> Bench:
    """Return what *layer* is tried with on *board*: one made-up input, qemu-system."""
    runner = emulator.choose("qemu-system", board)
    return Bench(
        target=board,
        machine=runner.machine,
        toolchain=toolchain.find("auto", board),
        emulator=runner,
        vectors=Vectors(inputs=make_inputs(layer, seed=0, count=1)),
    )


def measure(plan: Plan, bench: Bench, expected: int) -> Measured:
    """Build and run *plan*; VerificationError if an output is wrong.

    *expected* instructions decide only when to give up.
    """
    candidate = Candidate(plan=plan, pool=None, stack=0, code=0, instructions=expected)
    with tempfile.TemporaryDirectory() as folder:
        ram = bench.target.memory.ram
        trial = attempt(candidate, bench, Path(folder) / plan.algorithm, ram, roomy=True)
    if not trial.verified or not trial.run or trial.instructions is None:
        raise VerificationError(trial.failure or "the instructions were not counted")
    return Measured(
        instructions=trial.instructions,
        init_instructions=trial.run.init_instructions or 0,
        code_bytes=trial.sizes.code_bytes,
        stack_bytes=trial.run.stack_bytes,
        ram_without_stack=trial.ram_without_stack,
        asks=candidate.asks is not None,
        compiler=bench.toolchain.version,
    )


def in_parallel(
    work: Callable[[J], R], jobs: Mapping[K, Iterable[J]]
) -> Iterator[tuple[K, list[R]]]:
    """Do all *jobs*, `WORKERS` at a time; yield the results of each key in turn."""
    pool = ProcessPoolExecutor(WORKERS)
    try:
        runs = {key: pool.map(work, wanted) for key, wanted in jobs.items()}
        for key, results in runs.items():
            yield key, list(results)
    finally:
        pool.shutdown(cancel_futures=True)  # those that a failure leaves over
