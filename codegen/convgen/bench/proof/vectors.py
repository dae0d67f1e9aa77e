"""Test vectors: inputs made up or read from ``--vectors``, and what outputs they should give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.bench.proof import coverage, disagreement
from convgen.bench.proof.coverage import Coverage
from convgen.bench.proof.disagreement import Disagreement
from convgen.errors import UsageError
from convgen.formats import arrays
from convgen.formats.arrays import MAX_TENSOR_BYTES, ArrayError, Wanted
from convgen.model.ops.conv2d import Conv2d
from convgen.model.quantize import INT8

MOST_VECTORS = 2**16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vectors:
    """Inputs ``[N, in_h, in_w, in_c]`` and, if given, outputs ``[N, out_h, out_w, out_c]``.

    ``right`` are convgen's own outputs of an int8 layer, ``coverage`` how much the inputs try;
    ``disagreement`` says how ``expected`` differs from what the spec gives. ``made_up``: the
    inputs are convgen's.
    """

    inputs: NDArray[Any]
    expected: NDArray[Any] | None = None
    right: NDArray[np.int8] | None = None
    coverage: Coverage | None = None
    disagreement: Disagreement | None = None
    made_up: bool = False


def made_up(layer: Conv2d, seed: int) -> Vectors:
    """Make up inputs: three, and for int8 layers as many more as `coverage.directed` makes."""
    inputs = make_inputs(layer, seed)
    if layer.dtype == "float32":
        return Vectors(inputs=inputs, made_up=True)
    right, seen = _evaluate(layer, inputs)
    rng = np.random.default_rng([seed, len(inputs)])
    more, outputs, seen = coverage.directed(layer, rng, seen)
    return Vectors(
        inputs=np.concatenate([inputs, more]),
        right=np.concatenate([right, outputs]),
        coverage=coverage.summarize(layer, seen),
        made_up=True,
    )


def checked(layer: Conv2d, given: Vectors) -> Vectors:
    """Return the vectors a user gave with what the spec says of them."""
    if layer.dtype == "int8":
        right, seen = _evaluate(layer, given.inputs)
        given = replace(given, right=right, coverage=coverage.summarize(layer, seen))
    if given.expected is None:
        return given
    found = disagreement.explain(layer, given.inputs, given.expected, given.right)
    return replace(given, disagreement=found)


def _evaluate(
    layer: Conv2d, inputs: NDArray[np.int8]
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Return the outputs of an int8 layer, and on how many boundaries they are seen to lie."""
    seen = coverage.nothing_seen(layer)
    outputs = []
    for image in inputs:
        output, seen = coverage.evaluate(layer, image, seen)
        outputs.append(output)
    return np.stack(outputs), seen


def make_inputs(layer: Conv2d, seed: int, count: int = 3) -> NDArray[Any]:
    """Make up *count* inputs ``[count, in_h, in_w, in_c]`` in the layer's dtype.

    They take turns: random over the whole range, extremes only (sums far out, outputs saturated),
    and close to zero (the zero point, for int8). Vector ``i`` depends on *seed* and ``i`` alone.
    """
    geometry = layer.geometry
    shape = geometry.in_h, geometry.in_w, geometry.in_c
    make = _int8_input if layer.dtype == "int8" else _float32_input
    images = [make(layer, np.random.default_rng([seed, i]), i % 3, shape) for i in range(count)]
    return np.stack(images)


def _int8_input(
    layer: Conv2d, rng: np.random.Generator, kind: int, shape: tuple[int, ...]
) -> NDArray[np.int8]:
    if kind == 0:
        return rng.integers(INT8.min, INT8.max + 1, shape, np.int8)
    if kind == 1:
        return rng.choice(np.array([INT8.min, INT8.max], np.int8), shape)
    near = layer.zero_point + rng.integers(-2, 3, shape)
    return near.clip(INT8.min, INT8.max).astype(np.int8)


def _float32_input(
    layer: Conv2d, rng: np.random.Generator, kind: int, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    values = rng.uniform(-2, 2, shape).astype(np.float32)
    if kind == 1:
        return np.copysign(np.float32(16), values)
    return values if kind == 0 else values * np.float32(2.0**-10)


def load(path: Path, layer: Conv2d) -> Vectors:
    """Read the .npz of ``--vectors``: ``input`` and, optionally, ``output``.

    Each is ``[N, H, W, C]`` or ``[H, W, C]`` in the layer's dtype. Raises UsageError.
    """
    geometry = layer.geometry
    try:
        inputs = _batch(path, "input", layer, (geometry.in_h, geometry.in_w, geometry.in_c))
        if "output" not in arrays.names(path):
            return Vectors(inputs=inputs)
        shape = geometry.out_h, geometry.out_w, geometry.out_c
        expected = _batch(path, "output", layer, shape)
    except ArrayError as error:
        raise UsageError(f"--vectors {path}: {error}") from None
    if len(expected) != len(inputs):
        counts = f"as many outputs as inputs ({len(inputs)}), got {len(expected)}"
        raise UsageError(f"--vectors {path}: expected {counts}")
    return Vectors(inputs=inputs, expected=expected)


def most_vectors(layer: Conv2d) -> int:
    """Return how many inputs may be run: all of them, and all outputs, are held at once."""
    return min(MOST_VECTORS, MAX_TENSOR_BYTES // max(layer.input_bytes, layer.output_bytes))


def _batch(path: Path, name: str, layer: Conv2d, shape: tuple[int, int, int]) -> NDArray[Any]:
    try:
        values = arrays.load(path, name, Wanted(layer.dtype, shape, batch=most_vectors(layer)))
    except ArrayError as error:
        raise ArrayError(error.field, f"{name}: {error}") from None
    return values.reshape(-1, *shape)
