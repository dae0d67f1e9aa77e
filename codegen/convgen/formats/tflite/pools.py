"""Poolings, and MEAN."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from convgen.formats.tflite.convolutions import windowed
from convgen.formats.tflite.scene import (
    NUMBERS,
    Built,
    Shape,
    TfliteScene,
    UnsupportedError,
    clamp,
    of_one_dtype,
    options_of,
    scaled,
    symmetric,
)
from convgen.formats.tflite.tables import FileOperator, FileTensor
from convgen.model.ops.mean import Mean
from convgen.model.ops.move import Transpose
from convgen.model.ops.pool import Pool2d
from convgen.model.quantize import INT32
from convgen.model.tensor import Tensor

NEARLY = 1e-6  # by which TensorFlow Lite lets the scales of a pooling differ


def average_pool_2d(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read an AVERAGE_POOL_2D."""
    return _pool(operator, scene, "average_pool")


def max_pool_2d(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a MAX_POOL_2D."""
    return _pool(operator, scene, "max_pool")


def _pool(
    operator: FileOperator, scene: TfliteScene, kind: Literal["average_pool", "max_pool"]
) -> Built:
    options = options_of(operator, "Pool2DOptions")
    channels = scene.file_tensor(operator, 0, "input").shape[-1:] or (1,)
    kernel = (options.filter_height, options.filter_width)
    geometry, (given, output) = windowed(operator, scene, options, kernel, channels[0])
    of_one_dtype(given, output, among=NUMBERS)
    symmetric(given, output)
    if geometry.out_c != geometry.in_c:
        raise UnsupportedError(f"{geometry.in_c} channels pooled to {geometry.out_c}")
    if given.arithmetic.is_exact:
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


def mean(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a MEAN; axes apart from each other come together by a transposition.

    Raises UnsupportedError.
    """
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    shape, rank = given.shape, len(given.shape)
    axes = {axis % rank if rank else 0 for axis in scene.integers(operator, 1, "axes")}
    if not axes or not all(0 <= axis < rank for axis in axes):
        raise UnsupportedError("axes that the input does not have")
    wide = [axis for axis in sorted(axes) if shape[axis] > 1] or [min(axes)]
    first, last = wide[0], wide[-1] + 1
    whole = scene.seen(given, shape)
    if all(shape[axis] == 1 for axis in range(first, last) if axis not in axes):
        return [_mean(scene, whole, output, (shape[:first], shape[first:last], shape[last:]))]
    left = [axis for axis in range(rank) if axis not in wide]
    order = (*left, *wide)
    moved = replace(
        whole, name=f"{whole.name}:{output.name}", shape=tuple(shape[axis] for axis in order)
    )
    together = Transpose(name="", inputs=(whole,), output=moved, axes=order)
    outer, count = (tuple(shape[axis] for axis in part) for part in (left, wide))
    return [together, _mean(scene, moved, output, (outer, count, ()))]


def _mean(
    scene: TfliteScene, given: Tensor, output: FileTensor, shapes: tuple[Shape, Shape, Shape]
) -> Mean:
    """Return the mean along the axes in the middle of three groups of them."""
    outer, count, inner = map(math.prod, shapes)
    tensors = replace(given, shape=(outer, count, inner)), scene.seen(output, (outer, inner))
    of_one_dtype(*tensors, among=NUMBERS)
    symmetric(*tensors)
    if tensors[0].arithmetic.is_exact:
        scaled(tensors[0])
        scaled(tensors[1])
    found = Mean(name="", inputs=tensors[:1], output=tensors[1], rounding=scene.rounding)
    farthest = {"int8": 255, "int16": 2**15}.get(tensors[0].dtype)
    if farthest and farthest * count << max(found.rescale[1], 0) > INT32.max:
        raise UnsupportedError("a mean whose output has a much smaller scale")
    return found
