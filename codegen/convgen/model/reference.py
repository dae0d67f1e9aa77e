"""Convolution in NumPy: what every generated layer must reproduce.

Written for exactness and plainness: one matrix product per kernel position, over the output
positions whose tap falls inside the image. Sums are float64. They are exact for int8 layers,
whose values stay far below 2**53.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model import quantize
from convgen.model.layer import Geometry, Layer
from convgen.model.quantize import INT32

_BLOCK_ELEMS = 2**20  # sums held at once


def convolve(layer: Layer, inputs: NDArray[Any]) -> NDArray[Any]:
    """Return the outputs ``[N, out_h, out_w, out_c]`` for *inputs* ``[N, in_h, in_w, in_c]``.

    int8 layers: int8, byte for byte TensorFlow Lite's reference result
    (``reference_integer_ops::ConvPerChannel``). float32 layers: the exact result, float64;
    `tolerance` says how close is right.
    """
    dtype = np.int8 if layer.dtype == "int8" else np.float64
    outputs = np.empty((len(inputs), *_output_shape(layer)), dtype)
    for image, output in zip(inputs, outputs, strict=True):
        for rows, sums in _blocks(layer, image):
            output[rows] = _activate(layer, sums)
    return outputs


def evaluate(
    layer: Layer, image: NDArray[np.int8], seen: NDArray[np.int64], enough: int
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Return the outputs of one *image* of an int8 layer, and what was *seen* after it.

    *seen* is ``[2, out_c]``: of how many sums of a channel the output would be another if they
    were one less, and one more. Where there are *enough* of both, they are counted no more.
    """
    result = np.empty(_output_shape(layer), np.int8)
    seen = seen.copy()
    for rows, sums in _blocks(layer, image):
        exact = sums.astype(np.int64)
        result[rows] = quantize.outputs(layer, exact)
        channels = np.flatnonzero((seen < enough).any(axis=0))
        if channels.size:
            steps = quantize.steps(layer, exact[..., channels], channels)
            seen[:, channels] += steps.sum(axis=(1, 2))
    return result, seen


def sums(layer: Layer, image: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sums ``[out_h, out_w, out_c]`` of one *image*, bias included."""
    result = np.empty(_output_shape(layer))
    for rows, block in _blocks(layer, image):
        result[rows] = block
    return result


def tolerance(layer: Layer, inputs: NDArray[Any]) -> NDArray[np.float64]:
    """Return how far an output may be from `convolve`'s, ``[N, out_h, out_w, out_c]``.

    int8: nothing. float32: ``4 * K * 2**-24 * sum|x*w| + 1e-6`` with K products per output.
    """
    bounds = np.zeros((len(inputs), *_output_shape(layer)))
    if layer.dtype == "int8":
        return bounds
    weights = np.abs(layer.weights.astype(np.float64))
    relative = 4 * layer.geometry.patch_elems * 2.0**-24
    for image, bound in zip(inputs, bounds, strict=True):
        magnitudes = np.abs(image.astype(np.float64))
        for rows, sums in _sums(layer.geometry, magnitudes, weights):
            bound[rows] = relative * sums + 1e-6
    return bounds


def _blocks(layer: Layer, image: NDArray[Any]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield blocks of output rows of one *image* and their sums, bias included."""
    weights = layer.weights.astype(np.float64)
    bias = 0.0 if layer.bias is None else layer.bias.astype(np.float64)
    centred = image.astype(np.float64) - layer.zero_point
    for rows, sums in _sums(layer.geometry, centred, weights):
        sums += bias
        if layer.quantization and np.abs(sums).max() > INT32.max:
            raise AssertionError("a checked layer's sums fit in int32")
        yield rows, sums


def _output_shape(layer: Layer) -> tuple[int, int, int]:
    geometry = layer.geometry
    return geometry.out_h, geometry.out_w, geometry.out_c


def _activate(layer: Layer, sums: NDArray[np.float64]) -> NDArray[Any]:
    """Turn sums ``[..., out_c]`` into outputs."""
    if layer.quantization is None:
        return sums.clip(layer.activation_min, layer.activation_max)
    return quantize.outputs(layer, sums.astype(np.int64))


def _sums(
    geometry: Geometry, image: NDArray[np.float64], weights: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield blocks of output rows and their sums ``[rows, out_w, out_c]``, padding counted as 0."""
    g = geometry
    grouped = image.reshape(g.in_h, g.in_w, g.groups, g.group_in_c).transpose(2, 0, 1, 3)
    # [k_h, k_w, groups, group_in_c, group_out_c]
    matrices = np.ascontiguousarray(
        weights.reshape(g.groups, g.group_out_c, g.k_h, g.k_w, -1).transpose(2, 3, 0, 4, 1)
    )
    block = max(1, _BLOCK_ELEMS // (g.out_w * g.out_c))
    for first in range(0, g.out_h, block):
        rows = range(first, min(first + block, g.out_h))
        sums = np.zeros((g.groups, len(rows), g.out_w, g.group_out_c))
        for i in range(g.k_h):
            offset_h = i * g.dilation_h - g.pad_top
            out_h, in_h = _inside(rows, offset_h, g.stride_h, g.in_h)
            for j in range(g.k_w):
                offset_w = j * g.dilation_w - g.pad_left
                out_w, in_w = _inside(range(g.out_w), offset_w, g.stride_w, g.in_w)
                patch = grouped[:, in_h, in_w]
                sums[:, out_h, out_w] += patch @ matrices[i, j][:, None]
        joined = sums.transpose(1, 2, 0, 3).reshape(len(rows), g.out_w, g.out_c)
        yield slice(rows.start, rows.stop), joined


def _inside(outputs: range, offset: int, stride: int, size: int) -> tuple[slice, slice]:
    """Return which of *outputs* (relative to its start) read inside the image, and where.

    Output ``o`` reads input ``o * stride + offset``; the image holds 0 .. size - 1.
    """
    first = max(outputs.start, -(offset // stride))
    last = min(outputs.stop - 1, (size - 1 - offset) // stride)
    if last < first:
        return slice(0, 0), slice(0, 0)
    start = first * stride + offset
    return (
        slice(first - outputs.start, last + 1 - outputs.start),
        slice(start, start + (last - first) * stride + 1, stride),
    )
