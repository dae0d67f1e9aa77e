"""Passes over functions of one element: what only clamps is part of the operator before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.model.ops.add import Add
from convgen.model.ops.arithmetic import Elementwise, Operand
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.pointwise import CLAMPS, Pointwise
from convgen.model.ops.pool import Pool2d
from convgen.model.ops.prelu import Prelu
from convgen.model.ops.table import Table, every_byte, every_value, least
from convgen.model.ops.transposed_conv2d import TransposedConv2d
from convgen.model.passes.rewriting import only_readers, rebuilt

Clamping = Conv2d | TransposedConv2d | Pool2d | Add | Elementwise


def fuse_activations(graph: Graph) -> Graph:
    """Let operators clamp by themselves where all that follows is a clamp."""
    changes: dict[str, tuple[Operator, ...]] = {}
    following = only_readers(graph)
    for operator in graph.operators:
        if not isinstance(operator, Clamping):
            continue
        after = following.get(operator.outputs[0].name)
        limits = _clamp(after) if after is not None else None
        if after is not None and limits is not None:
            changes[operator.name] = (_clamped(operator, after, *limits),)
            changes[after.name] = ()
    return rebuilt(graph, changes)


def _clamp(operator: Operator) -> tuple[float, float] | None:
    """Return between what *operator* clamps, if that is all it does to its scale."""
    if isinstance(operator, Table):
        given, output = operator.inputs[0], operator.output
        low, high = int(operator.values.min()), int(operator.values.max())
        values = every_value(given) + given.zero_point
        if (given.dtype, given.scale, given.zero_point) == (
            output.dtype,
            output.scale,
            output.zero_point,
        ) and (operator.values == values.clip(low, high)).all():
            return low, high
    if isinstance(operator, Pointwise):
        return CLAMPS.get(operator.kind)
    return None


def _clamped(operator: Clamping, after: Operator, low: float, high: float) -> Operator:
    """Return *operator* writing what *after* does: a clamp of a clamp is one."""
    if isinstance(operator, TransposedConv2d):
        clamped: Any = _clamped(operator.convolution, after, low, high)
        return replace(operator, convolution=clamped)
    least_, most = (
        min(max(end, low), high) for end in (operator.activation_min, operator.activation_max)
    )
    output = after.outputs[0]
    changed = replace(operator, activation="clamp", activation_min=least_, activation_max=most)
    if isinstance(changed, Add | Elementwise):
        return replace(changed, output=replace(output, shape=changed.output.shape))
    return replace(changed, output_name=output.name)


def tabulate(graph: Graph) -> Graph:
    """Make tables of what looks at one byte alone: arithmetic with a number, or of x with x."""
    changes: dict[str, tuple[Operator, ...]] = {}
    for operator in graph.operators:
        alone = _of_every_byte(operator) if operator.dtype == "int8" else None
        if alone is None or operator.inputs[0].shape != operator.outputs[0].shape:
            continue
        (values,) = alone.compute(*[every_byte(tensor) for tensor in alone.inputs])
        table = Table(
            name=operator.name,
            inputs=operator.inputs[:1],
            output=operator.outputs[0],
            kind=operator.kind,
            values=values[0],
        )
        changes[operator.name] = (table,)
    return rebuilt(graph, changes)


def _of_every_byte(operator: Operator) -> Operator | None:
    """Return *operator* on a tensor of every byte; None if it looks at more than one byte."""
    match operator:
        case Elementwise() if _looks_at_one(operator):
            operands: tuple[Any, ...] = tuple(map(_whole_or_number, operator.operands))
            output = replace(operator.output, shape=(256,))
            return replace(operator, operands=operands, output=output)
        case Add(inputs=(one, two)) if one.name == two.name:
            whole = replace(one, shape=(256,)), replace(two, shape=(256,))
            return replace(operator, inputs=whole, output=replace(operator.output, shape=(256,)))
        case Prelu() if operator.slopes.size == 1:
            inputs = (replace(operator.inputs[0], shape=(256,)),)
            slopes = operator.slopes.reshape(())
            return replace(operator, inputs=inputs, slopes=slopes)
    return None


def _looks_at_one(operator: Elementwise) -> bool:
    numbers = [each.values for each in operator.operands if each.values is not None]
    names = {tensor.name for tensor in operator.inputs}
    return len(names) == 1 and all(values.size == 1 for values in numbers)


def _whole_or_number(operand: Operand) -> Operand:
    if operand.values is None:
        return replace(operand, tensor=replace(operand.tensor, shape=(256,)))
    shape: tuple[int, ...] = ()
    values = operand.values.reshape(shape)
    return replace(operand, tensor=replace(operand.tensor, shape=shape), values=values)


def merge_tables(graph: Graph) -> Graph:
    """Make one table of a table of a table."""
    changes: dict[str, tuple[Operator, ...]] = {}
    following = only_readers(graph)
    for operator in graph.operators:
        if not isinstance(operator, Table) or operator.name in changes:
            continue
        after = following.get(operator.output.name)
        if isinstance(after, Table) and operator.inputs[0].arithmetic.is_byte:
            places = operator.values.astype(np.int64) - least(operator.output)
            merged = replace(
                after,
                inputs=operator.inputs,
                kind=f"{operator.kind} and {after.kind}",
                values=after.values[places],
                factors=None,
            )
            changes |= {operator.name: (), after.name: (merged,)}
    return rebuilt(graph, changes)
