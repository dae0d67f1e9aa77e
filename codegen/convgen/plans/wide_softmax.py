"""Softmax of int16: row by row, between the values of TensorFlow Lite's two tables.

Workspace: 0. The exponentials of a row are kept where its outputs will be.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from convgen.model.ops.wide_softmax import POWERS, RECIPROCALS, WideSoftmax
from convgen.plans.constant import Constant
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.plans.softmax import ONE_ROW
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class WideSoftmaxSteps:
    """What ``operators/wide_softmax.c.j2`` prints.

    Differences to the largest value are shifted to the ``left``, multiplied by a Q31 ``multiplier``
    and shifted to the ``right``.
    """

    rows: int
    channels: int
    multiplier: int
    left: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WideRowByRow:
    """The one way to do a softmax of int16."""

    name: str = "wide_softmax"
    family: str = "softmax"
    summary: str = "int16, row by row: no workspace"

    def plan(self, operator: WideSoftmax, target: Target) -> Plan:
        """State the numbers."""
        channels, (multiplier, shift) = operator.output.shape[-1], operator.rescale
        steps = WideSoftmaxSteps(
            rows=operator.output.elems // channels,
            channels=channels,
            multiplier=multiplier,
            left=max(shift, 0),
            right=max(-shift, 0),
        )
        tables = {
            "powers": (POWERS, "exp(x), x from -10 to 0, Q0.15"),
            "reciprocals": (RECIPROCALS, "1 / (1 + x), x from 0 to 1, Q0.15"),
        }
        return Plan(
            variant=self,
            template="operators/wide_softmax.c.j2",
            operator=operator,
            kernel=OwnSums(
                name=self.name, description="plain C: exponentials from a table", out_of_line="run"
            ),
            output=bounded(operator),
            workspace=(),
            constants=tuple(
                Constant(name=name, values=values, comment=comment)
                for name, (values, comment) in tables.items()
            ),
            steps=steps,
            orders=(),
            decisions=(),
            work=Counter({"softmax.elem": operator.output.elems, "softmax.row": steps.rows}),
            is_elementwise=True,
            band=ONE_ROW,
        )


VARIANTS = (WideRowByRow(),)
