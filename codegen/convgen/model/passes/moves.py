"""Passes over operators that move elements: fewer of them, the same bytes."""

from __future__ import annotations

from dataclasses import replace

from convgen.model.geometry import Geometry
from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.move import Concatenation, Pad, Slice, Transpose
from convgen.model.passes.rewriting import kept, readers, rebuilt, renamed, writers


def drop_unused(graph: Graph) -> Graph:
    """Drop operators whose outputs nobody reads."""
    needed = kept(graph)
    operators: list[Operator] = []
    for operator in reversed(graph.operators):
        if any(tensor.name in needed for tensor in operator.outputs):
            operators.append(operator)
            needed |= {tensor.name for tensor in operator.inputs}
    return replace(graph, operators=tuple(reversed(operators)))


def drop_idle_moves(graph: Graph) -> Graph:
    """Drop what moves nothing: it gives the same bytes another name."""
    names: dict[str, str] = {}
    for operator in graph.operators:
        if _is_idle(operator):
            source, [output] = operator.inputs[0].name, operator.outputs
            names[output.name] = names.get(source, source)
    outputs = {tensor.name for tensor in graph.outputs} & names.keys()
    written = writers(graph)
    for name in outputs:
        if names[name] not in written:
            del names[name]  # the caller reads it where an operator writes it
    idle = {written[name].name: () for name in names}
    return renamed(rebuilt(graph, idle), names)


def _is_idle(operator: Operator) -> bool:
    given = operator.inputs[0].shape
    match operator:
        case Transpose():
            moved = [axis for axis in operator.axes if given[axis] > 1]
            return moved == sorted(moved)
        case Slice():
            steps = zip(operator.strides, given, strict=True)
            return operator.output.shape == given and all(s == 1 or n == 1 for s, n in steps)
        case Pad():
            return not any((*operator.before, *operator.after))
        case Concatenation():
            return len(operator.parts) == 1
    return False


def join_slices(graph: Graph) -> Graph:
    """Make one slice of a slice of a slice."""
    written = writers(graph)
    changes: dict[str, tuple[Operator, ...]] = {}
    for operator in graph.operators:
        first = written.get(operator.inputs[0].name)
        if not (isinstance(operator, Slice) and isinstance(first, Slice)):
            continue
        if operator.inputs[0].shape != first.output.shape or first.name in changes:
            continue
        axes = list(zip(first.begin, first.strides, operator.begin, operator.strides, strict=True))
        joined = replace(
            operator,
            inputs=first.inputs,
            begin=tuple(begin + stride * more for begin, stride, more, _ in axes),
            strides=tuple(stride * step for _, stride, _, step in axes),
        )
        changes[operator.name] = (joined,)
    return rebuilt(graph, changes)


def join_padding(graph: Graph) -> Graph:
    """Let convolutions pad by themselves what a PAD with the zero point puts around images."""
    changes: dict[str, tuple[Operator, ...]] = {}
    found = readers(graph)
    for pad in graph.operators:
        if not isinstance(pad, Pad) or len(pad.before) != 3 or pad.before[2] or pad.after[2]:
            continue
        for reader in found[pad.output.name]:
            if isinstance(reader, Conv2d) and _joins(pad, reader):
                changes[reader.name] = (_padded(pad, reader),)
    return rebuilt(graph, changes)


def _joins(pad: Pad, reader: Conv2d) -> bool:
    return reader.inputs[0].shape == pad.output.shape and pad.value == reader.zero_point


def _padded(pad: Pad, reader: Conv2d) -> Conv2d:
    (top, left, _), (bottom, right, _) = pad.before, pad.after
    g: Geometry = reader.geometry
    height, width, _ = pad.inputs[0].shape
    geometry = replace(
        g,
        in_h=height,
        in_w=width,
        pad_top=g.pad_top + top,
        pad_left=g.pad_left + left,
        pad_bottom=g.pad_bottom + bottom,
        pad_right=g.pad_right + right,
    )
    return replace(reader, geometry=geometry, input_name=pad.inputs[0].name)
