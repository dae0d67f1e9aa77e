"""Graphs: operators in the order in which they run, and the tensors between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from convgen.model.operator import Operator
from convgen.model.tensor import Tensor

Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A network: every input of an operator is an input of the graph or an earlier output.

    Tensors of one name are the same bytes. An operator may see them in another shape than the one
    that wrote them does: a reshape is no operator.
    """

    name: str
    operators: tuple[Operator, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def macs(self) -> int:
        """Nominal multiply-accumulates of all operators."""
        return sum(operator.macs for operator in self.operators)

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor once, by name, as it is first seen: inputs, then what operators write."""
        found = {tensor.name: tensor for tensor in self.inputs}
        for operator in self.operators:
            found |= {tensor.name: tensor for tensor in operator.outputs}
        return found

    def values(self, *inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return every tensor's values ``[N, *shape]`` for *inputs* ``[N, *shape]``, by name."""
        known = {tensor.name: array for tensor, array in zip(self.inputs, inputs, strict=True)}
        for operator in self.operators:
            read = (_as_seen(known[tensor.name], tensor) for tensor in operator.inputs)
            written = operator.compute(*read)
            names = (tensor.name for tensor in operator.outputs)
            known |= dict(zip(names, written, strict=True))
        return known

    def compute(self, *inputs: NDArray[Any]) -> Arrays:
        """Return the outputs ``[N, *shape]`` for *inputs* ``[N, *shape]``, one array a tensor."""
        known = self.values(*inputs)
        return tuple(_as_seen(known[tensor.name], tensor) for tensor in self.outputs)


def _as_seen(array: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    return array.reshape(len(array), *tensor.shape)
