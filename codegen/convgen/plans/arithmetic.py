"""Arithmetic between two operands, one of which may be constant, or smaller and broadcast.

Workspace: 0. The output is written in order; an operand of its shape is read at the same place, so
that the output may take its. Bytes with one constant for all elements are a table. An int8 sum is a
line (`convgen.plans.sum_line`), an int8 product of two values less their zero points is one integer
of which there are so few that a line is found for it too (`convgen.plans.scaling`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.literals import operand
from convgen.model.arithmetic import of_dtype
from convgen.model.lookup import scaled
from convgen.model.operator import float_bounds
from convgen.model.ops.add import LEFT_SHIFTS
from convgen.model.ops.arithmetic import Elementwise, Operand
from convgen.model.ops.prelu import Prelu
from convgen.model.ops.table import Table, as_bytes
from convgen.model.quantize import INT8, quantize_multiplier
from convgen.model.tensor import Tensor, numbered
from convgen.plans import scaling, sum_line, table
from convgen.plans.band import all_rows
from convgen.plans.constant import Constant
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import Output, bounded
from convgen.plans.plan import Plan
from convgen.plans.runs import INDICES, Ints, distance_above, places
from convgen.plans.scaling import Rescaled, Scaling, Slopes
from convgen.plans.sum_line import SumLine, find_sum_line, instructions_for, most_bits
from convgen.refusal import Refusal
from convgen.targets.target import Target

ALL_BYTES = (256, 256)
ANY_RANK = all_rows("one input may be repeated along any axis, rows too")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperandAccess:
    """An operand in C: an array, of the caller or of constants, and which element is read."""

    array: str
    is_constant: bool
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLoop:
    """A loop over ``index``; ``margin`` stands before its first line."""

    index: str
    count: int
    margin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopNest:
    """Loops through the output, outermost first, and what of each operand the innermost reads."""

    loops: tuple[OutputLoop, ...]
    sides: tuple[OperandAccess, OperandAccess]

    @property
    def margin(self) -> str:
        """What stands before a line inside all loops."""
        return "    " * (len(self.loops) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArithmeticSteps:
    """What ``operators/arithmetic.c.j2`` prints: the ``walk``, and which ``function`` it is of.

    ``zero_points`` are those of both operands.
    """

    walk: LoopNest
    function: str
    zero_points: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mirrored:
    """A difference as a sum: the second input is counted from the other end."""

    of: Elementwise

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.of.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return self.of.outputs

    @property
    def output(self) -> Tensor:
        return self.of.output

    @property
    def activation_min(self) -> float:
        return self.of.activation_min

    @property
    def activation_max(self) -> float:
        return self.of.activation_max

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        return self.of.compute(inputs[0], ~inputs[1])

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        return self.of.tolerance(*inputs)


class _Broadcast(Protocol):
    """What arithmetic and rectification have in common."""

    @property
    def name(self) -> str: ...
    @property
    def output(self) -> Tensor: ...
    @property
    def inputs(self) -> tuple[Tensor, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementByElement:
    """Arithmetic in the order of the output."""

    name: str = "arithmetic"
    family: str = "arithmetic"
    summary: str = "element by element, smaller operands again and again: no workspace"

    def plan(self, operator: Elementwise, target: Target) -> Plan:
        """Find the loops, and the cheapest exact form."""
        walk, constants, above = _walked(operator, operator.operands)
        zeros = [each.tensor.zero_point for each in operator.operands]
        steps = ArithmeticSteps(walk=walk, function=operator.kind, zero_points=(zeros[0], zeros[1]))
        output = _output(operator, most_bits(target))
        plan = _plan(self, operator, steps, output, constants, above)
        return replace(plan, own_assembly=instructions_for(output, target))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectifying:
    """A rectification with slopes, in the order of the output."""

    name: str = "prelu"
    family: str = "prelu"
    summary: str = "element by element: no workspace"

    def plan(self, operator: Prelu, target: Target) -> Plan:
        """Find the loops, and how int8 values and products are scaled."""
        sides = (
            Operand(tensor=operator.inputs[0]),
            Operand(tensor=_slope(operator), values=operator.slopes),
        )
        walk, constants, above = _walked(operator, sides)
        steps = ArithmeticSteps(
            walk=walk,
            function="prelu",
            zero_points=(operator.inputs[0].zero_point, operator.slope.zero_point),
        )
        output = (
            Slopes(above=_of_positive(operator), below=_of_negative(operator))
            if of_dtype(operator.dtype).is_exact
            else bounded(operator)
        )
        return _plan(self, operator, steps, output, constants, above)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTable:
    """Arithmetic of bytes with one constant: a function of one byte."""

    name: str = "arithmetic_table"
    family: str = "arithmetic"
    summary: str = "bytes and a constant: a table of 256 bytes"

    def plan(self, operator: Elementwise | Prelu, target: Target) -> Plan | Refusal:
        """Compute the table."""
        values = _one_constant(operator)
        if values is None:
            return Refusal("is no function of one byte: expected bytes and one constant for all")
        (given,) = operator.inputs
        made = Table(
            name=operator.name,
            inputs=(given,),
            output=operator.output,
            kind=operator.kind,
            values=values,
        )
        found = table.LookUp().plan(made, target)
        return replace(found, variant=self, operator=operator) if isinstance(found, Plan) else found


def _plan(
    algorithm: ElementByElement | Rectifying,
    operator: Elementwise | Prelu,
    steps: ArithmeticSteps,
    output: Output,
    constants: tuple[Constant, ...],
    above: tuple[int, ...],
) -> Plan:
    elems, runs = operator.output.elems, operator.output.elems // steps.walk.loops[-1].count
    in_place = not any(above) and all(tensor.elems == elems for tensor in operator.inputs)
    return Plan(
        variant=algorithm,
        template="operators/arithmetic.c.j2",
        operator=operator,
        kernel=OwnSums(name=algorithm.name, description="plain C"),
        output=output,
        workspace=(),
        constants=constants,
        steps=steps,
        orders=(),
        decisions=(),
        work=+Counter(
            {
                f"arithmetic.{_unit(steps.function, output)}": elems,
                "arithmetic.clamp": elems * float_bounds(operator),
                "arithmetic.run": runs,
            }
        ),
        is_elementwise=in_place,
        above=() if in_place else above,
        band=ANY_RANK,
    )


def _walked(
    operator: _Broadcast, operands: Sequence[Operand]
) -> tuple[LoopNest, tuple[Constant, ...], tuple[int, ...]]:
    """Return the loops, the constant operand, and how far inputs must lie above the output."""
    shape = operator.output.shape
    strides = [_strides(each.tensor.shape, shape) for each in operands]
    axes = _merged(list(zip(shape, *strides, strict=True)))
    names = iter(numbered("input", len(operator.inputs)))
    sides, constants, above = [], [], []
    for number, each in enumerate(operands):
        own = [(axis[0], axis[1 + number]) for axis in axes]
        if each.values is None:
            reach = distance_above(places(0, own), np.arange(operator.output.elems))
            above.append(reach * operator.output.elem_bytes)
            array = next(names)
        else:
            array = "operand"
            constants.append(
                Constant(name=array, values=each.values.ravel(), comment="the constant operand")
            )
        steps = zip(INDICES, own, strict=False)
        place = " + ".join(_step(index, stride) for index, (_, stride) in steps if stride)
        sides.append(
            OperandAccess(array=array, is_constant=each.values is not None, place=place or "0")
        )
    loops = tuple(
        OutputLoop(index=index, count=axis[0], margin="    " * depth)
        for depth, (index, axis) in enumerate(zip(INDICES, axes, strict=False), start=1)
    )
    walk = LoopNest(loops=loops, sides=(sides[0], sides[1]))
    return walk, tuple(constants), tuple(above)


def _step(index: str, stride: int) -> str:
    return index if stride == 1 else f"{index} * {operand(stride)}"


def _strides(shape: tuple[int, ...], of: tuple[int, ...]) -> list[int]:
    """Return how many elements each axis of the output moves an operand of *shape* on."""
    found, pitch = [], 1
    for size in reversed(shape):
        found.append(pitch if size > 1 else 0)
        pitch *= size
    return [0] * (len(of) - len(shape)) + found[::-1]


def _merged(axes: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the axes, of counts and strides of both operands, with neighbours made one."""
    found: list[tuple[int, ...]] = []
    for axis in axes:
        if axis[0] == 1:
            continue
        if found and all(
            outer == inner * axis[0] for outer, inner in zip(found[-1][1:], axis[1:], strict=True)
        ):
            found[-1] = (found[-1][0] * axis[0], *axis[1:])
        else:
            found.append(axis)
    return found or [(1, 0, 0)]


KINDS = {"add": "sum", "sub": "sum", "mul": "product", "prelu": "slopes"}
"""What functions are called that cost alike; others are extremes."""


def _unit(function: str, output: Output) -> str:
    """Return what the price of an element is called: of int8, ``wide`` in 64 bits."""
    kind = KINDS.get(function, "extreme")
    if isinstance(output, Slopes):
        output = output.below
    if isinstance(output, Scaling):
        return f"{kind}.{'narrow' if output.unit == 'line32' else 'wide'}"
    if isinstance(output, SumLine):
        return f"{kind}.{'wide' if output.is_wide else 'narrow'}"
    return f"{kind}.wide" if isinstance(output, sum_line.RescaledSum) else kind


def _output(operator: Elementwise, most: int) -> Output:
    """Return the cheapest exact form, a line of a sum in at most so many bits."""
    if not of_dtype(operator.dtype).is_exact or operator.kind not in ("add", "sub", "mul"):
        return bounded(operator)
    if operator.kind == "mul":
        return _product(operator)
    line = _sum_line(operator, most) if of_dtype(operator.dtype).is_byte else None
    if line:
        return line
    tensors = (*(each.tensor for each in operator.operands), operator.output)
    return sum_line.RescaledSum(
        arithmetic=of_dtype(operator.dtype),
        steps=tuple(zip(sum_line.TENSORS, tensors, operator.rescales, strict=True)),
        low=int(operator.activation_min),
        high=int(operator.activation_max),
        left_shift=LEFT_SHIFTS[operator.dtype],
    )


def _sum_line(operator: Elementwise, most: int) -> SumLine | None:
    whole = _of_all_bytes(operator)
    if operator.kind == "add":
        return find_sum_line(whole, most)
    line = find_sum_line(_Mirrored(of=whole), most)
    return line and replace(line, second=-line.second, offset=line.offset - line.second)


def _of_all_bytes(operator: Elementwise) -> Elementwise:
    """Return the same arithmetic of 256 by 256 elements, none of them constant."""
    one, two = (Operand(tensor=replace(o.tensor, shape=ALL_BYTES)) for o in operator.operands)
    output = replace(operator.output, shape=ALL_BYTES)
    return replace(operator, operands=(one, two), output=output)


def _product(operator: Elementwise) -> Scaling:
    numbers = of_dtype(operator.dtype)
    ends = [
        (numbers.least - each.tensor.zero_point, numbers.most - each.tensor.zero_point)
        for each in operator.operands
    ]
    products = [one * two for one in ends[0] for two in ends[1]]
    multiplier, shift = quantize_multiplier(operator.factor, operator.rounding)
    zero_point = operator.output.zero_point
    rescaled = Rescaled(
        multiplier=multiplier,
        shift=shift,
        rounding=operator.rounding,
        zero_point=zero_point,
        low=int(operator.activation_min),
        high=int(operator.activation_max),
    )

    def outputs(values: Ints) -> NDArray[Any]:
        found = scaled(values, operator.factor, operator.rounding) + zero_point
        return found.clip(rescaled.low, rescaled.high)

    return scaling.find(rescaled, int(min(products)), int(max(products)), outputs)


def _slope(operator: Prelu) -> Tensor:
    return replace(operator.slope, shape=operator.slopes.shape)


def _of_positive(operator: Prelu) -> Scaling:
    return _rectified(operator, operator.factors[0], 0, INT8.max - operator.inputs[0].zero_point)


def _of_negative(operator: Prelu) -> Scaling:
    slopes = operator.slopes.astype(np.int64) - operator.slope.zero_point
    least = min(INT8.min - operator.inputs[0].zero_point, 0)
    ends = [least * int(slopes.max()), least * int(slopes.min()), 0]
    return _rectified(operator, operator.factors[1], min(ends), max(ends))


def _rectified(operator: Prelu, factor: float, least: int, most: int) -> Scaling:
    multiplier, shift = quantize_multiplier(factor, "double")
    rescaled = Rescaled(multiplier=multiplier, shift=shift, zero_point=operator.output.zero_point)

    def outputs(values: Ints) -> NDArray[Any]:
        return as_bytes(scaled(values, factor), operator.output)

    return scaling.find(rescaled, least, most, outputs)


def _one_constant(operator: Elementwise | Prelu) -> NDArray[Any] | None:
    """Return the output of each byte, if one constant is all that is there beside the input."""
    constants = (
        [operator.slopes]
        if isinstance(operator, Prelu)
        else [each.values for each in operator.operands if each.values is not None]
    )
    if not of_dtype(operator.dtype).is_byte or len(constants) != 1 or constants[0].size != 1:
        return None
    (given,) = operator.inputs
    row = replace(given, shape=(256,))
    limits = np.iinfo(given.dtype)
    every = np.arange(limits.min, limits.max + 1).astype(given.dtype)[None]
    output = replace(operator.output, shape=(256,))
    if isinstance(operator, Prelu):
        of_row: Elementwise | Prelu = replace(operator, inputs=(row,), output=output)
    else:
        sides = [
            Operand(tensor=row)
            if each.values is None
            else Operand(tensor=replace(each.tensor, shape=(1,)), values=each.values.reshape(1))
            for each in operator.operands
        ]
        of_row = replace(operator, operands=(sides[0], sides[1]), output=output)
    (outputs,) = of_row.compute(every)
    found: NDArray[Any] = outputs[0]
    return found


VARIANTS = (ByTable(), ElementByElement())
RECTIFYING = (ByTable(), Rectifying())
