"""Functions of one float32 value, element by element.

Workspace: 0. Exponentials are a polynomial in the file itself: no library of mathematics.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from convgen.model.ops.pointwise import CLAMPS, Pointwise
from convgen.plans.band import ROW_BY_ROW
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.targets.target import Target

WITH_EXP = ("logistic", "tanh")


@dataclass(frozen=True, slots=True, kw_only=True)
class PointwiseSteps:
    """What ``operators/pointwise.c.j2`` prints; ``low`` and ``high`` of what only clamps."""

    elems: int
    needs_exp: bool
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementwiseFunction:
    """The one way to do a function of a float32 value."""

    name: str = "pointwise"
    family: str = "pointwise"
    summary: str = "element by element: no workspace"

    def plan(self, operator: Pointwise, target: Target) -> Plan:
        """State the numbers."""
        elems = operator.output.elems
        low, high = CLAMPS.get(operator.kind, (-np.inf, np.inf))
        steps = PointwiseSteps(
            elems=elems,
            needs_exp=operator.kind in WITH_EXP,
            low=float(low) if np.isfinite(low) else None,
            high=float(high) if np.isfinite(high) else None,
        )
        kind = "clamp" if operator.kind in CLAMPS else operator.kind
        return Plan(
            variant=self,
            template="operators/pointwise.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description="plain C: float"),
            output=bounded(operator),
            workspace=(),
            constants=(),
            steps=steps,
            orders=(),
            decisions=(),
            work=Counter({f"pointwise.{kind}": elems, "pointwise.call": 1}),
            is_elementwise=True,
            band=ROW_BY_ROW,
        )


VARIANTS = (ElementwiseFunction(),)
