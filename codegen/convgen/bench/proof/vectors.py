"""Test vectors: inputs made up or read from ``--vectors``, and what outputs they should give."""

from __future__ import annotations

import functools
import pickle  # to tell layers apart: nothing is loaded
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convgen import __version__
from convgen.bench.proof import coverage
from convgen.bench.proof.comparison import Arrays
from convgen.bench.proof.coverage import Coverage
from convgen.errors import UsageError
from convgen.formats import arrays
from convgen.formats.arrays import ArrayError, WantedArray
from convgen.formats.limits import MAX_TENSOR_BYTES
from convgen.model.operator import Computation, is_exact
from convgen.model.ops.conv2d import Conv2d
from convgen.model.tensor import Tensor, numbered
from convgen.system import cache

if TYPE_CHECKING:
    from convgen.bench.proof.disagreement import Disagreement

MOST_VECTORS = 2**16
FEW = 3  # made up, of each kind one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vectors:
    """Inputs ``[N, *shape]`` and, if given, outputs ``[N, *shape]``: an array for each tensor.

    ``right`` are convgen's own outputs of an int8 operator, ``coverage`` how much the inputs try;
    ``disagreement`` says how ``expected`` differs from what the spec gives. ``made_up``: the
    inputs are convgen's.
    """

    inputs: Arrays
    expected: Arrays | None = None
    right: Arrays | None = None
    coverage: Coverage | None = None
    disagreement: Disagreement | None = None
    made_up: bool = False

    @property
    def count(self) -> int:
        """How many there are: N."""
        return len(self.inputs[0]) if self.inputs else 0

    def tobytes(self) -> bytes:
        """Return all inputs of the first vector, then those of the second, and so on."""
        if len(self.inputs) == 1:
            return self.inputs[0].tobytes()
        return b"".join(
            array[vector].tobytes() for vector in range(self.count) for array in self.inputs
        )


def made_up(operator: Computation, seed: int) -> Vectors:
    """Make up inputs: a few, and for integer convolutions what `coverage.directed` adds to them."""
    inputs = inputs_of(operator, seed)
    if not is_exact(operator):
        return Vectors(inputs=inputs, made_up=True)
    if not isinstance(operator, Conv2d):
        return Vectors(inputs=inputs, right=operator.compute(*inputs), made_up=True)
    found = cache.key("inputs", _searched_by(), cache.digest(pickle.dumps(operator)), seed)
    kept = cache.load(found)
    if kept is None:
        images, right, seen = _searched(operator, inputs[0], seed)
        cache.store(found, images.tobytes())
    else:
        images = np.frombuffer(kept, operator.dtype).reshape(-1, *operator.inputs[0].shape)
        right, seen = _evaluate(operator, images)
    return Vectors(
        inputs=(images,),
        right=(right,),
        coverage=coverage.summarize(operator, seen),
        made_up=True,
    )


def _searched(
    layer: Conv2d, first: NDArray[Any], seed: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Return the *first* inputs and those that find more, their outputs, and what is seen there."""
    right, seen = _evaluate(layer, first)
    rng = np.random.default_rng([seed, FEW])
    more, outputs, seen = coverage.directed(layer, rng, seen)
    return np.concatenate([first, more]), np.concatenate([right, outputs]), seen


@functools.cache
def _searched_by() -> tuple[str, ...]:
    """Return what tells the search from another: a checkout may have several of one version."""
    sources = (Path(coverage.__file__), Path(__file__))
    return (__version__, np.__version__, *(cache.digest(path.read_bytes()) for path in sources))


def checked(operator: Computation, given: Vectors) -> Vectors:
    """Return the vectors a user gave with what the spec says of them."""
    if not isinstance(operator, Conv2d):
        return _compared(operator, given) if is_exact(operator) else given
    images = given.inputs[0]
    if operator.quantization:
        outputs, seen = _evaluate(operator, images)
        given = replace(given, right=(outputs,), coverage=coverage.summarize(operator, seen))
    if given.expected is None:
        return given
    from convgen.bench.proof import disagreement

    own = given.right[0] if given.right else None
    found = disagreement.explain(operator, images, given.expected[0], own)
    return replace(given, disagreement=found)


def _compared(operator: Computation, given: Vectors) -> Vectors:
    """Return *given* with the outputs of an exact *operator*, and how those expected differ."""
    right = operator.compute(*given.inputs)
    if given.expected is None:
        return replace(given, right=right)
    from convgen.bench.proof import disagreement

    found = disagreement.explain_outputs(operator, given.inputs, given.expected, right)
    return replace(given, right=right, disagreement=found)


def _evaluate(layer: Conv2d, inputs: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the outputs of a quantised layer, and on how many boundaries they are seen to lie."""
    seen = coverage.nothing_seen(layer)
    outputs = []
    for image in inputs:
        output, seen = coverage.evaluate(layer, image, seen)
        outputs.append(output)
    return np.stack(outputs), seen


def inputs_of(operator: Computation, seed: int, count: int = FEW) -> Arrays:
    """Make up *count* values of each input of *operator*."""
    return tuple(
        _made_up(tensor, seed, number, count) for number, tensor in enumerate(operator.inputs)
    )


def make_inputs(layer: Conv2d, seed: int, count: int = FEW) -> NDArray[Any]:
    """Make up *count* images ``[count, in_h, in_w, in_c]`` for *layer*."""
    return _made_up(layer.inputs[0], seed, 0, count)


def _made_up(tensor: Tensor, seed: int, number: int, count: int) -> NDArray[Any]:
    """Make up *count* values ``[count, *shape]`` of *tensor*, the input of that *number*.

    They take turns: random over the whole range, extremes only (sums far out, outputs saturated),
    and close to zero (the zero point, for int8). Vector ``i`` depends on *seed*, *number* and ``i``
    alone.
    """
    make = _float32_input if tensor.dtype == "float32" else _byte_input
    origin = [seed] if number == 0 else [seed, number, 0]
    return np.stack(
        [make(tensor, np.random.default_rng([*origin, i]), i % 3) for i in range(count)]
    )


def _byte_input(tensor: Tensor, rng: np.random.Generator, kind: int) -> NDArray[Any]:
    limits = np.iinfo(tensor.dtype)
    if kind == 0:
        return rng.integers(limits.min, limits.max + 1, tensor.shape, tensor.dtype)
    if kind == 1:
        return rng.choice(np.array([limits.min, limits.max], tensor.dtype), tensor.shape)
    near = tensor.zero_point + rng.integers(-2, 3, tensor.shape)
    return near.clip(limits.min, limits.max).astype(tensor.dtype)


def _float32_input(tensor: Tensor, rng: np.random.Generator, kind: int) -> NDArray[np.float32]:
    values = rng.uniform(-2, 2, tensor.shape).astype(np.float32)
    if kind == 1:
        return np.copysign(np.float32(16), values)
    return values if kind == 0 else values * np.float32(2.0**-10)


def load(path: Path, operator: Computation) -> Vectors:
    """Read the .npz of ``--vectors``: ``input`` and, optionally, ``output``.

    Each is ``[N, *shape]`` or ``[*shape]`` in the tensor's dtype. Of several inputs each is
    ``input_0``, ``input_1`` ... Raises UsageError.
    """
    most = most_vectors(operator)
    inputs_named, outputs_named = (
        _named("input", operator.inputs),
        _named("output", operator.outputs),
    )
    try:
        inputs = _batches(path, inputs_named, most)
        is_given = not outputs_named.keys().isdisjoint(arrays.names(path))
        expected = _batches(path, outputs_named if is_given else {}, most)
    except ArrayError as error:
        raise UsageError(f"--vectors {path}: {error}") from None
    count = len(next(iter(inputs.values())))
    for name, values in (inputs | expected).items():
        if len(values) != count:
            what = "outputs" if name == "output" else name
            wanted = f"as many {what} as inputs ({count}), got {len(values)}"
            raise UsageError(f"--vectors {path}: expected {wanted}")
    return Vectors(
        inputs=tuple(inputs.values()), expected=tuple(expected.values()) if expected else None
    )


def most_vectors(operator: Computation) -> int:
    """Return how many inputs may be run: all of them, and all outputs, are held at once."""
    largest = max(tensor.bytes for tensor in (*operator.inputs, *operator.outputs))
    return min(MOST_VECTORS, MAX_TENSOR_BYTES // largest)


def _named(what: str, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return *tensors* by what a file of vectors calls them, whatever a model does."""
    return dict(zip(numbered(what, len(tensors)), tensors, strict=True))


def _batches(path: Path, tensors: Mapping[str, Tensor], most: int) -> dict[str, NDArray[Any]]:
    """Read an array for each of *tensors*, at most so many vectors."""
    return {name: _batch(path, name, tensor, most) for name, tensor in tensors.items()}


def _batch(path: Path, name: str, tensor: Tensor, most: int) -> NDArray[Any]:
    try:
        values = arrays.load(path, name, WantedArray(tensor.dtype, tensor.shape, batch=most))
    except ArrayError as error:
        raise ArrayError(error.field, f"{name}: {error}") from None
    return values.reshape(-1, *tensor.shape)
