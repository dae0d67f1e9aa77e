"""Random operators that have no spec of their own: those that only models have."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from convgen.model import lookup
from convgen.model.operator import Operator
from convgen.model.ops.arithmetic import Elementwise, Kind, Operand
from convgen.model.ops.convert import Dequantize, Quantize
from convgen.model.ops.dynamic import DynamicQuantize
from convgen.model.ops.mean import Mean
from convgen.model.ops.move import Concatenation, Copy, Pad, Slice, Transpose
from convgen.model.ops.pointwise import KINDS as KINDS_OF_FLOAT
from convgen.model.ops.pointwise import Pointwise
from convgen.model.ops.prelu import Prelu
from convgen.model.ops.resize import ResizeBilinear, ResizeNearest
from convgen.model.ops.softmax import LogSoftmax, Softmax
from convgen.model.ops.table import Table
from convgen.model.quantize import Rounding
from convgen.model.tensor import DType, Tensor

Rng = random.Random
SOFTMAX_OUTPUT: dict[str, Any] = {"scale": 1 / 256, "zero_point": -128}

BYTES: tuple[DType, ...] = ("int8", "uint8")


def draw(kind: str, number: int) -> Operator:
    """Return the *number*-th operator of a *kind*; the same each time."""
    return KINDS[kind](random.Random(f"{kind} {number}"), f"{kind}_{number}")  # noqa: S311


def tensor(name: str, shape: tuple[int, ...], dtype: DType, **numbers: Any) -> Tensor:
    """Return a tensor; of float32 without the *numbers* that bytes have."""
    return Tensor(name=name, shape=shape, dtype=dtype, **({} if dtype == "float32" else numbers))


def _shape(rng: Rng, most: int = 9) -> tuple[int, ...]:
    """Return one to four sizes."""
    return tuple(rng.randint(1, most) for _ in range(rng.randint(1, 4)))


def _numbers(rng: Rng, dtype: DType = "int8") -> dict[str, Any]:
    scale = rng.choice([rng.uniform(0.01, 0.1), 10 ** rng.uniform(-3, 0), 2.0**-7])
    limits = np.iinfo(np.uint8 if dtype == "uint8" else np.int8)
    zero_point = rng.choice([rng.randint(limits.min, limits.max), limits.min])
    return {"scale": float(np.float32(scale)), "zero_point": int(zero_point)}


def _softmax(dtype: DType) -> Callable[[Rng, str], Operator]:
    def draw(rng: Rng, name: str) -> Operator:
        shape = (*_shape(rng, 4)[:2], rng.choice([1, 2, 10, rng.randint(3, 99)]))
        if rng.random() < 0.02:
            shape = (600,)
        return Softmax(
            name=name,
            inputs=(tensor("input", shape, dtype, **_numbers(rng)),),
            output=tensor("output", shape, dtype, **SOFTMAX_OUTPUT),
            beta=rng.choice([1.0, 1.0, rng.uniform(0.3, 3)]),
        )

    return draw


def _rounding(rng: Rng) -> Rounding:
    return rng.choice(["double", "single"])


def _mean(dtype: DType, *, many: bool = False) -> Callable[[Rng, str], Operator]:
    def draw(rng: Rng, name: str) -> Operator:
        outer, count, inner = rng.randint(1, 5), rng.randint(1, 20), rng.randint(1, 20)
        if rng.random() < 0.2:
            outer, count = 1, rng.choice([49, 300])
        if many:
            outer, count, inner = 1, 4200, 1  # more sums than a line is sought for
        numbers = _numbers(rng)
        wider = numbers | {"scale": float(np.float32(numbers["scale"] * rng.choice([1, 0.6, 3])))}
        return Mean(
            name=name,
            inputs=(tensor("input", (outer, count, inner), dtype, **numbers),),
            output=tensor("output", (outer, inner), dtype, **wider),
            rounding=_rounding(rng),
        )

    return draw


def _dtype(rng: Rng) -> DType:
    return rng.choice(["int8", "int8", "float32", "uint8"])


def _moved(
    rng: Rng, shape: tuple[int, ...], *outputs: tuple[int, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return an input of *shape* and outputs of the same dtype."""
    dtype = _dtype(rng)
    numbers = _numbers(rng, dtype)
    found = tuple(tensor("output", each, dtype, **numbers) for each in outputs)
    return tensor("input", shape, dtype, **numbers), found


def _pad(rng: Rng, name: str) -> Operator:
    shape = _shape(rng)
    before, after = (tuple(rng.choice([0, 0, 1, 3]) for _ in shape) for _ in range(2))
    padded = tuple(map(sum, zip(before, shape, after, strict=True)))
    given, (output,) = _moved(rng, shape, padded)
    value = given.zero_point if given.dtype != "float32" else rng.choice([0.0, 1.5])
    return Pad(name=name, inputs=(given,), output=output, before=before, after=after, value=value)


def _slice(rng: Rng, name: str) -> Operator:
    shape = _shape(rng)
    axes = []
    for size in shape:
        places = range(size)
        if rng.random() < 0.5:
            places = places[rng.randrange(size) :: rng.choice([1, 1, 2, 3, -1])]
        axes.append(places[: rng.randint(1, len(places))])
    given, (output,) = _moved(rng, shape, tuple(map(len, axes)))
    return Slice(
        name=name,
        inputs=(given,),
        output=output,
        begin=tuple(places[0] for places in axes),
        strides=tuple(places.step for places in axes),
    )


def _transpose(rng: Rng, name: str) -> Operator:
    shape = _shape(rng, 7)
    axes = tuple(rng.sample(range(len(shape)), len(shape)))
    given, (output,) = _moved(rng, shape, tuple(shape[axis] for axis in axes))
    return Transpose(name=name, inputs=(given,), output=output, axes=axes)


def _concatenation(rng: Rng, name: str) -> Operator:
    shape = _shape(rng)
    axis = rng.randrange(len(shape))
    given, _ = _moved(rng, shape)
    sizes = [rng.randint(1, 9) for _ in range(2)]
    shapes = [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
    whole = (*shape[:axis], sum(sizes), *shape[axis + 1 :])
    inputs = (replace(given, name=f"input_{i}", shape=each) for i, each in enumerate(shapes))
    output = replace(given, name="output", shape=whole)
    return Concatenation(name=name, inputs=tuple(inputs), output=output, axis=axis)


def _quantize(rng: Rng, name: str) -> Operator:
    shape, dtype = _shape(rng), rng.choice(BYTES)
    return Quantize(
        name=name,
        inputs=(tensor("input", shape, "float32"),),
        output=tensor("output", shape, dtype, **_numbers(rng, dtype)),
    )


def _dequantize(rng: Rng, name: str) -> Operator:
    shape, dtype = _shape(rng), rng.choice(BYTES)
    given = tensor("input", shape, dtype, **_numbers(rng, dtype))
    return Dequantize(name=name, inputs=(given,), output=tensor("output", shape, "float32"))


def _dynamic(rng: Rng, name: str) -> Operator:
    shape = _shape(rng)
    given, output = (tensor(which, shape, "float32") for which in ("input", "output"))
    return DynamicQuantize(
        name=name,
        inputs=(given,),
        output=output,
        symmetric=rng.random() < 0.5,
        rows=rng.choice([1, shape[0]]),
    )


def _clamp(rng: Rng, dtype: DType) -> dict[str, Any]:
    low, high = (-128, 127) if dtype == "int8" else (-np.inf, np.inf)
    ends = {"none": (low, high), "relu": (0, high), "relu6": (0, 6 if dtype == "float32" else 99)}
    name = rng.choice([*ends])
    return {"activation": name, "activation_min": ends[name][0], "activation_max": ends[name][1]}


def _arithmetic(dtype: DType) -> Callable[[Rng, str], Operator]:
    def draw(rng: Rng, name: str) -> Operator:
        shape, kind = _shape(rng, 6), rng.choice(get_args(Kind))
        numbers = [_numbers(rng, dtype) for _ in range(3)]
        if kind in ("minimum", "maximum"):
            numbers = numbers[:1] * 3
        elif kind == "mul":
            numbers[2]["scale"] = max(
                numbers[2]["scale"], float(np.float32(numbers[0]["scale"] * numbers[1]["scale"]))
            )
        else:
            largest = max(one["scale"] for one in numbers[:2])
            numbers[2]["scale"] = max(numbers[2]["scale"], float(np.float32(largest / 2)))
        smaller = tuple(rng.choice([size, 1]) for size in shape)[rng.choice([0, 0, 1]) :]
        smaller = rng.choice([smaller, shape, (1,), shape[-1:]])
        shapes = [shape, smaller] if rng.random() < 0.7 else [smaller, shape]
        given = [tensor(f"input_{i}", shapes[i], dtype, **numbers[i]) for i in range(2)]
        sides = [Operand(tensor=each) for each in given]
        if rng.random() < 0.5:
            which = shapes.index(smaller)
            sides[which] = Operand(tensor=given[which], values=_values(rng, given[which]))
            sides[1 - which] = Operand(tensor=replace(given[1 - which], name="input"))
        return Elementwise(
            name=name,
            kind=kind,
            operands=(sides[0], sides[1]),
            output=tensor("output", shape, dtype, **numbers[2]),
            **_clamp(rng, dtype),
            rounding=_rounding(rng),
        )

    return draw


def _values(rng: Rng, of: Tensor) -> np.ndarray:
    made = np.random.default_rng(rng.randrange(2**32))
    if of.dtype == "float32":
        return made.uniform(-2, 2, of.shape).astype(np.float32)
    return made.integers(-128, 128, of.shape).astype(np.int8)


def _prelu(dtype: DType) -> Callable[[Rng, str], Operator]:
    def draw(rng: Rng, name: str) -> Operator:
        shape = _shape(rng, 6)
        slope = tensor("slope", rng.choice([shape, shape[-1:], (1,)]), dtype, **_numbers(rng))
        given = tensor("input", shape, dtype, **_numbers(rng))
        numbers = _numbers(rng)
        largest = max((given.scale or 0) * (slope.scale or 0), given.scale or 0)
        numbers["scale"] = max(numbers["scale"], float(np.float32(largest / 2)))
        return Prelu(
            name=name,
            inputs=(given,),
            output=tensor("output", shape, dtype, **numbers),
            slopes=_values(rng, slope),
            slope=slope,
        )

    return draw


def _pointwise(rng: Rng, name: str) -> Operator:
    shape = _shape(rng)
    given, output = (tensor(which, shape, "float32") for which in ("input", "output"))
    kind = rng.choice(KINDS_OF_FLOAT)
    return Pointwise(name=name, inputs=(given,), output=output, kind=kind, alpha=0.25)


def _log_softmax(dtype: DType) -> Callable[[Rng, str], Operator]:
    def draw(rng: Rng, name: str) -> Operator:
        shape = (*_shape(rng, 4)[:2], rng.choice([1, 2, 10, rng.randint(3, 99)]))
        return LogSoftmax(
            name=name,
            inputs=(tensor("input", shape, dtype, **_numbers(rng)),),
            output=tensor("output", shape, dtype, scale=1 / 16, zero_point=127),
        )

    return draw


def _resize(of: type[ResizeNearest | ResizeBilinear]) -> Callable[[Rng, str], Operator]:
    def draw(rng: Rng, name: str) -> Operator:
        shape, found = (tuple(rng.randint(1, 9) for _ in range(2)) for _ in range(2))
        channels, (aligned, half) = rng.randint(1, 9), rng.choice([(0, 0), (1, 0), (0, 1)])
        dtype: DType = rng.choice(["int8", "int8", "float32"])
        numbers = _numbers(rng)
        return of(
            name=name,
            inputs=(tensor("input", (*shape, channels), dtype, **numbers),),
            output=tensor("output", (*found, channels), dtype, **numbers),
            align_corners=bool(aligned),
            half_pixel_centers=bool(half),
        )

    return draw


def _copy(rng: Rng, name: str) -> Operator:
    shape = _shape(rng)
    given, (output,) = _moved(rng, shape, shape)
    return Copy(name=name, inputs=(given,), output=output)


def _logistic(rng: Rng, name: str) -> Operator:
    given = tensor("input", _shape(rng), "int8", **_numbers(rng))
    return _table(name, given, tensor("output", given.shape, "int8", **SOFTMAX_OUTPUT), "logistic")


def _requantize(rng: Rng, name: str) -> Operator:
    one, two = rng.choice(BYTES), rng.choice(BYTES)
    given = tensor("input", _shape(rng), one, **_numbers(rng, one))
    output = tensor("output", given.shape, two, **_numbers(rng, two))
    return _table(name, given, output, "quantize")


def _table(name: str, given: Tensor, output: Tensor, kind: str) -> Table:
    values = lookup.FUNCTIONS[kind](given, output, 0.0)
    return Table(name=name, inputs=(given,), output=output, kind=kind, values=values)


KINDS: Mapping[str, Callable[[Rng, str], Operator]] = {
    "softmax": _softmax("int8"),
    "softmax_float32": _softmax("float32"),
    "logistic": _logistic,
    "requantize": _requantize,
    "mean": _mean("int8"),
    "mean_of_many": _mean("int8", many=True),
    "mean_float32": _mean("float32"),
    "pad": _pad,
    "slice": _slice,
    "transpose": _transpose,
    "concatenation": _concatenation,
    "quantize": _quantize,
    "dequantize": _dequantize,
    "dynamic_quantize": _dynamic,
    "arithmetic": _arithmetic("int8"),
    "arithmetic_float32": _arithmetic("float32"),
    "prelu": _prelu("int8"),
    "prelu_float32": _prelu("float32"),
    "pointwise": _pointwise,
    "log_softmax": _log_softmax("int8"),
    "log_softmax_float32": _log_softmax("float32"),
    "resize_nearest": _resize(ResizeNearest),
    "resize_bilinear": _resize(ResizeBilinear),
    "copy": _copy,
}
"""What draws each."""
