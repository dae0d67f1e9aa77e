"""A network as one computation: from its inputs to its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from convgen.model.graph import Arrays, Graph
from convgen.model.operator import Computation
from convgen.model.tensor import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """What ``graph`` computes, and how far outputs may be off; a state is kept between the N."""

    graph: Graph

    @property
    def name(self) -> str:
        """The prefix of its symbols and files."""
        return self.graph.name

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What the caller gives."""
        return self.graph.inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What the caller gets."""
        return self.graph.outputs

    def compute(self, *inputs: NDArray[Any]) -> Arrays:
        """Return the outputs ``[N, *shape]`` for *inputs* ``[N, *shape]``, one array a tensor."""
        return self.graph.compute(*inputs)

    def tolerance(self, *inputs: NDArray[Any]) -> Arrays:
        """Return how far outputs may be from those of `compute`, in the same shapes."""
        from convgen.model import bounds

        return bounds.tolerance(self.graph, *inputs)


def rule_of(computation: Computation) -> str:
    """Return what *computation* computes exactly, in words."""
    rule = "TensorFlow Lite's reference"
    graph = computation.graph if isinstance(computation, Whole) else None
    if graph is None or graph.origin.onnx is None or graph.origin.reference != "litert":
        return rule
    is_integer = any(tensor.dtype == "int8" for tensor in graph.tensors.values())
    return f"{rule} with single rounding" if is_integer else rule


def keeps_state(computation: Computation) -> bool:
    """Whether a call depends on those before it."""
    return isinstance(computation, Whole) and bool(computation.graph.states)
