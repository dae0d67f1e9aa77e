"""Operators that make images larger or smaller: resizing, transposed convolution."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from convgen.formats.limits import MAX_SIZE, MAX_TENSOR_BYTES
from convgen.formats.tflite import convolutions
from convgen.formats.tflite.convolutions import FileWeights, KernelMoves, Layer, image
from convgen.formats.tflite.scene import (
    NUMBERS,
    Built,
    TfliteScene,
    UnsupportedError,
    clamp,
    of_one_dtype,
    options_of,
    scaled,
)
from convgen.formats.tflite.tables import FileOperator
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.resize import ResizeBilinear, ResizeNearest
from convgen.model.ops.transposed_conv2d import TransposedConv2d
from convgen.model.tensor import Tensor


def resize_nearest_neighbor(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a RESIZE_NEAREST_NEIGHBOR."""
    options = options_of(operator, "ResizeNearestNeighborOptions")
    given, output = _resized(operator, scene)
    return [
        ResizeNearest(
            name="",
            inputs=(given,),
            output=output,
            align_corners=bool(options.align_corners),
            half_pixel_centers=bool(options.half_pixel_centers),
        )
    ]


def resize_bilinear(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a RESIZE_BILINEAR. Raises UnsupportedError."""
    options = options_of(operator, "ResizeBilinearOptions")
    given, output = _resized(operator, scene)
    of_one_dtype(given, output)
    if options.align_corners and options.half_pixel_centers:
        raise UnsupportedError("aligned corners with half pixel centers")
    if max(*given.shape[:2], *output.shape[:2]) > MAX_SIZE >> 10:
        raise UnsupportedError(f"{list(given.shape)} to {list(output.shape)}")
    return [
        ResizeBilinear(
            name="",
            inputs=(given,),
            output=output,
            align_corners=bool(options.align_corners),
            half_pixel_centers=bool(options.half_pixel_centers),
        )
    ]


def _resized(operator: FileOperator, scene: TfliteScene) -> tuple[Tensor, Tensor]:
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    size = scene.integers(operator, 1, "a size")
    channels = image(given)[2]
    if image(output) != (*size, channels):
        raise UnsupportedError(f"{list(given.shape)} to {list(output.shape)} by a size of {size}")
    tensors = scene.seen(given), scene.seen(output)
    if len({(t.dtype, t.scale, t.zero_point) for t in tensors}) > 1:
        raise UnsupportedError("an output with another dtype, scale or zero point")
    return tensors


def transpose_conv(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a TRANSPOSE_CONV; without a stride it is a convolution, kernel turned.

    Raises UnsupportedError.
    """
    options = options_of(operator, "TransposeConvOptions")
    given, output = scene.file_tensor(operator, 2, "input"), scene.output(operator)
    (in_h, in_w, in_c), out_shape = image(given), image(output)
    turned = replace(
        operator, inputs=(operator.inputs[2], *operator.inputs[1:2], *operator.inputs[3:])
    )
    weights = convolutions.read_weights(turned, scene, (0, 1, 2, 3))
    out_c, k_h, k_w, weights_c = weights.values.shape
    if weights_c != in_c or out_c != out_shape[2]:
        raise UnsupportedError(f"weights of {list(weights.given.shape)} for {list(given.shape)}")
    strides = (options.stride_h, options.stride_w)
    window = convolutions.window(options, out_shape, (k_h, k_w))
    wide = tuple((n - 1) * step + 1 for n, step in zip((in_h, in_w), strides, strict=True))
    before = (k_h - 1 - window.pads[0], k_w - 1 - window.pads[1])
    after = tuple(
        out_shape[axis] + (k_h, k_w)[axis] - 1 - wide[axis] - before[axis] for axis in (0, 1)
    )
    if min(*before, *after) < 0 or math.prod(wide) * in_c * 4 > MAX_TENSOR_BYTES:
        raise UnsupportedError(f"{list(given.shape)} to {list(output.shape)}")
    tensors = scene.seen(given), scene.seen(output)
    of_one_dtype(scaled(tensors[0]), scaled(tensors[1]), among=NUMBERS)
    shape = (*wide, in_c)
    spread = replace(tensors[0], shape=shape)
    moves = KernelMoves((1, 1), (1, 1), (*before, *after))
    layer = Layer(
        geometry=convolutions.geometry_of(shape, out_shape, (k_h, k_w), moves, 1),
        clamp=clamp(options, tensors[1]),
        kind="conv2d",
        title="transposed convolution",
        rounding=scene.rounding,
    )
    mirrored = FileWeights(
        values=np.ascontiguousarray(weights.values[:, ::-1, ::-1]),
        given=weights.given,
        bias=weights.bias,
    )
    if spread.dtype == "float32" and weights.given.dtype != "float32":
        raise UnsupportedError(f"{weights.given.dtype} weights with float32 tensors")
    [built] = convolutions.convolution(layer, (spread, tensors[1]), mirrored, symmetric=True)
    if strides == (1, 1) or not isinstance(built, Conv2d):
        return [built]
    return [TransposedConv2d(name="", input=tensors[0], convolution=built, strides=strides)]
