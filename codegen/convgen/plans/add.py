"""Addition of two tensors: element by element, wherever they are.

Workspace: 0. An output element reads of each input only the one at its own place, so that the
output may take the place of an input.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from convgen.model.operator import float_bounds
from convgen.model.ops.add import LEFT_SHIFT, Add, Rescale
from convgen.model.tensor import Tensor
from convgen.plans.kernels.base import OwnSums
from convgen.plans.plan import Plan
from convgen.plans.sum_line import SumLine, find_sum_line
from convgen.targets.target import Target

FORMS = {
    None: "in three steps, each rounded, as TensorFlow Lite does it",
    32: "one line in 32 bits, equal for all 65,536 pairs of inputs",
    64: "one line in 64 bits, equal for all 65,536 pairs of inputs",
}
"""How an int8 sum becomes an output, by the bits of its line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddSteps:
    """What ``operators/add.c.j2`` prints; ``rescaled`` where there is no ``line``, int8 only."""

    elems: int
    row_elems: int
    line: SumLine | None
    rescaled: tuple[tuple[Tensor, Rescale], ...]
    left_shift: int = LEFT_SHIFT


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementByElement:
    """The one way to add."""

    name: str = "add"
    family: str = "add"
    summary: str = "element by element: no workspace"

    def plan(self, operator: Add, target: Target) -> Plan:
        """Find the cheapest exact form: every sum will do."""
        is_int8 = operator.dtype == "int8"
        line = find_sum_line(operator) if is_int8 else None
        steps = AddSteps(
            elems=operator.output.elems,
            row_elems=operator.output.elems // operator.output.shape[0],
            line=line,
            rescaled=_rescaled(operator) if is_int8 and line is None else (),
        )
        how = FORMS[line.bits if line else None] if is_int8 else "float"
        return Plan(
            algorithm=self.name,
            family=self.family,
            summary=self.summary,
            template="operators/add.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description=f"plain C: {how}"),
            requantize=None,
            workspace=(),
            constants=(),
            steps=steps,
            orders=(),
            decisions=("An output may take the place of the inputs it is of.",),
            work=_work(operator, steps),
            is_elementwise=True,
        )


def _rescaled(operator: Add) -> tuple[tuple[Tensor, Rescale], ...]:
    """Return how each input, and then the sum, changes its scale."""
    return tuple(zip((*operator.inputs, operator.output), operator.rescales, strict=True))


def _work(operator: Add, steps: AddSteps) -> Counter[str]:
    form = f"line{steps.line.bits}" if steps.line else "rescale" if steps.rescaled else "float"
    return +Counter(
        {
            f"add.{form}": steps.elems,
            "add.clamp": steps.elems * float_bounds(operator),
            "add.call": 1,
        }
    )


VARIANTS = (ElementByElement(),)
