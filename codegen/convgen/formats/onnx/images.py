"""Poolings, and Resize."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convgen.formats.onnx.layers import image_of, narrow
from convgen.formats.onnx.scene import Numbers, OnnxScene, Value, check, image_order
from convgen.formats.onnx.tables import Node
from convgen.formats.onnx.window import Window, pads_of, swept, window_of
from convgen.formats.tflite.tables import FileTensor, Options


def pool(scene: OnnxScene, node: Node) -> None:
    """Make a MaxPool or AveragePool of one or two dimensions. Raises UnsupportedError."""
    check(len([name for name in node.outputs if name]) == 1, "indices as an output")
    value, target = scene.value(node), scene.target(node.outputs[0])
    rank = len(value.shape)
    window = window_of(node, node.attributes.get("kernel_shape", ()))
    check(rank in (3, 4) and len(window.kernel) == rank - 2, f"a window for {list(value.shape)}")
    is_max = node.kind == "MaxPool"
    if not is_max and target is None:
        value = scene.dequantized(value)
    sizes = value.shape[2:]
    pads = pads_of(node, window, sizes)
    counted = bool(node.attributes.get("count_include_pad", 0)) and any(pads) and not is_max
    check(set(window.dilation) == {1}, "a dilated pooling")
    ceil = bool(node.attributes.get("ceil_mode", 0))
    check(not (ceil and counted), "a pooling of ceil_mode that counts pads")
    given, numbers = image_of(scene, value), value.numbers
    is_whole = not ceil and (counted or not any(pads))
    if not is_max and is_whole and numbers and target and not target.same(numbers):
        made = "DEPTHWISE_CONV_2D", [given, _shares(scene, node, value, window)]
        options, numbers = window.options("DepthwiseConv2DOptions", pads), target
    else:
        if counted:
            given, pads = _padded(scene, given, numbers, pads), (0,) * len(pads)
            sizes = given.shape[3 - (rank - 2) : 3]
        if ceil:
            pads = _further(window, sizes, pads)
        made = "MAX_POOL_2D" if is_max else "AVERAGE_POOL_2D", [given]
        options = window.options("Pool2DOptions", pads)
    out = (1, value.shape[1], *swept(window, sizes, pads))
    order = image_order(rank)
    shape = [out[axis] for axis in order]
    wide = [*shape[:1], *[1] * (4 - rank), *shape[1:]]
    output = scene.emit(*made, scene.tensor(node.outputs[0], wide, numbers), options)
    scene.put(node.outputs[0], narrow(scene, output, shape), out, order)


def _shares(scene: OnnxScene, node: Node, value: Value, window: Window) -> FileTensor:
    """Return the weights of an average as a convolution, which rounds once to another scale."""
    count = math.prod(window.kernel)
    ones = np.ones((1, *[1] * (4 - len(value.shape)), *window.kernel, value.shape[1]), np.int8)
    numbers = Numbers(np.array([1 / count], np.float32), np.zeros(1, np.int64))
    return scene.tensor(f"{node.outputs[0]}:shares", ones.shape, numbers, ones)


def _padded(
    scene: OnnxScene, given: FileTensor, numbers: Numbers | None, pads: Sequence[int]
) -> FileTensor:
    """Return the image with zeros around it, which are counted."""
    half = len(pads) // 2
    lead = (0,) * (2 - half)
    before, after = (*lead, *pads[:half]), (*lead, *pads[half:])
    widths = np.array([[0, 0], *zip(before, after, strict=True), [0, 0]])
    sides = [0, *map(sum, zip(before, after, strict=True)), 0]
    shape = [size + more for size, more in zip(given.shape, sides, strict=True)]
    output = scene.tensor(f"{given.name}:padded", shape, numbers)
    return scene.emit("PAD", [given, scene.numbers(widths, "widths")], output)


def _further(window: Window, sizes: Sequence[int], pads: Sequence[int]) -> tuple[int, ...]:
    """Return pads with which the last window, which begins inside, has all of its places."""
    rank, found = len(window.kernel), list(pads)
    for axis, size in enumerate(sizes):
        step, whole = window.stride[axis], size + pads[axis] + pads[axis + rank]
        count = -(-(whole - window.reach(axis)) // step) + 1
        if (count - 1) * step >= size + pads[axis]:
            count -= 1
        found[axis + rank] += max((count - 1) * step + window.reach(axis) - whole, 0)
    return tuple(found)


def global_pool(scene: OnnxScene, node: Node) -> None:
    """Make a GlobalAveragePool. Raises UnsupportedError."""
    value, numbers = scene.value(node), scene.target(node.outputs[0])
    if value.numbers is None or numbers is None:
        value, numbers = scene.dequantized(value), None
    rank = len(value.shape)
    check(rank >= 3, f"a tensor of {list(value.shape)}")
    order = image_order(rank)
    given = scene.stored(value, order)
    axes = scene.numbers(np.arange(1, rank - 1), "axes")
    out = (*value.shape[:2], *[1] * (rank - 2))
    output = scene.tensor(node.outputs[0], [out[axis] for axis in order], numbers)
    scene.emit("MEAN", [given, axes], output, Options(of="ReducerOptions", keep_dims=1))
    scene.put(node.outputs[0], output, out, order)


@dataclass(frozen=True, slots=True)
class _Scaling:
    """How places of an output are places of an input."""

    how: str
    given: int
    made: int
    scale: float

    def places(self) -> NDArray[np.float64]:
        """Return where each output lies in the input."""
        x = np.arange(self.made, dtype=np.float64)
        if self.how == "align_corners":
            return x * (self.given - 1) / max(self.made - 1, 1)
        if self.how == "asymmetric":
            return x / self.scale
        if self.how == "pytorch_half_pixel" and self.made == 1:
            return np.zeros(1)
        return (x + 0.5) / self.scale - 0.5


_WAYS = {
    "asymmetric": (0, 0),
    "half_pixel": (0, 1),
    "pytorch_half_pixel": (0, 1),
    "align_corners": (1, 0),
}
_NEAREST: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def resize(scene: OnnxScene, node: Node) -> None:
    """Make a Resize (or Upsample) of an image. Raises UnsupportedError."""
    value = _bytes_or_floats(scene, node)
    check(len(value.shape) == 4, f"a tensor of {list(value.shape)}")
    out, scales = _sizes(scene, node, value.shape)
    check(out[:2] == value.shape[:2], f"{list(value.shape)} to {list(out)}")
    default = "asymmetric" if scene.model.opset < 11 else "half_pixel"
    how = node.attributes.get("coordinate_transformation_mode", default)
    mode = node.attributes.get("mode", "nearest")
    check(how in _WAYS and mode in ("nearest", "linear"), f"{mode} resizing, {how}")
    check(not node.attributes.get("antialias", 0), "antialiasing")
    along = [_Scaling(how, value.shape[a], out[a], scales[a]) for a in (2, 3)]
    if mode == "linear":
        check(all(one.scale == one.made / one.given for one in along), "scales that sizes round")
        check(how != "pytorch_half_pixel" or min(out[2:]) > 1, "one row or column")
        aligned, centred = _WAYS[how]
        kind, options = "RESIZE_BILINEAR", "ResizeBilinearOptions"
    else:
        aligned, centred = _nearest(node, along, scene.model.opset)
        kind, options = "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"
    order = image_order(4)
    given = scene.stored(value, order)
    output = scene.tensor(node.outputs[0], [out[axis] for axis in order], value.numbers)
    size = scene.numbers(np.array(out[2:]), "size")
    attributes = Options(of=options, align_corners=aligned, half_pixel_centers=centred)
    scene.emit(kind, [given, size], output, attributes)
    scene.put(node.outputs[0], output, out, order)


def _bytes_or_floats(scene: OnnxScene, node: Node) -> Value:
    value = scene.value(node)
    if scene.target(node.outputs[0]) is None and node.attributes.get("mode") == "linear":
        return scene.dequantized(value)
    return value


def _sizes(
    scene: OnnxScene, node: Node, given: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the shape that comes out, and by what each axis grows."""
    check("axes" not in node.attributes, "axes of a Resize")
    if (sizes := scene.integers(node, 3, "sizes")) is not None:
        check(len(sizes) == len(given), f"sizes {list(sizes)}")
        return sizes, tuple(two / one for one, two in zip(given, sizes, strict=True))
    place = 1 if scene.model.opset < 11 else 2
    values = scene.constant(node, place, "scales").real.ravel().astype(np.float64)
    check(values.size == len(given) and bool((values > 0).all()), f"{values.size} scales")
    scales = tuple(float(value) for value in values)
    check(max(scales) < 2**20, f"scales {list(scales)}")
    return tuple(math.floor(n * s) for n, s in zip(given, scales, strict=True)), scales


def _nearest(node: Node, along: list[_Scaling], opset: int) -> tuple[int, int]:
    """Return whether corners are aligned or centres half a pixel away where TFLite takes the same.

    Raises UnsupportedError.
    """
    default = "floor" if along[0].how == "asymmetric" and opset < 11 else "round_prefer_floor"
    rounding = node.attributes.get("nearest_mode", default)
    check(rounding in _NEAREST, f"nearest_mode {rounding}")
    for aligned, centred in ((0, 0), (0, 1), (1, 0)):
        if all(_same(one, rounding, aligned, centred) for one in along):
            return aligned, centred
    check(False, f"nearest resizing, {along[0].how} and {rounding}")
    return 0, 0


def _same(one: _Scaling, rounding: str, aligned: int, centred: int) -> bool:
    wanted = np.clip(_NEAREST[rounding](one.places()), 0, one.given - 1)
    x = np.arange(one.made)
    step = (one.given - 1) / max(one.made - 1, 1) if aligned else one.given / one.made
    place = (x + 0.5 * centred) * step
    found = np.floor(place + 0.5) if aligned else np.floor(place)
    return bool((np.minimum(found, one.given - 1) == wanted).all())
