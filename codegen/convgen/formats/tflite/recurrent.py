"""Operators that keep a state: SVDF, whose variables are operands of its own."""

from __future__ import annotations

import math
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
from convgen.model.ops.overflow import overflow
from convgen.model.ops.svdf import Svdf
from convgen.model.quantize import INT32, MAX_SHIFT, quantize_multiplier
from convgen.model.tensor import Tensor

KINDS = ("SVDF",)
"""What reads variables, and writes them."""
ONE_ROW = KernelMoves((1, 1), (1, 1), (0, 0, 0, 0))
STATES = {"int8": "int16", "float32": "float32"}
"""dtypes of what is kept, by that of the activations."""


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
        features=_products(given, weights, _factor(given, feature, past)),
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


def _products(given: Tensor, weights: NDArray[Any], factor: float) -> Conv2d:
    """Return the products of one row, of integers rescaled to int16."""
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
        bias=None,
        quantization=_quantization(given, factor, rows) if is_exact else None,
        synthetic=False,
        input_name=given.name,
    )
    if problem := overflow(found):
        raise UnsupportedError(problem.partition(": expected ")[2])
    return found


def _quantization(given: Tensor, factor: float, rows: int) -> Quantization:
    multiplier, shift = quantize_multiplier(factor, "double")
    return Quantization(
        in_zero_point=given.zero_point,
        out_zero_point=0,
        multiplier=np.full(rows, multiplier, np.int32),
        shift=np.full(rows, shift, np.int32),
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
