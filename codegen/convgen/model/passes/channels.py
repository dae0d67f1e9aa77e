"""Dead channels: those of one value whatever the input is, and those that nobody needs.

A channel goes from a tensor if each operator that reads it can do without. A convolution can, if
its weights for the channel are zero; or if the channel is constant, when its share of the sum goes
to the bias, unless padding with another value would make that share differ at the edge. What works
channel by channel can, if its own outputs of the channel go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.model.ops.add import Add
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.ops.mean import Mean
from convgen.model.ops.move import Concatenation, Pad
from convgen.model.ops.pool import Pool2d
from convgen.model.ops.table import Table
from convgen.model.passes.rewriting import kept
from convgen.model.ranges import Range, ranges
from convgen.model.tensor import Tensor

Flags = NDArray[np.bool_]

WORD = 4
"""Bytes that cores read at once: kernels take longer for channels that do not fill words."""


def drop_dead_channels(graph: Graph) -> Graph:
    """Drop channels that are constant or that nobody needs."""
    if not any(isinstance(operator, Conv2d) for operator in graph.operators):
        return graph
    search = _Search(graph)
    dead = search.dead()
    if not any(flags.any() for flags in dead.values()):
        return graph
    operators = tuple(_without(operator, dead, search.known) for operator in graph.operators)
    return replace(graph, operators=operators)


@dataclass(frozen=True, slots=True)
class _Reader:
    """A dense convolution: which inputs its outputs have weights for, and which could be folded."""

    weighs: Flags  # [out_c, in_c]
    folds: Flags  # [in_c]


class _Search:
    """Which channels can go: the most of them that every operator agrees to."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.known = graph, ranges(graph)
        self.dense = {
            operator.name: _reader(operator, self.known)
            for operator in graph.operators
            if isinstance(operator, Conv2d) and operator.geometry.groups == 1
        }
        self.flags: dict[str, Flags] = {}
        never = kept(graph)
        for operator in graph.operators:
            for output in operator.outputs:
                may = output.dtype == "int8" and output.name not in never and self._drops(operator)
                self.flags[output.name] = np.full(_channels(output), may)
        for tensor in (*graph.inputs, *(state.tensor for state in graph.states)):
            self.flags[tensor.name] = np.zeros(_channels(tensor), bool)

    def dead(self) -> Mapping[str, Flags]:
        """Return the channels of each tensor that go; what stays are whole words of them."""
        before = -1
        while before != (now := self._count()):
            before = now
            self._agree()
            for flags in self.flags.values():
                _keep_words(flags)
        return self.flags

    def _count(self) -> int:
        return sum(int(flags.sum()) for flags in self.flags.values())

    def _agree(self) -> None:
        """Ask until all agree: back and forth, since most hear it from those behind them."""
        before, operators = -1, self.graph.operators
        while before != (now := self._count()):
            before = now
            for operator in (*reversed(operators), *operators):
                self._ask(operator)

    def _drops(self, operator: Operator) -> bool:
        """Whether an operator can leave out channels of its output."""
        return operator.name in self.dense or self._is_channelwise(operator)

    def _is_channelwise(self, operator: Operator) -> bool:
        """Whether each channel of the output looks at its own channel of each input alone."""
        match operator:
            case Conv2d():
                return operator.geometry.groups == operator.geometry.in_c > 1
            case Pool2d() | Table() | Mean() | Add() | Pad():
                output = operator.outputs[0]
                return all(_channels(t) == _channels(output) for t in operator.inputs)
            case Concatenation():
                return not operator.fixed
        return False

    def _ask(self, operator: Operator) -> None:
        """Keep what *operator* needs of its inputs, and what it cannot leave out of its output."""
        output = self.flags[operator.outputs[0].name]
        if self._is_channelwise(operator):
            self._ask_each_channel(operator, output)
            return
        for tensor in operator.inputs:
            flags = self.flags[tensor.name]
            times, left = divmod(_channels(tensor), len(flags))
            if operator.name in self.dense and not left:
                reader = self.dense[operator.name]
                needs = reader.weighs[~output].any(axis=0) & ~reader.folds
                flags &= ~needs.reshape(times, -1).any(axis=0)
            else:
                flags[:] = False

    def _ask_each_channel(self, operator: Operator, output: Flags) -> None:
        """Let a channel go with what is made of it; none of a tensor that is seen as another."""
        for tensor, places in zip(operator.inputs, _places(operator), strict=True):
            flags = self.flags[tensor.name]
            if len(flags) == _channels(tensor):
                flags &= output[places].all(axis=1)
                output[places] &= flags[:, None]
            else:
                flags[:] = False
                output[places] = False


def _places(operator: Operator) -> list[NDArray[np.intp]]:
    """Return the channels of the output that each channel of an input makes, of each input.

    ``[in_c, each]``, of what works channel by channel.
    """
    output = np.arange(_channels(operator.outputs[0]))
    if isinstance(operator, Concatenation) and operator.joins_channels:
        ends = np.cumsum([_channels(tensor) for tensor in operator.inputs])
        return [part[:, None] for part in np.split(output, ends[:-1])]
    return [output.reshape(_channels(tensor), -1) for tensor in operator.inputs]


def _keep_words(flags: Flags) -> None:
    """Let stay so many channels more that they fill words, if there are as many."""
    dropped = np.flatnonzero(flags)
    stay = len(flags) - len(dropped)
    flags[dropped[: max(WORD, -(-stay // WORD) * WORD) - stay]] = False


def _channels(tensor: Tensor) -> int:
    return tensor.shape[-1] if tensor.shape else 1


def _reader(layer: Conv2d, known: Mapping[str, Range]) -> _Reader:
    weighs = (layer.weights != 0).any(axis=(1, 2))
    given = known.get(layer.input_name)
    in_c = layer.geometry.in_c
    if given is None or in_c % len(given.low):
        return _Reader(weighs, np.zeros(in_c, bool))
    times = in_c // len(given.low)
    folds = given.constant
    if layer.geometry.has_padding:
        folds = folds & (given.low == layer.zero_point)
    return _Reader(weighs, np.tile(folds, times))


def _without(operator: Operator, dead: Mapping[str, Flags], known: Mapping[str, Range]) -> Operator:
    """Return *operator* without the channels that go."""
    stays = [np.tile(~dead[t.name], _channels(t) // len(dead[t.name])) for t in operator.inputs]
    output = ~dead[operator.outputs[0].name]
    if output.all() and all(flags.all() for flags in stays):
        return operator
    match operator:
        case Conv2d():
            return _convolution(operator, stays[0], output, known)
        case Pool2d():
            count = int(output.sum())
            geometry = replace(operator.geometry, in_c=count, out_c=count, groups=count)
            return replace(operator, geometry=geometry, input=_thinner(operator.input, stays[0]))
        case Table() | Mean() | Add() | Pad() | Concatenation():
            inputs: tuple[Any, ...] = tuple(map(_thinner, operator.inputs, stays))
            return replace(operator, inputs=inputs, output=_thinner(operator.output, output))
    raise AssertionError(f"{type(operator).__name__} was asked and needs all its channels")


def _thinner(tensor: Tensor, stays: Flags) -> Tensor:
    return replace(tensor, shape=(*tensor.shape[:-1], int(stays.sum())))


def _convolution(
    layer: Conv2d, inputs: Flags, outputs: Flags, known: Mapping[str, Range]
) -> Conv2d:
    g = layer.geometry
    weights: NDArray[Any] = layer.weights[outputs]
    bias: NDArray[Any] | None = None if layer.bias is None else layer.bias[outputs]
    if g.groups == 1:
        bias = _folded(layer, weights, bias, inputs, known)
        weights = np.ascontiguousarray(weights[..., inputs])
    in_c, out_c = int(inputs.sum()), int(outputs.sum())
    groups = 1 if g.groups == 1 else in_c
    for array in (weights, bias):
        if array is not None:
            array.setflags(write=False)
    return replace(
        layer,
        geometry=replace(g, in_c=in_c, out_c=out_c, groups=groups),
        weights=weights,
        bias=bias,
        quantization=_quantization(layer, outputs),
    )


def _folded(
    layer: Conv2d,
    weights: NDArray[Any],
    bias: NDArray[Any] | None,
    inputs: Flags,
    known: Mapping[str, Range],
) -> NDArray[Any] | None:
    """Return the bias with the share of constant inputs that go."""
    if inputs.all():
        return bias
    given = known[layer.input_name]
    values = np.tile(given.low, layer.geometry.in_c // len(given.low)) - layer.zero_point
    constant = np.tile(given.constant, layer.geometry.in_c // len(given.low))
    gone = ~inputs & constant
    shares = weights[..., gone].sum(axis=(1, 2), dtype=np.int64) @ values[gone]
    if not shares.any():
        return bias
    start = np.zeros(len(weights), np.int64) if bias is None else bias.astype(np.int64)
    found: NDArray[Any] = (start + shares).astype(np.int32)
    return found


def _quantization(layer: Conv2d, outputs: Flags) -> Quantization | None:
    q = layer.quantization
    if q is None:
        return None
    scale = q.weight_scale
    return replace(
        q,
        multiplier=q.multiplier[outputs],
        shift=q.shift[outputs],
        weight_scale=scale[outputs] if scale is not None and scale.size > 1 else scale,
    )
