"""Addition of two tensors: element by element, wherever they are.

Workspace: 0. An output element reads of each input only the one at its own place, so that the
output may take the place of an input.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from convgen.model.arithmetic import of_dtype
from convgen.model.operator import float_bounds
from convgen.model.ops.add import Add
from convgen.plans.band import ROW_BY_ROW
from convgen.plans.fours import by_fours, one_by_one
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import Output, bounded
from convgen.plans.plan import Plan
from convgen.plans.sum_line import (
    SumLine,
    find_sum_line,
    instructions_for,
    most_bits,
    rescaled,
)
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementwiseAdd:
    """The one way to add."""

    name: str = "add"
    family: str = "add"
    summary: str = "element by element: no workspace"

    def plan(self, operator: Add, target: Target) -> Plan:
        """Find the cheapest exact form: every sum will do."""
        elems = operator.output.elems
        output = _output(operator, target)
        return Plan(
            variant=self,
            template="operators/add.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description="plain C"),
            output=output,
            workspace=(),
            constants=(),
            steps=by_fours(elems) if _is_short(output, target) else one_by_one(elems),
            orders=(),
            decisions=("An output may take the place of the inputs it is of.",),
            work=_work(operator, output),
            own_assembly=instructions_for(output, target),
            is_elementwise=True,
            band=ROW_BY_ROW,
        )


def _output(operator: Add, target: Target) -> Output:
    """Return the cheapest exact form: a line where one gives the sum of any two bytes."""
    numbers = of_dtype(operator.dtype)
    if not numbers.is_exact:
        return bounded(operator)
    line = find_sum_line(operator, most_bits(target)) if numbers.is_byte else None
    return line or rescaled(operator)


def _is_short(output: Output, target: Target) -> bool:
    """Whether a sum takes so few instructions that a loop round it is much."""
    if isinstance(output, SumLine):
        return not output.is_wide
    has_instructions = instructions_for(output, target) is not None
    return has_instructions or (output.form == "float" and target.has("fpu"))


def _work(operator: Add, output: Output) -> Counter[str]:
    elems = operator.output.elems
    form = f"line{output.bits}" if isinstance(output, SumLine) else output.form
    return +Counter(
        {
            f"add.{form}": elems,
            "add.clamp": elems * float_bounds(operator),
            "add.call": 1,
        }
    )


VARIANTS = (ElementwiseAdd(),)
