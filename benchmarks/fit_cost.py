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

import numpy as np
from layers import FLOAT32, LAYERS, as_float32
from measure import BLOCK_UNIT, Measured, bench_for, in_parallel, measure
from numpy.typing import NDArray

from convgen import spec, target
from convgen.algorithms import ALGORITHMS
from convgen.cost import arithmetic
from convgen.errors import ConvgenError
from convgen.kernels.portable import DOT, LANES
from convgen.plan import Plan
from convgen.resources import data_dir
from convgen.trial import Bench

K = TypeVar("K")
Floats = NDArray[np.float64]
Table = tuple[str, str]  # ISA class, arithmetic

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

RIDGE = 1e-3  # per instruction that a shape of block costs more than its loads and products
STACK_STEP = 16
CLOSE = 0.05  # a choice that costs at most this much more than the best is right


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A layer to measure on one target with every algorithm."""

    target: str
    name: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One algorithm on one layer: the work it counts and what was measured."""

    table: Table
    layer: str
    algorithm: str
    work: Mapping[str, int]
    measured: Measured


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """The prices of one table, and the samples they came from."""

    samples: Sequence[Sample]
    prices: Mapping[str, float]

    @property
    def predictions(self) -> list[float]:
        """The instructions of each sample, by its work and the prices."""
        return [
            sum(count * self.prices[unit] for unit, count in sample.work.items())
            for sample in self.samples
        ]

    @property
    def errors(self) -> Floats:
        """Predicted over measured, less one, of each sample."""
        measured = [sample.measured.instructions for sample in self.samples]
        errors: Floats = np.array(self.predictions) / np.array(measured) - 1
        return errors

    def choices(self) -> list[float]:
        """Return what the predicted best costs over the measured best, less one, by layer.

        The best is of what convgen may choose by itself: of what asks nothing of the caller.
        """
        layers: dict[str, list[tuple[int, Measured]]] = defaultdict(list)
        for sample, predicted in zip(self.samples, self.predictions, strict=True):
            if not sample.measured.asks:
                layers[sample.layer].append((round(predicted), sample.measured))
        return [choice_cost(candidates) for candidates in layers.values()]


def choice_cost(candidates: Sequence[tuple[int, Measured]]) -> float:
    """Return what the predicted fastest costs over the fastest, less one.

    Of those predicted alike it is the one with the least memory, as `convgen.select` orders them.
    """
    _, chosen = min(candidates, key=lambda pair: (pair[0], pair[1].ram_without_stack))
    return chosen.instructions / min(found.instructions for _, found in candidates) - 1


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
            fitted = Fit(samples=samples, prices=fit(samples))
            print_errors(f"{BOARDS[table]} {table[1]}", fitted)
            yield table, fitted


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
            print_errors(f"{board} {name}", Fit(samples=mine, prices=prices))


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
    plans = (
        algorithm.plan(layer, board)
        for algorithm in ALGORITHMS
        if algorithm.reject(layer, board) is None
    )
    return [
        Sample(
            table=(board.cpu.isa, arithmetic(layer, board)),
            layer=job.name,
            algorithm=plan.algorithm,
            work=plan.work,
            measured=_run(job, plan, bench),
        )
        for plan in plans
    ]


def _run(job: Job, plan: Plan, bench: Bench) -> Measured:
    """Build and run one plan; anything but right outputs ends the script."""
    generous = 1000 * plan.layer.geometry.macs
    try:
        return measure(plan, bench, generous)
    except ConvgenError as error:
        raise SystemExit(f"{job.target}: {job.name}: {plan.algorithm}: {error}") from None


def fit(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the price of each unit: the least relative errors, squared, of prices >= 0."""
    units = sorted({unit for sample in samples for unit in sample.work} | _block_units())
    parts = sorted({part for unit in units for part in _parts(unit)})
    composed = np.array([[_parts(unit).get(part, 0) for part in parts] for unit in units])
    counts = np.array([[sample.work.get(unit, 0) for unit in units] for sample in samples])
    instructions = np.array([sample.measured.instructions for sample in samples])
    ridge = np.diag([RIDGE if BLOCK_UNIT.fullmatch(part) else 0.0 for part in parts])
    solved = non_negative_least_squares(
        np.vstack([counts / instructions[:, None] @ composed, ridge]),
        np.concatenate([np.ones(len(samples)), np.zeros(len(parts))]),
    )
    return dict(zip(units, (composed @ solved).round(2).tolist(), strict=True))


def _block_units() -> set[str]:
    """Return the units of every shape of block there can be, measured or not."""
    return {
        f"{name}_{pixels}x{channels}.{loop}"
        for kernel in (DOT, LANES)
        for name in kernel.names
        for _, most_pixels, most_channels in kernel.blocks
        for pixels in range(1, most_pixels + 1)
        for channels in range(1, most_channels + 1)
        for loop in ("step", "unrolled")
    }


def _parts(unit: str) -> dict[str, int]:
    """Return what adds up to the price of *unit*: for a block its loads, its products, a rest."""
    shape = BLOCK_UNIT.fullmatch(unit)
    if not shape:
        return {unit: 1}
    kernel, loop, pixels, channels = shape[1], shape[4], int(shape[2]), int(shape[3])
    products = pixels * channels
    loads = channels + (products if kernel in LANES.names else pixels)
    return {
        unit: 1,
        f"{loop}s": 1,
        f"{kernel}.{loop}_mac": products,
        f"{kernel}.{loop}_load": loads,
    }


def non_negative_least_squares(matrix: Floats, wanted: Floats) -> Floats:
    """Solve ``matrix @ x = wanted`` for x >= 0, by Lawson and Hanson's active sets."""
    norms = np.linalg.norm(matrix, axis=0)
    matrix = matrix / np.where(norms, norms, 1)
    x = np.zeros(matrix.shape[1])
    free = np.zeros(matrix.shape[1], bool)
    while True:
        gain = np.where(free, 0, matrix.T @ (wanted - matrix @ x))
        if gain.max() < 1e-9:
            return x / np.where(norms, norms, 1)
        free[gain.argmax()] = True
        while True:
            best = np.zeros_like(x)
            best[free] = np.linalg.lstsq(matrix[:, free], wanted, rcond=None)[0]
            below = free & (best <= 0)
            if not below.any():
                break
            x += (x[below] / (x[below] - best[below])).min() * (best - x)
            free &= x > 1e-12
        x = best


def print_errors(title: str, fit: Fit) -> None:
    """Print one line on how good the predictions are, the worst, and what it does to choices."""
    errors, choices = np.abs(fit.errors), fit.choices()
    worst, right = fit.samples[int(errors.argmax())], sum(loss <= CLOSE for loss in choices)
    print(
        f"{title:<24} {len(errors):4} runs: mean {errors.mean():.1%}, "
        f"90% within {np.quantile(errors, 0.9):.1%}, {(errors <= 0.15).mean():.0%} within 15%, "
        f"worst {errors.max():.0%} ({worst.layer} {worst.algorithm}); the predicted fastest "
        f"is at most {CLOSE:.0%} slower than the fastest in {right} of {len(choices)} layers",
        flush=True,
    )


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


def _origin(table: Table, source: Table, fit: Fit) -> str:
    if source != table:
        return f"# {table[1]}: as {source[0]}, the nearest that was measured"
    errors = np.abs(fit.errors)
    return (
        f"# {table[1]}: {len(errors)} runs on {BOARDS[table]}, {fit.samples[0].measured.compiler}; "
        f"error {errors.mean():.1%} on average, {errors.max():.0%} at worst"
    )


def _cost_file(isa: str) -> Path:
    return data_dir("targets") / "cost" / f"{isa}.toml"


if __name__ == "__main__":
    main()
