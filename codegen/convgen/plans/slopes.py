"""Functions of one value of 16 bits: one line for values that are not negative, one for others.

Workspace: 0. Elements go from the first to the last, so that the output may lie over the input
where its elements are not larger. A table of 65,536 values says what is to be given: that the lines
do so is tried for each; where none does, TensorFlow Lite's own two roundings are made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from convgen.model.ops.table import Table
from convgen.model.ops.table import least as least_of
from convgen.model.ops.table import most as most_of
from convgen.model.quantize import quantize_multiplier
from convgen.plans.band import ROW_BY_ROW
from convgen.plans.kernels.base import OwnSums
from convgen.plans.plan import Plan
from convgen.plans.scaling import Rescaled, Scaling, Slopes, find
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopesSteps:
    """What ``operators/slopes.c.j2`` prints."""

    zero_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BySlopes:
    """The one way to do a function of a value of 16 bits."""

    name: str = "slopes"
    family: str = "slopes"
    summary: str = "values of 16 bits, scaled by one factor or two: no workspace"

    def plan(self, operator: Table, target: Target) -> Plan | Refusal:
        """Find the lines."""
        (given,) = operator.inputs
        if given.arithmetic.is_byte or operator.factors is None:
            return Refusal(needs("values of 16 bits that are scaled", f"is a {operator.title}"))
        elems = operator.output.elems
        is_same = given.elem_bytes == operator.output.elem_bytes
        return Plan(
            variant=self,
            template="operators/slopes.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description="plain C"),
            output=_output(operator, *operator.factors),
            workspace=(),
            constants=(),
            steps=SlopesSteps(zero_point=given.zero_point),
            orders=(),
            decisions=(),
            work=Counter({"arithmetic.slopes.wide": elems, "arithmetic.run": 1}),
            is_elementwise=is_same,
            above=() if is_same else (0,),
            band=ROW_BY_ROW,
        )


def _output(operator: Table, above: float, below: float) -> Slopes:
    given = operator.inputs[0]
    least, most = least_of(given) - given.zero_point, most_of(given) - given.zero_point
    if above == below:
        one = _scaling(operator, above, least, most)
        return Slopes(above=one, below=one)
    return Slopes(
        above=_scaling(operator, above, 0, most), below=_scaling(operator, below, least, 0)
    )


def _scaling(operator: Table, factor: float, least: int, most: int) -> Scaling:
    """Return how values from *least* to *most*, less the zero point, become outputs."""
    given, output = operator.inputs[0], operator.output
    multiplier, shift = quantize_multiplier(factor, "double")
    rescaled = Rescaled(
        multiplier=multiplier,
        shift=shift,
        zero_point=output.zero_point,
        low=int(operator.values.min()),
        high=int(operator.values.max()),
    )
    first = given.zero_point - least_of(given)
    return find(rescaled, least, most, lambda values: operator.values[values + first])
