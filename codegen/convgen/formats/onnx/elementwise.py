"""Operators that look at one element of each input, and Softmax."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from convgen.formats.onnx.layers import signed
from convgen.formats.onnx.scene import (
    Initializer,
    Numbers,
    OnnxScene,
    Value,
    axis_of,
    check,
    quantization,
    straight,
)
from convgen.formats.onnx.tables import Node
from convgen.formats.tflite.tables import FileTensor, Options
from convgen.model.quantize import INT8

FUNCTIONS = {
    "HardSwish": "HARD_SWISH",
    "LeakyRelu": "LEAKY_RELU",
    "Relu": "RELU",
    "Sigmoid": "LOGISTIC",
    "Tanh": "TANH",
}


def quantize_linear(scene: OnnxScene, node: Node) -> None:
    """Make a QuantizeLinear of a tensor: nothing where it is rounded already."""
    numbers = quantization(scene, node)
    check(numbers.scales.size == 1, "a scale for each channel of what is no weight")
    known = scene.known(node, 0)
    output = node.outputs[0]
    zeros = scene.known(node, 2)
    kind = np.dtype("uint8") if zeros is None else zeros.values.dtype
    check(kind.name in ("int8", "uint8"), f"{kind} tensors")
    if kind == np.uint8:
        scene.unsigned.add(output)
    if known is not None:
        steps = np.rint(known.real / numbers.scales[0])
        low = steps + (int(numbers.zero_points[0]) + (128 if kind == np.uint8 else 0))
        limits = np.iinfo(kind.name)
        scene.constants[output] = Initializer(np.clip(low, limits.min, limits.max).astype(kind))
        return
    scene.values[output] = scene.rounded(scene.value(node), numbers, output)


def dequantize_linear(scene: OnnxScene, node: Node) -> None:
    """Make a DequantizeLinear: it only says what bytes stand for."""
    known = scene.known(node, 0)
    numbers = quantization(scene, node)
    if known is None:
        value = scene.value(node)
        check(numbers.same(value.numbers), "bytes that are read as something else than written")
        scene.values[node.outputs[0]] = value
        return
    check(known.numbers is None and known.values.dtype.kind in "iu", "weights dequantised twice")
    count = numbers.scales.size
    if count > 1:
        axis = axis_of(numbers.axis, known.values.ndim)
        check(known.values.shape[axis] == count, f"{count} scales of {list(known.values.shape)}")
    found = Initializer(known.values, numbers)
    if known.values.dtype == np.uint8:
        found = Initializer(signed(found)[0], numbers)
    scene.constants[node.outputs[0]] = found


def function(scene: OnnxScene, node: Node) -> None:
    """Make a function of one element: a table where it is from bytes to bytes."""
    value = scene.value(node)
    alpha = float(node.attributes.get("alpha", 0.01))
    kind, options = FUNCTIONS[node.kind], None
    if kind == "LEAKY_RELU":
        options = Options(of="LeakyReluOptions", alpha=alpha)
    numbers = scene.target(node.outputs[0])
    if value.numbers is None or numbers is None:
        value, numbers = scene.dequantized(value), None
    elif kind == "RELU":
        value = scene.rounded(value, numbers, f"{node.outputs[0]}:rounded")
    output = scene.tensor(node.outputs[0], value.tensor.shape, numbers)
    scene.emit(kind, [value.tensor], output, options)
    scene.values[node.outputs[0]] = replace(value, tensor=output)


def clip(scene: OnnxScene, node: Node) -> None:
    """Make a Clip: after rounding, where its output is rounded, which gives the same."""
    value, output = scene.value(node), node.outputs[0]
    low, high = (_bound(scene, node, place) for place in (1, 2))
    numbers = scene.target(output)
    if value.numbers is None or numbers is None:
        value, numbers = scene.dequantized(value), None
    else:
        value = scene.rounded(value, numbers, f"{output}:rounded")
    kinds = {(0.0, 6.0): "RELU6", (0.0, math.inf): "RELU", (-1.0, 1.0): "RELU_N1_TO_1"}
    if (low, high) in kinds:
        steps: list[tuple[str, list[FileTensor]]] = [(kinds[low, high], [])]
    else:
        ends = (("MAXIMUM", low), ("MINIMUM", high))
        steps = [(kind, [_end(scene, end, numbers)]) for kind, end in ends if math.isfinite(end)]
    for place, (kind, more) in enumerate(steps):
        name = output if place == len(steps) - 1 else f"{output}:{kind.lower()}"
        found = scene.tensor(name, value.tensor.shape, numbers)
        value = replace(value, tensor=scene.emit(kind, [value.tensor, *more], found))
    scene.values[output] = value


def _bound(scene: OnnxScene, node: Node, place: int) -> float:
    name, default = (("min", -math.inf), ("max", math.inf))[place - 1]
    if name in node.attributes:
        found = float(node.attributes[name])
    elif scene.has(node, place):
        values = scene.constant(node, place, f"a {name}").real
        check(values.size == 1 and values.dtype == np.float32, f"{name} of {values.dtype}")
        found = float(values.ravel()[0])
    else:
        return default
    check(not math.isnan(found), f"a {name} that is no number")
    return default if abs(found) >= np.finfo(np.float32).max else found


def _end(scene: OnnxScene, end: float, numbers: Numbers | None) -> FileTensor:
    if numbers is None:
        return scene.tensor("bound", (1,), None, np.full(1, end, np.float32))
    step = np.rint(np.float32(end) / numbers.scales) + numbers.zero_points
    return scene.tensor("bound", (1,), numbers, np.clip(step, INT8.min, INT8.max).astype(np.int8))


def arithmetic(scene: OnnxScene, node: Node) -> None:
    """Make an Add, Sub or Mul, whose operands may be constant, or of several shapes."""
    check(len(node.inputs) == 2, f"{len(node.inputs)} operands")
    operands = [scene.known(node, place) or scene.value(node, place) for place in (0, 1)]
    numbers = scene.target(node.outputs[0])
    if numbers is None or any(
        each.numbers is None or each.numbers.scales.size > 1 for each in operands
    ):
        numbers = None
        operands = [
            Initializer(each.real) if isinstance(each, Initializer) else scene.dequantized(each)
            for each in operands
        ]
    kind, output = node.kind.upper(), node.outputs[0]
    options = Options(of=f"{node.kind}Options")
    one, two = operands
    if isinstance(one, Value) and isinstance(two, Value) and _alike(one, two):
        found = scene.tensor(output, one.tensor.shape, numbers)
        scene.emit(kind, [one.tensor, two.tensor], found, options)
        scene.values[output] = replace(one, tensor=found)
        return
    shapes = [each.shape if isinstance(each, Value) else each.values.shape for each in operands]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        shape = ()
    check(bool(shape), " and ".join(str(list(each)) for each in shapes))
    order = _order(operands, len(shape))
    given = [_broadcast(scene, each, order, output) for each in operands]
    found = scene.tensor(output, [shape[axis] for axis in order], numbers)
    scene.put(output, scene.emit(kind, given, found, options), shape, order)


def _alike(one: Value, two: Value) -> bool:
    return (one.shape, one.before, one.order) == (two.shape, two.before, two.order)


def _order(operands: list[Any], rank: int) -> tuple[int, ...]:
    """Return in which order to store what comes out: that of the largest operand."""
    able = [
        each
        for each in operands
        if isinstance(each, Value) and each.shape == each.before and len(each.shape) == rank
    ]
    return max(able, key=lambda each: each.tensor.elems).order if able else straight(rank)


def _broadcast(
    scene: OnnxScene, given: Value | Initializer, order: tuple[int, ...], output: str
) -> FileTensor:
    """Return an operand with as many axes as the output has, in this order."""
    rank = len(order)
    if isinstance(given, Initializer):
        values, numbers = given.values, given.numbers
        if numbers is None:
            check(values.dtype == np.float32, f"{values.dtype} constants")
        values = values.reshape((1,) * (rank - values.ndim) + values.shape).transpose(order)
        return scene.tensor(f"{output}:constant", values.shape, numbers, values)
    if len(given.shape) < rank:
        plain = scene.stored(given, straight(len(given.shape)))
        shape = (1,) * (rank - len(given.shape)) + given.shape
        wide = scene.tensor(f"{plain.name}:wide", shape, given.numbers)
        given = Value(scene.emit("RESHAPE", [plain], wide), shape, shape, straight(rank))
    return scene.stored(given, order)


def softmax(scene: OnnxScene, node: Node) -> None:
    """Make a Softmax along what is the last axis once stored: of bytes, where TFLite has it."""
    value, rank = scene.value(node), len(scene.value(node).shape)
    default = -1 if scene.model.opset >= 13 else 1
    axis = axis_of(int(node.attributes.get("axis", default)), rank)
    if scene.model.opset < 13:
        beside = math.prod(value.shape[axis + 1 :])
        check(beside == 1, "a softmax over several axes at once")
    order = (*(each for each in range(rank) if each != axis), axis)
    numbers = scene.target(node.outputs[0])
    same = numbers is not None and abs(float(numbers.scales[0]) * 256 - 1) < 1e-3
    if value.numbers is None or not same or numbers is None or numbers.zero_points[0] != -128:
        value, numbers = scene.dequantized(value), None
    if value.before == value.shape and value.order[-1] == axis:
        order = value.order
    given = scene.stored(value, order)
    output = scene.tensor(node.outputs[0], given.shape, numbers)
    scene.emit("SOFTMAX", [given], output, Options(of="SoftmaxOptions"))
    scene.put(node.outputs[0], output, value.shape, order)
