"""A band: some output rows that one call makes, of whose input only the rows it needs are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convgen.plans.kernels.base import KernelPlan
from convgen.plans.kernels.finishing import FinishingPlan
from convgen.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """How an algorithm makes output rows ``first`` to ``last - 1``.

    Nothing is kept from one call to the next: bands may come in any order, and one twice. Each has
    the workspace of the whole layer. `convgen.model.operator.rows_needed` says which rows it reads.

    ``step``: a band begins at a multiple of so many rows, and ends at one or with the last row.
    ``steps`` and ``kernel`` are printed in place of the plan's where a band may leave pixels over
    that the whole layer does not.
    """

    step: int = 1
    steps: Any = None
    kernel: KernelPlan | FinishingPlan | None = None


ROW_BY_ROW = Band()
"""Any rows, by what makes them all."""

ALL_ROWS = Refusal("makes all rows at once")
