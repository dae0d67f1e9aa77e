"""What each channel of each int8 tensor of a graph can hold, whatever the inputs are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model import convolution
from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.model.ops.add import Add
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.mean import Mean
from convgen.model.ops.move import Concatenation, Pad
from convgen.model.ops.pool import Pool2d
from convgen.model.ops.table import Table, least
from convgen.model.tensor import Tensor

Ends = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """The least and the largest value of each channel, along the last axis."""

    low: Ends
    high: Ends

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which channels always hold the same value. ``[channels]``."""
        same: NDArray[np.bool_] = self.low == self.high
        return same


def ranges(graph: Graph) -> dict[str, Range]:
    """Return the range of each tensor of bytes, by its name."""
    found: dict[str, Range] = {}
    given = [*graph.inputs, *(state.tensor for state in graph.states)]
    for tensor in given:
        if tensor.dtype != "float32":
            found[tensor.name] = _whole(tensor)
    for operator in graph.operators:
        exact = [tensor for tensor in operator.outputs if tensor.dtype != "float32"]
        known = None
        if exact and all(tensor.dtype != "float32" for tensor in operator.inputs):
            reads = [_seen(found[tensor.name], tensor) for tensor in operator.inputs]
            known = _after(operator, reads)
        found |= {tensor.name: _seen(known, tensor) for tensor in exact}
    return found


def _whole(tensor: Tensor) -> Range:
    """Return what any tensor of its dtype may hold."""
    limits, channels = np.iinfo(tensor.dtype), tensor.shape[-1] if tensor.shape else 1
    return Range(np.full(channels, limits.min), np.full(channels, limits.max))


def _seen(known: Range | None, tensor: Tensor) -> Range:
    """Return the range of a tensor as it is seen: in another shape channels repeat, or mix."""
    if known is None:
        return _whole(tensor)
    channels = tensor.shape[-1] if tensor.shape else 1
    if channels % len(known.low):
        return Range(np.full(channels, known.low.min()), np.full(channels, known.high.max()))
    times = channels // len(known.low)
    return Range(np.tile(known.low, times), np.tile(known.high, times))


def _after(operator: Operator, reads: list[Range]) -> Range | None:
    """Return the range of what *operator* writes; None: anything that its dtype has."""
    match operator:
        case Conv2d():
            return _convolved(operator, reads[0])
        case Pool2d():
            limits = int(operator.activation_min), int(operator.activation_max)
            return Range(reads[0].low.clip(*limits), reads[0].high.clip(*limits))
        case Table():
            return _tabulated(operator, reads[0])
        case Mean():
            ends = (reads[0].low, reads[0].high)
            zero_point = operator.inputs[0].zero_point
            low, high = (operator.of_sums(operator.count * (end - zero_point)) for end in ends)
            return Range(low.astype(np.int64), high.astype(np.int64))
        case Add():
            ends_ = ([each.low for each in reads], [each.high for each in reads])
            low, high = (operator.compute(*(_row(end) for end in part))[0][0] for part in ends_)
            return Range(low.astype(np.int64), high.astype(np.int64))
    return _moved(operator, reads)


def _moved(operator: Operator, reads: list[Range]) -> Range | None:
    """Return the range of what *operator* moves; None: anything that its dtype has."""
    match operator:
        case Pad() if operator.before[-1] == operator.after[-1] == 0:
            return _either([reads[0], _always(int(operator.value), reads[0])])
        case Concatenation() if not operator.fixed:
            return _beside(reads) if operator.joins_channels else _either(reads)
    return None


def _always(value: int, like: Range) -> Range:
    return Range(np.full_like(like.low, value), np.full_like(like.high, value))


def _either(reads: list[Range]) -> Range:
    """Return the range of channels that hold what one of *reads* has."""
    lows, highs = ([each.low for each in reads], [each.high for each in reads])
    return Range(np.min(lows, axis=0), np.max(highs, axis=0))


def _beside(reads: list[Range]) -> Range:
    """Return the range of the channels of all *reads*, in their order."""
    lows, highs = ([each.low for each in reads], [each.high for each in reads])
    return Range(np.concatenate(lows), np.concatenate(highs))


def _row(values: Ends) -> NDArray[Any]:
    return values[None]


def _convolved(layer: Conv2d, given: Range) -> Range:
    """Return the range of a convolution: requantising keeps order, so that of its sums decides."""
    g = layer.geometry
    low, high = given.low - layer.zero_point, given.high - layer.zero_point
    if g.has_padding:
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    weights = layer.weights.astype(np.int64)
    group = np.arange(g.out_c) // g.group_out_c
    places = group[:, None] * g.group_in_c + np.arange(g.group_in_c)
    lows, highs = (end[places][:, None, None] for end in (low, high))
    bias = 0 if layer.bias is None else layer.bias.astype(np.int64)
    up, down = np.maximum(weights, 0), np.minimum(weights, 0)
    axes = (1, 2, 3)
    sums = (
        (up * lows + down * highs).sum(axis=axes) + bias,
        (up * highs + down * lows).sum(axis=axes) + bias,
    )
    sums = _exact_where_constant(layer, given, sums)
    return Range(layer.requantized(sums[0]), layer.requantized(sums[1]))


def _exact_where_constant(
    layer: Conv2d, given: Range, sums: tuple[Ends, Ends]
) -> tuple[Ends, Ends]:
    """Return the ends of *sums*, exact for channels that read one constant channel.

    At the edge a window reads some of its taps, but not any: the sums are computed.
    """
    g = layer.geometry
    if not (g.has_padding and g.group_in_c == 1 and given.constant.any()):
        return sums
    values = np.where(given.constant, given.low - layer.zero_point, 0)
    image = np.broadcast_to(values, (g.in_h, g.in_w, g.in_c)).astype(np.float64)
    weights = layer.weights.astype(np.float64)
    rows = [found for _, found in convolution.row_sums(g, image, weights)]
    exact = np.concatenate(rows).reshape(-1, g.out_c).astype(np.int64)
    bias = 0 if layer.bias is None else layer.bias.astype(np.int64)
    known = np.repeat(given.constant, g.group_out_c)
    low, high = exact.min(axis=0) + bias, exact.max(axis=0) + bias
    return np.where(known, low, sums[0]), np.where(known, high, sums[1])


def _tabulated(table: Table, given: Range) -> Range:
    first, values = least(table.inputs[0]), table.values.astype(np.int64)
    parts = [
        values[low - first : high - first + 1]
        for low, high in zip(given.low, given.high, strict=True)
    ]
    return Range(np.array([p.min() for p in parts]), np.array([p.max() for p in parts]))
