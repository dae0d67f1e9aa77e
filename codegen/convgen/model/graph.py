"""Graphs: operators in the order in which they run, and the tensors between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.choices import Ends, Reference
from convgen.model.operator import Operator
from convgen.model.ops.move import Concatenation, Slice
from convgen.model.tensor import Tensor

Arrays = tuple[NDArray[Any], ...]
Values = dict[str, NDArray[Any]]

_HELD = 2**24  # bytes of tensors that are computed at once


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """A tensor that keeps its bytes from one call to the next.

    ``initial`` is what the first call reads. After a call it holds what ``new``, a tensor of the
    graph, holds.
    """

    tensor: Tensor
    initial: NDArray[Any]
    new: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Where a tensor lies in another: ``offset`` bytes from the start of tensor ``whole``."""

    whole: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a pass saved: operators, multiply-accumulates, weights and biases."""

    name: str
    operators: int
    macs: int
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """An input or output as a file of a model has it, of ``shape`` there.

    ``tensor`` is what was read of it: its axis ``i`` is axis ``order[i]`` of the file's.
    """

    tensor: Tensor
    shape: tuple[int, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxFile:
    """The .onnx file that a graph was read from, in which axes are in another order."""

    content: bytes = field(repr=False)
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How a graph came to be: what it begins and ends with, whose rounding, what passes saved.

    ``numbers`` are those of operators in the model's file, by their names. ``onnx`` is that file,
    where it is one of ONNX.
    """

    ends: Ends = "model"
    reference: Reference = "litert"
    saved: tuple[Saved, ...] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)
    onnx: OnnxFile | None = None


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A network: every input of an operator is an input of the graph, a state or an earlier output.

    Tensors of one name are the same bytes. An operator may see them in another shape than the one
    that wrote them does: a reshape is no operator. ``within`` says which tensors lie in others that
    lie in none (`convgen.schedule.inside`); it changes no value.
    """

    name: str
    operators: tuple[Operator, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    states: tuple[State, ...] = ()
    origin: Origin = Origin()
    within: Mapping[str, Inside] = field(default_factory=dict)

    @property
    def macs(self) -> int:
        """Nominal multiply-accumulates of all operators."""
        return sum(operator.macs for operator in self.operators)

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor once, by name, as it is first seen: inputs, states, what operators write."""
        found = {tensor.name: tensor for tensor in self.inputs}
        found |= {state.tensor.name: state.tensor for state in self.states}
        for operator in self.operators:
            found |= {tensor.name: tensor for tensor in operator.outputs}
        return found

    def place(self, name: str) -> Inside:
        """Return where a tensor lies: at the start of itself if in no other."""
        return self.within.get(name) or Inside(whole=name, offset=0)

    @cached_property
    def shared(self) -> frozenset[str]:
        """The names of tensors that lie in others, and of these."""
        return frozenset([*self.within, *(lies.whole for lies in self.within.values())])

    def is_idle(self, operator: Operator) -> bool:
        """Whether what *operator* writes lies where it reads the same bytes."""
        places = [self.place(tensor.name) for tensor in operator.inputs]
        output = self.place(operator.outputs[0].name)
        match operator:
            case Concatenation() if operator.is_run:
                offsets = accumulate((t.bytes for t in operator.inputs), initial=output.offset)
                wanted = [Inside(whole=output.whole, offset=at) for at in offsets]
                return places == wanted[:-1]
            case Slice() if operator.run_begin is not None:
                begin = operator.run_begin * operator.output.elem_bytes
                return output == replace(places[0], offset=places[0].offset + begin)
        return False

    def calls(self, *inputs: NDArray[Any]) -> Iterator[Values]:
        """Yield every tensor's values ``[n, *shape]`` by name, for some of the N calls at a time.

        *inputs* are ``[N, *shape]``. With states one call follows the other, from the initial
        state on.
        """
        kept = {state.tensor.name: state.initial[None] for state in self.states}
        size = 1 if kept else max(1, _HELD // sum(each.bytes for each in self.tensors.values()))
        for first in range(0, len(inputs[0]), size):
            both = zip(self.inputs, inputs, strict=True)
            given = {tensor.name: array[first : first + size] for tensor, array in both}
            found = self._call(given | kept)
            yield found
            kept = {
                state.tensor.name: _as_seen(found[state.new.name], state.tensor)
                for state in self.states
            }

    def compute(self, *inputs: NDArray[Any]) -> Arrays:
        """Return the outputs ``[N, *shape]`` for *inputs* ``[N, *shape]``, one array a tensor."""
        calls = [[call[tensor.name] for tensor in self.outputs] for call in self.calls(*inputs)]
        outputs = zip(self.outputs, zip(*calls, strict=True), strict=True)
        return tuple(_as_seen(np.concatenate(each), tensor) for tensor, each in outputs)

    def _call(self, given: Mapping[str, NDArray[Any]]) -> Values:
        """Return every tensor's values for those of inputs and states."""
        known = dict(given)
        for operator in self.operators:
            read = (_as_seen(known[tensor.name], tensor) for tensor in operator.inputs)
            written = operator.compute(*read)
            names = (tensor.name for tensor in operator.outputs)
            known |= dict(zip(names, written, strict=True))
        return known


def _as_seen(array: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    return array.reshape(len(array), *tensor.shape)
