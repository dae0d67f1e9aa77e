"""Operators whose outputs look at one element of each input, and softmax."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from convgen.formats.tflite.scene import (
    NUMBERS,
    Built,
    TfliteScene,
    UnsupportedError,
    clamp,
    of_one_dtype,
    options_of,
    scaled,
    symmetric,
    without_batch,
)
from convgen.formats.tflite.tables import FileOperator, FileTensor, Options
from convgen.model import interpolation, lookup
from convgen.model.ops.add import LEFT_SHIFTS, Add
from convgen.model.ops.arithmetic import Elementwise, Kind, Operand
from convgen.model.ops.convert import Dequantize, Quantize
from convgen.model.ops.pointwise import Pointwise
from convgen.model.ops.prelu import Prelu
from convgen.model.ops.softmax import SUM_BITS, LogSoftmax, Softmax
from convgen.model.ops.table import Table
from convgen.model.ops.wide_softmax import SCALE, WideSoftmax
from convgen.model.quantize import INT32
from convgen.model.tensor import Tensor

SCALED = ("leaky_relu", "quantize", "relu", "relu6")
"""What multiplies values of 16 bits, and clamps."""
FARTHEST_BELOW = 2**16 - 1  # of one int16 below another
LARGEST_PRODUCTS = {"int8": 255 * 255, "int16": 2**30}
"""Of two values less their zero points."""


def add(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read an ADD."""
    options = options_of(operator, "AddOptions")
    built = _arithmetic(operator, scene, "add", options)
    if any(
        each.values is not None or each.tensor.shape != built.output.shape
        for each in built.operands
    ):
        return [built]
    one, two = built.inputs
    return [
        Add(
            name="",
            inputs=(one, two),
            output=built.output,
            activation=built.activation,
            activation_min=built.activation_min,
            activation_max=built.activation_max,
        )
    ]


def sub(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a SUB."""
    return [_arithmetic(operator, scene, "sub", options_of(operator, "SubOptions"))]


def mul(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a MUL."""
    built = _arithmetic(operator, scene, "mul", options_of(operator, "MulOptions"))
    if built.dtype in LARGEST_PRODUCTS:
        _check_scaled(LARGEST_PRODUCTS[built.dtype], built.factor)
    return [built]


def minimum(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a MINIMUM."""
    return [_arithmetic(operator, scene, "minimum", None)]


def maximum(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a MAXIMUM."""
    return [_arithmetic(operator, scene, "maximum", None)]


def _arithmetic(
    operator: FileOperator, scene: TfliteScene, kind: Kind, options: Options | None
) -> Elementwise:
    given = [scene.file_tensor(operator, place, "input") for place in (0, 1)]
    output = scene.output(operator)
    try:
        shape = np.broadcast_shapes(*(tensor.shape for tensor in given))
    except ValueError:
        shape = ()
    if shape != output.shape:
        shapes = " and ".join(str(list(tensor.shape)) for tensor in given)
        raise UnsupportedError(f"{shapes} to {list(output.shape)}")
    one, two = (_operand(scene, tensor, len(output.shape)) for tensor in given)
    found = scaled(scene.seen(output))
    of_one_dtype(scaled(one.tensor), scaled(two.tensor), found, among=NUMBERS)
    symmetric(one.tensor, two.tensor, found)
    if found.dtype in LEFT_SHIFTS and kind in ("add", "sub"):
        largest = max(one.tensor.scale or 0, two.tensor.scale or 0)
        if 2 * largest / (found.scale or 1) >= 2 ** LEFT_SHIFTS[found.dtype]:
            raise UnsupportedError("an output with a much smaller scale than the inputs")
        if found.dtype == "int16" and options and options.pot_scale_int16:
            _check_scales(one.tensor, two.tensor, found)
    limits = clamp(options or Options(of=""), found)
    return Elementwise(
        name="",
        kind=kind,
        operands=(one, two),
        output=found,
        activation=limits.activation,
        activation_min=limits.low,
        activation_max=limits.high,
        rounding=scene.rounding,
    )


def _check_scales(*tensors: Tensor) -> None:
    """Refuse scales that are powers of two, which TensorFlow Lite then adds by shifts alone."""
    if all(math.frexp(tensor.scale or 1)[0] == 0.5 for tensor in tensors):
        raise UnsupportedError("int16 sums of scales that are all powers of two")


def _operand(scene: TfliteScene, given: FileTensor, rank: int) -> Operand:
    """Return a side of an operator whose output has so many axes, a batch of one dropped."""
    shape = without_batch(given.shape) if len(given.shape) == rank else given.shape
    if given.index not in scene.constants or scene.folding:
        return Operand(tensor=scene.seen(given, shape))
    scene.introduce(given)
    values = scene.constants[given.index].reshape(shape)
    if not np.isfinite(values).all():
        raise UnsupportedError("constants that are not finite")
    return Operand(tensor=scene.seen(given, shape), values=values)


def _check_scaled(most: int, factor: float) -> None:
    """Refuse a *factor* by which values up to *most* leave int32."""
    try:
        lookup.scaled(np.array([most]), factor)
    except OverflowError as error:
        raise UnsupportedError(str(error)) from None


def _ends(operator: FileOperator, scene: TfliteScene) -> tuple[Tensor, Tensor]:
    """Return the input and the output of an operator that changes no shape."""
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    if given.shape != output.shape:
        raise UnsupportedError(f"{list(given.shape)} to {list(output.shape)}")
    return scene.seen(given), scene.seen(output)


def quantize(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a QUANTIZE from float32 to bytes, or from bytes to bytes. Raises UnsupportedError."""
    given, output = _ends(operator, scene)
    if scaled(output).dtype == "float32":
        raise UnsupportedError("float32 outputs")
    if given.dtype == "float32":
        return [Quantize(name="", inputs=(given,), output=output)]
    return [_table(scene, "quantize", scaled(given), output)]


def dequantize(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a DEQUANTIZE from bytes to float32. Raises UnsupportedError."""
    given, output = _ends(operator, scene)
    if scaled(given).dtype == "float32" or output.dtype != "float32":
        raise UnsupportedError(f"{given.dtype} to {output.dtype}")
    return [Dequantize(name="", inputs=(given,), output=output)]


def dequantized(operator: FileOperator, scene: TfliteScene) -> NDArray[np.float32]:
    """Return what a DEQUANTIZE makes of a constant: weights that a file keeps in fewer bits.

    Raises UnsupportedError.
    """
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    if given.shape != output.shape or output.dtype != "float32":
        made = f"{output.dtype} {list(output.shape)}"
        raise UnsupportedError(f"{given.dtype} {list(given.shape)} to {made}")
    values = scene.constant(given, "values")
    if given.dtype != "float16":
        scale, zero_point = _of_each(given)
        values = scale * (values - zero_point)
    found = values.astype(np.float32).reshape(given.shape)
    if not np.isfinite(found).all():
        raise UnsupportedError("constants that are not finite")
    return found


def _of_each(given: FileTensor) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the scales and zero points of a constant, as its elements are multiplied by them."""
    scales, zero_points = given.scales.astype(np.float64), given.zero_points
    if given.dtype not in ("int8", "uint8") or not scales.size:
        raise UnsupportedError(f"{given.dtype} tensors without a scale")
    if scales.size == 1:
        return scales, zero_points[:1] if zero_points.size else np.zeros(1, np.int64)
    places = [1] * len(given.shape)
    if not 0 <= given.axis < len(places) or given.shape[given.axis] != scales.size:
        raise UnsupportedError(f"{scales.size} scales for {list(given.shape)}")
    places[given.axis] = scales.size
    zero_points = (
        zero_points if zero_points.size == scales.size else np.zeros(scales.size, np.int64)
    )
    return scales.reshape(places), zero_points.reshape(places)


def function(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a LOGISTIC, TANH, HARD_SWISH, RELU, RELU6 or RELU_N1_TO_1."""
    return _function(operator, scene, operator.kind.lower())


def leaky_relu(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a LEAKY_RELU. Raises UnsupportedError."""
    alpha = options_of(operator, "LeakyReluOptions").alpha
    if not math.isfinite(alpha):
        raise UnsupportedError(f"alpha {alpha}")
    return _function(operator, scene, "leaky_relu", alpha)


def _function(operator: FileOperator, scene: TfliteScene, kind: str, alpha: float = 0.0) -> Built:
    given, output = _ends(operator, scene)
    of_one_dtype(given, output, among=NUMBERS)
    if given.dtype == "float32":
        return [Pointwise(name="", inputs=(given,), output=output, kind=kind, alpha=alpha)]
    return [_table(scene, kind, scaled(given), scaled(output), alpha)]


def _table(
    scene: TfliteScene, kind: str, given: Tensor, output: Tensor, alpha: float = 0.0
) -> Table:
    symmetric(given, output)
    is_wide = not given.arithmetic.is_byte
    if is_wide and kind not in (*SCALED, *interpolation.KINDS):
        raise UnsupportedError(f"{given.dtype} tensors")
    factors = lookup.factors(kind, given, output, alpha) if is_wide and kind in SCALED else None
    try:
        if is_wide and kind in interpolation.KINDS:
            values = interpolation.interpolated(kind, given, output)
        else:
            values = lookup.functions(scene.reference, scene.rounding)[kind](given, output, alpha)
    except OverflowError as error:
        raise UnsupportedError(str(error)) from None
    return Table(name="", inputs=(given,), output=output, kind=kind, values=values, factors=factors)


def prelu(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a PRELU with constant slopes. Raises UnsupportedError."""
    given, output = _ends(operator, scene)
    slopes = scene.file_tensor(operator, 1, "slopes")
    values = scene.constant(slopes, "slopes")
    rank = len(scene.output(operator).shape)
    shape = without_batch(slopes.shape) if len(slopes.shape) == rank else slopes.shape
    try:
        fits = np.broadcast_shapes(shape, output.shape) == output.shape
    except ValueError:
        fits = False
    if not fits or not np.isfinite(values).all():
        raise UnsupportedError(f"slopes of {list(slopes.shape)} for {list(output.shape)}")
    scene.introduce(slopes)
    slope = scaled(scene.seen(slopes, shape))
    of_one_dtype(scaled(given), scaled(output), slope)
    found = Prelu(
        name="", inputs=(given,), output=output, slopes=values.reshape(shape), slope=slope
    )
    if output.dtype == "int8":
        for most, factor in zip((255, 255 * 255), found.factors, strict=True):
            _check_scaled(most, factor)
    return [found]


def softmax(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a SOFTMAX over the last axis. Raises UnsupportedError."""
    options = options_of(operator, "SoftmaxOptions")
    given, output = _ends(operator, scene)
    of_one_dtype(given, output, among=NUMBERS)
    _check_row(given)
    if given.dtype == "int8":
        scale = scaled(output).scale or 1
        if output.zero_point != -128 or abs(scale - 1 / 256) > 0.001 / 256:
            raise UnsupportedError("an output whose scale is not 1/256 and zero point -128")
        if not options.beta * (scaled(given).scale or 1) * 2**26 > 1:
            raise UnsupportedError(f"beta {options.beta:g} with that scale")
    if not 0 < options.beta < 2**16:
        raise UnsupportedError(f"beta {options.beta:g}")
    if given.dtype == "int16":
        return [_wide_softmax(scaled(given), scaled(output), options.beta)]
    return [Softmax(name="", inputs=(given,), output=output, beta=options.beta)]


def _wide_softmax(given: Tensor, output: Tensor, beta: float) -> WideSoftmax:
    symmetric(given, output)
    if output.scale != SCALE:
        raise UnsupportedError("an output whose scale is not 2**-15")
    found = WideSoftmax(name="", inputs=(given,), output=output, beta=beta)
    if FARTHEST_BELOW << max(found.rescale[1], 0) > INT32.max:
        raise UnsupportedError(f"beta {beta:g} with that scale")
    return found


def log_softmax(operator: FileOperator, scene: TfliteScene) -> Built:
    """Read a LOG_SOFTMAX over the last axis. Raises UnsupportedError."""
    given, output = _ends(operator, scene)
    of_one_dtype(given, output)
    _check_row(given)
    if given.dtype == "int8":
        if output.zero_point != 127 or scaled(output).scale != 1 / 16:
            raise UnsupportedError("an output whose scale is not 1/16 and zero point 127")
        _check_exponents(scaled(given).scale or 1)
    return [LogSoftmax(name="", inputs=(given,), output=output)]


def _check_row(given: Tensor) -> None:
    """Refuse what has no last axis, or one whose exponentials have a sum that leaves int32."""
    if not given.shape:
        raise UnsupportedError("a tensor without axes")
    most = {"int8": 1 << SUM_BITS, "int16": 1 << 16}.get(given.dtype, math.inf)
    if given.shape[-1] >= most:
        raise UnsupportedError(f"{given.shape[-1]} values in a row of {given.dtype}")


def _check_exponents(scale: float) -> None:
    """Refuse a scale, times beta, with which differences cannot become exponents."""
    if not 1 < scale * 2**26 < 2**31:
        raise UnsupportedError(f"a scale of {scale:g} that makes no exponents")
