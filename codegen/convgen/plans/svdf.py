"""SVDF: features of what is new, and one pass over the past, which goes on by a step meanwhile.

Workspace: a sum for each filter. The products are those of a fully connected layer that takes its
input in one slice (`convgen.plans.accumulating.connected`). What is new is multiplied before it is
kept: the past is a step shorter than TensorFlow Lite's state.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from convgen.model.arithmetic import of_dtype
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.svdf import Svdf
from convgen.plans.accumulating.connected import SliceProducts, SliceSteps, products
from convgen.plans.band import all_rows
from convgen.plans.constant import Constant
from convgen.plans.conv.base import folded_bias, sum_buffer
from convgen.plans.output import Bounded, bounded
from convgen.plans.plan import Plan
from convgen.plans.scaling import Rescaled, Scaling
from convgen.targets.target import Target

ONE_ROW = all_rows("what is kept goes on by a step with each call")


@dataclass(frozen=True, slots=True, kw_only=True)
class SvdfSteps:
    """What ``operators/svdf.c.j2`` prints, around the ``products`` of features.

    So many steps of the ``past`` are kept. ``feature`` makes int16 of integer sums.
    """

    products: SliceSteps
    depth: int
    filters: int
    units: int
    rank: int
    past: int
    feature: Scaling | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThroughThePast:
    """The one way to do an SVDF."""

    name: str = "svdf"
    family: str = "svdf"
    summary: str = "features of what is new, and a pass over the past that moves it on"

    def plan(self, operator: Svdf, target: Target) -> Plan:
        """Multiply as a fully connected layer does."""
        features, found = operator.features, products(operator.features, target, 1)
        filters, steps = operator.times.shape
        return Plan(
            variant=self,
            template="operators/svdf.c.j2",
            operator=operator,
            kernel=found.kernel,
            output=_output(operator),
            workspace=(sum_buffer("partial", features, found.sums),),
            constants=_constants(operator, found),
            steps=SvdfSteps(
                products=replace(found.steps, finishes=False),
                depth=features.geometry.in_elems,
                filters=filters,
                units=filters // operator.rank,
                rank=operator.rank,
                past=steps - 1,
                feature=_feature(features),
            ),
            orders=(),
            decisions=(),
            work=found.work + _work(operator),
            band=ONE_ROW,
            own_assembly=found.assembly,
            notes=found.notes,
        )


def _feature(features: Conv2d) -> Scaling | None:
    """Return how integer sums become features."""
    q = features.quantization
    if q is None:
        return None
    rescaled = Rescaled(
        multiplier=int(q.multiplier[0]),
        shift=int(q.shift[0]),
        low=int(features.activation_min),
        high=int(features.activation_max),
    )
    return rescaled.by(None)


def _output(operator: Svdf) -> Scaling | Bounded:
    """Return how sums over time become outputs."""
    if not of_dtype(operator.dtype).is_exact:
        return bounded(operator)
    multiplier, shift = operator.rescale
    rescaled = Rescaled(multiplier=multiplier, shift=shift, zero_point=operator.output.zero_point)
    return rescaled.by(None)


def _constants(operator: Svdf, found: SliceProducts) -> tuple[Constant, ...]:
    starts = folded_bias(operator.features)
    return (
        found.weights,
        *((starts,) if starts.values.any() else ()),
        Constant(name="times", values=operator.times, comment="[filter][step], the oldest first"),
        Constant(name="start", values=operator.bias, comment="[unit]: the bias"),
    )


def _work(operator: Svdf) -> Counter[str]:
    filters, units = len(operator.times), len(operator.bias)
    return Counter(
        {"slice.call": 1, "slice.output": filters + units, "accumulate.tap": operator.times.size}
    )


VARIANTS = (ThroughThePast(),)
