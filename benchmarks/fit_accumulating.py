"""Fit targets/cost/accumulating/*.toml: the prices of what takes its input in slices."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from fit_cost import BOARDS
from fit_operators import COPIES, Fit, fitted, write
from measure import bench_for, in_parallel, measure_sliced
from operators import connected, connected_least, global_pool, mean
from prices import Sample, Table

from convgen.model.operator import Operator
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.schedule.cost import arithmetic
from convgen.targets import target

MOST_INSTRUCTIONS = 10**7

LAYERS: Mapping[str, tuple[Callable[..., Operator], int]] = {
    "pool_rows": (partial(global_pool, (8, 8, 64)), 8),
    "pool_once": (partial(global_pool, (8, 8, 64)), 1),
    "pool_odd": (partial(global_pool, (6, 6, 21)), 6),
    "pool_small": (partial(global_pool, (3, 3, 256)), 3),
    "pool_sound": (partial(global_pool, (25, 5, 67)), 25),
    "pool_wide": (partial(global_pool, (20, 24, 16)), 20),
    "pool_wide_odd": (partial(global_pool, (20, 24, 5)), 10),
    "mean_rows": (partial(mean, 1, 49, 32), 7),
    "mean_once": (partial(mean, 1, 49, 32), 1),
    "mean_pixels": (partial(mean, 1, 16, 30), 16),
    "mean_wide": (partial(mean, 1, 400, 18), 20),
    "mean_few": (partial(mean, 1, 90, 3), 9),
    "connected_rows": (partial(connected, 1024, 10), 16),
    "connected_once": (partial(connected, 1024, 10), 1),
    "connected_short": (partial(connected, 640, 12), 40),
    "connected_odd": (partial(connected, 729, 7), 27),
    "connected_two": (partial(connected, 2304, 2), 24),
    "connected_one": (partial(connected, 700, 1), 10),
    "connected_six": (partial(connected, 448, 6), 7),
    "connected_wide": (partial(connected, 256, 32), 4),
    "connected_few": (partial(connected, 4000, 4), 25),
    "connected_long": (partial(connected, 1024, 32), 2),
    "connected_pair": (partial(connected, 1600, 2), 4),
    "connected_eleven": (partial(connected, 330, 11), 10),
    "connected_plain": (partial(connected_least, 1024, 10), 16),
    "connected_plain_odd": (partial(connected_least, 729, 7), 27),
    "connected_plain_wide": (partial(connected_least, 256, 32), 4),
    "connected_plain_two": (partial(connected_least, 2304, 2), 24),
}
"""What makes each operator of a dtype, and in how many calls its input comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A layer to measure on the board of a table."""

    table: Table
    layer: str


def main() -> None:
    """Fit all tables; write them, or only say how good they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="print the errors, write nothing")
    options = parser.parse_args()
    jobs = {table: [Job(table=table, layer=name) for name in LAYERS] for table in BOARDS}
    fits: dict[Table, Fit] = {}
    for table, found in in_parallel(_measure, jobs):
        fits[table] = fitted([sample for layer in found for sample in layer])
        print(f"{BOARDS[table]} {table[1]}: {fits[table].summary}", flush=True)
    if not options.check:
        for isa in {isa for isa, _ in (*BOARDS, *COPIES)}:
            write(isa, fits, "accumulating", "of what takes its input in slices")


def _measure(job: Job) -> list[Sample]:
    """Build and run a layer that takes its input in slices."""
    board = target.load(BOARDS[job.table])
    make, calls = LAYERS[job.layer]
    operator = make("int8" if job.table[1] == "int8" else "float32")
    assert (board.cpu.isa, arithmetic(operator, board)) == job.table
    plan = registry.accumulating(operator, board, calls)
    if not isinstance(plan, Plan):
        return []
    sliced = measure_sliced(plan, calls, bench_for(operator, board), MOST_INSTRUCTIONS)
    return [Sample.of(plan, job.table, job.layer, sliced)]


if __name__ == "__main__":
    main()
