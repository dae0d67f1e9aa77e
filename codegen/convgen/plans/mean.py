"""The mean along an axis: a pooling whose window is that axis, with a scale of its own.

Workspace: 0. TensorFlow Lite multiplies a sum, less its zero points, by a multiplier in which the
count is: twice rounded. Of so many bytes there are not many sums: a line that gives every output
is one multiplication (`convgen.plans.scaling`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from numpy.typing import NDArray

from convgen.model.arithmetic import of_dtype
from convgen.model.ops.mean import Mean
from convgen.plans import pool, scaling
from convgen.plans.band import all_rows
from convgen.plans.kernels import instruction_set
from convgen.plans.kernels.base import OwnSums
from convgen.plans.order import StoreOrder, in_blocks
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.plans.scaling import Rescaled, Scaling
from convgen.plans.staircase import Ints
from convgen.targets.target import Target

ALL_IN_ONE = all_rows("an output is the mean over rows; in slices it adds up instead")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanSteps:
    """What ``operators/mean.c.j2`` prints: the steps of a pooling.

    ``needs_taps``: a sum is divided by how many there are, of float32.
    """

    words: int
    needs_taps: bool

    is_max: ClassVar[bool] = False
    by_words: ClassVar[pool.ByWords] = pool.SUMS_OF_WORDS
    is_inside: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AlongAxis:
    """The one way to do a mean."""

    name: str = "mean"
    family: str = "mean"
    summary: str = "sums along an axis: no workspace"

    def plan(self, operator: Mean, target: Target) -> Plan:
        """Find a line for the sums."""
        g, numbers = operator.geometry, of_dtype(operator.dtype)
        is_exact, is_byte = numbers.is_exact, numbers.is_byte
        words = pool.words_of(g, target) if is_byte and g.taps <= pool.MOST_IN_LANES else 0
        steps = MeanSteps(words=words, needs_taps=not is_exact)
        found = find_scaling(operator) if is_exact else None
        how = "four channels of a word at a time" if words else "plain C, channel by channel"
        return Plan(
            variant=self,
            template="operators/mean.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description=how),
            output=found or bounded(operator),
            workspace=(),
            constants=(),
            steps=steps,
            orders=(
                StoreOrder(stored_by=partial(in_blocks, g, [1] * g.out_pixels), gathers=False),
            ),
            decisions=(),
            work=_work(operator, steps, found.unit if found else "float"),
            band=ALL_IN_ONE,
            own_assembly=instruction_set(target).bytewise if words else None,
        )


def find_scaling(operator: Mean) -> Scaling:
    """Return how sums of integers become outputs."""
    numbers = of_dtype(operator.dtype)
    count, (multiplier, shift) = operator.count, operator.rescale
    zero = count * operator.inputs[0].zero_point
    rescaled = Rescaled(
        multiplier=multiplier,
        shift=shift,
        zero=zero,
        zero_point=operator.output.zero_point,
        low=int(numbers.least),
        high=int(numbers.most),
        rounding=operator.rounding,
    )

    def outputs(sums: Ints) -> NDArray[Any]:
        return operator.of_sums(sums - zero)

    return scaling.find(rescaled, int(numbers.least) * count, int(numbers.most) * count, outputs)


def _work(operator: Mean, steps: MeanSteps, form: str) -> Counter[str]:
    g = operator.geometry
    words, rest = steps.words // pool.WORD, g.in_c - steps.words
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
