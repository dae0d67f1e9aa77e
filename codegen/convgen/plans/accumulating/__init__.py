"""Algorithms that take their input in slices and keep sums, so that it never exists whole.

They are for the end of a stage of a network that runs row by row. A layer by itself gains nothing
by them, so no list has them: `convgen.plans.registry.accumulating` is asked for them.
"""

from __future__ import annotations

from convgen.model.operator import Operator
from convgen.refusal import Refusal, needs


def no_sums(operator: Operator) -> Refusal:
    """Refuse an operator that does not add up its input."""
    return Refusal(needs("sums of all its input", f"is of kind {operator.kind}", "operator"))
