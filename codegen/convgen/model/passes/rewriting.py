"""What every rewriting of a graph needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from convgen.model.graph import Graph
from convgen.model.operator import Operator, Plain
from convgen.model.ops.add import Add
from convgen.model.ops.arithmetic import Elementwise
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.pool import Pool2d
from convgen.model.ops.svdf import Svdf
from convgen.model.ops.transposed_conv2d import TransposedConv2d
from convgen.model.tensor import Tensor

Names = Mapping[str, str]


def readers(graph: Graph) -> dict[str, list[Operator]]:
    """Return which operators read each tensor, by its name."""
    found: dict[str, list[Operator]] = {name: [] for name in graph.tensors}
    for operator in graph.operators:
        for name in {tensor.name for tensor in operator.inputs}:
            found[name].append(operator)
    return found


def writers(graph: Graph) -> dict[str, Operator]:
    """Return which operator writes each tensor that is neither input nor state, by its name."""
    return {tensor.name: op for op in graph.operators for tensor in op.outputs}


def kept(graph: Graph) -> set[str]:
    """Return the names of tensors that the caller or the next call sees."""
    return {tensor.name for tensor in graph.outputs} | {state.new.name for state in graph.states}


def only_readers(graph: Graph) -> dict[str, Operator]:
    """Return the one operator that reads each tensor which nothing else needs, by its name."""
    never = kept(graph)
    return {
        name: found[0]
        for name, found in readers(graph).items()
        if len(found) == 1 and name not in never
    }


def rebuilt(graph: Graph, changes: Mapping[str, Iterable[Operator]]) -> Graph:
    """Return *graph* with other operators, none or several, in place of those named."""
    operators: list[Operator] = []
    for operator in graph.operators:
        operators += changes.get(operator.name, (operator,))
    return replace(graph, operators=tuple(operators))


def renamed(graph: Graph, names: Names) -> Graph:
    """Return *graph* with what reads the tensors of *names* reading others, of the same bytes."""

    def of(tensor: Tensor) -> Tensor:
        return replace(tensor, name=names.get(tensor.name, tensor.name))

    return replace(
        graph,
        operators=tuple(reading(operator, names) for operator in graph.operators),
        outputs=tuple(map(of, graph.outputs)),
        states=tuple(replace(state, new=of(state.new)) for state in graph.states),
    )


def reading(operator: Operator, names: Names) -> Operator:
    """Return *operator* reading other tensors in place of those of *names*."""
    if not any(tensor.name in names for tensor in operator.inputs):
        return operator
    return with_inputs(
        operator, [names.get(tensor.name, tensor.name) for tensor in operator.inputs]
    )


def with_inputs(operator: Operator, names: Sequence[str]) -> Operator:
    """Return *operator* reading tensors of other *names*, one for each that it reads."""
    tensors: tuple[Any, ...] = tuple(
        replace(tensor, name=name) for tensor, name in zip(operator.inputs, names, strict=True)
    )
    match operator:
        case Conv2d():
            return replace(operator, input_name=tensors[0].name)
        case Svdf():
            features = replace(operator.features, input_name=tensors[0].name)
            return replace(operator, features=features)
        case Pool2d() | TransposedConv2d():
            return replace(operator, input=tensors[0])
        case Elementwise():
            left = iter(tensors)
            operands: tuple[Any, ...] = tuple(
                replace(each, tensor=next(left)) if each.values is None else each
                for each in operator.operands
            )
            return replace(operator, operands=operands)
        case Add() | Plain():
            return replace(operator, inputs=tensors)
    raise AssertionError(f"{type(operator).__name__} has no tensors known here")


def writing(operator: Operator, name: str) -> Operator:
    """Return *operator* writing a tensor of another name."""
    match operator:
        case Conv2d() | Pool2d():
            return replace(operator, output_name=name)
        case TransposedConv2d():
            return replace(operator, convolution=replace(operator.convolution, output_name=name))
        case Add() | Elementwise() | Plain() | Svdf():
            return replace(operator, output=replace(operator.output, name=name))
    raise AssertionError(f"{type(operator).__name__} has no tensors known here")
