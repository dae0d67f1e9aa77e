"""Logistic function and hyperbolic tangent of 16 bits: a line between two of 256 values.

Workspace: 0. An output element reads only the input at its own place.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from convgen.model.interpolation import KINDS, SIGMOID, Places, places
from convgen.model.ops.table import Table
from convgen.plans.band import ROW_BY_ROW
from convgen.plans.constant import Constant
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpolationSteps:
    """What ``operators/interpolate.c.j2`` prints: ``places`` of inputs, ``last`` of the table."""

    places: Places
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolated:
    """The one way to do such a function of a value of 16 bits."""

    name: str = "interpolate"
    family: str = "interpolate"
    summary: str = "logistic and tanh of 16 bits: between values of a table of 512 bytes"

    def plan(self, operator: Table, target: Target) -> Plan | Refusal:
        """State the numbers."""
        (given,), elems = operator.inputs, operator.output.elems
        if given.arithmetic.is_byte or operator.kind not in KINDS:
            return Refusal(needs("logistic or tanh of 16 bits", f"is a {operator.title}"))
        comment = "the logistic function, Q0.16, 24 places to one"
        return Plan(
            variant=self,
            template="operators/interpolate.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description="plain C"),
            output=bounded(operator),
            workspace=(),
            constants=(Constant(name="table", values=SIGMOID, comment=comment),),
            steps=InterpolationSteps(places=places(operator.kind, given), last=SIGMOID.size - 1),
            orders=(),
            decisions=(),
            work=Counter({"arithmetic.slopes.wide": elems, "arithmetic.run": 1}),
            is_elementwise=True,
            band=ROW_BY_ROW,
        )
