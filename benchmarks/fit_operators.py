"""Fit targets/cost/operators/*.toml: the prices of all operators that are no convolutions.

They share no unit of work with convolutions, so that neither fit changes what the other found.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from fit_cost import BOARDS, LIKE, MUCH, differing, least_stack, most_stack, typical_code
from measure import bench_for, in_parallel, measure
from operators import operators
from prices import Predicted, Sample, Table, fit, predict

from convgen.model.tensor import DType
from convgen.plans import registry
from convgen.resources import data_dir
from convgen.schedule.cost import arithmetic
from convgen.targets import target

COPIES = {table: isa for table, isa in LIKE.items() if table not in BOARDS}
"""Tables for which convgen has no target that counts, and the nearest ISA class measured."""

MOST_INSTRUCTIONS = 10**7

LITTLE = 0.12
"""Of a price that another table has too: what differs by no more is not written again."""

ALIKE: Mapping[Table, str] = LIKE | {
    ("armv6-m", "int8"): "armv7e-m",
    ("armv6-m", "soft_float32"): "armv7-m",
    ("armv8.1-m", "float32"): "armv7e-m",
}
"""Also those whose prices of convolutions are too far from another's to share any."""

Sections = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A layer to measure on the board of a table."""

    table: Table
    layer: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """The prices of one table, and what they say of the layers they were fitted to."""

    prices: Mapping[str, float]
    predicted: Predicted

    @property
    def samples(self) -> Sequence[Sample]:
        """What was measured."""
        return self.predicted.samples

    @property
    def summary(self) -> str:
        """How good the prices are."""
        errors = np.abs(self.predicted.errors)
        worst = self.samples[int(errors.argmax())]
        within = f"{(errors <= 0.15).mean():.0%} within 15%"
        return (
            f"{len(errors)} runs: mean {errors.mean():.1%}, {within}, "
            f"worst {errors.max():.0%} ({worst.layer})"
        )


def main() -> None:
    """Fit all tables; write them, or only say how good they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="print the errors, write nothing")
    options = parser.parse_args()
    jobs = {
        table: [Job(table=table, layer=name) for name in operators(_dtype(table))]
        for table in BOARDS
    }
    fits = {}
    for table, found in in_parallel(_measure, jobs):
        fits[table] = fitted([sample for layer in found for sample in layer])
        print(f"{BOARDS[table]} {table[1]}: {fits[table].summary}", flush=True)
    if not options.check:
        for isa in {isa for isa, _ in (*BOARDS, *COPIES)}:
            write(isa, fits, "operators", "of operators that are no convolutions")


def write(isa: str, fits: Mapping[Table, Fit], folder: str, of_what: str) -> None:
    """Write an ISA class's file in a *folder* of ``targets/cost``."""
    path = data_dir("targets") / "cost" / folder / f"{isa}.toml"
    path.write_text(as_toml(isa, fits, of_what), encoding="utf-8")


def _measure(job: Job) -> list[Sample]:
    """Build and run a layer with every algorithm that can do it."""
    board = target.load(BOARDS[job.table])
    operator = operators(_dtype(job.table))[job.layer]()
    assert (board.cpu.isa, arithmetic(operator, board)) == job.table
    bench = bench_for(operator, board)
    return [
        Sample.of(plan, job.table, job.layer, measure(plan, bench, MOST_INSTRUCTIONS))
        for plan in registry.able(operator, board).values()
    ]


def _dtype(table: Table) -> DType:
    return "int8" if table[1] == "int8" else "float32"


def fitted(samples: Sequence[Sample]) -> Fit:
    """Return the prices of the units that *samples* have."""
    units = {unit for sample in samples for unit, count in sample.work.items() if count}
    prices = {unit: price for unit, price in fit(samples).items() if unit in units}
    return Fit(prices=prices, predicted=predict(samples, defaultdict(float, prices)))


def as_toml(isa: str, fits: Mapping[Table, Fit], of_what: str) -> str:
    """Return the text of an ISA class's file."""
    own = {table[1]: found for table, found in fits.items() if table[0] == isa}
    lines = [
        f"# Prices {of_what}. Written by `make cost`; do not edit.",
        "#",
    ]
    for name, found in own.items():
        compiler = found.samples[0].measured.compiler
        lines += [f"# {name}, on {BOARDS[isa, name]}, {compiler}:", f"#   {found.summary}"]
    for name, found in own.items():
        like = ALIKE.get((isa, name))
        lines += as_sections(name, _sizes(found), like, _sizes(fits[like, name]) if like else {})
    for (of, name), like in COPIES.items():
        if of == isa:
            lines += ["", f"[{name}]", f'like = "{like}" # the nearest that was measured']
    return "\n".join(lines) + "\n"


def _sizes(found: Fit) -> Sections:
    return {
        "code_bytes": typical_code(found.samples),
        "least_stack_bytes": least_stack(found.samples),
        "stack_bytes": most_stack(found.samples),
        "instructions": found.prices,
    }


def as_sections(name: str, own: Sections, like: str | None, shared: Sections) -> Iterator[str]:
    """Yield the lines of a table: of one that is *like* another but for what differs from it."""
    if like:
        yield from ("", f"[{name}]", f'like = "{like}" # but for what follows')
    for section, values in own.items():
        left = values
        if like and section != "least_stack_bytes":  # of which a table has its own or none
            much = LITTLE if section == "instructions" else MUCH
            left = differing(values, shared[section], much)
        if left:
            yield from ("", f"[{name}.{section}]")
            yield from (f'"{key}" = {value}' for key, value in left.items())


if __name__ == "__main__":
    main()
