"""SVDF and LSTM, whose states are variables among their operands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.formats.tflite.convolutions import KernelMoves, geometry_of
from convgen.formats.tflite.scene import (
    Built,
    FusedActivation,
    TfliteScene,
    UnsupportedError,
    clamp,
    of_one_dtype,
    options_of,
    scaled,
)
from convgen.formats.tflite.tables import FileOperator, FileTensor, Options
from convgen.model.arithmetic import of_dtype
from convgen.model.lookup import scale_of
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.ops.float_lstm import FloatLstm
from convgen.model.ops.lstm import INT16, FixedLstm
from convgen.model.ops.overflow import overflow
from convgen.model.ops.svdf import Svdf
from convgen.model.quantize import INT32, MAX_SHIFT, quantize_multiplier
from convgen.model.tensor import Tensor

ONE_ROW = KernelMoves((1, 1), (1, 1), (0, 0, 0, 0))
STATES = {"int8": "int16", "float32": "float32"}
"""dtypes of what is kept, by that of the activations."""


ABSENT_OF_LSTM = {
    "peepholes": (9, 10, 11),
    "projection": (16, 17),
    "layer normalisation": (20, 21, 22, 23),
}
"""The places of operands that no LSTM here has."""
TANH = 4  # the schema's activation
HIDDEN = 4  # the place of its intermediate
MOST_PRODUCT = 2**30  # to which an int16 is added
MOST_CELL_BITS = 6  # of integers
GATE = Tensor(name="gate", shape=(), dtype="int16", scale=2.0**-12)


def lstm(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read an UNIDIRECTIONAL_SEQUENCE_LSTM of one sequence. Raises UnsupportedError."""
    options = options_of(operator, "UnidirectionalSequenceLSTMOptions")
    _refuse_variants(operator, scene, options)
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    of_one_dtype(scene.seen(given), scene.seen(output))
    steps, units = _sides(given, options)[0], output.shape[-1]
    rows = scene.seen(given, _sides(given, options))
    made = scene.seen(output, (steps, units))
    hidden, cell = (
        scene.kept(scene.file_tensor(operator, place, what), (units,))
        for place, what in ((18, "hidden state"), (19, "cell state"))
    )
    if (hidden.dtype, cell.dtype) != (rows.dtype, STATES[rows.dtype]):
        raise UnsupportedError(f"states of {hidden.dtype} and {cell.dtype}")
    ends: dict[str, Any] = {"name": "", "inputs": (rows, hidden, cell), "output": made}
    arriving = _gates(operator, scene, rows, range(1, 5), range(12, 16))
    recurring = _gates(operator, scene, hidden, range(5, 9), None)
    clip = max(float(np.float32(options.cell_clip)), 0.0)
    if rows.dtype == "float32":
        return [FloatLstm(**ends, arriving=arriving, recurring=recurring, clip=clip)]
    return [
        FixedLstm(
            **ends,
            arriving=arriving,
            recurring=_unclamped(recurring),
            cell_bits=_bits_of(cell),
            clip=int(min(float(np.float32(clip) / scale_of(cell)), float(INT16.max))),
            rescale=_hidden_rescale(operator, scene, hidden),
        )
    ]


def _refuse_variants(operator: FileOperator, scene: TfliteScene, options: Options) -> None:
    """Refuse an LSTM that has more or less than four gates of two products. Raises."""
    for what, places in ABSENT_OF_LSTM.items():
        if any(scene.optional(operator, place) for place in places):
            raise UnsupportedError(f"an LSTM with {what}")
    if scene.optional(operator, 1) is None or scene.optional(operator, 5) is None:
        raise UnsupportedError("an LSTM whose input gate is coupled with its forget gate")
    if options.diagonal_recurrent_tensors:
        raise UnsupportedError("an LSTM with diagonal weights")
    if options.fused_activation_function != TANH:
        raise UnsupportedError(f"an LSTM with activation {options.fused_activation_function}")


def _sides(given: FileTensor, options: Options) -> tuple[int, int]:
    """Return steps and elements of a sequence. Raises UnsupportedError."""
    if len(given.shape) != 3 or given.shape[1 if options.time_major else 0] != 1:
        raise UnsupportedError(f"an input of {list(given.shape)} where one sequence is expected")
    return given.shape[0 if options.time_major else 1], given.shape[2]


def _bits_of(cell: Tensor) -> int:
    """Return how many bits of integers the cell state has. Raises UnsupportedError."""
    exponent = math.log2(scaled(cell).scale or 1)
    bits = round(exponent) + 15
    if abs(exponent - round(exponent)) >= 1e-3 or not 0 <= bits <= MOST_CELL_BITS:
        raise UnsupportedError(f"a cell state of scale {cell.scale:g}")
    return bits


def _gates(
    operator: FileOperator,
    scene: TfliteScene,
    given: Tensor,
    places: range,
    biases: range | None,
) -> Conv2d:
    """Return the products of all gates with a row of *given*. Raises UnsupportedError."""
    files = [scene.file_tensor(operator, place, "weights") for place in places]
    weights = [_weights(scene, file, given.dtype) for file in files]
    shapes = {values.shape for values in weights}
    columns = given.shape[-1]
    if len(shapes) > 1 or weights[0].shape[1] != columns:
        raise UnsupportedError(f"weights of {', '.join(map(str, shapes))} for {columns}")
    sums = replace(given, shape=(len(weights[0]),))
    bias = None
    if biases is not None:
        bias = np.concatenate([_bias(scene, scene.optional(operator, n), sums) for n in biases])
    return _products(
        given, np.concatenate(weights), [_factor(given, file, GATE) for file in files], bias
    )


def _unclamped(products: Conv2d) -> Conv2d:
    """Return *products* as they are before others are added to them. Raises UnsupportedError."""
    found = replace(products, activation_min=-MOST_PRODUCT, activation_max=MOST_PRODUCT)
    ends = (found.requantized(end) for end in found.accumulator_range)
    if max(int(np.abs(end).max()) for end in ends) >= MOST_PRODUCT:
        raise UnsupportedError(f"products of the hidden state from {MOST_PRODUCT:,} on")
    return found


def _hidden_rescale(operator: FileOperator, scene: TfliteScene, hidden: Tensor) -> tuple[int, int]:
    """Return how products of Q0.15 become what is hidden, whose scale an intermediate has."""
    scale = scale_of(scaled(hidden))
    if len(operator.intermediates) > HIDDEN:
        inner = scene.tensors[operator.intermediates[HIDDEN]]
        if inner.scales.size != 1 or not inner.scales[0] > 0:
            raise UnsupportedError("an intermediate without a scale")
        if inner.zero_points.any() and int(inner.zero_points[0]) != hidden.zero_point:
            raise UnsupportedError("an intermediate with another zero point than the hidden state")
        scale = inner.scales[0]
    return quantize_multiplier(float(np.float32(2.0**-15 / float(scale) * 2.0**-15)), "double")


def svdf(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read an SVDF. Raises UnsupportedError."""
    options = options_of(operator, "SVDFOptions")
    given, output = scene.seen(scene.file_tensor(operator, 0, "input")), scene.output(operator)
    of_one_dtype(given, made := scene.seen(output))
    feature = scene.file_tensor(operator, 1, "weights of features")
    time = scene.file_tensor(operator, 2, "weights in time")
    weights = _weights(scene, feature, given.dtype)
    times = _weights(scene, time, STATES[given.dtype])
    filters, steps = times.shape
    if options.rank < 1 or filters != options.rank * made.elems or len(weights) != filters:
        sizes = f"{len(weights)} and {filters} filters of rank {options.rank}"
        raise UnsupportedError(f"{sizes} for {made.elems} units")
    if given.elems != weights.shape[1] or steps < 2:
        raise UnsupportedError(f"{weights.shape[1]} weights for {given.elems}, {steps} steps")
    variable = scene.file_tensor(operator, 4, "state")
    if variable.elems != times.size or variable.dtype != STATES[given.dtype]:
        raise UnsupportedError(f"a state of {variable.dtype} {list(variable.shape)}")
    past = scene.kept(variable, (filters, steps - 1))
    found = Svdf(
        name="",
        features=_products(given, weights, [_factor(given, feature, past)]),
        past=past,
        output=made,
        times=times,
        bias=_bias(scene, scene.optional(operator, 3), made),
        rescale=quantize_multiplier(_factor(past, time, made), "double"),
        **_activation(options, made),
    )
    _refuse_overflow(found)
    return [found]


def _weights(scene: TfliteScene, given: FileTensor, dtype: str) -> NDArray[Any]:
    """Return a matrix of *dtype*, symmetric and of one scale. Raises UnsupportedError."""
    values = scene.constant(given, "weights")
    if given.dtype != dtype or values.ndim != 2:
        raise UnsupportedError(f"weights of {given.dtype} {list(given.shape)}, not {dtype}")
    if given.zero_points.any() or not np.isfinite(values).all():
        raise UnsupportedError("weights with a zero point, or that are not finite")
    return values


def _factor(given: Tensor, weights: FileTensor, output: Tensor) -> float:
    """Return the scale of products over that of the output, as float32; 1 of float32 tensors."""
    if given.dtype == "float32":
        return 1.0
    scales = weights.scales
    if scales.size != 1 or not scales[0] > 0:
        raise UnsupportedError(f"{scales.size} scales of weights that have one")
    factor = float(scale_of(scaled(given)) * scales[0] / scale_of(scaled(output)))
    if math.frexp(factor)[1] > MAX_SHIFT:
        raise UnsupportedError(f"scales whose quotient is {factor:g}")
    return factor


def _bias(scene: TfliteScene, given: FileTensor | None, output: Tensor) -> NDArray[Any]:
    """Return the bias of *output*, nought where the file has none. Raises UnsupportedError."""
    dtype = output.arithmetic.sums
    if given is None:
        return np.zeros(output.elems, dtype)
    values = scene.constant(given, "a bias")
    if given.dtype != dtype or values.size != output.elems or not np.isfinite(values).all():
        raise UnsupportedError(f"a bias of {given.dtype} {list(given.shape)}")
    return values.reshape(output.elems)


def _products(
    given: Tensor,
    weights: NDArray[Any],
    factors: Sequence[float],
    bias: NDArray[Any] | None = None,
) -> Conv2d:
    """Return the products of one row, of integers rescaled to int16: part by part by *factors*."""
    rows, columns = weights.shape
    geometry = geometry_of((1, 1, columns), (1, 1, rows), (1, 1), ONE_ROW, 1)
    is_exact = given.arithmetic.is_exact
    wide = of_dtype("int16" if is_exact else "float32")
    found = Conv2d(
        name="",
        dtype=given.dtype,
        geometry=geometry,
        activation="none",
        activation_min=wide.least,
        activation_max=wide.most,
        weights=weights[:, None, None],
        bias=bias,
        quantization=_quantization(given, factors, rows) if is_exact else None,
        synthetic=False,
        input_name=given.name,
    )
    if problem := overflow(found):
        raise UnsupportedError(problem.partition(": expected ")[2])
    return found


def _quantization(given: Tensor, factors: Sequence[float], rows: int) -> Quantization:
    pairs = np.array([quantize_multiplier(factor, "double") for factor in factors], np.int32)
    multiplier, shift = pairs.repeat(rows // len(factors), axis=0).T
    return Quantization(
        in_zero_point=given.zero_point,
        out_zero_point=0,
        multiplier=multiplier,
        shift=shift,
        rounding="double",
        in_scale=given.scale,
    )


def _activation(options: Options, output: Tensor) -> dict[str, Any]:
    """Return what clamps the output of an SVDF: of integers LiteRT has relu do nothing."""
    found = clamp(options, output)
    if output.arithmetic.is_exact:
        if found.activation not in ("none", "relu"):
            raise UnsupportedError(f"{found.activation} with {output.dtype} tensors")
        limits = output.arithmetic
        found = FusedActivation("none", limits.least, limits.most)
    return {
        "activation": found.activation,
        "activation_min": found.low,
        "activation_max": found.high,
    }


def _refuse_overflow(found: Svdf) -> None:
    """Refuse sums that their shift to the left takes out of int32. Raises UnsupportedError."""
    shift = found.rescale[1]
    if found.dtype == "float32" or shift <= 0:
        return
    times = np.abs(found.times.astype(np.int64)).sum(axis=1).reshape(len(found.bias), -1)
    most = int((times.sum(axis=1) * 2**15 + np.abs(found.bias.astype(np.int64))).max())
    if most << shift > INT32.max:
        raise UnsupportedError(f"sums of up to {most:,} shifted to the left by {shift}")
