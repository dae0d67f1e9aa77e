"""Poolings, and MEAN along neighbouring axes."""

from __future__ import annotations

import math
from typing import Literal

from convgen.formats.tflite.convolutions import windowed
from convgen.formats.tflite.scene import (
    Built,
    Scene,
    UnsupportedError,
    clamp,
    of_one_dtype,
    options_of,
    scaled,
)
from convgen.formats.tflite.tables import FileOperator
from convgen.model.ops.mean import Mean
from convgen.model.ops.pool import Pool2d
from convgen.model.quantize import INT32

NEARLY = 1e-6  # by which TensorFlow Lite lets the scales of a pooling differ


def average_pool_2d(operator: FileOperator, scene: Scene) -> Built:
    """Read an AVERAGE_POOL_2D."""
    return _pool(operator, scene, "average_pool")


def max_pool_2d(operator: FileOperator, scene: Scene) -> Built:
    """Read a MAX_POOL_2D."""
    return _pool(operator, scene, "max_pool")


def _pool(operator: FileOperator, scene: Scene, kind: Literal["average_pool", "max_pool"]) -> Built:
    options = options_of(operator, "Pool2DOptions")
    channels = scene.file_tensor(operator, 0, "input").shape[-1:] or (1,)
    kernel = (options.filter_height, options.filter_width)
    geometry, (given, output) = windowed(operator, scene, options, kernel, channels[0])
    of_one_dtype(given, output)
    if geometry.out_c != geometry.in_c:
        raise UnsupportedError(f"{geometry.in_c} channels pooled to {geometry.out_c}")
    if given.dtype == "int8":
        one, two = scaled(given).scale or 1, scaled(output).scale or 1
        if abs(one - two) > NEARLY or given.zero_point != output.zero_point:
            raise UnsupportedError("a pooling that changes the scale")
    limits = clamp(options, output)
    return [
        Pool2d(
            name="",
            kind=kind,
            input=given,
            geometry=geometry,
            activation=limits.activation,
            activation_min=limits.low,
            activation_max=limits.high,
            output_name=output.name,
        )
    ]


def mean(operator: FileOperator, scene: Scene) -> Built:
    """Read a MEAN along axes with nothing but axes of size 1 between them.

    Raises UnsupportedError.
    """
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    rank = len(given.shape)
    axes = {axis % rank if rank else 0 for axis in scene.integers(operator, 1, "axes")}
    if not axes or not all(0 <= axis < rank for axis in axes):
        raise UnsupportedError("axes that the input does not have")
    wide = [axis for axis in sorted(axes) if given.shape[axis] > 1] or [min(axes)]
    first, last = wide[0], wide[-1] + 1
    if any(given.shape[axis] > 1 for axis in range(first, last) if axis not in axes):
        raise UnsupportedError(f"a mean along axes {sorted(axes)} of {list(given.shape)}")
    outer, count, inner = (
        math.prod(given.shape[part])
        for part in (slice(0, first), slice(first, last), slice(last, rank))
    )
    tensors = scene.seen(given, (outer, count, inner)), scene.seen(output, (outer, inner))
    of_one_dtype(*tensors)
    if tensors[0].dtype == "int8":
        scaled(tensors[0])
        scaled(tensors[1])
    found = Mean(name="", inputs=tensors[:1], output=tensors[1])
    if tensors[0].dtype == "int8" and 255 * count << max(found.rescale[1], 0) > INT32.max:
        raise UnsupportedError("a mean whose output has a much smaller scale")
    return [found]
