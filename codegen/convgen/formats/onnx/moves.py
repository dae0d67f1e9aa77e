"""Operators that move elements, and those that only give them another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convgen.formats.onnx.scene import (
    Initializer,
    Numbers,
    OnnxScene,
    Value,
    axis_of,
    check,
    straight,
)
from convgen.formats.onnx.tables import Node
from convgen.formats.tflite.scene import Shape
from convgen.formats.tflite.tables import FileTensor, Options


def identity(scene: OnnxScene, node: Node) -> None:
    """Make an Identity, or a Dropout, which does nothing once a model is trained."""
    check(len([name for name in node.outputs if name]) == 1, "a mask as an output")
    if node.kind == "Dropout" and scene.has(node, 2):
        training = scene.constant(node, 2, "a training_mode").values
        check(not training.any(), "a dropout that learns")
    known = scene.known(node, 0)
    if known is not None:
        scene.constants[node.outputs[0]] = known
    else:
        scene.values[node.outputs[0]] = scene.value(node)


def view(scene: OnnxScene, node: Node) -> None:
    """Make a Reshape, Flatten, Squeeze or Unsqueeze: no bytes move until someone must see it."""
    value = scene.value(node)
    shape = SHAPES[node.kind](scene, node, value.shape)
    fits = math.prod(shape) == math.prod(value.shape) and min(shape, default=1) >= 1
    check(fits, f"{list(value.shape)} to {list(shape)}")
    scene.values[node.outputs[0]] = _viewed(scene, value, shape)


def _viewed(scene: OnnxScene, value: Value, shape: Shape) -> Value:
    if shape == value.shape:
        return value
    stored = value.tensor.shape
    moved = [axis for axis in value.order if value.before[axis] > 1]
    if moved == sorted(moved):
        found = scene.tensor(f"{value.tensor.name}:view", shape, value.numbers)
        return Value(
            scene.emit("RESHAPE", [value.tensor], found), shape, shape, straight(len(shape))
        )
    check(len(stored) > 0, "a tensor without axes")
    return replace(value, shape=shape)


def _reshape(scene: OnnxScene, node: Node, given: Shape) -> Shape:
    wanted = list(scene.integers(node, 1, "shape") or ())
    if not node.attributes.get("allowzero", 0):
        check(all(size or place < len(given) for place, size in enumerate(wanted)), f"{wanted}")
        wanted = [size or given[place] for place, size in enumerate(wanted)]
    if wanted.count(-1) == 1:
        rest = math.prod(size for size in wanted if size != -1)
        check(rest > 0, f"a shape of {wanted}")
        wanted[wanted.index(-1)] = math.prod(given) // rest
    return tuple(wanted)


def _flatten(scene: OnnxScene, node: Node, given: Shape) -> Shape:
    axis = int(node.attributes.get("axis", 1))
    axis = axis if axis == len(given) else axis_of(axis, len(given))
    return math.prod(given[:axis]), math.prod(given[axis:])


def _squeeze(scene: OnnxScene, node: Node, given: Shape) -> Shape:
    axes = scene.integers(node, 1, "axes")
    if axes is None:
        return tuple(size for size in given if size != 1)
    gone = {axis_of(axis, len(given)) for axis in axes}
    check(all(given[axis] == 1 for axis in gone), f"axes {list(axes)} of {list(given)}")
    return tuple(size for axis, size in enumerate(given) if axis not in gone)


def _unsqueeze(scene: OnnxScene, node: Node, given: Shape) -> Shape:
    axes = scene.integers(node, 1, "axes") or ()
    rank = len(given) + len(axes)
    new = {axis_of(axis, rank) for axis in axes}
    check(len(new) == len(axes), f"axes {list(axes)}")
    sizes = iter(given)
    return tuple(1 if axis in new else next(sizes) for axis in range(rank))


SHAPES = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
}


def transpose(scene: OnnxScene, node: Node) -> None:
    """Make a Transpose: ONNX's axes have other places, the stored ones stay."""
    value = scene.value(node)
    rank = len(value.shape)
    axes = tuple(int(each) for each in node.attributes.get("perm", reversed(range(rank))))
    check(sorted(axes) == list(range(rank)), f"axes {list(axes)} of {rank}")
    if value.before != value.shape:
        tensor = scene.stored(value, straight(rank))
        value = Value(tensor, value.shape, value.shape, straight(rank))
    shape = tuple(value.shape[axis] for axis in axes)
    order = tuple(axes.index(axis) for axis in value.order)
    scene.put(node.outputs[0], value.tensor, shape, order)


def concat(scene: OnnxScene, node: Node) -> None:
    """Make a Concat, of bytes where all of its inputs are. Raises UnsupportedError."""
    places = range(len(node.inputs))
    given = [scene.known(node, place) or scene.value(node, place) for place in places]
    values = [each for each in given if isinstance(each, Value)]
    check(bool(values), "constant inputs")
    first = values[0].shape
    axis = axis_of(int(node.attributes.get("axis", 0)), len(first))
    numbers = scene.target(node.outputs[0])
    if len(values) < len(given) or any(each.numbers is None for each in values):
        numbers = None
    plain = [each for each in values if each.before == each.shape]
    order = plain[0].order if plain else straight(len(first))
    shapes = [each.shape if isinstance(each, Value) else each.values.shape for each in given]
    beside = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    fits = len(beside) == 1 and {len(shape) for shape in shapes} == {len(first)}
    check(fits, f"tensors of {', '.join(str(list(shape)) for shape in shapes)}")
    output = node.outputs[0]
    parts = [_part(scene, each, order, numbers, output) for each in given]
    out = (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])
    joined = scene.tensor(output, [out[each] for each in order], numbers)
    options = Options(of="ConcatenationOptions", axis=order.index(axis))
    scene.put(output, scene.emit("CONCATENATION", parts, joined, options), out, order)


def _part(
    scene: OnnxScene,
    given: Value | Initializer,
    order: tuple[int, ...],
    numbers: Numbers | None,
    output: str,
) -> FileTensor:
    """Return what a Concat joins: bytes of *numbers*, or float32."""
    if isinstance(given, Initializer):
        check(given.real.dtype == np.float32, f"{given.values.dtype} constants")
        data = given.real.transpose(order)
        return scene.tensor(f"{output}:constant", data.shape, None, data)
    if numbers is None:
        return scene.stored(scene.dequantized(given), order)
    return scene.stored(scene.rounded(given, numbers, f"{given.tensor.name}:{output}"), order)


def _plain(scene: OnnxScene, value: Value) -> Value:
    """Return *value* with ONNX's axes, in whatever order."""
    if value.before == value.shape:
        return value
    order = straight(len(value.shape))
    return Value(scene.stored(value, order), value.shape, value.shape, order)


def slice_(scene: OnnxScene, node: Node) -> None:
    """Make a Slice; what it takes stays the same bytes."""
    value = _plain(scene, scene.value(node))
    rank = len(value.shape)
    starts = scene.integers(node, 1, "starts") or ()
    ends = scene.integers(node, 2, "ends") or ()
    axes = scene.integers(node, 3, "axes") or straight(len(starts))
    steps = scene.integers(node, 4, "steps") or (1,) * len(starts)
    check(len(starts) == len(ends) == len(axes) == len(steps) and 0 not in steps, "a slice")
    ranges = [range(size) for size in value.shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = axis_of(axis, rank)
        size = value.shape[place]
        low = -(2**31) if step < 0 and end < -size else end
        ranges[place] = range(size)[slice(start, None if low == -(2**31) else low, step)]
    check(all(len(each) for each in ranges), "an empty output")
    shape = tuple(len(each) for each in ranges)
    found = [ranges[axis] for axis in value.order]
    begin = np.array([each[0] for each in found])
    strides = np.array([each.step for each in found])
    last = np.array([each[-1] for each in found])
    end = last + np.sign(strides)
    mask = sum(1 << place for place, at in enumerate(end) if at < 0)
    output = scene.tensor(node.outputs[0], [len(each) for each in found], value.numbers)
    options = Options(of="StridedSliceOptions", end_mask=mask)
    given = [value.tensor, *(scene.numbers(each, "slice") for each in (begin, end, strides))]
    scene.put(
        node.outputs[0], scene.emit("STRIDED_SLICE", given, output, options), shape, value.order
    )


def pad(scene: OnnxScene, node: Node) -> None:
    """Make a Pad with a constant; what it pads stays the same bytes."""
    mode = node.attributes.get("mode", "constant")
    check(mode == "constant", f"padding that is {mode}")
    value = _plain(scene, scene.value(node))
    rank = len(value.shape)
    widths = scene.integers(node, 1, "pads") or ()
    axes = scene.integers(node, 3, "axes") or straight(rank)
    check(len(widths) == 2 * len(axes) and min(widths) >= 0, f"pads {list(widths)}")
    both = [[0, 0] for _ in range(rank)]
    for place, axis in enumerate(axes):
        both[axis_of(axis, rank)] = [widths[place], widths[place + len(axes)]]
    shape = tuple(size + sum(each) for size, each in zip(value.shape, both, strict=True))
    known = scene.known(node, 2)
    fill = float(node.attributes.get("value", 0.0))
    if known is not None:
        check(known.values.size == 1, "a constant of several numbers")
        fill = float(known.real.ravel()[0])
    filler = _filler(scene, fill, value.numbers)
    if filler is None:
        value = scene.dequantized(value)
        filler = scene.tensor("filler", (1,), None, np.full(1, fill, np.float32))
    output = scene.tensor(node.outputs[0], [shape[axis] for axis in value.order], value.numbers)
    turned = scene.numbers(np.array([both[axis] for axis in value.order]), "widths")
    scene.emit("PADV2", [value.tensor, turned, filler], output)
    scene.put(node.outputs[0], output, shape, value.order)


def _filler(scene: OnnxScene, fill: float, numbers: Numbers | None) -> FileTensor | None:
    """Return the byte that stands for *fill*, if one does."""
    if numbers is None:
        return None
    step = fill / float(numbers.scales[0]) + int(numbers.zero_points[0])
    if step != round(step) or not -128 <= step <= 127:
        return None
    return scene.tensor("filler", (1,), numbers, np.full(1, step, np.int8))


def known_shape(scene: OnnxScene, node: Node) -> None:
    """Make a Shape, which is known beforehand."""
    given = scene.known(node, 0)
    shape: Sequence[int] = scene.value(node).shape if given is None else given.values.shape
    start, end = node.attributes.get("start", 0), node.attributes.get("end", None)
    scene.constants[node.outputs[0]] = Initializer(np.array(shape[start:end], np.int64))
