"""From float32 to bytes and back, element by element.

Workspace: 0. Elements go from the first to the last, so that the output may lie over the input as
far as it is read before it is overwritten. TensorFlow Lite divides by the scale in float32 and
rounds halves away from zero: divided by half the scale, which is as exact, an integer tells what to
round. No function of a library of mathematics is called, nor is there any double, but for the range
of an asymmetric rounding to 8 bits, which TensorFlow Lite computes in double.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from convgen.model.ops.convert import Dequantize, Quantize
from convgen.model.ops.dynamic import DynamicQuantize
from convgen.plans.band import ALL_ROWS, ROW_BY_ROW
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeSteps:
    """What ``operators/quantize.c.j2`` prints; ``low`` and ``high`` are halves of steps."""

    elems: int
    half_scale: float
    low: float
    high: float
    zero_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DequantizeSteps:
    """What ``operators/dequantize.c.j2`` prints."""

    elems: int
    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSteps:
    """What ``operators/dynamic_quantize.c.j2`` prints."""

    elems: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToBytes:
    """A quantisation."""

    name: str = "quantize"
    family: str = "quantize"
    summary: str = "element by element: no workspace"

    def plan(self, operator: Quantize, target: Target) -> Plan:
        """Find the ends, in halves of steps from the zero point."""
        limits, zero_point = np.iinfo(operator.output.dtype), operator.output.zero_point
        steps = QuantizeSteps(
            elems=operator.output.elems,
            half_scale=float(np.float32(operator.output.scale or 1) / 2),
            low=2.0 * (int(limits.min) - zero_point),
            high=2.0 * (int(limits.max) - zero_point),
            zero_point=zero_point,
        )
        return _plan(self, operator, steps, "plain C: float, halves away from zero", above=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FromBytes:
    """A dequantisation."""

    name: str = "dequantize"
    family: str = "dequantize"
    summary: str = "element by element: no workspace"

    def plan(self, operator: Dequantize, target: Target) -> Plan:
        """State the numbers: the output outruns an input that begins less far above it."""
        given, elems = operator.inputs[0], operator.output.elems
        steps = DequantizeSteps(elems=elems, scale=given.scale or 1, zero_point=given.zero_point)
        ahead = operator.output.elem_bytes - given.elem_bytes
        return _plan(self, operator, steps, "plain C: float", above=ahead * (elems - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSteps:
    """A rounding to 8 bits over the range that there is."""

    name: str = "dynamic_quantize"
    family: str = "dynamic_quantize"
    summary: str = "the range, and then element by element: no workspace"

    def plan(self, operator: DynamicQuantize, target: Target) -> Plan:
        """Nothing is known before the range is."""
        steps = RoundSteps(elems=operator.output.elems)
        return _plan(self, operator, steps, "plain C: float, halves away from zero", above=0)


def _plan(
    algorithm: ToBytes | FromBytes | ToSteps,
    operator: Quantize | Dequantize | DynamicQuantize,
    steps: QuantizeSteps | DequantizeSteps | RoundSteps,
    how: str,
    above: int,
) -> Plan:
    return Plan(
        variant=algorithm,
        template=f"operators/{algorithm.name}.c.j2",
        operator=operator,
        kernel=OwnSums(name=algorithm.name, description=how),
        output=bounded(operator),
        workspace=(),
        constants=(),
        steps=steps,
        orders=(),
        decisions=(),
        work=Counter({f"{algorithm.name}.elem": steps.elems, f"{algorithm.name}.call": 1}),
        above=(above,),
        band=ALL_ROWS if isinstance(steps, RoundSteps) else ROW_BY_ROW,
    )


TO_BYTES = (ToBytes(),)
FROM_BYTES = (FromBytes(),)
TO_STEPS = (ToSteps(),)
