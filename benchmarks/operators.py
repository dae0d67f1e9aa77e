"""The layers that `fit_operators` measures: each kind of operator in several sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from measure import load

from convgen.model.operator import Operator
from convgen.model.ops.arithmetic import Elementwise, Kind, Operand
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.convert import Dequantize, Quantize
from convgen.model.ops.dynamic import DynamicQuantize
from convgen.model.ops.mean import Mean
from convgen.model.ops.move import Concatenation, Pad, Slice, Transpose
from convgen.model.ops.pointwise import FUNCTIONS, Pointwise
from convgen.model.ops.prelu import Prelu
from convgen.model.ops.resize import ResizeBilinear, ResizeNearest
from convgen.model.ops.softmax import LogSoftmax, Softmax
from convgen.model.ops.table import Table
from convgen.model.tensor import DType, Tensor

Spec = dict[str, Any]

NUMBERS = {
    "line32": ((0.0123, -3), (0.0456, 5), (0.0519, -10)),
    "line64": ((0.0014, 73), (0.783, -111), (0.01, 117)),
    "rescale": (
        (0.018145441413955136, -113),
        (0.040733359933113736, 78),
        (0.017547993016654478, -44),
    ),
}
"""Scales and zero points, of both inputs and the sum, that make each form of int8 addition."""


def _add(shape: tuple[int, int, int], form: str = "line32", **more: Any) -> Spec:
    first, second, output = (
        {"scale": scale, "zero_point": zero_point} for scale, zero_point in NUMBERS[form]
    )
    tensor = {"shape": list(shape), "dtype": "int8"}
    return {
        "name": "layer",
        "op": "add",
        "inputs": [tensor | first, tensor | second],
        "output": output,
        **more,
    }


def _pool(op: str, shape: tuple[int, int, int], kernel: Any, stride: Any = 1, **more: Any) -> Spec:
    return {
        "name": "layer",
        "op": op,
        "input": {"shape": list(shape), "dtype": "int8", "scale": 0.05, "zero_point": -3},
        "kernel_size": kernel,
        "stride": stride,
        **more,
    }


def _pools(op: str) -> dict[str, Spec]:
    """Windows of all sizes, by words and channel by channel, in and over the image."""
    layers = {
        "halved": _pool(op, (16, 16, 16), 2, 2),
        "halved_odd": _pool(op, (12, 12, 9), 2, 2),
        "same": _pool(op, (9, 9, 16), 3, 2, padding="same"),
        "same_odd": _pool(op, (9, 9, 7), 3, padding="same", activation="relu"),
        "same_few": _pool(op, (11, 12, 6), 5, 3, padding="same"),
        "same_small": _pool(op, (6, 10, 4), [2, 3], padding="same"),
        "one_channel": _pool(op, (12, 12, 1), 3, 3),
        "global": _pool(op, (8, 8, 64), 8),
        "global_odd": _pool(op, (6, 6, 21), 6),
        "sound": _pool(op, (25, 5, 64), [25, 5]),
        "line": _pool(op, (1, 64, 8), [1, 4], [1, 4]),
        "large": _pool(op, (14, 14, 8), 14),
        "large_odd": _pool(op, (15, 14, 3), [15, 14]),
    }
    return {f"{op}_{name}": layer for name, layer in layers.items()}


SPECS: dict[str, Spec] = {
    "add": _add((8, 8, 16)),
    "add_relu": _add((7, 5, 9), activation="relu"),
    "add_few": _add((1, 1, 12)),
    "add_many": _add((16, 16, 32)),
    "add_line64": _add((8, 8, 16), "line64"),
    "add_line64_few": _add((1, 3, 12), "line64"),
    "add_rescale": _add((8, 8, 16), "rescale"),
    "add_rescale_few": _add((1, 3, 12), "rescale"),
    **_pools("average_pool"),
    **_pools("max_pool"),
}


def as_float32(layer: Spec) -> Spec:
    """Return the same layer in float32."""

    def bare(tensor: Spec) -> Spec:
        return {"shape": tensor["shape"], "dtype": "float32"}

    if "inputs" in layer:
        return layer | {"inputs": [bare(tensor) for tensor in layer["inputs"]], "output": {}}
    return layer | {"input": bare(layer["input"])}


KINDS: tuple[Kind, ...] = ("add", "sub", "mul", "minimum", "maximum")
SCALE = float(np.float32(0.05))


def _tensor(name: str, shape: tuple[int, ...], dtype: DType) -> Tensor:
    if dtype == "float32":
        return Tensor(name=name, shape=shape, dtype=dtype)
    return Tensor(name=name, shape=shape, dtype=dtype, scale=SCALE, zero_point=-3)


def _softmax(shape: tuple[int, ...], dtype: DType) -> Operator:
    output = Tensor(name="output", shape=shape, dtype=dtype, scale=1 / 256, zero_point=-128)
    return Softmax(name="layer", inputs=(_tensor("input", shape, dtype),), output=output)


def _table(elems: int, dtype: DType) -> Operator:
    given, output = (_tensor(name, (elems,), dtype) for name in ("input", "output"))
    values = np.arange(-128, 128, dtype=np.int8)[::-1]
    return Table(name="layer", inputs=(given,), output=output, kind="mirror", values=values)


def global_pool(shape: tuple[int, int, int], dtype: DType) -> Operator:
    """Return the average pooling of an image of *shape* in one window."""
    fields = _pool("average_pool", shape, list(shape[:2]))
    return load(as_float32(fields) if dtype == "float32" else fields)


def connected(elems: int, out_c: int, dtype: DType) -> Operator:
    """Return a fully connected layer of so many inputs and outputs."""
    fields = {
        "name": "layer",
        "op": "fully_connected",
        "input": {"shape": [1, 1, elems], "dtype": "int8", "scale": 0.05, "zero_point": -3},
        "output": {"scale": 0.4, "zero_point": 5},
        "out_channels": out_c,
    }
    return load(as_float32(fields) | {"output": {}} if dtype == "float32" else fields)


def connected_least(elems: int, out_c: int, dtype: DType) -> Operator:
    """Return one with a weight of -128, or -1: no kernel takes two of its int8 weights at once."""
    layer = connected(elems, out_c, dtype)
    assert isinstance(layer, Conv2d)
    weights = layer.weights.copy()
    weights.flat[0] = -128 if dtype == "int8" else -1
    return replace(layer, weights=weights)


def mean(outer: int, count: int, inner: int, dtype: DType) -> Operator:
    """Return the mean along the middle axis."""
    given = _tensor("input", (outer, count, inner), dtype)
    output = _tensor("output", (outer, inner), dtype)
    return Mean(name="layer", inputs=(given,), output=output)


def _pad(shape: tuple[int, ...], before: tuple[int, ...], dtype: DType) -> Operator:
    padded = tuple(size + 2 * more for size, more in zip(shape, before, strict=True))
    return Pad(
        name="layer",
        inputs=(_tensor("input", shape, dtype),),
        output=_tensor("output", padded, dtype),
        before=before,
        after=before,
        value=0,
    )


def _slice(shape: tuple[int, ...], found: tuple[int, ...], dtype: DType) -> Operator:
    return Slice(
        name="layer",
        inputs=(_tensor("input", shape, dtype),),
        output=_tensor("output", found, dtype),
        begin=(0,) * len(shape),
        strides=(1,) * len(shape),
    )


def _transpose(shape: tuple[int, ...], axes: tuple[int, ...], dtype: DType) -> Operator:
    output = _tensor("output", tuple(shape[axis] for axis in axes), dtype)
    given = _tensor("input", shape, dtype)
    return Transpose(name="layer", inputs=(given,), output=output, axes=axes)


def _concatenation(rows: int, one: int, two: int, dtype: DType) -> Operator:
    parts = (_tensor(f"input_{i}", (rows, size), dtype) for i, size in enumerate((one, two)))
    output = _tensor("output", (rows, one + two), dtype)
    return Concatenation(name="layer", inputs=tuple(parts), output=output, axis=1)


def _quantize(elems: int, _: DType) -> Operator:
    given, output = _tensor("input", (elems,), "float32"), _tensor("output", (elems,), "int8")
    return Quantize(name="layer", inputs=(given,), output=output)


def _dequantize(elems: int, _: DType) -> Operator:
    given, output = _tensor("input", (elems,), "int8"), _tensor("output", (elems,), "float32")
    return Dequantize(name="layer", inputs=(given,), output=output)


def _dynamic(elems: int, dtype: DType) -> Operator:
    given, output = (_tensor(name, (elems,), dtype) for name in ("input", "output"))
    return DynamicQuantize(name="layer", inputs=(given,), output=output, symmetric=True)


def _arithmetic(
    kind: Kind, shape: tuple[int, ...], other: tuple[int, ...], dtype: DType
) -> Operator:
    one, two = (_tensor(f"input_{i}", each, dtype) for i, each in enumerate((shape, other)))
    low, high = (-128, 127) if dtype == "int8" else (-math.inf, math.inf)
    return Elementwise(
        name="layer",
        kind=kind,
        operands=(Operand(tensor=one), Operand(tensor=two)),
        output=_tensor("output", shape, dtype),
        activation="none",
        activation_min=low,
        activation_max=high,
    )


def _relu6(kind: Kind, shape: tuple[int, ...], dtype: DType) -> Operator:
    made = _arithmetic(kind, shape, shape[-1:], dtype)
    assert isinstance(made, Elementwise)
    return replace(made, activation="relu6", activation_min=0.0, activation_max=6.0)


def _constant(kind: Kind, shape: tuple[int, ...], dtype: DType) -> Operator:
    given, constant = _tensor("input", shape, dtype), _tensor("constant", shape[-1:], dtype)
    values = np.resize(np.arange(-60, 64), shape[-1]).astype(dtype)
    made = _arithmetic(kind, shape, shape[-1:], dtype)
    assert isinstance(made, Elementwise)
    operands = (Operand(tensor=given), Operand(tensor=constant, values=values))
    return replace(made, operands=operands)


def _prelu(shape: tuple[int, ...], dtype: DType) -> Operator:
    slope = _tensor("slope", shape[-1:], dtype)
    return Prelu(
        name="layer",
        inputs=(_tensor("input", shape, dtype),),
        output=_tensor("output", shape, dtype),
        slopes=np.resize(np.arange(-60, 64), shape[-1]).astype(dtype),
        slope=slope,
    )


def _log_softmax(shape: tuple[int, ...], dtype: DType) -> Operator:
    output = Tensor(name="output", shape=shape, dtype=dtype, scale=1 / 16, zero_point=127)
    return LogSoftmax(name="layer", inputs=(_tensor("input", shape, dtype),), output=output)


def _resize(
    of: type[ResizeNearest | ResizeBilinear],
    shape: tuple[int, ...],
    found: tuple[int, ...],
    dtype: DType,
) -> Operator:
    return of(
        name="layer",
        inputs=(_tensor("input", shape, dtype),),
        output=_tensor("output", found, dtype),
        align_corners=False,
        half_pixel_centers=False,
    )


def _pointwise(kind: str, elems: int, dtype: DType) -> Operator:
    given, output = (_tensor(name, (elems,), dtype) for name in ("input", "output"))
    return Pointwise(name="layer", inputs=(given,), output=output, kind=kind, alpha=0.1)


def _of_sizes(
    kind: str, make: Callable[..., Operator], *sizes: Any
) -> dict[str, Callable[[DType], Operator]]:
    """Return what makes an operator of each of *sizes*, by name."""
    return {f"{kind}_{number}": partial(make, *each) for number, each in enumerate(sizes)}


BOTH: Mapping[str, Callable[[DType], Operator]] = {
    **_of_sizes("softmax", _softmax, ((2,),), ((10,),), ((100,),), ((9, 12),), ((30, 3),)),
    **_of_sizes("mean", mean, (1, 49, 32), (1, 16, 5), (160, 3, 1), (3, 100, 24), (2, 400, 6)),
    **_of_sizes(
        "pad",
        _pad,
        ((20, 20, 3), (1, 1, 0)),
        ((10, 10, 16), (2, 2, 0)),
        ((8, 100), (1, 0)),
        ((9, 5, 4), (0, 1, 2)),
        ((12, 9, 2), (0, 2, 0)),
        ((4, 6, 30), (1, 1, 11)),
    ),
    **_of_sizes(
        "slice",
        _slice,
        ((11, 1, 64), (7, 1, 32)),
        ((11, 64), (10, 64)),
        ((30, 30), (20, 7)),
        ((99, 8), (99, 1)),
        ((50, 9), (50, 3)),
        ((20, 40), (20, 27)),
        ((9, 70), (9, 37)),
    ),
    **_of_sizes("transpose", _transpose, ((3, 3, 60), (2, 0, 1)), ((9, 7, 16), (1, 0, 2))),
    **_of_sizes("concatenation", _concatenation, (1, 640, 64), (25, 12, 20), (60, 1, 6)),
    **{
        name: make
        for kind in KINDS
        for name, make in _of_sizes(
            kind,
            partial(_arithmetic, kind),
            ((9, 8, 8), (9, 8, 8)),
            ((5, 7, 16), (16,)),
            ((4, 9, 5), (4, 9, 1)),
        ).items()
    },
    **_of_sizes("constant", _constant, ("mul", (6, 6, 20)), ("add", (40, 5))),
    **_of_sizes("prelu", _prelu, ((10, 6, 8),), ((30, 3),)),
    **_of_sizes("log_softmax", _log_softmax, ((2,),), ((10,),), ((20, 12),)),
    **_of_sizes(
        "resize_nearest",
        partial(_resize, ResizeNearest),
        ((5, 5, 16), (10, 10, 16)),
        ((8, 6, 3), (12, 12, 3)),
    ),
    **_of_sizes(
        "resize_bilinear",
        partial(_resize, ResizeBilinear),
        ((5, 5, 16), (10, 10, 16)),
        ((8, 6, 3), (12, 12, 3)),
    ),
}
"""What there is of int8 and of float32."""


def _scaled(operator: Operator, *numbers: tuple[float, int]) -> Operator:
    """Return *operator* with other scales and zero points, of both operands and the output."""
    assert isinstance(operator, Elementwise)
    one, two, output = (
        replace(tensor, scale=float(np.float32(scale)), zero_point=zero_point)
        for tensor, (scale, zero_point) in zip(
            (*(each.tensor for each in operator.operands), operator.output), numbers, strict=True
        )
    )
    return replace(operator, operands=(Operand(tensor=one), Operand(tensor=two)), output=output)


WIDE = {
    "add": NUMBERS["line64"],
    "mul": ((0.20563004910945892, -128), (0.016866404563188553, -128), (0.08256759494543076, -8)),
}
"""Scales and zero points of sums and products in 64 bits."""


def _wide(kind: Kind, shape: tuple[int, ...], dtype: DType) -> Operator:
    return _scaled(_arithmetic(kind, shape, shape, dtype), *WIDE[kind])


def _wide_prelu(shape: tuple[int, ...], dtype: DType) -> Operator:
    made = _prelu(shape, dtype)
    assert isinstance(made, Prelu)
    (given,) = made.inputs
    scale = float(np.float32(0.0024337126))
    return replace(
        made,
        inputs=(replace(given, scale=scale, zero_point=-70),),
        output=replace(made.output, scale=2.0**-7, zero_point=-83),
        slopes=np.resize(np.array([-128, 127, 5], np.int8), shape[-1]),
        slope=replace(made.slope, scale=float(np.float32(0.00127)), zero_point=-128),
    )


BYTES: Mapping[str, Callable[[DType], Operator]] = {
    **_of_sizes("wide", _wide, ("add", (8, 30)), ("mul", (8, 30)), ("add", (3,)), ("mul", (3,))),
    **_of_sizes("wide_prelu", _wide_prelu, ((8, 30),), ((2, 3),)),
    **_of_sizes("table", _table, (1,), (7,), (60,), (1023,)),
    **_of_sizes("mean_wide", mean, (1, 1000, 4), (3, 900, 16)),
    **_of_sizes("mean_rescale", mean, (1, 4100, 2), (9, 4097, 1)),
}
"""What there is of bytes alone."""

FLOATS: Mapping[str, Callable[[DType], Operator]] = {
    **_of_sizes("quantize", _quantize, (3,), (1000,)),
    **_of_sizes("dequantize", _dequantize, (3,), (1000,), (203,), (1001,)),
    **_of_sizes("arithmetic_relu6", _relu6, ("add", (8, 30)), ("mul", (9, 8))),
    **_of_sizes("dynamic_quantize", _dynamic, (12,), (1000,)),
    **_of_sizes("pointwise", _pointwise, *((kind, 200) for kind in (*FUNCTIONS, "relu6"))),
    **_of_sizes("pointwise_few", _pointwise, *((kind, 5) for kind in (*FUNCTIONS, "relu6"))),
}
"""What there is of float32 alone, which some of their tensors are."""


def operators(dtype: DType) -> dict[str, Callable[[], Operator]]:
    """Return what makes each operator of a *dtype*, by name."""
    as_dtype = as_float32 if dtype == "float32" else dict
    more = FLOATS if dtype == "float32" else BYTES
    return {
        **{name: partial(load, as_dtype(fields)) for name, fields in SPECS.items()},
        **{name: partial(make, dtype) for name, make in {**BOTH, **more}.items()},
    }
