"""Bring int8 prices up to counts that check_cost.py kept: only what has to differ is changed.

python benchmarks/bring_up.py benchmarks/seen.json
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path

from check_cost import Counts
from fit_cost import BOARDS, LIKE, cost_file, differing, line, prices_of
from measure import candidate_of, load
from prices import Prices, Sample, Table, bring_up, predict
from remembered import Measured
from shapes import draw

from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.targets import target

NAME = "int8"


def main() -> None:
    """Bring up the table of each board of a file, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=Path, help="counts, as check_cost.py writes them")
    file = parser.parse_args().counts
    for board, counts in json.loads(file.read_text(encoding="utf-8")).items():
        table = next(t for t, name in BOARDS.items() if (name, t[1]) == (board, NAME))
        samples = samples_of(table, counts)
        prices = bring_up(samples, prices_of(table))
        summary = f"brought up to {file.name}, {predict(samples, prices).summary()}"
        print(f"{board}: {summary}", flush=True)
        write(table, prices, summary)


def samples_of(table: Table, counts: Counts) -> list[Sample]:
    """Return the samples of each layer's algorithms."""
    board, samples = target.load(BOARDS[table]), []
    for number, found in counts.items():
        plans = registry.able(load(draw(int(number))), board, found)
        samples += [
            Sample.of(plan, table, number, _counted(plan, found[name]))
            for name, plan in plans.items()
        ]
    return samples


def _counted(plan: Plan, instructions: int) -> Measured:
    """Return what is known of a plan whose instructions alone were kept."""
    return Measured(
        instructions=instructions,
        init_instructions=0,
        code_bytes=0,
        stack_bytes=0,
        ram_without_stack=plan.workspace_bytes,
        asks=candidate_of(plan, instructions).asks is not None,
        compiler="",
    )


def write(table: Table, prices: Prices, summary: str) -> None:
    """Put *prices* in place of the table's, and what they were brought up to into its head."""
    file = cost_file(table[0])
    text = file.read_text(encoding="utf-8")
    text = re.sub(
        rf"(# {NAME}, on .*\n(?:#   .*\n)*?)(?:#   brought up .*\n)?(?!#   )",
        lambda found: f"{found[1]}#   {summary}\n",
        text,
        count=1,
    )
    section = rf"(?<=\[{NAME}\.instructions\]\n)(?:.+\n)+"
    text = re.sub(section, lambda _: _lines(_own(table, prices)), text, count=1)
    file.write_text(text, encoding="utf-8")


def _own(table: Table, prices: Prices) -> Mapping[str, float]:
    """Return the prices that a table has not from the one that it is like."""
    if table not in LIKE:
        return prices
    return differing(prices, prices_of((LIKE[table], NAME)), much=0)


def _lines(prices: Prices) -> str:
    return "".join(f"{line(unit, price)}\n" for unit, price in prices.items())


if __name__ == "__main__":
    main()
