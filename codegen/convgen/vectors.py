"""Test vectors: inputs made up or read from ``--vectors``, and the verdict on outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen import arrays, reference
from convgen.arrays import MAX_TENSOR_BYTES, ArrayError, Wanted
from convgen.errors import UsageError
from convgen.layer import Layer
from convgen.quantize import INT8

MOST_VECTORS = 2**16
_BLOCK_ELEMS = 2**20  # outputs compared at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vectors:
    """Inputs ``[N, in_h, in_w, in_c]`` and, if known, outputs ``[N, out_h, out_w, out_c]``."""

    inputs: NDArray[Any]
    expected: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How far outputs are from what they should be.

    ``max_abs_error`` is infinite when a float32 output is not a number; ``first`` describes the
    first mismatch in memory order.
    """

    mismatches: int
    max_abs_error: float
    first: str | None = None


def make_inputs(layer: Layer, seed: int, count: int = 3) -> NDArray[Any]:
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
    layer: Layer, rng: np.random.Generator, kind: int, shape: tuple[int, ...]
) -> NDArray[np.int8]:
    if kind == 0:
        return rng.integers(INT8.min, INT8.max + 1, shape, np.int8)
    if kind == 1:
        return rng.choice(np.array([INT8.min, INT8.max], np.int8), shape)
    near = layer.zero_point + rng.integers(-2, 3, shape)
    return near.clip(INT8.min, INT8.max).astype(np.int8)


def _float32_input(
    layer: Layer, rng: np.random.Generator, kind: int, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    values = rng.uniform(-2, 2, shape).astype(np.float32)
    if kind == 1:
        return np.copysign(np.float32(16), values)
    return values if kind == 0 else values * np.float32(2.0**-10)


def load(path: Path, layer: Layer) -> Vectors:
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


def most_vectors(layer: Layer) -> int:
    """Return how many inputs may be run: all of them, and all outputs, are held at once."""
    return min(MOST_VECTORS, MAX_TENSOR_BYTES // max(layer.input_bytes, layer.output_bytes))


def _batch(path: Path, name: str, layer: Layer, shape: tuple[int, int, int]) -> NDArray[Any]:
    try:
        values = arrays.load(path, name, Wanted(layer.dtype, shape, batch=most_vectors(layer)))
    except ArrayError as error:
        raise ArrayError(error.field, f"{name}: {error}") from None
    return values.reshape(-1, *shape)


def compare(
    layer: Layer,
    inputs: NDArray[Any],
    outputs: NDArray[Any],
    expected: NDArray[Any] | None = None,
) -> Comparison:
    """Judge *outputs* ``[N, out_h, out_w, out_c]`` by the rule of docs/reference.md.

    int8: equal to *expected*, or to the reference where there is none. float32: within
    `reference.tolerance` of the reference, and within twice that of *expected*.
    """
    by_reference: list[Comparison] = []
    by_expected: list[Comparison] = []
    for vector, output in enumerate(outputs):  # apart, since a float64 output may be large
        image = inputs[vector : vector + 1]
        bound = 0.0 if layer.dtype == "int8" else reference.tolerance(layer, image)[0]
        if layer.dtype == "float32" or expected is None:
            right = reference.convolve(layer, image)[0]
            by_reference += _compare(vector, output, right, bound)
        if expected is not None:
            by_expected += _compare(vector, output, expected[vector], 2 * bound)
    verdict = _total(by_reference)
    return verdict if expected is None or verdict.mismatches else _total(by_expected)


def _total(parts: list[Comparison]) -> Comparison:
    return Comparison(
        mismatches=sum(part.mismatches for part in parts),
        max_abs_error=max((part.max_abs_error for part in parts), default=0.0),
        first=next((part.first for part in parts if part.first), None),
    )


def _compare(
    vector: int, output: NDArray[Any], right: NDArray[Any], bound: NDArray[np.float64] | float
) -> Iterator[Comparison]:
    """Judge the outputs ``[out_h, out_w, out_c]`` of one vector, block by block."""
    got, want = output.ravel(), right.ravel()
    bounds = np.broadcast_to(np.ravel(bound), got.shape)
    for start in range(0, got.size, _BLOCK_ELEMS):
        block = slice(start, start + _BLOCK_ELEMS)
        with np.errstate(invalid="ignore"):  # inf - inf
            error = np.abs(got[block].astype(np.float64) - want[block])
        error[np.isnan(error)] = np.inf
        wrong = np.flatnonzero(error > bounds[block])
        first = None
        if wrong.size:
            at = start + int(wrong[0])
            row, column, channel = (int(i) for i in np.unravel_index(at, output.shape))
            place = f"vector {vector}, row {row}, column {column}, channel {channel}"
            first = f"{place}: got {got[at]}, expected {want[at]}"
        yield Comparison(mismatches=wrong.size, max_abs_error=float(error.max()), first=first)
