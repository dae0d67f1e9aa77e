"""Functions of one byte: a table of 256 bytes.

Workspace: 0. An output element reads only the input at its own place, so that the output may take
the input's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.table import Table
from convgen.plans.band import ROW_BY_ROW
from convgen.plans.constant import Constant
from convgen.plans.fours import AT_ONCE, by_fours
from convgen.plans.interpolate import Interpolated
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.plans.slopes import BySlopes
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """A function of a byte."""

    name: str = "table"
    family: str = "table"
    summary: str = "a table of 256 bytes: no workspace"

    def plan(self, operator: Table, target: Target) -> Plan | Refusal:
        """Put the table in the order of the input's bytes."""
        given, output = operator.inputs[0], operator.output
        if not given.arithmetic.is_byte:
            return Refusal(needs("bytes", f"is of {given.dtype}", "operator"))
        ahead = (output.elem_bytes - given.elem_bytes) * (output.elems - 1)
        elems = operator.output.elems
        steps = by_fours(elems)
        return Plan(
            variant=self,
            template="operators/table.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description="plain C: one byte from a table"),
            output=bounded(operator),
            workspace=(),
            constants=(
                Constant(
                    name="table",
                    values=by_byte(operator),
                    comment="[the input as uint8_t]: the output",
                ),
            ),
            steps=steps,
            orders=(),
            decisions=(),
            work=+Counter(
                {
                    "table.four": steps.fours // AT_ONCE,
                    "table.elem": elems - steps.fours,
                    "table.call": 1,
                }
            ),
            is_elementwise=not ahead,
            above=(ahead,) if ahead else (),
            band=ROW_BY_ROW,
        )


def by_byte(operator: Table) -> NDArray[Any]:
    """Return the outputs in the order of the inputs' bytes: from 0, negative values behind.

    ``[256]``.
    """
    return np.roll(operator.values, -int(operator.inputs[0].arithmetic.least))


VARIANTS = (LookUp(), BySlopes(), Interpolated())
