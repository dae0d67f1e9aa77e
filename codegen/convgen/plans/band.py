"""A band: some rows of a tensor that one call makes, or takes, while the others are not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convgen.plans.kernels.base import KernelPlan
from convgen.plans.kernels.finishing import FinishingPlan
from convgen.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSlices:
    """How an input is cut for an operator that accumulates: ``rows`` of ``row_elems`` elements.

    A row of a pooling is one of the image, of a mean a pixel, of a fully connected layer a single
    element.
    """

    rows: int
    row_elems: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """How an algorithm makes output rows ``first`` to ``last - 1``.

    Nothing is kept from one call to the next: bands may come in any order, and one twice. Each has
    the workspace of the whole layer. `convgen.model.operator.rows_needed` says which rows it reads.

    ``step``: a band begins at a multiple of so many rows, and ends at one or with the last row.
    ``steps`` and ``kernel`` are printed in place of the plan's where a band may leave pixels over
    that the whole layer does not.

    ``accumulates``: rows ``first`` to ``last - 1`` are some of the input, cut as that says, and the
    workspace keeps sums from one call to the next. They come in order, each once: row 0 begins, and
    the call with the last row writes the whole output.
    """

    step: int = 1
    steps: Any = None
    kernel: KernelPlan | FinishingPlan | None = None
    accumulates: InputSlices | None = None


ROW_BY_ROW = Band()
"""Any rows, by what makes them all."""


def all_rows(why: str) -> Refusal:
    """Say in a sentence that all rows are made at once, and *why*."""
    return Refusal(f"makes all rows at once: {why}")
