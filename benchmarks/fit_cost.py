"""Fit targets/cost/*.toml to measured runs; README.md beside this file explains the method."""

from __future__ import annotations

import argparse
import json
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from layers import FLOAT32, LAYERS, as_float32
from measure import Measured, bench_for, in_parallel, measure
from prices import Predicted, Prices, Sample, Table, fit, predict, predict_left_out

from convgen.bench.trial import Bench
from convgen.errors import ConvgenError
from convgen.formats import spec
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.resources import data_dir
from convgen.schedule.cost import arithmetic, stack_key
from convgen.targets import target

K = TypeVar("K")

BOARDS: dict[Table, str] = {
    ("armv6-m", "int8"): "cortex-m0",
    ("armv6-m", "soft_float32"): "cortex-m0",
    ("armv7-m", "int8"): "cortex-m3",
    ("armv7-m", "soft_float32"): "cortex-m3",
    ("armv7e-m", "int8"): "cortex-m4",
    ("armv7e-m", "float32"): "cortex-m4",
    ("armv8-m", "int8"): "cortex-m33",
    ("armv8-m", "float32"): "cortex-m33",
    ("armv8.1-m", "int8"): "cortex-m55",
    ("armv8.1-m", "float32"): "cortex-m55",
    ("rv32", "int8"): "rv32imc",
    ("rv32", "float32"): "rv32imafc",
    ("rv32", "soft_float32"): "rv32imc",
    ("rv64", "int8"): "rv64imac",
    ("rv64", "soft_float32"): "rv64imac",
}
"""Each table that is measured, and the target that does it."""

TARGETS = list(dict.fromkeys(BOARDS.values()))
"""Each of these targets once."""

COPIES: dict[Table, Table] = {
    ("armv7e-m", "soft_float32"): ("armv7-m", "soft_float32"),
    ("armv8-m", "soft_float32"): ("armv7-m", "soft_float32"),
    ("armv8.1-m", "soft_float32"): ("armv7-m", "soft_float32"),
    ("rv64", "float32"): ("rv32", "float32"),
    ("host", "int8"): ("rv64", "int8"),
    ("host", "float32"): ("rv32", "float32"),
}
"""Tables for which convgen has no target that counts, and the nearest one measured."""

STACK_STEP = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A layer to measure on one target with every algorithm."""

    target: str
    name: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """The prices of one table, and how good they are: for the layers fitted, and for others."""

    known: Predicted
    left_out: Predicted
    prices: Prices

    @property
    def samples(self) -> Sequence[Sample]:
        """What they were fitted to."""
        return self.known.samples


def main() -> None:
    """Fit and write the tables; or only check them."""
    options = parse_options()
    if options.predict:
        predict_layers(options.predict, options.boards or TARGETS)
        return
    fits: dict[Table, Fit] = {}
    waiting = sorted({isa for isa, _ in (*BOARDS, *COPIES)})
    for table, fitted in fit_tables():
        fits[table] = fitted
        for isa in [isa for isa in waiting if sources_of(isa) <= fits.keys()]:
            waiting.remove(isa)
            if not options.check:
                _cost_file(isa).write_text(as_toml(isa, fits), encoding="utf-8")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="print the errors, write nothing")
    parser.add_argument(
        "--predict",
        type=Path,
        metavar="FOLDER",
        help="fit nothing: measure FOLDER/*/layer.json and compare with the tables as they are",
    )
    parser.add_argument(
        "--boards",
        type=board_list,
        metavar="A,B,C",
        help="with --predict: the targets to measure on (default: all that are fitted)",
    )
    options = parser.parse_args()
    if options.boards and not options.predict:
        parser.error("--boards: only with --predict")
    return options


def board_list(names: str) -> list[str]:
    """Return the targets of a list with commas, each once."""
    wanted = list(dict.fromkeys(names.split(",")))
    if unknown := set(wanted).difference(TARGETS):
        known = ", ".join(TARGETS)
        raise argparse.ArgumentTypeError(f"expected some of {known}, got {min(unknown)!r}")
    return wanted


def sources_of(isa: str) -> set[Table]:
    """Return the measured tables that an ISA class's file is made from."""
    own = {table for table in BOARDS if table[0] == isa}
    return own | {source for table, source in COPIES.items() if table[0] == isa}


def fit_tables() -> Iterator[tuple[Table, Fit]]:
    """Measure all layers on all boards; yield a table fitted to each board's."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = {table: list(_jobs(table, Path(folder))) for table in BOARDS}
        for table, samples in measured(jobs):
            prices = fit(samples)
            title = f"{BOARDS[table]} {table[1]}"
            known, left_out = predict(samples, prices), predict_left_out(samples)
            print_errors(title, known)
            print_errors(f"{title}, left out", left_out)
            yield table, Fit(known=known, left_out=left_out, prices=prices)


def predict_layers(folder: Path, boards: Iterable[str]) -> None:
    """Hold the tables against layers they were not fitted to."""
    paths = sorted(folder.glob("*/layer.json"))
    jobs = {
        board: [Job(target=board, name=path.parent.name, path=path) for path in paths]
        for board in boards
    }
    for board, samples in measured(jobs):
        for table in sorted({sample.table for sample in samples}):
            isa, name = table
            prices = tomllib.loads(_cost_file(isa).read_text())[name]["instructions"]
            mine = [sample for sample in samples if sample.table == table]
            print_errors(f"{board} {name}", predict(mine, prices))


def measured(jobs: Mapping[K, Iterable[Job]]) -> Iterator[tuple[K, list[Sample]]]:
    """Run all *jobs*; yield the samples of each key in turn."""
    for key, layers in in_parallel(_measure, jobs):
        yield key, [sample for layer in layers for sample in layer]


def _jobs(table: Table, folder: Path) -> Iterator[Job]:
    """Write the layers' specs to *folder*."""
    is_int8 = table[1] == "int8"
    for name in LAYERS if is_int8 else FLOAT32:
        path = folder / f"{name}.{'int8' if is_int8 else 'float32'}.json"
        path.write_text(json.dumps(LAYERS[name] if is_int8 else as_float32(LAYERS[name])))
        yield Job(target=BOARDS[table], name=name, path=path)


def _measure(job: Job) -> list[Sample]:
    """Build and run a layer with every algorithm that can do it."""
    board, layer = target.load(job.target), spec.load(job.path)
    bench = bench_for(layer, board)
    plans = registry.able(layer, board).values()
    return [
        Sample(
            table=(board.cpu.isa, arithmetic(layer, board)),
            layer=job.name,
            algorithm=plan.algorithm,
            family=plan.family,
            work=plan.work,
            measured=_run(job, plan, bench),
            stack_key=stack_key(plan),
        )
        for plan in plans
    ]


def _run(job: Job, plan: Plan, bench: Bench) -> Measured:
    """Build and run one plan; anything but right outputs ends the script."""
    generous = 10**6 + 200 * plan.layer.geometry.macs
    try:
        return measure(plan, bench, generous)
    except ConvgenError as error:
        raise SystemExit(f"{job.target}: {job.name}: {plan.algorithm}: {error}") from None


def print_errors(title: str, predicted: Predicted) -> None:
    """Print one line on how good the predictions are."""
    print(f"{title:<34} {predicted.summary()}", flush=True)


def as_toml(isa: str, fits: Mapping[Table, Fit]) -> str:
    """Return the text of an ISA class's file."""
    tables = {table: table for table in BOARDS if table[0] == isa}
    tables |= {table: source for table, source in COPIES.items() if table[0] == isa}
    lines = ["# Instructions for each unit of work. Written by `make cost`; do not edit.", "#"]
    lines += [_origin(table, source, fits[source]) for table, source in tables.items()]
    for (_, name), source in tables.items():
        samples, prices = fits[source].samples, fits[source].prices
        lines += [
            "",
            f"[{name}.code_bytes]",
            *(f"{algorithm} = {code}" for algorithm, code in typical_code(samples).items()),
            "",
            f"[{name}.least_stack_bytes]",
            *(f'"{key}" = {stack}' for key, stack in least_stack(samples).items()),
            "",
            f"[{name}.stack_bytes]",
            *(f"{algorithm} = {stack}" for algorithm, stack in most_stack(samples).items()),
            "",
            f"[{name}.instructions]",
            *(f'"{unit}" = {price}' for unit, price in prices.items()),
        ]
    return "\n".join(lines) + "\n"


def typical_code(samples: Sequence[Sample]) -> dict[str, int]:
    """Return the median code size of each algorithm."""
    codes = defaultdict(list)
    for sample in samples:
        codes[sample.algorithm].append(sample.measured.code_bytes)
    return {algorithm: round(median(sizes)) for algorithm, sizes in codes.items()}


def most_stack(samples: Sequence[Sample]) -> dict[str, int]:
    """Return the most stack of each algorithm, rounded up."""
    stacks: dict[str, int] = defaultdict(int)
    for sample in samples:
        stack = -(-sample.measured.stack_bytes // STACK_STEP) * STACK_STEP
        stacks[sample.algorithm] = max(stacks[sample.algorithm], stack)
    return stacks


def least_stack(samples: Sequence[Sample]) -> dict[str, int]:
    """Return what at most a tenth of each algorithm's builds takes less of."""
    stacks: dict[str, list[int]] = defaultdict(list)
    for sample in samples:
        stacks[sample.stack_key].append(sample.measured.stack_bytes)
    return {key: sorted(found)[len(found) // 10] for key, found in stacks.items()}


def _origin(table: Table, source: Table, fit: Fit) -> str:
    if source != table:
        return f"# {table[1]}: as {source[0]}, the nearest that was measured"
    return "\n".join(
        [
            f"# {table[1]}, on {BOARDS[table]}, {fit.samples[0].measured.compiler}:",
            f"#   {fit.known.summary()}",
            f"#   layers left out of the fit: {fit.left_out.summary()}",
        ]
    )


def _cost_file(isa: str) -> Path:
    return data_dir("targets") / "cost" / f"{isa}.toml"


if __name__ == "__main__":
    main()
