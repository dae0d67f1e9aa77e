"""How far the outputs of a float32 network may be from the exact ones.

Each operator may be wrong by its own `tolerance`, and passes on what its inputs are wrong by: at
most as far as its outputs can move when the inputs do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model import convolution
from convgen.model.graph import Arrays, Graph, Values
from convgen.model.operator import Operator
from convgen.model.ops.add import Add
from convgen.model.ops.arithmetic import Elementwise
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.convert import Dequantize, Quantize
from convgen.model.ops.dynamic import DynamicQuantize
from convgen.model.ops.float_lstm import FloatLstm
from convgen.model.ops.mean import Mean
from convgen.model.ops.move import Concatenation, Pad, Slice, Transpose
from convgen.model.ops.pointwise import Pointwise
from convgen.model.ops.pool import Pool2d
from convgen.model.ops.prelu import Prelu
from convgen.model.ops.resize import ResizeBilinear, ResizeNearest
from convgen.model.ops.softmax import LogSoftmax, Softmax
from convgen.model.ops.svdf import Svdf
from convgen.model.ops.transposed_conv2d import TransposedConv2d

Errors = NDArray[np.float64]

STEEPEST = {"logistic": 0.25, "hard_swish": 1.5}
"""How steep functions of one value are, where that is not one."""
HIGHEST = {"logistic": 1.0, "tanh": 2.0, "relu6": 6.0, "relu_n1_to_1": 2.0}
"""How far outputs can be apart at all, where that has an end."""
MOST_EXPONENT = 100.0  # of the factor between two softmaxes: beyond, it says nothing
WHOLE, WIDE = 255.0, 65535.0  # by which a byte can be wrong, and an int16
FLOAT32_SLACK = 2.0**-21  # of a quotient in float32


def tolerance(graph: Graph, *inputs: NDArray[Any]) -> Arrays:
    """Return how far outputs may be from those of `Graph.compute`, in the same shapes.

    Bytes must be exact, unless float32 values that were computed are rounded to them.
    """
    kept: Values = {}
    before = {state.tensor.name: state.initial[None] for state in graph.states}
    calls: list[list[Errors]] = []
    for values in graph.calls(*inputs):
        errors = _call(graph, values, before, kept)
        calls.append([_seen(errors[tensor.name], tensor.shape) for tensor in graph.outputs])
        kept = {state.tensor.name: errors[state.new.name] for state in graph.states}
        before = {state.tensor.name: values[state.new.name] for state in graph.states}
    return tuple(map(np.concatenate, zip(*calls, strict=True)))


def _call(graph: Graph, values: Values, before: Values, kept: Values) -> Values:
    """Return the bounds of every tensor, by name.

    Of states *before* has the values before the call, *kept* their bounds.
    """
    known = {name: np.zeros(array.shape) for name, array in values.items()} | kept
    now = values | before
    for operator in graph.operators:
        given = [_seen(now[t.name], t.shape) for t in operator.inputs]
        errors = [_seen(known[t.name], t.shape) for t in operator.inputs]
        own, names = operator.tolerance(*given), [tensor.name for tensor in operator.outputs]
        known |= dict(zip(names, own, strict=True))
        if any(error.any() for error in errors):
            moved = _moved(operator, given, errors)
            known |= {name: known[name] + by for name, by in zip(names, moved, strict=True)}
        now |= {name: values[name] for name in names}
    return known


def _seen(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return array.reshape(len(array), *shape)


def _moved(operator: Operator, given: list[NDArray[Any]], errors: list[Errors]) -> Arrays:
    """Return how far outputs move at most when inputs move by *errors*."""
    found: Any = tuple(WHOLE if t.arithmetic.is_byte else WIDE for t in operator.outputs)
    if (moves := _MOVES.get(type(operator))) is not None:
        found = moves(operator, given, errors)
    each = found if isinstance(found, tuple) else (found,)
    shapes = ((len(errors[0]), *tensor.shape) for tensor in operator.outputs)
    return tuple(np.broadcast_to(one, shape) for one, shape in zip(each, shapes, strict=True))


def _alike(operator: Any, _: list[NDArray[Any]], errors: list[Errors]) -> Any:
    """Of what moves elements, or weighs them with weights that add up to one."""
    return operator.compute(*errors)[0] if operator.dtype == "float32" else WHOLE


def _joined(operator: Any, given: list[NDArray[Any]], errors: list[Errors]) -> Any:
    """Of what puts constants between elements."""
    fixed = tuple(None if part is None else np.zeros_like(part) for part in operator.fixed)
    return _alike(replace(operator, fixed=fixed), given, errors)


def _filled(operator: Any, given: list[NDArray[Any]], errors: list[Errors]) -> Any:
    """Of what puts a constant around elements."""
    return _alike(replace(operator, value=0), given, errors)


def _convolved(layer: Conv2d, _: list[NDArray[Any]], errors: list[Errors]) -> Any:
    if layer.dtype != "float32":
        return WHOLE
    weights = np.abs(layer.weights.astype(np.float64))
    sums = [
        np.concatenate([rows for _, rows in convolution.row_sums(layer.geometry, image, weights)])
        for image in errors[0]
    ]
    return np.stack(sums)


def _transposed(operator: TransposedConv2d, given: list[NDArray[Any]], errors: list[Errors]) -> Any:
    return _convolved(operator.convolution, given, [operator.spread(errors[0])])


def _unclamped(operator: Any, given: list[NDArray[Any]], errors: list[Errors]) -> Any:
    free = replace(operator, activation_min=-np.inf, activation_max=np.inf)
    return _alike(free, given, errors)


def _arithmetic(operator: Elementwise, given: list[NDArray[Any]], errors: list[Errors]) -> Any:
    if operator.kind != "mul":
        total = replace(operator, kind="add", operands=_constants(operator, np.zeros_like))
        return _unclamped(total, given, errors)
    product = replace(operator, operands=_constants(operator, np.abs))
    sizes = [np.abs(values) for values in given]
    wider = [size + error for size, error in zip(sizes, errors, strict=True)]
    return _unclamped(product, given, wider) - _unclamped(product, given, sizes)


def _constants(operator: Elementwise, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Any:
    return tuple(
        each if each.values is None else replace(each, values=change(each.values))
        for each in operator.operands
    )


def _through_time(operator: Svdf, given: list[NDArray[Any]], errors: list[Errors]) -> Any:
    if operator.dtype != "float32":
        return WHOLE, WIDE
    return operator.moved(_convolved(operator.features, given, errors), errors[1])


def _step_by_step(operator: FloatLstm, given: list[NDArray[Any]], errors: list[Errors]) -> Any:
    by_itself, found = operator.tolerance(*given), operator.bounds(given, errors)
    return tuple(all_of_it - own for all_of_it, own in zip(found, by_itself, strict=True))


def _pointwise(operator: Pointwise, _: list[NDArray[Any]], errors: list[Errors]) -> Any:
    moves = errors[0] * max(STEEPEST.get(operator.kind, 1.0), abs(operator.alpha))
    return moves.clip(max=HIGHEST.get(operator.kind, np.inf))


def _prelu(operator: Prelu, _: list[NDArray[Any]], errors: list[Errors]) -> Any:
    if operator.dtype != "float32":
        return WHOLE
    return errors[0] * np.maximum(1, np.abs(operator.slopes))


def _softmax(operator: Softmax, given: list[NDArray[Any]], errors: list[Errors]) -> Any:
    if operator.dtype != "float32":
        return WHOLE
    (outputs,) = operator.compute(*given)
    exponents = 2 * operator.beta * errors[0].max(axis=-1, keepdims=True)
    return (outputs * np.expm1(exponents.clip(max=MOST_EXPONENT))).clip(max=1)


def _log_softmax(operator: LogSoftmax, _: list[NDArray[Any]], errors: list[Errors]) -> Any:
    if operator.dtype != "float32":
        return WHOLE
    return errors[0] + errors[0].max(axis=-1, keepdims=True)


def _dequantized(operator: Dequantize, _: list[NDArray[Any]], errors: list[Errors]) -> Any:
    return errors[0] * (operator.inputs[0].scale or 1)


def _quantized(operator: Quantize, given: list[NDArray[Any]], errors: list[Errors]) -> Any:
    low, high = (operator.compute(given[0] + end)[0] for end in (-errors[0], errors[0]))
    return high.astype(np.float64) - low


def _rounded(operator: DynamicQuantize, given: list[NDArray[Any]], errors: list[Errors]) -> Any:
    """Of values that go to the nearest step: a step, where a boundary is that near.

    The steps themselves move with the ends of the range.
    """
    values, error = (each[0].reshape(len(each[0]) * operator.rows, -1) for each in (given, errors))
    axes = (1,)
    low = np.minimum(values.min(axis=axes, keepdims=True), 0)
    high = np.maximum(values.max(axis=axes, keepdims=True), 0)
    span = 2 * np.maximum(-low, high) if operator.symmetric else high - low
    span = np.maximum(span.astype(np.float64), np.finfo(np.float32).tiny)
    step = span / (254 if operator.symmetric else 255)
    stretch = 2 * error.max(axis=axes, keepdims=True) / span
    moves = error + np.abs(values) * stretch
    places = values / step
    to_boundary = 0.5 - np.abs(places - np.rint(places))
    beyond = moves / step + np.abs(places) * FLOAT32_SLACK - to_boundary
    flips = np.where(beyond >= 0, np.floor(beyond) + 1, 0)
    return (np.abs(values) * stretch + flips * step).reshape(given[0].shape)


_MOVES: dict[type, Callable[..., Any]] = {
    Add: _unclamped,
    Elementwise: _arithmetic,
    Concatenation: _joined,
    Conv2d: _convolved,
    Dequantize: _dequantized,
    DynamicQuantize: _rounded,
    FloatLstm: _step_by_step,
    LogSoftmax: _log_softmax,
    Mean: _alike,
    Pad: _filled,
    Pointwise: _pointwise,
    Pool2d: _unclamped,
    Prelu: _prelu,
    Quantize: _quantized,
    ResizeBilinear: _alike,
    ResizeNearest: _alike,
    Slice: _alike,
    Softmax: _softmax,
    Svdf: _through_time,
    Transpose: _alike,
    TransposedConv2d: _transposed,
}
"""By the type of operator; bytes that come out of wrong bytes may be anything."""
