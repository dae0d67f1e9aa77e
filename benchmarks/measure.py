"""Plans built and run on emulated boards: what `fit_cost`, `paper` and `bench` share."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from remembered import Measured, remember

from convgen.bench.build import toolchain
from convgen.bench.program import program
from convgen.bench.proof.vectors import Vectors, inputs_of
from convgen.bench.run import emulator
from convgen.bench.trial import Bench, build_printed, put_to_test
from convgen.errors import VerificationError
from convgen.formats import spec
from convgen.model.operator import Operator
from convgen.plans.plan import Plan
from convgen.refusal import Refusal
from convgen.schedule.select import Candidate
from convgen.sources.generate import layer_files
from convgen.sources.interface import parameters
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
    files = layer_files(plan, bench.target, None)
    return remember(files, bench, lambda: _measure(plan, files, bench, expected))


def measure_sliced(plan: Plan, calls: int, bench: Bench, expected: int) -> Measured:
    """Build and run an accumulating *plan*, its input in so many *calls*, or remember."""
    files = _sliced(plan, calls, bench.target)
    return remember(files, bench, lambda: _measure(plan, files, bench, expected))


def _sliced(plan: Plan, calls: int, board: Target) -> dict[str, str]:
    """Print the layer with a function that hands its input over in *calls* slices of one size."""
    band, name = plan.band, plan.operator.name
    if isinstance(band, Refusal) or band.accumulates is None:
        raise TypeError(f"{plan.algorithm} takes its input whole")
    rows, elems = band.accumulates.rows, band.accumulates.row_elems
    prototype = f"void {name}({', '.join(parameters(plan, None))})"
    step, files = -(-rows // calls), layer_files(plan, board, None, by_rows=True)
    header, included = f"{name}.h", "#include <stdint.h>\n"
    files[header] = files[header].replace(included, f"{included}\n{prototype};\n")
    files[f"{name}.c"] += f"""
{prototype}
{{
    for (int32_t row = 0; row < {rows}; row += {step}) {{
        const int32_t end = row + {step} < {rows} ? row + {step} : {rows};

        {name}_rows(input + row * {elems}, row, output, workspace, row, end);
    }}
}}
"""
    return files


def _measure(plan: Plan, files: Mapping[str, str], bench: Bench, expected: int) -> Measured:
    candidate, ram = candidate_of(plan, expected), bench.target.memory.ram
    with tempfile.TemporaryDirectory() as folder:
        printed = replace(program(candidate, bench.target), files=files)
        built = build_printed(printed, bench, Path(folder) / plan.algorithm, ram)
        trial = put_to_test(built, bench, ram, roomy=True)
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
    pool = ProcessPoolExecutor(WORKERS, initializer=_ends_with_its_parent)
    try:
        runs = {key: pool.map(work, wanted) for key, wanted in jobs.items()}
        for key, results in runs.items():
            yield key, list(results)
    finally:
        pool.shutdown(cancel_futures=True)  # those that a failure leaves over


def _ends_with_its_parent() -> None:
    """Let this worker end with who started it, who may be killed: it would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> NoReturn:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
