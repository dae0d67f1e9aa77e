"""Random models of one operator, one function for each kind that the importer reads."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflite_files import File, Quantised

ROUND = (0.01, 0.02, 0.05, 0.1)
"""Scales whose quotients are such that sums lie in the middle between two outputs."""

NONE, RELU, RELU_N1_TO_1, RELU6, TANH = 0, 1, 2, 3, 4


@dataclass
class Drawing:
    """A file in the making, with its source of randomness and its dtype."""

    rng: random.Random
    dtype: str
    file: File
    plain: bool = True  # no hybrid operators
    bits: int = 8  # of weights where 4 will do too
    calls: int = 3

    def scale(self, low: float = -3, high: float = 0) -> float:
        return float(
            np.float32(self.rng.choice([10 ** self.rng.uniform(low, high), 2.0**-7, *ROUND]))
        )

    def quantised(self, scale: float | None = None) -> Quantised | None:
        if self.dtype == "float32":
            return None
        if self.dtype == "int16":  # which is symmetric
            return (self.scale(-5, -2) if scale is None else scale, 0)
        return (self.scale() if scale is None else scale, self.rng.randint(-128, 127))

    def shape(self, most: int = 7, rank: int = 4) -> tuple[int, ...]:
        return (1, *(self.rng.randint(1, most) for _ in range(rank - 1)))

    def values(self, shape: tuple[int, ...], dtype: str | None = None) -> NDArray[Any]:
        numbers = np.random.default_rng(self.rng.randrange(2**32))
        if (dtype or self.dtype) == "float32":
            return numbers.normal(0, 2, shape).astype(np.float32)
        if dtype == "uint8":
            return numbers.integers(0, 256, shape, np.uint8)
        if (dtype or self.dtype) == "int16":
            return numbers.integers(-(2**15), 2**15, shape, np.int16)
        return numbers.integers(-128, 128, shape, np.int8)

    def output(self, shape: tuple[int, ...], q: Quantised | None = None) -> int:
        made = self.file.tensor(shape, self.dtype, q)
        self.file.graph.outputs.append(made)
        return made

    def activation(self) -> int:
        return self.rng.choice([NONE, RELU, RELU_N1_TO_1, RELU6])


Drawer = Callable[[Drawing], None]


def draw(kind: str, number: int, dtype: str) -> tuple[bytes, list[NDArray[Any]]]:
    """Return the *number*-th model of a *kind*, and inputs for it."""
    rng = random.Random(f"{kind} {dtype} {number}")  # noqa: S311
    drawing = Drawing(rng, dtype, File(), bits=4 if number % 4 == 3 else 8)
    DRAWERS[kind](drawing)
    graph = drawing.file.graph
    inputs = []
    for index in graph.inputs:
        shape = tuple(graph.tensors[index].shape)
        of = {0: "float32", 3: "uint8", 7: "int16"}.get(graph.tensors[index].type, "int8")
        inputs.append(drawing.values((drawing.calls, *shape), of))
    return drawing.file.bytes(), inputs


def _weights(d: Drawing, shape: tuple[int, ...], in_scale: float, axis: int, most: int) -> int:
    """Add weights; the scales are such that sums of *most* products are useful.

    float32 tensors sometimes have int8 weights: a hybrid operator.
    """
    if d.dtype == "float32" and (d.plain or d.rng.random() < 0.6):
        return d.file.tensor(shape, "float32", None, d.values(shape))
    one_scale = d.rng.random() < 0.3 and (axis == 0 or d.dtype != "float32")
    count = 1 if one_scale else shape[axis]
    scales = np.array([d.rng.uniform(0.5, 2) for _ in range(count)], np.float32)
    scales *= np.float32(1 / (in_scale * 127 * 64 * math.sqrt(most)))
    if one_scale and d.rng.random() < 0.4:
        scales = np.array([d.rng.choice(ROUND)], np.float32)
    values = d.values(shape, "int8").clip(-127, 127)
    if d.plain or d.bits == 8:
        return d.file.tensor(shape, "int8", (scales, 0), values, axis)
    return d.file.tensor(shape, "int4", (16 * scales, 0), packed(values >> 4), axis)


def packed(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return numbers of four bits as a file has them: two in a byte, the lower half first."""
    flat = np.append(values.reshape(-1), np.zeros(values.size % 2, np.int8)).view(np.uint8)
    return (flat[::2] & 15 | flat[1::2] << 4).astype(np.uint8)


def _bias(
    d: Drawing, count: int, weights: int, in_scale: float, *, optional: bool = True
) -> list[int]:
    """Add a bias at the scale of the sums of *weights*; LiteRT wants CONV_2D to have one."""
    if optional and d.rng.random() < 0.3:
        return []
    if d.dtype == "float32":
        return [d.file.tensor((count,), "float32", None, d.values((count,)))]
    numbers = np.random.default_rng(d.rng.randrange(2**32))
    scales = np.float32(in_scale) * d.file.graph.tensors[weights].quantization.scale
    if d.dtype == "int16":
        values = numbers.integers(-(10**6), 10**6, count, np.int64)
        return [d.file.tensor((count,), "int64", (scales, 0), values)]
    return [
        d.file.tensor(
            (count,), "int32", (scales, 0), numbers.integers(-4000, 4000, count, np.int32)
        )
    ]


def _in_and_scale(d: Drawing, shape: tuple[int, ...]) -> tuple[int, float]:
    q = d.quantised()
    return d.file.input(shape, d.dtype, q), 1.0 if q is None else float(np.float32(q[0]))


def _window(d: Drawing, height: int, width: int) -> tuple[int, list[int], list[int], list[int]]:
    """Return padding, kernel, stride and dilation that fit an image."""
    padding = d.rng.choice([0, 1])
    kernel = [d.rng.randint(1, min(size, 3) if padding else 3) for size in (height, width)]
    dilation = [1, 1]
    if d.rng.random() < 0.3:
        dilation = [
            2 if (k - 1) * 2 < size or not padding else 1
            for k, size in zip(kernel, (height, width), strict=True)
        ]
    stride = [1, 1] if max(dilation) > 1 else [d.rng.randint(1, 3), d.rng.randint(1, 3)]
    return padding, kernel, stride, dilation


def _out(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    if padding == 0:
        return -(-size // stride)
    return (size - (kernel - 1) * dilation - 1) // stride + 1


def _conv(d: Drawing) -> None:
    d.plain = False
    _, height, width, _ = shape = d.shape()
    given, in_scale = _in_and_scale(d, shape)
    padding, kernel, stride, dilation = _window(d, height, width)
    out_c = d.rng.randint(1, 6)
    weights = _weights(d, (out_c, *kernel, shape[3]), in_scale, 0, kernel[0] * kernel[1] * shape[3])
    bias = _bias(d, out_c, weights, in_scale, optional=False)
    out = [
        _out(n, k, s, apart, padding)
        for n, k, s, apart in zip((height, width), kernel, stride, dilation, strict=True)
    ]
    output = d.output((1, *out, out_c), d.quantised(1 / 64))
    d.file.operator(
        "CONV_2D",
        [given, weights, *bias],
        [output],
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        fusedActivationFunction=d.activation(),
    )


def _depthwise(d: Drawing) -> None:
    d.plain = False
    d.bits = d.bits if d.dtype == "int8" else 8  # LiteRT has no other kernel for 4
    _, height, width, in_c = shape = d.shape()
    given, in_scale = _in_and_scale(d, shape)
    padding, kernel, stride, dilation = _window(d, height, width)
    out_c = in_c * d.rng.choice([1, 1, 2, 3])
    weights = _weights(d, (1, *kernel, out_c), in_scale, 3, kernel[0] * kernel[1])
    bias = _bias(d, out_c, weights, in_scale)
    out = [
        _out(n, k, s, apart, padding)
        for n, k, s, apart in zip((height, width), kernel, stride, dilation, strict=True)
    ]
    output = d.output((1, *out, out_c), d.quantised(1 / 64))
    d.file.operator(
        "DEPTHWISE_CONV_2D",
        [given, weights, *bias],
        [output],
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        depthMultiplier=out_c // in_c,
        fusedActivationFunction=d.activation(),
    )


def _fully_connected(d: Drawing) -> None:
    d.plain = False
    rows, in_c, out_c = d.rng.choice([1, 1, 3]), d.rng.randint(1, 40), d.rng.randint(1, 9)
    given, in_scale = _in_and_scale(d, (rows, in_c))
    weights = _weights(d, (out_c, in_c), in_scale, 0, in_c)
    bias = _bias(d, out_c, weights, in_scale)
    output = d.output((rows, out_c), d.quantised(1 / 64))
    d.file.operator(
        "FULLY_CONNECTED",
        [given, weights, *bias],
        [output],
        fusedActivationFunction=d.activation(),
        asymmetricQuantizeInputs=d.dtype == "float32" and d.rng.random() < 0.5,
    )


def _transpose_conv(d: Drawing) -> None:
    _, height, width, in_c = shape = d.shape(5)
    given, in_scale = _in_and_scale(d, shape)
    padding = d.rng.choice([0, 1])
    kernel = [d.rng.randint(1, 4), d.rng.randint(1, 4)]
    stride = [d.rng.randint(1, 3), d.rng.randint(1, 3)]
    out_c = d.rng.randint(1, 5)
    weights = _weights(d, (out_c, *kernel, in_c), in_scale, 0, kernel[0] * kernel[1] * in_c)
    bias = _bias(d, out_c, weights, in_scale)
    out = [
        n * s if padding == 0 else (n - 1) * s + max(k, s)
        for n, k, s in zip((height, width), kernel, stride, strict=True)
    ]
    sizes = d.file.integers([1, *out, out_c])
    output = d.output((1, *out, out_c), d.quantised(1 / 64))
    d.file.operator(
        "TRANSPOSE_CONV",
        [sizes, weights, given, *bias],
        [output],
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
    )


def _pool(kind: str) -> Drawer:
    def drawer(d: Drawing) -> None:
        _, height, width, channels = shape = d.shape(9)
        q = d.quantised()
        padding, kernel, stride, _ = _window(d, height, width)
        given = d.file.input(shape, d.dtype, q)
        out = [
            _out(n, k, s, 1, padding)
            for n, k, s in zip((height, width), kernel, stride, strict=True)
        ]
        output = d.output((1, *out, channels), q)
        d.file.operator(
            kind,
            [given],
            [output],
            padding=padding,
            filterHeight=kernel[0],
            filterWidth=kernel[1],
            strideH=stride[0],
            strideW=stride[1],
            fusedActivationFunction=d.activation(),
        )

    return drawer


def _arithmetic(kind: str) -> Drawer:
    def drawer(d: Drawing) -> None:
        shape = d.shape()
        other = d.rng.choice([shape, (shape[-1],), (1,), (1, 1, 1, shape[-1])])
        one = d.quantised(d.scale(-2, -1))
        two = d.quantised(d.scale(-2, -1))
        if kind in ("MINIMUM", "MAXIMUM"):
            two = one
        tensors = [d.file.input(shape, d.dtype, one)]
        if d.rng.random() < 0.5:
            tensors.append(d.file.tensor(other, d.dtype, two, d.values(other)))
        else:
            tensors.append(d.file.input(other, d.dtype, two))
        if d.rng.random() < 0.5:
            tensors.reverse()
        output = d.output(shape, one if kind in ("MINIMUM", "MAXIMUM") else d.quantised())
        options = (
            {} if kind in ("MINIMUM", "MAXIMUM") else {"fusedActivationFunction": d.activation()}
        )
        d.file.operator(kind, tensors, [output], **options)

    return drawer


def _function(kind: str) -> Drawer:
    def drawer(d: Drawing) -> None:
        shape = d.shape(12, d.rng.randint(2, 4))
        is_wide = d.dtype == "int16"
        scale = d.rng.choice([2.0**-12, d.scale(-5, -1)]) if is_wide else d.scale(-2, -0.5)
        given = d.file.input(shape, d.dtype, d.quantised(scale))
        fixed = {
            "LOGISTIC": (1 / 256, -128),
            "SOFTMAX": (1 / 256, -128),
            "LOG_SOFTMAX": (1 / 16, 127),
            "TANH": (1 / 128, 0),
        }
        if is_wide:
            fixed = dict.fromkeys(("LOGISTIC", "SOFTMAX", "TANH"), (2.0**-15, 0))
        q = d.quantised() if kind not in fixed else fixed[kind]
        if kind == "HARD_SWISH":
            q = d.quantised(d.scale(-1, 0))
        output = d.output(shape, None if d.dtype == "float32" else q)
        options: dict[str, Any] = {}
        if kind == "LEAKY_RELU":
            options = {"alpha": d.rng.choice([0.0, 0.1, 0.2, 0.01, 0.5])}
        if kind == "SOFTMAX":
            options = {"beta": d.rng.choice([1.0, 1.0, 0.5, 2.0])}
        d.file.operator(kind, [given], [output], **options)

    return drawer


def _prelu(d: Drawing) -> None:
    shape = d.shape()
    given = d.file.input(shape, d.dtype, d.quantised(d.scale(-2, -1)))
    other = d.rng.choice([(shape[-1],), (1, 1, shape[-1]), shape[1:], (1,)])
    slopes = d.file.tensor(other, d.dtype, d.quantised(d.scale(-3, -2)), d.values(other))
    d.file.operator("PRELU", [given, slopes], [d.output(shape, d.quantised(d.scale(-2, -1)))])


def _quantize(d: Drawing) -> None:
    shape = d.shape()
    given = d.file.input(shape, d.dtype, d.quantised())
    if d.dtype == "int8" and d.rng.random() < 0.3:
        d.file.graph.inputs.pop()
        given = d.file.input(shape, "uint8", (d.scale(), d.rng.randint(0, 255)))
    to = d.rng.choice(["int8", "uint8"])
    zero_point = d.rng.randint(0, 127) + (0 if to == "uint8" else d.rng.choice([0, -128]))
    output = d.file.tensor(shape, to, (d.scale(), zero_point))
    d.file.graph.outputs.append(output)
    d.file.operator("QUANTIZE", [given], [output])


def _dequantize(d: Drawing) -> None:
    shape = d.shape()
    given = d.file.input(shape, "int8", (d.scale(), d.rng.randint(-128, 127)))
    output = d.file.tensor(shape, "float32")
    d.file.graph.outputs.append(output)
    d.file.operator("DEQUANTIZE", [given], [output])


def _mean(d: Drawing) -> None:
    shape = d.shape(9)
    axes = d.rng.choice([[1, 2], [2, 1], [1], [2], [3], [2, 3], [-1], [1, 2, 3], [-3, -2], [1, 3]])
    keep = d.rng.random() < 0.5
    q = d.quantised(d.scale(-2, -1))
    given = d.file.input(shape, d.dtype, q)
    reduced = {axis % 4 for axis in axes}
    out = tuple(1 if i in reduced else n for i, n in enumerate(shape) if keep or i not in reduced)
    output = d.output(out, q if d.rng.random() < 0.3 else d.quantised(d.scale(-2, -1)))
    d.file.operator("MEAN", [given, d.file.integers(axes)], [output], keepDims=keep)


def _pad(d: Drawing) -> None:
    shape, q = d.shape(), d.quantised()
    widths = [[0, 0], *([d.rng.randint(0, 2), d.rng.randint(0, 2)] for _ in shape[1:])]
    given = d.file.input(shape, d.dtype, q)
    out = tuple(n + sum(w) for n, w in zip(shape, widths, strict=True))
    if d.rng.random() < 0.5:
        filler = d.file.tensor((1,), d.dtype, q, d.values((1,)))
        more, kind = [filler], "PADV2"
    else:
        more, kind = [], "PAD"
    d.file.operator(kind, [given, d.file.integers(widths), *more], [d.output(out, q)])


def _concatenation(d: Drawing) -> None:
    shape, q = d.shape(), d.quantised()
    axis = d.rng.choice([1, 2, 3, -1])
    sizes = [d.rng.randint(1, 4) for _ in range(d.rng.randint(1, 4))]
    shapes = [tuple(size if i == axis % 4 else n for i, n in enumerate(shape)) for size in sizes]
    given = [
        d.file.tensor(each, d.dtype, q, d.values(each))
        if number and d.rng.random() < 0.3
        else d.file.input(each, d.dtype, q)
        for number, each in enumerate(shapes)
    ]
    d.rng.shuffle(given)
    out = tuple(sum(sizes) if i == axis % 4 else n for i, n in enumerate(shape))
    d.file.operator("CONCATENATION", given, [d.output(out, q)], axis=axis)


def _pack(d: Drawing) -> None:
    shape, q = d.shape(5, 3), d.quantised()
    axis, count = d.rng.choice([0, 1, 2, 3, -1]), d.rng.randint(1, 3)
    given = [d.file.input(shape, d.dtype, q) for _ in range(count)]
    place = axis % 4
    out = (*shape[:place], count, *shape[place:])
    d.file.operator("PACK", given, [d.output(out, q)], axis=axis, valuesCount=count)


def _transpose(d: Drawing) -> None:
    shape, q = d.shape(), d.quantised()
    axes = [0, 1, 2, 3]
    d.rng.shuffle(axes)
    given = d.file.input(shape, d.dtype, q)
    out = tuple(shape[axis] for axis in axes)
    d.file.operator("TRANSPOSE", [given, d.file.integers(axes)], [d.output(out, q)])


def _strided_slice(d: Drawing) -> None:
    shape, q = d.shape(8), d.quantised()
    parts, masks, sizes = [], [0, 0, 0], []
    for axis, size in enumerate(shape):
        first, stride = d.rng.randrange(size), d.rng.choice([1, 1, 2, -1, -2])
        last = (
            d.rng.randint(first + 1, size)
            if stride > 0
            else d.rng.randint(-size - 1, first - size - 1)
        )
        chosen = [d.rng.random() < 0.2, d.rng.random() < 0.2, axis > 0 and d.rng.random() < 0.2]
        for i, flag in enumerate(chosen):
            masks[i] |= flag << axis
        if chosen[2]:
            parts.append((first, first + 1, 1))
            continue
        begin, end = (None if c else v for c, v in zip(chosen, (first, last), strict=False))
        sizes.append(len(range(size)[slice(begin, end, stride)]))
        parts.append((first - (size if d.rng.random() < 0.3 else 0), last, stride))
    given = d.file.input(shape, d.dtype, q)
    more = [d.file.integers(values) for values in zip(*parts, strict=True)]
    d.file.operator(
        "STRIDED_SLICE",
        [given, *more],
        [d.output(tuple(sizes), q)],
        beginMask=masks[0],
        endMask=masks[1],
        shrinkAxisMask=masks[2],
    )


def _slice(d: Drawing) -> None:
    shape, q = d.shape(8), d.quantised()
    begin = [d.rng.randrange(size) for size in shape]
    sizes = [d.rng.randint(1, size - first) for size, first in zip(shape, begin, strict=True)]
    told = [
        -1 if first + n == size and d.rng.random() < 0.5 else n
        for size, first, n in zip(shape, begin, sizes, strict=True)
    ]
    given = d.file.input(shape, d.dtype, q)
    more = [d.file.integers(begin), d.file.integers(told)]
    d.file.operator("SLICE", [given, *more], [d.output(tuple(sizes), q)])


def _split(d: Drawing) -> None:
    shape, q, count = list(d.shape(4)), d.quantised(), d.rng.randint(1, 3)
    axis = d.rng.choice([1, 2, 3, -1])
    part = tuple(shape)
    shape[axis] *= count
    given = d.file.input(shape, d.dtype, q)
    outputs = [d.output(part, q) for _ in range(count)]
    d.file.operator("SPLIT", [d.file.integers(axis), given], outputs, numSplits=count)


def _unpack(d: Drawing) -> None:
    shape, q = d.shape(5), d.quantised()
    axis = d.rng.choice([1, 2, 3, -1, 0])
    part = tuple(n for i, n in enumerate(shape) if i != axis % 4)
    outputs = [d.output(part, q) for _ in range(shape[axis])]
    d.file.operator(
        "UNPACK", [d.file.input(shape, d.dtype, q)], outputs, num=shape[axis], axis=axis
    )


def _split_v(d: Drawing) -> None:
    shape, q = list(d.shape(4)), d.quantised()
    axis = d.rng.choice([1, 2, 3, -1])
    sizes = [d.rng.randint(1, 4) for _ in range(d.rng.randint(1, 3))]
    shape[axis] = sum(sizes)
    given = d.file.input(shape, d.dtype, q)
    outputs = [
        d.output(tuple(size if i == axis % 4 else n for i, n in enumerate(shape)), q)
        for size in sizes
    ]
    told = list(sizes)
    if d.rng.random() < 0.3:
        told[d.rng.randrange(len(told))] = -1
    more = [d.file.integers(told), d.file.integers(axis)]
    d.file.operator("SPLIT_V", [given, *more], outputs, numSplits=len(sizes))


def _resize(kind: str) -> Drawer:
    def drawer(d: Drawing) -> None:
        shape, q = d.shape(8), d.quantised()
        size = [d.rng.randint(1, 13), d.rng.randint(1, 13)]
        given = d.file.input(shape, d.dtype, q)
        output = d.output((1, *size, shape[3]), q)
        aligned, half = d.rng.choice([(False, False), (True, False), (False, True)])
        d.file.operator(
            kind,
            [given, d.file.integers(size)],
            [output],
            alignCorners=aligned,
            halfPixelCenters=half,
        )

    return drawer


def _svdf(d: Drawing) -> None:
    """Sums in time now and then leave 32 bits, in which they wrap."""
    d.calls = 12
    rank, units, steps = d.rng.choice([1, 2, 3]), d.rng.randint(1, 6), d.rng.randint(2, 9)
    filters, in_c = rank * units, d.rng.randint(1, 40)
    state, kept = ("float32", 1.0) if d.dtype == "float32" else ("int16", d.scale(-4, -2))
    given, in_scale = _in_and_scale(d, (1, in_c))
    of_features, of_time = kept / in_scale * d.rng.choice([2.0, 0.125, 0.3]), 2.0**-15
    symmetric = (lambda scale: None) if d.dtype == "float32" else (lambda scale: (scale, 0))
    features, times = (filters, in_c), (filters, steps)
    reach = d.rng.choice([1, 32, 256])
    operands = [
        given,
        d.file.tensor(features, d.dtype, symmetric(of_features), d.values(features)),
        d.file.tensor(times, state, symmetric(of_time), d.values(times, state) // reach),
        -1,
        d.file.tensor((1, filters * steps), state, symmetric(kept), variable=True),
    ]
    if d.rng.random() < 0.7:
        sums = "float32" if d.dtype == "float32" else "int32"
        values = (1000 * d.values((units,), "float32")).astype(sums)
        operands[3] = d.file.tensor((units,), sums, symmetric(kept * of_time), values)
    scale = d.rng.choice([kept * 100, 2.0**-14 * kept * 2**11])
    made = d.output((1, units), d.quantised(float(np.float32(scale))))
    activation = RELU if d.dtype == "int8" else d.activation()  # LiteRT takes no other of bytes
    d.file.operator("SVDF", operands, [made], rank=rank, fusedActivationFunction=activation)


def _lstm(d: Drawing) -> None:
    """As Keras exports it, without peepholes, projection and norms."""
    d.calls = 12
    d.dtype = "float32" if d.dtype == "float32" else "int8"
    quantised = (lambda _: None) if d.dtype == "float32" else (lambda q: q)
    steps, in_c, units = d.rng.randint(1, 4), d.rng.randint(1, 20), d.rng.randint(1, 9)
    time_major = d.rng.random() < 0.5
    given, in_scale = _in_and_scale(d, (steps, 1, in_c) if time_major else (1, steps, in_c))
    hidden = (d.rng.choice([1 / 128, 1 / 128, 2.0**-8]), d.rng.randint(-128, 127))
    matrices = [
        _gate_weights(d, (units, columns), scale)
        for columns, scale in ((in_c, in_scale), (units, hidden[0]))
        for _ in range(4)
    ]
    biases = []
    for index in matrices[:4]:
        values, sums = d.values((units,), "float32"), "float32"
        scale = 1.0
        if d.dtype != "float32":
            of_weights = d.file.graph.tensors[index].quantization.scale[0]
            scale, sums = float(np.float32(in_scale) * of_weights), "int32"
        values = (values / scale).astype(sums)
        biases.append(d.file.tensor((units,), sums, quantised((scale, 0)), values))
    kept = "float32" if d.dtype == "float32" else "int16"
    cell = quantised((2.0 ** d.rng.choice([-11, -11, -9, -12, -15]), 0))
    states = [
        d.file.tensor((1, units), d.dtype, quantised(hidden), variable=True),
        d.file.tensor((1, units), kept, cell, variable=True),
    ]
    inner = [d.file.tensor((0,), "int16", (2.0**-12, 0)) for _ in range(4)]
    inner.append(d.file.tensor((0,), d.dtype, quantised(hidden)))
    shape = (steps, 1, units) if time_major else (1, steps, units)
    made = d.output(shape, quantised(hidden))
    operands = [given, *matrices, *[-1] * 3, *biases, -1, -1, *states, *[-1] * 4]
    options = {"timeMajor": time_major, "cellClip": d.rng.choice([0.0, 10.0, 0.5])}
    kind = "UNIDIRECTIONAL_SEQUENCE_LSTM"
    d.file.operator(kind, operands, [made], fusedActivationFunction=TANH, **options)
    if d.dtype != "float32":
        d.file.graph.operators[-1].intermediates = inner


def _gate_weights(d: Drawing, shape: tuple[int, int], in_scale: float) -> int:
    """Add weights of a gate, such that sums are useful."""
    values = d.values(shape)
    if d.dtype == "float32":
        reach = np.float32(d.rng.choice([0.1, 0.3, 0.5]))
        return d.file.tensor(shape, d.dtype, None, reach * values)
    wide = 3 / (in_scale * 127 * 64 * math.sqrt(shape[1]))
    scale = d.rng.choice([0.01, wide, 2.0**-9])
    return d.file.tensor(shape, d.dtype, (scale, 0), values.clip(-127, None))


DRAWERS: dict[str, Drawer] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _transpose_conv,
    "SVDF": _svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
    "AVERAGE_POOL_2D": _pool("AVERAGE_POOL_2D"),
    "MAX_POOL_2D": _pool("MAX_POOL_2D"),
    **{kind: _arithmetic(kind) for kind in ("ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM")},
    **{
        kind: _function(kind)
        for kind in (
            "HARD_SWISH",
            "LEAKY_RELU",
            "LOGISTIC",
            "LOG_SOFTMAX",
            "RELU",
            "RELU6",
            "RELU_N1_TO_1",
            "SOFTMAX",
            "TANH",
        )
    },
    "PRELU": _prelu,
    "QUANTIZE": _quantize,
    "DEQUANTIZE": _dequantize,
    "MEAN": _mean,
    "PAD": _pad,
    "CONCATENATION": _concatenation,
    "PACK": _pack,
    "TRANSPOSE": _transpose,
    "STRIDED_SLICE": _strided_slice,
    "SLICE": _slice,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "UNPACK": _unpack,
    "RESIZE_BILINEAR": _resize("RESIZE_BILINEAR"),
    "RESIZE_NEAREST_NEIGHBOR": _resize("RESIZE_NEAREST_NEIGHBOR"),
}
