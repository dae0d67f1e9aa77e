"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED as convolutions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.formats.limits import LARGEST_BIAS, MAX_MACS, MAX_PIXELS, MAX_SIZE
from convgen.formats.tflite.scene import (
    NUMBERS,
    Built,
    FusedActivation,
    TfliteScene,
    UnsupportedError,
    clamp,
    of_one_dtype,
    options_of,
    scaled,
    symmetric,
)
from convgen.formats.tflite.tables import FileOperator, FileTensor, Options
from convgen.model import quantize
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.ops.dynamic import DynamicQuantize
from convgen.model.ops.overflow import overflow
from convgen.model.quantize import MAX_REDUCED_SHIFT, MAX_SHIFT, Rounding
from convgen.model.tensor import Tensor

SAME, VALID = 0, 1  # the schema's paddings


@dataclass(frozen=True, kw_only=True, eq=False)
class FileWeights:
    """Weights as ``[out_c, k_h, k_w, in_c / groups]``, with the scales that the file gives."""

    values: NDArray[Any]
    given: FileTensor
    bias: NDArray[Any] | None


def conv_2d(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a CONV_2D; a filter with fewer channels than the input makes groups.

    Raises UnsupportedError.
    """
    options = options_of(operator, "Conv2DOptions")
    weights = read_weights(operator, scene, (0, 1, 2, 3))
    given = scene.file_tensor(operator, 0, "input")
    in_c = given.shape[-1] if len(given.shape) == 4 else 0
    group_in_c = weights.values.shape[-1]
    if in_c % group_in_c:
        raise UnsupportedError(f"{group_in_c} channels of weights for {in_c} of the input")
    symmetric = weights.given.scales.size == 1 and in_c == group_in_c
    return _windowed(operator, scene, options, weights, in_c // group_in_c, symmetric=symmetric)


def depthwise_conv_2d(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a DEPTHWISE_CONV_2D, whose weights are ``[1, k_h, k_w, out_c]``.

    Raises UnsupportedError.
    """
    options = options_of(operator, "DepthwiseConv2DOptions")
    weights = read_weights(operator, scene, (3, 1, 2, 0))
    given = scene.file_tensor(operator, 0, "input")
    in_c = given.shape[-1] if len(given.shape) == 4 else 0
    if weights.values.shape[-1] != 1 or not in_c or len(weights.values) % in_c:
        shape = list(weights.given.shape)
        raise UnsupportedError(f"weights of {shape} for {in_c} channels of the input")
    return _windowed(operator, scene, options, weights, in_c, symmetric=False)


def fully_connected(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a FULLY_CONNECTED as a 1x1 convolution: each row of inputs is a pixel.

    TensorFlow Lite's kernel rounds once, TensorFlow Lite Micro's twice; where the weights have one
    scale, that rounds its product with the input's to float32 too. Raises
    UnsupportedError.
    """
    options = options_of(operator, "FullyConnectedOptions")
    if options.weights_format:
        raise UnsupportedError("shuffled weights")
    weights = read_weights(operator, scene, (0, 1))
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    out_c, in_c = weights.values.shape
    if given.elems % in_c or output.elems != given.elems // in_c * out_c:
        sizes = f"{list(given.shape)} to {list(output.shape)}"
        raise UnsupportedError(f"weights of {list(weights.given.shape)} from {sizes}")
    rows = given.elems // in_c
    geometry = geometry_of(
        (rows, 1, in_c), (rows, 1, out_c), (1, 1), KernelMoves((1, 1), (1, 1), (0, 0, 0, 0)), 1
    )
    weights = FileWeights(
        values=weights.values[:, None, None], given=weights.given, bias=weights.bias
    )
    tensors = scene.seen(given, (rows, 1, in_c)), scene.seen(output, (rows, 1, out_c))
    layer = Layer(
        geometry=geometry,
        clamp=clamp(options, tensors[1]),
        kind="fully_connected",
        title="fully connected layer",
        rounding="single" if scene.reference == "litert" else "double",
        rounds_product=scene.reference == "tflm",
    )
    return convolution(
        layer, tensors, weights, symmetric=not options.asymmetric_quantize_inputs, rows=rows
    )


@dataclass(frozen=True, slots=True)
class KernelMoves:
    """How a kernel moves: stride and dilation as (height, width), pads from the top left on."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    pads: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A convolution without its numbers. ``rounds_product`` of two scales: to float32."""

    geometry: Geometry
    clamp: FusedActivation
    kind: str
    title: str
    rounding: Rounding
    rounds_product: bool = False


def read_weights(operator: FileOperator, scene: TfliteScene, axes: tuple[int, ...]) -> FileWeights:
    """Return weights, axes reordered, and bias. Raises UnsupportedError."""
    given = scene.file_tensor(operator, 1, "weights")
    values = scene.constant(given, "weights")
    if len(given.shape) != len(axes):
        raise UnsupportedError(f"weights of {list(given.shape)}")
    if given.dtype not in ("int8", "float32"):
        raise UnsupportedError(f"{given.dtype} weights")
    if given.zero_points.any():
        raise UnsupportedError("weights with a zero point")
    if not np.isfinite(values).all():
        raise UnsupportedError("weights that are not finite")
    bias = scene.optional(operator, 2)
    return FileWeights(
        values=np.ascontiguousarray(values.transpose(axes)),
        given=given,
        bias=None if bias is None else _bias(scene, bias, values.shape[axes[0]]),
    )


def _bias(scene: TfliteScene, given: FileTensor, count: int) -> NDArray[Any]:
    """Return the bias; its scales, whatever dimension they name, are those of the sums."""
    values = scene.constant(given, "a bias")
    if given.dtype not in ("int32", "int64", "float32"):
        raise UnsupportedError(f"an {given.dtype} bias")
    if given.dtype == "int64" and np.abs(values.astype(np.float64)).max(initial=0) > LARGEST_BIAS:
        raise UnsupportedError(f"a bias beyond {LARGEST_BIAS:,}")
    if values.size != count or not np.isfinite(values).all():
        raise UnsupportedError(f"a bias of {list(given.shape)} for {count} channels")
    return values.reshape(count)


def window(options: Options, shape: tuple[int, ...], kernel: tuple[int, int]) -> KernelMoves:
    """Return how a kernel moves over an image of *shape*: from ``ComputePaddingHeightWidth``.

    Raises UnsupportedError.
    """
    stride = (options.stride_h, options.stride_w)
    dilation = (options.dilation_h_factor, options.dilation_w_factor)
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True)]
    if min(*stride, *dilation, *kernel) < 1 or max(*stride, *dilation, *reach) > MAX_SIZE:
        raise UnsupportedError(f"kernel {kernel} with stride {stride} and dilation {dilation}")
    if options.pads is not None:
        top, left, bottom, right = options.pads
        return KernelMoves(stride, dilation, (top, left, bottom, right))
    if options.padding not in (SAME, VALID):
        raise UnsupportedError(f"padding {options.padding}")
    pads = [(0, 0), (0, 0)]
    if options.padding == SAME:
        for axis in (0, 1):
            size, step = shape[axis], stride[axis]
            total = max((size - 1) // step * step + reach[axis] - size, 0)
            pads[axis] = (total // 2, total - total // 2)
    (top, bottom), (left, right) = pads
    return KernelMoves(stride, dilation, (top, left, bottom, right))


def geometry_of(
    in_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    kernel: tuple[int, int],
    moves: KernelMoves,
    groups: int,
) -> Geometry:
    """Return the geometry; refuse one that is not that of the output, or beyond all proportion.

    Raises UnsupportedError.
    """
    top, left, bottom, right = moves.pads
    padded = in_shape[0] + top + bottom, in_shape[1] + left + right
    expected = tuple(
        (padded[axis] - (kernel[axis] - 1) * moves.dilation[axis] - 1) // moves.stride[axis] + 1
        for axis in (0, 1)
    )
    if min(expected) < 1 or expected != out_shape[:2]:
        raise UnsupportedError(f"an output of {list(out_shape)} where {list(expected)} comes out")
    geometry = Geometry(
        in_h=in_shape[0],
        in_w=in_shape[1],
        in_c=in_shape[2],
        out_h=out_shape[0],
        out_w=out_shape[1],
        out_c=out_shape[2],
        k_h=kernel[0],
        k_w=kernel[1],
        stride_h=moves.stride[0],
        stride_w=moves.stride[1],
        dilation_h=moves.dilation[0],
        dilation_w=moves.dilation[1],
        pad_top=top,
        pad_left=left,
        pad_bottom=bottom,
        pad_right=right,
        groups=groups,
    )
    pixels = max(geometry.in_h * geometry.in_w, geometry.out_pixels)
    if geometry.macs > MAX_MACS or pixels > MAX_PIXELS:
        raise UnsupportedError(f"{geometry.macs:,} multiply-accumulates over {pixels:,} pixels")
    return geometry


def image(given: FileTensor) -> tuple[int, int, int]:
    """Return height, width and channels of *given*. Raises UnsupportedError."""
    if len(given.shape) != 4 or given.shape[0] != 1:
        raise UnsupportedError(f"a tensor of {list(given.shape)} where one image is expected")
    _, height, width, channels = given.shape
    return height, width, channels


def windowed(
    operator: FileOperator,
    scene: TfliteScene,
    options: Options,
    kernel: tuple[int, int],
    groups: int,
) -> tuple[Geometry, tuple[Tensor, Tensor]]:
    """Return the geometry of an operator that moves a kernel over an image, and its tensors."""
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    in_shape, out_shape = image(given), image(output)
    geometry = geometry_of(in_shape, out_shape, kernel, window(options, in_shape, kernel), groups)
    return geometry, (scene.seen(given), scene.seen(output))


def _windowed(
    operator: FileOperator,
    scene: TfliteScene,
    options: Options,
    weights: FileWeights,
    groups: int,
    *,
    symmetric: bool,
) -> Built:
    out_c, k_h, k_w, _ = weights.values.shape
    geometry, tensors = windowed(operator, scene, options, (k_h, k_w), groups)
    if geometry.out_c != out_c or out_c % groups:
        raise UnsupportedError(f"weights for {out_c} channels, an output of {geometry.out_c}")
    layer = Layer(
        geometry=geometry,
        clamp=clamp(options, tensors[1]),
        kind="conv2d",
        title="convolution layer",
        rounding=scene.rounding,
    )
    return convolution(layer, tensors, weights, symmetric=symmetric)


def convolution(
    layer: Layer,
    tensors: tuple[Tensor, Tensor],
    weights: FileWeights,
    *,
    symmetric: bool,
    rows: int = 1,
) -> Built:
    """Return the convolution; before a hybrid one what rounds its input to 8 bits.

    Raises UnsupportedError.
    """
    given, output = tensors
    of_one_dtype(given, output, among=NUMBERS)
    if weights.bias is not None and (weights.bias.dtype == np.float32) != (
        given.dtype == "float32"
    ):
        raise UnsupportedError(f"a {weights.bias.dtype} bias with {given.dtype} tensors")
    if given.arithmetic.is_exact:
        return [_quantised(layer, tensors, weights)]
    if weights.given.dtype == "float32":
        return [_conv2d(layer, tensors, weights.values, weights.bias, None)]
    rounded = Tensor(name=f"{given.name}:8bit:{output.name}", shape=given.shape, dtype="float32")
    scales = _scales(weights)[:, None, None, None]
    values = (weights.values * scales).astype(np.float32)
    return [
        DynamicQuantize(name="", inputs=(given,), output=rounded, symmetric=symmetric, rows=rows),
        _conv2d(layer, (rounded, output), values, weights.bias, None),
    ]


def _scales(weights: FileWeights) -> NDArray[np.float64]:
    """Return the scale of each output channel, widened to double."""
    scales, count = weights.given.scales, len(weights.values)
    if scales.size not in (1, count) or not (scales > 0).all():
        raise UnsupportedError(f"{scales.size} scales of weights for {count} channels")
    return np.broadcast_to(scales.astype(np.float64), count)


def _quantised(layer: Layer, tensors: tuple[Tensor, Tensor], weights: FileWeights) -> Conv2d:
    given, output = scaled(tensors[0]), scaled(tensors[1])
    if weights.given.dtype != "int8":
        raise UnsupportedError(f"{weights.given.dtype} weights with {given.dtype} tensors")
    if given.dtype == "int16":
        layer = _wide(layer, tensors, weights)
    elif weights.bias is not None and weights.bias.dtype == np.int64:
        raise UnsupportedError("an int64 bias with int8 tensors")
    in_scale, out_scale, scales = given.scale or 1, output.scale or 1, _scales(weights)
    products = in_scale * scales
    if layer.rounds_product and weights.given.scales.size == 1:
        products = products.astype(np.float32).astype(np.float64)
    multiplier, shift = quantize.multipliers(1.0, products, out_scale, layer.rounding)
    if shift.max() > (MAX_REDUCED_SHIFT if layer.rounding == "reduced" else MAX_SHIFT):
        raise UnsupportedError(f"scales whose quotient is about 2**{shift.max()}")
    found = _conv2d(
        layer,
        tensors,
        weights.values,
        weights.bias,
        Quantization(
            in_zero_point=given.zero_point,
            out_zero_point=output.zero_point,
            multiplier=multiplier,
            shift=shift,
            rounding=layer.rounding,
            in_scale=in_scale,
            out_scale=out_scale,
            weight_scale=scales,
        ),
    )
    if problem := overflow(found):
        raise UnsupportedError(problem.partition(": expected ")[2])
    return found


def _wide(layer: Layer, tensors: tuple[Tensor, Tensor], weights: FileWeights) -> Layer:
    """Return *layer* as TensorFlow Lite rounds the sums of int16: by the bias's own dtype.

    Those of a depthwise layer are int64 whatever the bias is; a fully connected one multiplies as
    for int8.
    """
    symmetric(*tensors)
    g, bias = layer.geometry, weights.bias
    is_short = bias is not None and bias.dtype == np.int32 and not g.is_depthwise
    if layer.kind == "fully_connected" or is_short:
        return layer
    return replace(layer, rounding="reduced")


def _conv2d(
    layer: Layer,
    tensors: tuple[Tensor, Tensor],
    weights: NDArray[Any],
    bias: NDArray[Any] | None,
    quantization: Quantization | None,
) -> Conv2d:
    return Conv2d(
        name="",
        dtype=tensors[0].dtype,
        geometry=layer.geometry,
        activation=layer.clamp.activation,
        activation_min=layer.clamp.low,
        activation_max=layer.clamp.high,
        weights=weights,
        bias=bias,
        quantization=quantization,
        synthetic=False,
        kind=layer.kind,
        title=layer.title,
        input_name=tensors[0].name,
        output_name=tensors[1].name,
    )
