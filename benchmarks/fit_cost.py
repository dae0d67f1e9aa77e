"""Fit targets/cost/*.toml to measured runs; README.md beside this file explains the method."""

from __future__ import annotations

import argparse
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from layers import FLOAT32, LAYERS, REAL, as_float32
from measure import bench_for, in_parallel, load, measure
from prices import Predicted, Prices, Sample, Table, fit, predict, predict_left_out
from remembered import Measured
from shapes import TRAINING, draw, sparse, two_of

from convgen.bench.trial import Bench
from convgen.errors import ConvgenError
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.resources import data_dir
from convgen.schedule.cost import arithmetic, whole
from convgen.targets import target

K = TypeVar("K")

BOARDS: dict[Table, str] = {
    ("armv6-m", "int8"): "cortex-m0",
    ("armv6-m", "soft_float32"): "cortex-m0",
    ("armv7-m", "soft_float32"): "cortex-m3",
    ("armv7e-m", "int8"): "cortex-m4",
    ("armv7-m", "int8"): "cortex-m3",
    ("armv7e-m", "float32"): "cortex-m4",
    ("armv8-m", "int8"): "cortex-m33",
    ("armv8-m", "float32"): "cortex-m33",
    ("armv8.1-m", "int8"): "cortex-m55",
    ("armv8.1-m", "float32"): "cortex-m55",
    ("rv32", "int8"): "rv32imc",
    ("rv32", "float32"): "rv32imafc",
    ("rv32", "soft_float32"): "rv32imc",
    ("rv32e", "int8"): "rv32ec",
    ("rv32e", "soft_float32"): "rv32ec",
    ("rv32v", "int8"): "rv32imcv",
    ("rv32v", "soft_float32"): "rv32imcv",
    ("rv64", "int8"): "rv64imac",
    ("rv64", "soft_float32"): "rv64imac",
}
"""Each table that is measured, and the target that does it."""

LIKE: dict[Table, str] = {
    ("armv7-m", "int8"): "armv7e-m",
    ("armv8-m", "int8"): "armv7e-m",
    ("armv8-m", "float32"): "armv7e-m",
    ("armv8.1-m", "int8"): "armv7e-m",
    ("rv32e", "int8"): "rv32",
    ("rv32e", "soft_float32"): "rv32",
    ("rv32v", "int8"): "rv32",
    ("rv32v", "soft_float32"): "rv32",
    ("rv64", "int8"): "rv32",
    ("rv64", "soft_float32"): "rv32",
    ("armv7e-m", "soft_float32"): "armv7-m",
    ("armv8-m", "soft_float32"): "armv7-m",
    ("armv8.1-m", "soft_float32"): "armv7-m",
    ("rv64", "float32"): "rv32",
    ("host", "int8"): "rv64",
    ("host", "float32"): "rv32",
}
"""The ISA class whose prices a table shares but for what was measured to differ.

Those that are in `BOARDS` come after it there; those that are not, no target of convgen measures.
"""

TARGETS = list(dict.fromkeys(BOARDS.values()))
"""Each of these targets once."""

STACK_STEP = 16

MUCH = 0.25
"""Of a size that another table has too: what differs less is not written again."""


MANY = {("armv6-m", "int8"), ("armv7e-m", "int8"), ("rv32", "int8")}
SOME = {table for table in BOARDS if table[1] == "int8"} | {
    ("armv7e-m", "float32"),
    ("armv8.1-m", "float32"),
    ("rv32", "float32"),
}
MANY_LAYERS, SOME_LAYERS = 560, 40
"""Random layers that tables are fitted to: those of `MANY`, others of `SOME`."""

SPARSE = {
    ("armv8-m", "float32"),
    ("armv8.1-m", "float32"),
    ("rv32", "float32"),
    ("rv32", "soft_float32"),
    ("rv64", "soft_float32"),
}
"""Tables of float32 whose layers are measured as those of int8 are."""

WHOLE = ("c16", "resnet8_stack2", "dscnn_first", "dscnn_depthwise", "dscnn_pointwise")
"""Layers that are measured with every algorithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A layer to measure: its name, or the number of a random one; ``whole``: by all algorithms.

    ``two``: by two of those that it would be measured with.
    """

    table: Table
    layer: str | int
    whole: bool = False
    two: bool = False


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
    for table, board in BOARDS.items():
        if board in options.boards and table[1] in options.arithmetic:
            fitted = fit_table(table)
            if not options.check:
                write(table, fitted)


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    known = sorted({name for _, name in BOARDS})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="print the errors, write nothing")
    parser.add_argument(
        "--boards",
        type=board_list,
        default=TARGETS,
        metavar="A,B,C",
        help="the targets whose tables are fitted (default: all)",
    )
    parser.add_argument("--arithmetic", choices=known, nargs="+", default=known)
    return parser.parse_args()


def board_list(names: str) -> list[str]:
    """Return the targets of a list with commas, each once."""
    wanted = list(dict.fromkeys(names.split(",")))
    if unknown := set(wanted).difference(TARGETS):
        known = ", ".join(TARGETS)
        raise argparse.ArgumentTypeError(f"expected some of {known}, got {min(unknown)!r}")
    return wanted


def fit_table(table: Table) -> Fit:
    """Measure all layers on a table's board, and fit its prices to them."""
    ((_, samples),) = measured({table: jobs_of(table)})
    fitted = fit_to(table, samples)
    title = f"{BOARDS[table]} {table[1]}"
    print(f"{title:<34} {fitted.known.summary()}")
    print(f"{title + ', left out':<34} {fitted.left_out.summary()}", flush=True)
    return fitted


def fit_to(table: Table, samples: Sequence[Sample]) -> Fit:
    """Return the prices of a table: of one that is like another, those that differ."""
    name = table[1]
    like = prices_of((LIKE[table], name)) if table in LIKE else None
    prices = fit(samples, like)
    return Fit(
        known=predict(samples, {**(like or {}), **prices}),
        left_out=predict_left_out(samples, like),
        prices=prices,
    )


def jobs_of(table: Table) -> list[Job]:
    """Return the layers that a table is fitted to: real ones, and random ones."""
    is_int8 = table[1] == "int8"
    whole = WHOLE if is_int8 or table in SPARSE else FLOAT32
    count = MANY_LAYERS if table in MANY else SOME_LAYERS if table in SOME else 0
    named = (
        Job(table=table, layer=layer, whole=layer in whole)
        for layer in (REAL if is_int8 else FLOAT32)
    )
    return [*named, *(Job(table=table, layer=number) for number in TRAINING[:count])]


def measured(jobs: Mapping[K, Iterable[Job]]) -> Iterator[tuple[K, list[Sample]]]:
    """Run all *jobs*; yield the samples of each key in turn."""
    for key, layers in in_parallel(measure_layer, jobs):
        yield key, [sample for layer in layers for sample in layer]


def measure_layer(job: Job) -> list[Sample]:
    """Build and run a layer with the algorithms that it is to be measured with."""
    _, name = job.table
    board = target.load(BOARDS[job.table])
    fields = LAYERS[job.layer] if isinstance(job.layer, str) else draw(job.layer)
    layer = load(fields if name == "int8" else as_float32(fields))
    if (board.cpu.isa, arithmetic(layer, board)) != job.table:
        raise SystemExit(f"{board.name}: expected prices of {job.table}")
    bench = bench_for(layer, board)
    able = list(registry.able(layer, board).values())
    plans = able if job.whole else sparse(able, job.layer)
    if job.two:
        plans = two_of(plans, job.layer)
    return [Sample.of(plan, job.table, str(job.layer), _run(job, plan, bench)) for plan in plans]


def _run(job: Job, plan: Plan, bench: Bench) -> Measured:
    """Build and run one plan; anything but right outputs ends the script."""
    generous = 10**6 + 200 * plan.layer.geometry.macs
    try:
        return measure(plan, bench, generous)
    except ConvgenError as error:
        raise SystemExit(f"{BOARDS[job.table]}: {job.layer}: {plan.algorithm}: {error}") from None


def write(table: Table, fitted: Fit) -> None:
    """Put a fit in place of the table's, and what its head says of it."""
    isa, name = table
    text = cost_file(isa).read_text(encoding="utf-8")
    text = re.sub(rf"# {name}, on .*\n(#   .*\n)+", lambda _: f"{_origin(table, fitted)}\n", text)
    head, *sections = re.split(r"\n(?=\[)", text.rstrip("\n"))
    own = re.compile(rf"\[{name}[.\]]")
    first = next(i for i, section in enumerate(sections) if own.match(section))
    others = [section.rstrip("\n") for section in sections if not own.match(section)]
    others[first:first] = as_toml(table, fitted)
    cost_file(isa).write_text("\n\n".join([head.rstrip("\n"), *others]) + "\n", encoding="utf-8")


def as_toml(table: Table, fitted: Fit) -> list[str]:
    """Return the sections of a table."""
    name, like = table[1], LIKE.get(table)
    shared = _whole((like, name)) if like else {}
    sections: dict[str, Mapping[str, float]] = {
        "code_bytes": differing(typical_code(fitted.samples), shared.get("code_bytes", {})),
        "stack_bytes": differing(most_stack(fitted.samples), shared.get("stack_bytes", {})),
        "instructions": fitted.prices,
    }
    if not like:
        sections["least_stack_bytes"] = least_stack(fitted.samples)
    return [
        *([f'[{name}]\nlike = "{like}" # but for what follows'] if like else []),
        *(
            "\n".join([f"[{name}.{what}]", *(line(key, value) for key, value in values.items())])
            for what, values in sections.items()
            if values
        ),
    ]


def differing(
    own: Mapping[str, float], like: Mapping[str, float], much: float = MUCH
) -> dict[str, float]:
    """Return what of a table's *own* is off by more than *much* of what it is in *like*."""
    return {
        name: value
        for name, value in own.items()
        if name not in like or abs(value - like[name]) > much * like[name]
    }


def line(key: str, value: float) -> str:
    """Return a line of a section of prices."""
    return f"{key} = {value}" if key.isidentifier() else f'"{key}" = {value}'


def prices_of(table: Table) -> dict[str, float]:
    """Return the prices as they are, with those of the table that it is like."""
    found: dict[str, float] = _whole(table)["instructions"]
    return found


def _whole(table: Table) -> dict[str, Any]:
    isa, name = table
    tables = tomllib.loads(cost_file(isa).read_text(encoding="utf-8"))
    return whole(cost_file(isa).parent, tables[name], name)


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


def _origin(table: Table, fitted: Fit) -> str:
    compiler = fitted.samples[0].measured.compiler
    return "\n".join(
        [
            f"# {table[1]}, on {BOARDS[table]}, {compiler}:",
            f"#   {fitted.known.summary()}",
            f"#   layers left out of the fit: {fitted.left_out.summary()}",
        ]
    )


def cost_file(isa: str) -> Path:
    """Return the file of an ISA class."""
    return data_dir("targets") / "cost" / f"{isa}.toml"


if __name__ == "__main__":
    main()
