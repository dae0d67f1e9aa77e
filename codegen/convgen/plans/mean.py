"""The mean along an axis: a pooling whose window is that axis, with a scale of its own.

Workspace: 0. TensorFlow Lite multiplies a sum, less its zero points, by a multiplier in which the
count is: twice rounded. Of so many bytes there are not many sums: a line that gives every output
is one multiplication (`convgen.plans.staircase`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from convgen.model.ops.mean import Mean
from convgen.model.quantize import INT8
from convgen.plans import assembly, pool
from convgen.plans.kernels.base import OwnSums
from convgen.plans.order import StoreOrder, in_blocks
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.plans.staircase import MOST_SUMS, Line, Staircase
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescale:
    """How a sum becomes an output in two roundings, where no line does."""

    zero: int
    multiplier: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanSteps:
    """What ``operators/mean.c.j2`` prints: the steps of a pooling, and how sums become outputs."""

    words: int
    line: Line | None
    rescale: Rescale | None

    is_max: ClassVar[bool] = False
    is_inside: ClassVar[bool] = True

    @property
    def needs_taps(self) -> bool:
        """Whether a sum is divided by how many there are: float32."""
        return not (self.line or self.rescale)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlongAxis:
    """The one way to do a mean."""

    name: str = "mean"
    family: str = "mean"
    summary: str = "sums along an axis: no workspace"

    def plan(self, operator: Mean, target: Target) -> Plan:
        """Find a line for the sums."""
        g, is_int8 = operator.geometry, operator.dtype == "int8"
        words = pool.words_of(g, target) if is_int8 and g.taps <= pool.MOST_IN_LANES else 0
        line = find_line(operator) if is_int8 else None
        steps = MeanSteps(
            words=words,
            line=line,
            rescale=_rescale(operator) if is_int8 and line is None else None,
        )
        how = "four channels of a word at a time" if words else "plain C, channel by channel"
        return Plan(
            variant=self,
            template="operators/mean.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description=how),
            output=bounded(operator),
            workspace=(),
            constants=(),
            steps=steps,
            orders=(
                StoreOrder(stored_by=partial(in_blocks, g, [1] * g.out_pixels), gathers=False),
            ),
            decisions=_decisions(line),
            work=_work(operator, steps),
            own_assembly=assembly.LANES if words else None,
        )


def find_line(operator: Mean) -> Line | None:
    """Return the line that turns sums of int8 values into outputs, if one does."""
    count, given, found = operator.count, operator.inputs[0], operator.output
    if count * 256 > MOST_SUMS or given.scale is None or found.scale is None:
        return None
    sums = np.arange(INT8.min * count, INT8.max * count + 1)
    right = operator.of_sums(sums - count * given.zero_point).astype(np.int64)
    stairs = Staircase(
        sums=sums, right=right, low=INT8.min, high=INT8.max, turn=count * given.zero_point
    )
    return stairs.line(given.scale / found.scale / count)


def _rescale(operator: Mean) -> Rescale:
    multiplier, shift = operator.rescale
    zero = operator.count * operator.inputs[0].zero_point
    return Rescale(zero=zero, multiplier=multiplier, right=-shift)


def _decisions(line: Line | None) -> tuple[str, ...]:
    if line is None:
        return ()
    return (f"Means are one multiplication in {line.bits} bits, exact for every sum.",)


def _work(operator: Mean, steps: MeanSteps) -> Counter[str]:
    g = operator.geometry
    words, rest = steps.words // pool.WORD, g.in_c - steps.words
    form = f"line{steps.line.bits}" if steps.line else "rescale" if steps.rescale else "float"
    return +Counter(
        {
            "mean.word_tap": g.out_pixels * g.taps * words,
            "mean.tap": g.out_pixels * g.taps * rest,
            "mean.sum": g.out_pixels * (words + rest),
            f"mean.{form}": g.out_elems,
            "mean.window": g.out_pixels,
        }
    )


VARIANTS = (AlongAxis(),)
