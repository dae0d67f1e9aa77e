"""Which algorithms there are for each operator: adding an operator is a module and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convgen.model.operator import Operator
from convgen.plans import add, conv, pool
from convgen.plans.algorithm import Algorithm

OF_KIND: Mapping[str, tuple[Algorithm[Any], ...]] = {
    "conv2d": conv.ALGORITHMS,
    "fully_connected": conv.ALGORITHMS,
    "add": add.VARIANTS,
    "average_pool": pool.VARIANTS,
    "max_pool": pool.VARIANTS,
}
"""By what ``op`` calls the operator."""

ALL: tuple[Algorithm[Any], ...] = tuple(
    dict.fromkeys(algorithm for algorithms in OF_KIND.values() for algorithm in algorithms)
)
"""Each once, in the order of ``--list-algorithms``."""


def algorithms(operator: Operator) -> tuple[Algorithm[Any], ...]:
    """Return those that may do *operator*."""
    return OF_KIND[operator.kind]
