"""Plans built and run on emulated boards: what `fit_cost`, `paper` and `bench` share."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from remembered import Measured, remember

from convgen.bench.build import toolchain
from convgen.bench.proof.vectors import Vectors, inputs_of
from convgen.bench.run import emulator
from convgen.bench.trial import Bench, attempt
from convgen.errors import VerificationError
from convgen.formats import spec
from convgen.model.operator import Operator
from convgen.plans.plan import Plan
from convgen.schedule.select import Candidate
from convgen.targets import target
from convgen.targets.target import Target

K = TypeVar("K")
J = TypeVar("J")
R = TypeVar("R")

WORKERS = 2
BLOCK_UNIT = re.compile(r"(\w+)_(\d+)x(\d+)\.(\w+)")
"""A unit of work that is a block: the kernel, pixels, channels, the loop."""


def load(description: Mapping[str, Any]) -> Operator:
    """Return the operator of a spec."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layer.json"
        path.write_text(json.dumps(description), encoding="utf-8")
        return spec.load(path)


def tools(name: str) -> str:
    """Say what builds and runs the layers of a target."""
    board = target.load(name)
    runner, built = emulator.choose("qemu-system", board), toolchain.find("auto", board)
    flags, machine = " ".join(built.flags), runner.machine_name
    return f"{built.version} with `{flags}`; QEMU {runner.version}, board `{machine}`."


def bench_for(operator: Operator, board: Target) -> Bench:
    """Return what *operator* is tried with on *board*: one made-up input, qemu-system."""
    runner = emulator.choose("qemu-system", board)
    return Bench(
        target=board,
        machine=runner.machine,
        toolchain=toolchain.find("auto", board),
        emulator=runner,
        vectors=Vectors(inputs=inputs_of(operator, seed=0, count=1)),
    )


def candidate_of(plan: Plan, expected: int) -> Candidate:
    """Return *plan* as something to try, about which nothing but *expected* is predicted."""
    return Candidate(plan=plan, pool=None, stack=0, code=0, instructions=expected)


def measure(plan: Plan, bench: Bench, expected: int) -> Measured:
    """Build and run *plan*, or remember; VerificationError if an output is wrong.

    *expected* instructions decide only when to give up.
    """
    return remember(plan, bench, lambda: _measure(plan, bench, expected))


def _measure(plan: Plan, bench: Bench, expected: int) -> Measured:
    candidate = candidate_of(plan, expected)
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
