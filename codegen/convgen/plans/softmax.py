"""Softmax and its logarithm: row by row, with the exponentials of int8 differences in a table.

Workspace: 0. Of int8 values the difference to the largest of its row is one of 256 numbers, whose
exponential is computed while planning, exactly as TensorFlow Lite does it; from the first one on
that neither counts in a sum nor makes an output other than -128, the table ends. The reciprocal of
a sum is computed as there: three steps of Newton and Raphson in fixed point. float32 needs an
exponential, which is a polynomial in the file itself: no library of mathematics.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convgen.model import fixed_point
from convgen.model.arithmetic import of_dtype
from convgen.model.ops.softmax import DIFF_BITS, SUM_BITS, LogSoftmax, Softmax
from convgen.plans.band import all_rows
from convgen.plans.constant import Constant
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.targets.target import Target

DIFFERENCES = 256  # of int8 values to the largest
FARTHEST = 17 << (31 - DIFF_BITS)
ONE_ROW = all_rows("it is there for the end of a network, which is a single row")
ONE_TERM = (2**31 - 1 + 2 ** (SUM_BITS - 1)) >> SUM_BITS  # of a sum: of the largest value


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftmaxSteps:
    """What ``operators/softmax.c.j2`` prints.

    ``powers`` of int8 are in the table: of less than so much below the largest value.
    ``is_far``: some are not. ``shifts_far``: sums may be so large that a shift must be bounded.
    ``beta`` is None where it is 1.
    """

    rows: int
    channels: int
    powers: int
    is_far: bool
    shifts_far: bool
    beta: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowByRow:
    """The one way to do a softmax."""

    name: str = "softmax"
    family: str = "softmax"
    summary: str = "row by row: no workspace"

    def plan(self, operator: Softmax, target: Target) -> Plan:
        """Compute the exponentials."""
        return _plan(self, operator, operator.beta)


def _plan(algorithm: RowByRow | LogRowByRow, operator: Softmax | LogSoftmax, beta: float) -> Plan:
    channels = operator.output.shape[-1]
    is_exact = of_dtype(operator.dtype).is_exact
    powers = find_powers(operator) if is_exact else np.zeros(0, np.int32)
    steps = SoftmaxSteps(
        rows=operator.output.elems // channels,
        channels=channels,
        powers=powers.size,
        is_far=powers.size < DIFFERENCES,
        shifts_far=channels * ONE_TERM >= 2**29,
        beta=None if beta == 1 else beta,
    )
    name, how = algorithm.name, "from a table" if is_exact else "by a polynomial"
    return Plan(
        variant=algorithm,
        template=f"operators/{name}.c.j2",
        operator=operator,
        kernel=OwnSums(name=name, description=f"plain C: exponentials {how}", out_of_line="run"),
        output=bounded(operator),
        workspace=(),
        constants=_constants(operator, powers),
        steps=steps,
        orders=(),
        decisions=(),
        work=Counter({f"{name}.elem": operator.output.elems, f"{name}.row": steps.rows}),
        is_elementwise=True,
        band=ONE_ROW,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRowByRow:
    """The one way to do the logarithm of a softmax."""

    name: str = "log_softmax"
    family: str = "log_softmax"
    summary: str = "row by row: no workspace"

    def plan(self, operator: LogSoftmax, target: Target) -> Plan:
        """Compute exponentials and distances."""
        return _plan(self, operator, 1.0)


def _distances(operator: LogSoftmax) -> NDArray[np.int32]:
    """Return how far differences to the largest value are below it, in Q5.26.

    Outputs end at 16 below: what is farther is as if it were there.
    """
    exponents = operator.differences.of(-np.arange(DIFFERENCES, dtype=np.int64))
    return np.minimum(-exponents, FARTHEST).astype(np.int32)


def find_powers(operator: Softmax | LogSoftmax) -> NDArray[np.int32]:
    """Return ``exp`` of each difference to the largest value in Q0.31, while any effect is left.

    One that rounds to 0 in a sum is less than 2**-20 of the largest, and 0 in 256ths of the sum.
    """
    scaling = operator.differences
    below = -np.arange(min(DIFFERENCES, 1 - scaling.least), dtype=np.int64)
    powers = fixed_point.exp_on_negative_values(scaling.of(below))
    terms = fixed_point.divide_by_power(powers, SUM_BITS)
    return powers[: int(np.flatnonzero(terms)[-1]) + 1].astype(np.int32)


def _constants(operator: Softmax | LogSoftmax, powers: NDArray[np.int32]) -> tuple[Constant, ...]:
    if not of_dtype(operator.dtype).is_exact:
        return ()
    comment = "[largest - value]: its exponential in Q0.31"
    found = Constant(name="powers", values=powers, comment=comment)
    if isinstance(operator, Softmax):
        return (found,)
    comment = "[largest - value]: how far below it is, in Q5.26"
    return found, Constant(name="distances", values=_distances(operator), comment=comment)


VARIANTS = (RowByRow(),)
LOGARITHM = (LogRowByRow(),)
