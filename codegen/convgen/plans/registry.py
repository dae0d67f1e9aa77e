"""Which algorithms there are for each operator: adding an operator is a module and a line here."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.table import Table
from convgen.plans import add, conv, convert, mean, move, pool, softmax, table
from convgen.plans.algorithm import Algorithm
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal
from convgen.targets.target import Target

OF_KIND: Mapping[str, tuple[Algorithm[Any], ...]] = {
    "conv2d": conv.ALGORITHMS,
    "fully_connected": conv.ALGORITHMS,
    "add": add.VARIANTS,
    "average_pool": pool.VARIANTS,
    "max_pool": pool.VARIANTS,
    "softmax": softmax.VARIANTS,
    "mean": mean.VARIANTS,
    "pad": move.PADDING,
    "slice": move.GATHERING,
    "transpose": move.GATHERING,
    "concatenation": move.JOINING,
    "quantize": convert.TO_BYTES,
    "dequantize": convert.FROM_BYTES,
    "dynamic_quantize": convert.TO_STEPS,
}
"""By what ``op`` calls the operator; a `Table` is called as what it tabulates."""

ALL: tuple[Algorithm[Any], ...] = tuple(
    dict.fromkeys(
        algorithm for algorithms in (*OF_KIND.values(), table.VARIANTS) for algorithm in algorithms
    )
)
"""Each once, in the order of ``--list-algorithms``."""


def algorithms(operator: Operator) -> tuple[Algorithm[Any], ...]:
    """Return those that may do *operator*; none for a kind that nothing here does."""
    return table.VARIANTS if isinstance(operator, Table) else OF_KIND.get(operator.kind, ())


def plans(
    operator: Operator, target: Target, names: Container[str] | None = None
) -> Iterator[tuple[Algorithm[Any], Plan | Refusal]]:
    """Ask every algorithm for *operator*, or those of *names*, in the order of the list.

    What several of them find out about it, they find out once.
    """
    subject = Study(operator) if isinstance(operator, Conv2d) else operator
    for algorithm in algorithms(operator):
        if names is None or algorithm.name in names:
            yield algorithm, algorithm.plan(subject, target)


def able(
    operator: Operator, target: Target, names: Container[str] | None = None
) -> dict[str, Plan]:
    """Return the plans of those that can do *operator*, by the algorithms' names."""
    answers = plans(operator, target, names)
    return {algorithm.name: plan for algorithm, plan in answers if isinstance(plan, Plan)}
