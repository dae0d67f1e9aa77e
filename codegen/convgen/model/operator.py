"""What every operator has: tensors in and out, and exact arithmetic between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from numpy.typing import NDArray

from convgen.model.arithmetic import of_dtype
from convgen.model.geometry import Geometry
from convgen.model.tensor import DType, Tensor


class Computation(Protocol):
    """Tensors in and out, and exact arithmetic between them: an operator, or a network of them."""

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What it reads, in the order of the arguments."""
        ...

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What it writes."""
        ...

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs ``[N, *shape]`` for *inputs* ``[N, *shape]``, one array a tensor.

        int8: byte for byte what TensorFlow Lite's reference kernels give. float32: the exact
        result, in float64; `tolerance` says how close is right.
        """
        ...

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return how far outputs may be from those of `compute`, in the same shapes; int8: 0."""
        ...


class Operator(Computation, Protocol):
    """One operator of a network; a layer is a network of one.

    ``synthetic``: its numbers are made up.
    """

    @property
    def name(self) -> str:
        """The prefix of its symbols and files."""
        ...

    @property
    def kind(self) -> str:
        """What ``op`` calls it in a spec."""
        ...

    @property
    def title(self) -> str:
        """What it is, in words."""
        ...

    @property
    def dtype(self) -> DType:
        """The dtype of its tensors."""
        ...

    @property
    def activation(self) -> str:
        """What clamps the outputs."""
        ...

    @property
    def activation_min(self) -> float:
        """The least output, in units of the dtype; -inf where nothing clamps."""
        ...

    @property
    def activation_max(self) -> float:
        """The largest output; inf where nothing clamps."""
        ...

    @property
    def macs(self) -> int:
        """Nominal multiply-accumulates."""
        ...

    @property
    def synthetic(self) -> bool:
        """Whether its numbers are made up."""
        ...


class Clamped:
    """An operator whose outputs are clamped: from -inf or to inf where they are not."""

    activation_min: float
    activation_max: float

    @property
    def clamps_low(self) -> bool:
        """Whether outputs have a lower bound."""
        return math.isfinite(self.activation_min)

    @property
    def clamps_high(self) -> bool:
        """Whether outputs have an upper bound."""
        return math.isfinite(self.activation_max)


@dataclass(frozen=True, kw_only=True, eq=False)
class Plain:
    """An operator with one output, without weights, that clamps nothing."""

    name: str
    inputs: tuple[Tensor, ...]
    output: Tensor

    activation: ClassVar[str] = "none"
    activation_min: ClassVar[float] = -math.inf
    activation_max: ClassVar[float] = math.inf
    macs: ClassVar[int] = 0
    synthetic: ClassVar[bool] = False

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What it writes."""
        return (self.output,)

    @property
    def dtype(self) -> DType:
        """The dtype of the output."""
        return self.output.dtype


@runtime_checkable
class Windowed(Protocol):
    """An operator whose outputs read a window of its one input."""

    @property
    def geometry(self) -> Geometry:
        """The window."""
        ...


def is_exact(computation: Computation) -> bool:
    """Whether outputs are compared byte for byte: no float32 goes in or out."""
    tensors = (*computation.inputs, *computation.outputs)
    return all(tensor.arithmetic.is_exact for tensor in tensors)


def float_bounds(operator: Operator) -> int:
    """Return how many comparisons clamp a float32 output; 0 of bytes, where they cost little."""
    ends = (operator.activation_min, operator.activation_max)
    return 0 if of_dtype(operator.dtype).is_exact else sum(map(math.isfinite, ends))


def rows_needed(operator: Operator, first: int, last: int) -> range:
    """Return the rows of each input that output rows *first* to *last* - 1 read."""
    if isinstance(operator, Windowed):
        return operator.geometry.rows_needed(first, last)
    return range(first, last)


def only_read(operator: Computation) -> tuple[Tensor, ...]:
    """Return its inputs but for what it keeps."""
    return tuple(tensor for tensor in operator.inputs if tensor not in operator.outputs)


def only_written(operator: Computation) -> tuple[Tensor, ...]:
    """Return its outputs but for what it keeps."""
    return tuple(tensor for tensor in operator.outputs if tensor not in operator.inputs)


def kept(operator: Computation) -> tuple[Tensor, ...]:
    """Return what it reads and writes in its place: states."""
    return tuple(tensor for tensor in operator.outputs if tensor in operator.inputs)


def input_bytes(operator: Computation) -> int:
    """Return the size of all its inputs."""
    return sum(tensor.bytes for tensor in operator.inputs)


def output_bytes(operator: Computation) -> int:
    """Return the size of all its outputs."""
    return sum(tensor.bytes for tensor in operator.outputs)


def widest(operator: Computation) -> Tensor:
    """Return the first of its tensors with the largest elements: as all memory is aligned."""
    return max((*operator.outputs, *operator.inputs), key=lambda tensor: tensor.elem_bytes)


def tensor_bytes(operator: Computation) -> int:
    """Return the size of all it reads and writes."""
    return input_bytes(operator) + output_bytes(operator)
