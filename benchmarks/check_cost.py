"""Hold targets/cost against random layers that no fit saw, or bring the prices up to such layers.

README.md beside this file tells what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from fit_cost import BOARDS, TARGETS, board_list
from layers import LAYERS, as_float32
from measure import Measured, bench_for, in_parallel, load, measure
from prices import Predicted, Prices, Sample, Table, predict, update
from shapes import TRAINING, VALIDATION, draw

from convgen.errors import ConvgenError
from convgen.formats import spec
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.resources import data_dir
from convgen.schedule.cost import arithmetic, price
from convgen.targets import target

FAR = 0.25
"""No prediction should be further off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A random layer to measure; ``sparse``: with one algorithm of each family."""

    table: Table
    number: int
    sparse: bool


def main() -> None:
    """Check the tables, or update them."""
    options = parse_options()
    first = TRAINING if options.update else VALIDATION
    for table in (table for table in BOARDS if BOARDS[table] in options.boards):
        jobs = [
            Job(table=table, number=first + i, sparse=options.sparse) for i in range(options.layers)
        ]
        ((_, found),) = in_parallel(_measure, {table: jobs})
        samples = [sample for layer in found for sample in layer]
        before = predict(samples, prices_of(table))
        print_errors(f"{BOARDS[table]} {table[1]}", before)
        if options.update:
            new = update([*samples, *known(table)], prices_of(table))
            after = predict(samples, new)
            print_errors("  updated", after)
            write(table, new, note_of(before, after))


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=board_list, default=TARGETS, metavar="A,B,C")
    parser.add_argument(
        "--layers", type=int, default=200, metavar="N", help="how many (%(default)s)"
    )
    parser.add_argument(
        "--sparse", action="store_true", help="one algorithm of each family, not all, for a layer"
    )
    parser.add_argument(
        "--update", action="store_true", help="fit the prices to other layers, and write them"
    )
    return parser.parse_args()


def _measure(job: Job) -> list[Sample]:
    """Build and run a layer; what fails to build is said and left out."""
    isa, name = job.table
    board = target.load(BOARDS[job.table])
    fields = draw(job.number)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layer.json"
        path.write_text(json.dumps(fields if name == "int8" else as_float32(fields)))
        layer = spec.load(path)
    assert (board.cpu.isa, arithmetic(layer, board)) == job.table
    bench, found = bench_for(layer, board), []
    for plan in _tried(job, registry.able(layer, board).values()):
        try:
            measured = measure(plan, bench, 10**6 + 200 * layer.geometry.macs)
        except ConvgenError as error:
            print(f"{board.name}: {job.number}: {plan.algorithm}: {error}", flush=True)
            continue
        found.append(
            Sample(
                table=(isa, name),
                layer=str(job.number),
                algorithm=plan.algorithm,
                family=plan.family,
                work=plan.work,
                measured=measured,
            )
        )
    return found


def known(table: Table) -> list[Sample]:
    """Return the layers of the fit with what its prices say of them: an update keeps that."""
    board, prices, found = target.load(BOARDS[table]), prices_of(table), []
    for name, fields in LAYERS.items():
        layer = load(fields if table[1] == "int8" else as_float32(fields))
        plans = registry.able(layer, board).values()
        found += [as_predicted(name, plan, table, prices) for plan in plans]
    return found


def as_predicted(name: str, plan: Plan, table: Table, prices: Prices) -> Sample:
    """Return a plan as if it took what *prices* say."""
    instructions = sum(count * price(prices, plan.family, u) for u, count in plan.work.items())
    return Sample(
        table=table,
        layer=name,
        algorithm=plan.algorithm,
        family=plan.family,
        work=plan.work,
        measured=Measured(
            instructions=max(1, round(instructions)),
            init_instructions=0,
            code_bytes=0,
            stack_bytes=0,
            ram_without_stack=0,
            asks=False,
            compiler="",
        ),
    )


def _tried(job: Job, able: Iterable[Plan]) -> Iterable[Plan]:
    if not job.sparse:
        return able
    choose = random.Random(job.number).choice  # noqa: S311
    families = groupby(sorted(able, key=lambda plan: plan.family), lambda plan: plan.family)
    return [choose(list(variants)) for _, variants in families]


def print_errors(title: str, predicted: Predicted) -> None:
    """Print how good the predictions are, in all and for each family."""
    print(f"{title}: {predicted.summary()}")
    for line in distribution(predicted):
        print(f"    {line}", flush=True)


def distribution(predicted: Predicted) -> Iterator[str]:
    """Say of each family how its ratios of predicted to measured lie, and what is far off."""
    ratios: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for sample, error in zip(predicted.samples, predicted.errors, strict=True):
        name = f"{sample.algorithm} of {sample.layer}"
        ratios[sample.family].append((1 + float(error), name))
        ratios["all"].append((1 + float(error), name))
    for family, found in ratios.items():
        some = sorted(found)
        values = np.array([ratio for ratio, _ in some])
        far = int((np.abs(values - 1) > FAR).sum())
        (low, lowest), (high, highest) = some[0], some[-1]
        yield (
            f"{family}: {len(some)} runs, {far} off by more than {FAR:.0%}, median "
            f"{np.median(values):.2f}, from {low:.2f} ({lowest}) to {high:.2f} ({highest})"
        )


def prices_of(table: Table) -> dict[str, float]:
    """Return the prices as they are."""
    found: dict[str, float] = tomllib.loads(_file(table).read_text())[table[1]]["instructions"]
    return found


def write(table: Table, prices: Prices, note: str) -> None:
    """Put *prices* in place of the table's, and *note* under what its head says of the fit."""
    text, head = _file(table).read_text(encoding="utf-8"), f"[{table[1]}.instructions]\n"
    before, _, rest = text.partition(head)
    _, gap, after = rest.partition("\n\n")
    lines = "\n".join(f'"{unit}" = {price}' for unit, price in prices.items())
    before = re.sub(
        rf"(# {table[1]}, on .*\n#   .*\n#   layers left out .*\n)(#   updated .*\n)?",
        lambda found: f"{found[1]}#   updated {note}\n",
        before,
    )
    _file(table).write_text(f"{before}{head}{lines}{gap or chr(10)}{after}", encoding="utf-8")


def note_of(before: Predicted, after: Predicted) -> str:
    """Say what an update did to the layers it was fitted to."""
    return (
        f"to {len(after.samples)} runs of random layers: {close(after):.1%} within {FAR:.0%}, "
        f"before {close(before):.1%}"
    )


def close(predicted: Predicted) -> float:
    """Return which part is not far off."""
    return float((np.abs(predicted.errors) <= FAR).mean())


def _file(table: Table) -> Path:
    return data_dir("targets") / "cost" / f"{table[0]}.toml"


if __name__ == "__main__":
    main()
