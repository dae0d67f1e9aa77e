"""The reference of the random-layer tests: numpy, shares no code with convgen.

Pads the image, adds one shifted product per kernel position, requantises whole arrays; on some
layers it is held against tests/loops.py, which does one number after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d


def convolve(layer: Conv2d, inputs: NDArray[Any]) -> NDArray[Any]:
    """Return outputs ``[N, OH, OW, OC]``: int8 or int16, or float64 for float32 layers."""
    weights: NDArray[Any] = layer.weights.astype(_wide(layer))
    sums: NDArray[Any] = _sums(layer, _centred(layer, inputs), weights)
    if layer.bias is not None:
        sums = sums + layer.bias
    if layer.quantization is None:
        return sums.clip(layer.activation_min, layer.activation_max)
    q = layer.quantization
    multiplied = {
        "single": _rounded_once,
        "double": _rounded_twice,
        "reduced": _rounded_once_by_16_bits,
    }[q.rounding]
    scaled = multiplied(sums, q.multiplier.astype(np.int64), q.shift.astype(np.int64))
    limited: NDArray[Any] = (scaled + q.out_zero_point).clip(
        layer.activation_min, layer.activation_max
    )
    return limited.astype(layer.dtype)


def tolerance(layer: Conv2d, inputs: NDArray[Any]) -> NDArray[np.float64]:
    """Return how far a float32 output may be from the exact one."""
    magnitude = _sums(layer, np.abs(_centred(layer, inputs)), np.abs(layer.weights.astype(float)))
    return 4 * layer.geometry.patch_elems * 2.0**-24 * magnitude + 1e-6


def _rounded_once(sums: NDArray[Any], multiplier: NDArray[Any], shift: NDArray[Any]) -> Any:
    right = 31 - shift
    return (sums * multiplier + (1 << (right - 1))) >> right


def _rounded_once_by_16_bits(
    sums: NDArray[Any], multiplier: NDArray[Any], shift: NDArray[Any]
) -> Any:
    rounded = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    right = 15 - shift
    return (sums * rounded + (1 << (right - 1))) >> right


def _rounded_twice(sums: NDArray[Any], multiplier: NDArray[Any], shift: NDArray[Any]) -> Any:
    """Halves go up the first time and away from zero the second."""
    high = ((sums << np.maximum(shift, 0)) * multiplier + (1 << 30)) >> 31
    right = np.maximum(-shift, 0)
    mask = (1 << right) - 1
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))


def _wide(layer: Conv2d) -> type:
    return np.float64 if layer.quantization is None else np.int64


def _centred(layer: Conv2d, inputs: NDArray[Any]) -> NDArray[Any]:
    g = layer.geometry
    pads = ((0, 0), (g.pad_top, g.pad_bottom), (g.pad_left, g.pad_right), (0, 0))
    centred: NDArray[Any] = inputs.astype(_wide(layer)) - layer.zero_point
    return np.pad(centred, pads)


def _sums(layer: Conv2d, padded: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    g = layer.geometry
    sums = np.zeros((len(padded), g.out_h, g.out_w, g.out_c), padded.dtype)
    for i in range(g.k_h):
        for j in range(g.k_w):
            tap = padded[:, _taps(g, i, rows=True), _taps(g, j, rows=False)]
            for group in range(g.groups):
                c_in = slice(group * g.group_in_c, (group + 1) * g.group_in_c)
                c_out = slice(group * g.group_out_c, (group + 1) * g.group_out_c)
                sums[..., c_out] += tap[..., c_in] @ weights[c_out, i, j].T
    return sums


def _taps(g: Geometry, index: int, *, rows: bool) -> slice:
    """Select the input rows (or columns) that kernel row (or column) *index* meets."""
    dilation, stride, outputs = (
        (g.dilation_h, g.stride_h, g.out_h) if rows else (g.dilation_w, g.stride_w, g.out_w)
    )
    first = index * dilation
    return slice(first, first + (outputs - 1) * stride + 1, stride)
