"""From float32 to bytes and back, element by element.

Workspace: 0. Elements go from the first to the last, so that the output may lie over the input as
far as it is read before it is overwritten. TensorFlow Lite divides by the scale in float32 and
rounds halves away from zero: divided by half the scale, which is as exact, an integer tells what to
round. No function of a library of mathematics is called, nor is there any double, but for the range
of an asymmetric rounding to 8 bits, which TensorFlow Lite computes in double.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.convert import Dequantize, Quantize
from convgen.model.ops.dynamic import DynamicQuantize
from convgen.model.ops.table import Table, every_value
from convgen.model.tensor import Tensor
from convgen.plans.band import ROW_BY_ROW, all_rows
from convgen.plans.constant import Constant
from convgen.plans.kernels import instruction_set
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.plans.table import LookUp
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

FEWEST = 64  # elements that a table of 1,024 bytes is worth while for
MOST_STEPS = 255  # from a zero point to an end
ULPS = 4  # by which a product may be off where the quotient is not
INFINITE = 0x7F800000
RANGE_FIRST = all_rows("the range of all values is found before the first is rounded")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeSteps:
    """What ``operators/quantize.c.j2`` prints; ``low`` and ``high`` are halves of steps.

    ``saturate``: the instruction that clamps integers, where conversions to them saturate too.
    """

    elems: int
    saturate: str | None
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
    """What ``operators/dynamic_quantize.c.j2`` prints: ``rows`` of so many elements."""

    rows: int
    row_elems: int

    @property
    def elems(self) -> int:
        """How many elements in all."""
        return self.rows * self.row_elems


@dataclass(frozen=True, slots=True, kw_only=True)
class ToBytes:
    """A quantisation."""

    name: str = "quantize"
    family: str = "quantize"
    summary: str = "element by element: no workspace"

    def plan(self, operator: Quantize, target: Target) -> Plan:
        """Find the ends, in halves of steps from the zero point."""
        limits, zero_point = np.iinfo(operator.output.dtype), operator.output.zero_point
        saturating = instruction_set(target).saturating_float if target.has("fpu") else None
        steps = QuantizeSteps(
            elems=operator.output.elems,
            saturate=("ssat" if limits.min else "usat") if saturating else None,
            half_scale=float(np.float32(operator.output.scale or 1) / 2),
            low=2.0 * (int(limits.min) - zero_point),
            high=2.0 * (int(limits.max) - zero_point),
            zero_point=zero_point,
        )
        how = "float, halves away from zero"
        plan = _plan(self, operator, steps, how, above=0)
        return replace(plan, own_assembly=saturating)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSteps:
    """What ``operators/quantize_search.c.j2`` prints."""

    elems: int
    low: int
    high: int
    zero_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BySearch:
    """A quantisation without float arithmetic, which cores without an FPU take hundreds for."""

    name: str = "quantize_search"
    family: str = "quantize"
    summary: str = "integers alone: a search among the least values of each step"

    def plan(self, operator: Quantize, target: Target) -> Plan | Refusal:
        """Find the least float32 value of each step."""
        if target.has("fpu"):
            return Refusal(f"{target.name} has an FPU, which is faster")
        if operator.output.elems < FEWEST:
            return _few(operator.output)
        if not operator.output.arithmetic.is_byte:
            return Refusal(needs("bytes", f"is of {operator.output.dtype}", "operator"))
        limits = np.iinfo(operator.output.dtype)
        steps = SearchSteps(
            elems=operator.output.elems,
            low=int(limits.min),
            high=int(limits.max),
            zero_point=operator.output.zero_point,
        )
        comment = "[steps - 1]: the least magnitude that is rounded to so many, as its bits"
        table = Constant(name="least", values=least_values(operator), comment=comment)
        how = "plain C: integers alone"
        return _plan(self, operator, steps, how, above=0, constants=(table,))


def _few(output: Tensor) -> Refusal:
    return Refusal(needs(f"{FEWEST} elements or more", f"has {output.elems}", "operator"))


def least_values(operator: Quantize) -> NDArray[np.uint32]:
    """Return the bits of the least float32 value that is so many steps, from 1 to `MOST_STEPS`."""
    scale = np.float32(operator.output.scale or 1)
    halves = np.arange(1, MOST_STEPS + 1) - 0.5
    with np.errstate(over="ignore"):
        near = (halves * float(scale)).astype(np.float32).view(np.uint32).astype(np.int64)
        around = (near[:, None] + np.arange(-ULPS, ULPS + 1)).clip(0, INFINITE).astype(np.uint32)
        reached = around.view(np.float32) / scale >= halves[:, None]
    reached[:, -1] = True
    found: NDArray[np.uint32] = around[np.arange(MOST_STEPS), reached.argmax(axis=1)]
    return found


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
class FromTable:
    """A dequantisation without arithmetic."""

    name: str = "dequantize_table"
    family: str = "dequantize"
    summary: str = "a table of 256 values: no workspace"

    def plan(self, operator: Dequantize, target: Target) -> Plan | Refusal:
        """Compute all values."""
        (given,), output = operator.inputs, operator.output
        if output.elems < FEWEST:
            return _few(output)
        if not given.arithmetic.is_byte:
            return Refusal(needs("bytes", f"is of {given.dtype}", "operator"))
        values = every_value(given).astype(np.float32) * np.float32(given.scale or 1)
        made = Table(
            name=operator.name,
            inputs=(given,),
            output=output,
            kind=operator.kind,
            values=values,
        )
        found = LookUp().plan(made, target)
        return replace(found, variant=self, operator=operator) if isinstance(found, Plan) else found


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSteps:
    """A rounding to 8 bits over the range that there is."""

    name: str = "dynamic_quantize"
    family: str = "dynamic_quantize"
    summary: str = "the range, and then element by element: no workspace"

    def plan(self, operator: DynamicQuantize, target: Target) -> Plan:
        """Nothing is known before the range is."""
        rows = operator.rows
        steps = RoundSteps(rows=rows, row_elems=operator.output.elems // rows)
        return _plan(self, operator, steps, "plain C: float, halves away from zero", above=0)


def _plan(
    algorithm: ToBytes | BySearch | FromBytes | ToSteps,
    operator: Quantize | Dequantize | DynamicQuantize,
    steps: QuantizeSteps | SearchSteps | DequantizeSteps | RoundSteps,
    how: str,
    above: int,
    constants: tuple[Constant, ...] = (),
) -> Plan:
    rows = operator.rows if isinstance(operator, DynamicQuantize) else 1
    return Plan(
        variant=algorithm,
        template=f"operators/{algorithm.name}.c.j2",
        operator=operator,
        kernel=OwnSums(name=algorithm.name, description=how),
        output=bounded(operator),
        workspace=(),
        constants=constants,
        steps=steps,
        orders=(),
        decisions=(),
        work=Counter({f"{algorithm.name}.elem": steps.elems, f"{algorithm.name}.call": rows}),
        above=(above,),
        band=RANGE_FIRST if isinstance(steps, RoundSteps) else ROW_BY_ROW,
    )


TO_BYTES = (ToBytes(), BySearch())
FROM_BYTES = (FromBytes(), FromTable())
TO_STEPS = (ToSteps(),)
