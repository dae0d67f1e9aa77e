"""Convolutions, Gemm and MatMul, and what scales each channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.formats.onnx.scene import (
    SHIFT,
    Initializer,
    Numbers,
    OnnxScene,
    Value,
    axis_of,
    check,
    image_order,
    straight,
)
from convgen.formats.onnx.tables import Node
from convgen.formats.onnx.window import pads_of, swept, window_of
from convgen.formats.tflite.scene import UnsupportedError
from convgen.formats.tflite.tables import FileTensor, Options
from convgen.model.quantize import INT32


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """What is summed: the input as it is computed with, weights, and what outputs stand for.

    ``channel``: the axis of ``weights`` that has the outputs' channels. ``output``: whose name the
    outputs have.
    """

    value: Value
    weights: Initializer
    bias: Initializer | None
    numbers: Numbers | None
    output: str
    channel: int = 0

    def tensors(self, scene: OnnxScene, axes: Sequence[int]) -> list[FileTensor]:
        """Return weights with their axes in this order, and the bias if there is one."""
        found = self._weights(scene, axes)
        return [found] if self.bias is None else [found, self._bias(scene, self.bias, found)]

    def _weights(self, scene: OnnxScene, axes: Sequence[int]) -> FileTensor:
        name, numbers = f"{self.output}:weights", None
        if self.numbers is None:
            values = self.weights.real
            check(values.dtype == np.float32, f"{values.dtype} weights")
        else:
            values, numbers = signed(self.weights)
            along = axis_of(numbers.axis, values.ndim) if numbers.scales.size > 1 else self.channel
            check(along == self.channel, "a scale for each of what is no output channel")
        values = values.transpose(axes)
        return scene.tensor(name, values.shape, numbers, values)

    def _bias(self, scene: OnnxScene, bias: Initializer, weights: FileTensor) -> FileTensor:
        out_c = self.weights.values.shape[self.channel]
        check(bias.values.size in (1, out_c), f"a bias of {list(bias.values.shape)}")
        if self.numbers is None:
            values = bias.real.ravel().astype(np.float32)
        elif bias.values.dtype == np.int32:
            values = bias.values.ravel()
        else:
            steps = weights.scales.astype(np.float64) * float(self.value.tensor.scales[0])
            values = np.clip(np.rint(bias.real.ravel() / steps), INT32.min, INT32.max)
            values = values.astype(np.int32)
        whole = np.broadcast_to(values, out_c)
        return scene.tensor(f"{self.output}:bias", (out_c,), None, whole)


def sums_of(scene: OnnxScene, node: Node, weights: Initializer, channel: int = 0) -> Sums:
    """Return what *node* sums: integers where input, weights and output all are."""
    value, numbers = scene.value(node), scene.target(node.outputs[0])
    bias = scene.known(node, 2)
    check(bias is not None or not scene.has(node, 2), "a bias that the model computes")
    if weights.numbers is None or value.numbers is None or numbers is None:
        value, numbers = scene.dequantized(value), None
    return Sums(
        value=value,
        weights=weights,
        bias=bias,
        numbers=numbers,
        output=node.outputs[0],
        channel=channel,
    )


def conv(scene: OnnxScene, node: Node) -> None:
    """Make a Conv of one or two dimensions. Raises UnsupportedError."""
    weights = scene.constant(node, 1, "weights")
    value = scene.value(node)
    rank = weights.values.ndim
    check(rank in (3, 4) and len(value.shape) == rank, f"weights of {list(weights.values.shape)}")
    groups = int(node.attributes.get("group", 1))
    in_c, (out_c, group_c) = value.shape[1], weights.values.shape[:2]
    check(groups > 0 and group_c * groups == in_c, f"{groups} groups of {group_c} for {in_c}")
    sizes, kernel = value.shape[2:], weights.values.shape[2:]
    window = window_of(node, kernel)
    pads = pads_of(node, window, sizes)
    out = (1, out_c, *swept(window, sizes, pads))
    depthwise = groups == in_c and groups > 1
    kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    axes = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
    sums = _normalised(scene, node, sums_of(scene, node, _flat(weights)))
    tensors = sums.tensors(scene, axes)
    given = image_of(scene, sums.value)
    order = image_order(rank)
    shape = [out[axis] for axis in order]
    wide = [*shape[:1], *[1] * (4 - rank), *shape[1:]]
    output = scene.tensor(sums.output, wide, sums.numbers)
    options = window.options(kind, pads)
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    scene.emit(name, [given, *tensors], output, options)
    scene.put(sums.output, narrow(scene, output, shape), out, order)


def _normalised(scene: OnnxScene, node: Node, sums: Sums) -> Sums:
    """Return a convolution and the normalisation that alone reads it as one."""
    readers = scene.readers.get(node.outputs[0], [])
    alone = len(readers) == 1 and node.outputs[0] not in scene.model.outputs
    if not alone or readers[0].kind != "BatchNormalization" or sums.numbers is not None:
        return sums
    scale, shift = normalization(scene, readers[0])
    weights = sums.weights.real
    check(len(scale) == len(weights), f"{len(scale)} channels normalised of {len(weights)}")
    bias = 0 if sums.bias is None else sums.bias.real.ravel() * scale
    scene.joined.add(readers[0].index)
    return replace(
        sums,
        weights=Initializer(weights * scale[:, None, None, None]),
        bias=Initializer((shift + bias).astype(np.float32)),
        output=readers[0].outputs[0],
    )


def conv_transpose(scene: OnnxScene, node: Node) -> None:
    """Make a ConvTranspose of two dimensions. Raises UnsupportedError."""
    weights = scene.constant(node, 1, "weights")
    value = scene.value(node)
    check(weights.values.ndim == len(value.shape) == 4, "an input that is no image")
    check(int(node.attributes.get("group", 1)) == 1, "groups of a transposed convolution")
    check(weights.values.shape[0] == value.shape[1], "weights for another number of channels")
    window = window_of(node, weights.values.shape[2:])
    check(set(window.dilation) == {1}, "a dilated transposed convolution")
    extra = node.attributes.get("output_padding", (0, 0))
    check(len(extra) == 2, f"an output_padding of {list(extra)}")
    check("output_shape" not in node.attributes, "an output_shape")
    check(node.attributes.get("auto_pad", "NOTSET") in ("NOTSET", "VALID"), "an auto_pad")
    pads = pads_of(node, window, value.shape[2:])
    sizes = [
        window.stride[axis] * (value.shape[2 + axis] - 1)
        + extra[axis]
        + window.kernel[axis]
        - pads[axis]
        - pads[axis + 2]
        for axis in (0, 1)
    ]
    out = (1, weights.values.shape[1], *sizes)
    sums = sums_of(scene, node, weights, channel=1)
    tensors = sums.tensors(scene, (1, 2, 3, 0))
    order = image_order(4)
    output = scene.tensor(node.outputs[0], [out[axis] for axis in order], sums.numbers)
    size = scene.numbers(np.array(output.shape), "size")
    given = [size, tensors[0], image_of(scene, sums.value), *tensors[1:]]
    scene.emit("TRANSPOSE_CONV", given, output, window.options("TransposeConvOptions", pads))
    scene.put(node.outputs[0], output, out, order)


def gemm(scene: OnnxScene, node: Node) -> None:
    """Make a Gemm with constant weights. Raises UnsupportedError."""
    weights = scene.constant(node, 1, "weights")
    check(not node.attributes.get("transA", 0), "a transposed input")
    check(weights.values.ndim == 2, f"weights of {list(weights.values.shape)}")
    if not node.attributes.get("transB", 0):
        weights = _transposed(weights)
    sums = sums_of(scene, node, weights)
    alpha, beta = (float(node.attributes.get(name, 1.0)) for name in ("alpha", "beta"))
    if (alpha, beta) != (1.0, 1.0):
        check(sums.numbers is None, "alpha or beta of integers")
        sums = replace(sums, weights=_times(weights, alpha))
        sums = replace(sums, bias=None if sums.bias is None else _times(sums.bias, beta))
    _connected(scene, node, sums)


def _times(given: Initializer, factor: float) -> Initializer:
    return Initializer((given.real * np.float32(factor)).astype(np.float32))


def matmul(scene: OnnxScene, node: Node) -> None:
    """Make a MatMul with a constant matrix. Raises UnsupportedError."""
    weights = scene.constant(node, 1, "a matrix")
    check(weights.values.ndim == 2, f"a matrix of {list(weights.values.shape)}")
    check(len(node.inputs) == 2, f"{len(node.inputs)} operands")
    _connected(scene, node, sums_of(scene, node, _transposed(weights)))


def _transposed(weights: Initializer) -> Initializer:
    numbers = weights.numbers
    if numbers is not None:
        numbers = Numbers(numbers.scales, numbers.zero_points, 1 - axis_of(numbers.axis, 2))
    return Initializer(weights.values.T, numbers)


def _connected(scene: OnnxScene, node: Node, sums: Sums) -> None:
    """Make a fully connected operator; its columns go in the order in which inputs are stored."""
    value, weights = sums.value, sums.weights
    out_c, in_c = weights.values.shape
    check(value.shape[-1:] == (in_c,), f"weights for {in_c} inputs of {list(value.shape)}")
    columns = _columns(value)
    if columns is None:
        given = scene.stored(value, straight(len(value.shape)))
    else:
        given = value.tensor
        sums = replace(sums, weights=Initializer(weights.values[:, columns], weights.numbers))
    tensors = sums.tensors(scene, (0, 1))
    shape = (*value.shape[:-1], out_c)
    output = scene.tensor(node.outputs[0], shape, sums.numbers)
    scene.emit("FULLY_CONNECTED", [given, *tensors], output, Options(of="FullyConnectedOptions"))
    scene.put(node.outputs[0], output, shape, straight(len(shape)))


def _columns(value: Value) -> NDArray[Any] | None:
    """Return which of ONNX's elements are stored, in order, if these are one row."""
    if value.tensor.elems != value.shape[-1]:
        return None
    count = np.arange(value.tensor.elems).reshape(value.before)
    return count.transpose(value.order).ravel()


def _flat(weights: Initializer) -> Initializer:
    """Return weights of one dimension as of two."""
    if weights.values.ndim == 4:
        return weights
    return Initializer(weights.values[:, :, None], weights.numbers)


def image_of(scene: OnnxScene, value: Value) -> FileTensor:
    """Return the input as an image of height, width and channels."""
    given = scene.stored(value, image_order(len(value.shape)))
    if len(given.shape) == 4:
        return given
    shape = [given.shape[0], 1, *given.shape[1:]]
    return scene.emit("RESHAPE", [given], scene.tensor(f"{given.name}:image", shape, value.numbers))


def narrow(scene: OnnxScene, given: FileTensor, shape: list[int]) -> FileTensor:
    """Return an image as what it is an image of."""
    if list(given.shape) == shape:
        return given
    numbers = None if given.dtype == "float32" else Numbers(given.scales, given.zero_points)
    return scene.emit("RESHAPE", [given], scene.tensor(f"{given.name}:line", shape, numbers))


def signed(given: Initializer) -> tuple[NDArray[Any], Numbers]:
    """Return bytes as int8, with what they stand for then. Raises UnsupportedError."""
    if given.numbers is None or given.values.dtype.name not in ("int8", "uint8"):
        raise UnsupportedError(f"{given.values.dtype} weights")
    values, numbers = given.values, given.numbers
    if values.dtype == np.uint8:
        values = (values.astype(np.int16) - SHIFT).astype(np.int8)
    return values, numbers


def batch_normalization(scene: OnnxScene, node: Node) -> None:
    """Make a BatchNormalization: a product and a sum for each channel. Raises UnsupportedError."""
    scale, shift = normalization(scene, node)
    value = scene.dequantized(scene.value(node))
    rank = len(value.shape)
    check(rank >= 2 and scale.size == value.shape[1], f"{scale.size} channels of {value.shape}")
    order = image_order(rank)
    given = scene.stored(value, order)
    for kind, numbers in (("MUL", scale), ("ADD", shift)):
        name = node.outputs[0] if kind == "ADD" else f"{node.outputs[0]}:scaled"
        one = scene.tensor(f"{name}:{kind.lower()}", numbers.shape, None, numbers)
        output = scene.tensor(name, given.shape, None)
        given = scene.emit(kind, [given, one], output, Options(of=f"{kind.title()}Options"))
    scene.put(node.outputs[0], given, value.shape, order)


def normalization(scene: OnnxScene, node: Node) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what a BatchNormalization multiplies and adds. Raises UnsupportedError."""
    check(not node.attributes.get("training_mode", 0), "a normalisation that learns")
    parts = [scene.constant(node, place, "statistics").real for place in (1, 2, 3, 4)]
    check(len({part.shape for part in parts}) == 1 and parts[0].ndim == 1, "statistics of shapes")
    gamma, beta, mean, variance = (part.astype(np.float64) for part in parts)
    check(bool((variance >= 0).all()), "negative variances")
    scale = gamma / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)
