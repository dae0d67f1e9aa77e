"""A stage that runs over strips of columns, one after the other, where whole rows would not fit.

Rows in between are as long as a strip of the last tensor needs. Where windows reach beyond its
edges, columns are made by two neighbours, the only thing here that is computed twice: the price of
patches (Lin et al., MCUNetV2, 2021), paid across rows alone. The first strip and the last have
columns outside of the image: these are given the value of padding, so that all strips run the same
functions, which know of no padding at the sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from convgen.model.geometry import Geometry
from convgen.model.graph import Graph
from convgen.model.operator import Operator, Windowed
from convgen.model.ops.add import Add
from convgen.model.ops.arithmetic import Elementwise, Operand
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.pointwise import Pointwise
from convgen.model.ops.pool import Pool2d
from convgen.model.ops.table import Table
from convgen.model.tensor import Tensor

WHOLE = (1, 0, 1)
"""Stride, padding at the left and reach across columns of what is made element by element."""

ROW_ALIGN = 4
"""Bytes: kernels may take words of rows that begin so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpan:
    """Which ``columns`` of a tensor of ``width`` columns, each of ``pixel`` bytes, a strip has.

    They begin with column ``scale * column + first`` where the strip's begin with *column* in the
    last tensor. ``padding`` is the byte that those outside of the image are filled with.
    """

    scale: int
    first: int
    columns: int
    width: int
    pixel: int
    padding: int

    def joined(self, other: ColumnSpan) -> ColumnSpan | None:
        """Return what has the columns of both, None where strips move through them differently."""
        if self.scale != other.scale:
            return None
        first = min(self.first, other.first)
        end = max(self.first + self.columns, other.first + other.columns)
        return replace(self, first=first, columns=end - first)

    def leaves_image(self, last: int) -> bool:
        """Whether strips from column 0 to column *last* on have columns outside of the image."""
        return self.first < 0 or self.scale * last + self.first + self.columns > self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """How the columns of a stage's last tensor are made: ``columns`` of ``width`` at a time.

    ``spans`` are those of each tensor; ``sources`` says of which tensor each that begins the stage
    has the columns; ``behind`` how many bytes of its rows an operator, by its name, leaves out.
    """

    columns: int
    width: int
    spans: Mapping[str, ColumnSpan]
    sources: Mapping[str, str]
    behind: Mapping[tuple[str, str], int]

    @property
    def count(self) -> int:
        """How many there are."""
        return -(-self.width // self.columns)

    @property
    def last(self) -> int:
        """The first column of the last strip, which may make some that the one before it did."""
        return self.width - self.columns


def widths(width: int) -> Iterator[int]:
    """Yield how many columns strips may have, most first."""
    counts = (count for step in (2, 4, 8, 16, 32, 64) for count in (step, step + step // 2))
    yield from dict.fromkeys(-(-width // count) for count in counts if 1 < count <= width)


def narrowed(graph: Graph, first: int, end: int, columns: int) -> tuple[Graph, Strips] | None:
    """Return *graph* with operators *first* to *end* - 1 as strips of *columns* have them.

    The stage's last tensor keeps its name; what it reads gets another. None where an operator
    needs whole rows, or strips would not begin where kernels want it.
    """
    operators = graph.operators[first:end]
    last = operators[-1].outputs[0]
    if len(last.shape) != 3 or last.shape[1] <= columns:
        return None
    spans = _spans(operators, last, columns)
    if spans is None:
        return None
    made = {tensor.name for operator in operators for tensor in operator.outputs}
    read = {t.name: t for operator in operators for t in operator.inputs if t.name not in made}
    sources = {f"columns of {name} from operator {first} on": name for name in read}
    called = {name: columns for columns, name in sources.items()}
    behind = {
        (operator.name, called.get(tensor.name, tensor.name)): left_out
        for operator in operators
        for tensor in operator.inputs
        if (left_out := _left_out(operator, tensor, spans))
    }
    if any(left_out % ROW_ALIGN for left_out in behind.values()):
        return None
    narrow = [_narrow(operator, spans, called) for operator in operators]
    strips = Strips(
        columns=columns,
        width=last.shape[1],
        spans={called.get(name, name): span for name, span in spans.items()},
        sources=sources,
        behind=behind,
    )
    given = [_cut(tensor, spans, called) for tensor in read.values()]
    return (
        replace(
            graph,
            operators=(*graph.operators[:first], *narrow, *graph.operators[end:]),
            inputs=(*graph.inputs, *given),
        ),
        strips,
    )


def _spans(
    operators: Sequence[Operator], last: Tensor, columns: int
) -> dict[str, ColumnSpan] | None:
    """Return which columns of every tensor a strip needs, None where one has no such."""
    spans = {last.name: _span(last, scale=1, first=0, columns=columns)}
    shapes = {last.name: last.shape}
    for operator in reversed(operators):
        tensors = (*operator.inputs, *operator.outputs)
        if any(shapes.setdefault(each.name, each.shape) != each.shape for each in tensors):
            return None  # two see its rows otherwise
        made, window = spans.get(operator.outputs[0].name), _window(operator)
        if made is None or window is None:
            return None
        stride, pad, reach = window
        for tensor in operator.inputs:
            wanted = _span(
                tensor,
                scale=made.scale * stride,
                first=made.first * stride - pad,
                columns=(made.columns - 1) * stride + reach,
            )
            joined = wanted.joined(spans.get(tensor.name, wanted))
            if joined is None:
                return None
            spans[tensor.name] = joined
    return spans


def _span(tensor: Tensor, *, scale: int, first: int, columns: int) -> ColumnSpan:
    _, width, channels = tensor.shape
    return ColumnSpan(
        scale=scale,
        first=first,
        columns=columns,
        width=width,
        pixel=channels * tensor.elem_bytes,
        padding=tensor.zero_point & 0xFF if tensor.elem_bytes == 1 else 0,
    )


def _window(operator: Operator) -> tuple[int, int, int] | None:
    """Return stride, padding at the left and reach across columns; None where there are no such.

    What a pooling has in the padding does not count, so its windows must have none.
    """
    tensors = (*operator.inputs, *operator.outputs)
    if len(operator.outputs) > 1 or any(len(tensor.shape) != 3 for tensor in tensors):
        return None
    match operator:
        case Conv2d():
            return _of(operator.geometry)
        case Pool2d() if not (operator.geometry.pad_left or operator.geometry.pad_right):
            return _of(operator.geometry)
        case Add() | Table() | Pointwise():
            return WHOLE
        case Elementwise() if all(_is_alike(each, operator.output) for each in operator.operands):
            return WHOLE
    return None


def _of(geometry: Geometry) -> tuple[int, int, int]:
    reach = (geometry.k_w - 1) * geometry.dilation_w + 1
    return geometry.stride_w, geometry.pad_left, reach


def _is_alike(operand: Operand, output: Tensor) -> bool:
    """Whether an operand is of the output's shape, or constant along its columns."""
    if operand.values is None:
        return operand.tensor.shape == output.shape
    shape = np.shape(operand.values)
    return len(shape) < 2 or shape[-2] == 1


def _left_out(operator: Operator, tensor: Tensor, spans: Mapping[str, ColumnSpan]) -> int:
    """Return how many bytes of its rows of *tensor* an operator does not need: others do."""
    stride, pad, _ = _window(operator) or WHOLE
    span = spans[tensor.name]
    return (spans[operator.outputs[0].name].first * stride - pad - span.first) * span.pixel


def _cut(tensor: Tensor, spans: Mapping[str, ColumnSpan], called: Mapping[str, str]) -> Tensor:
    """Return *tensor* with the columns of a strip, under the name it has there."""
    height, _, channels = tensor.shape
    name = called.get(tensor.name, tensor.name)
    return replace(tensor, name=name, shape=(height, spans[tensor.name].columns, channels))


def _as_wide(tensor: Tensor, output: Tensor) -> Tensor:
    height, _, channels = tensor.shape
    return replace(tensor, shape=(height, output.shape[1], channels))


def _narrow(
    operator: Operator, spans: Mapping[str, ColumnSpan], called: Mapping[str, str]
) -> Operator:
    """Return *operator* for the columns of a strip."""
    cut = partial(_cut, spans=spans, called=called)
    (output,) = map(cut, operator.outputs)
    inputs = tuple(map(cut, operator.inputs))
    if not isinstance(operator, Windowed):  # it sees no more of each than it makes
        inputs = tuple(_as_wide(tensor, output) for tensor in inputs)
    match operator:
        case Conv2d():
            name = inputs[0].name
            return replace(operator, geometry=_strip(operator, inputs[0], output), input_name=name)
        case Pool2d():
            geometry = _strip(operator, inputs[0], output)
            return replace(operator, geometry=geometry, input=inputs[0])
        case Elementwise():
            one, other = (
                each
                if each.values is not None
                else replace(each, tensor=_as_wide(cut(each.tensor), output))
                for each in operator.operands
            )
            return replace(operator, operands=(one, other), output=output)
        case Add():
            return replace(operator, inputs=(inputs[0], inputs[1]), output=output)
        case Table() | Pointwise():
            return replace(operator, inputs=inputs, output=output)
    raise TypeError(f"{operator.kind} has no strips")


def _strip(operator: Windowed, given: Tensor, output: Tensor) -> Geometry:
    return replace(
        operator.geometry,
        in_w=given.shape[1],
        out_w=output.shape[1],
        pad_left=0,
        pad_right=0,
    )
