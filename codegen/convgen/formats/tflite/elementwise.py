"""Operators whose outputs look at one element of each input, and softmax."""

from __future__ import annotations

from convgen.formats.tflite.scene import (
    Built,
    Scene,
    UnsupportedError,
    clamp,
    of_one_dtype,
    options_of,
    scaled,
)
from convgen.formats.tflite.tables import FileOperator
from convgen.model import lookup
from convgen.model.ops.add import LEFT_SHIFT, Add
from convgen.model.ops.convert import Dequantize, Quantize
from convgen.model.ops.softmax import Softmax
from convgen.model.ops.table import Table
from convgen.model.tensor import Tensor


def add(operator: FileOperator, scene: Scene) -> Built:
    """Read an ADD of two tensors of one shape."""
    options = options_of(operator, "AddOptions")
    given = [scene.file_tensor(operator, place, "input") for place in (0, 1)]
    output = scene.output(operator)
    if any(tensor.shape != output.shape or tensor.index in scene.constants for tensor in given):
        raise UnsupportedError("tensors of several shapes")
    one, two, total = (scene.seen(tensor) for tensor in (*given, output))
    of_one_dtype(one, two, total)
    if total.dtype == "int8":
        largest = max(scaled(one).scale or 0, scaled(two).scale or 0)
        if 2 * largest / (scaled(total).scale or 1) >= 2**LEFT_SHIFT:
            raise UnsupportedError("an output with a much smaller scale than the inputs")
    limits = clamp(options, total)
    return [
        Add(
            name="",
            inputs=(one, two),
            output=total,
            activation=limits.activation,
            activation_min=limits.low,
            activation_max=limits.high,
        )
    ]


def _ends(operator: FileOperator, scene: Scene) -> tuple[Tensor, Tensor]:
    """Return the input and the output of an operator that changes no shape."""
    given, output = scene.file_tensor(operator, 0, "input"), scene.output(operator)
    if given.shape != output.shape:
        raise UnsupportedError(f"{list(given.shape)} to {list(output.shape)}")
    return scene.seen(given), scene.seen(output)


def quantize(operator: FileOperator, scene: Scene) -> Built:
    """Read a QUANTIZE from float32 to bytes, or from bytes to bytes."""
    given, output = _ends(operator, scene)
    if scaled(output).dtype == "float32":
        raise UnsupportedError("float32 outputs")
    if given.dtype == "float32":
        return [Quantize(name="", inputs=(given,), output=output)]
    return [_table("quantize", scaled(given), output)]


def dequantize(operator: FileOperator, scene: Scene) -> Built:
    """Read a DEQUANTIZE from bytes to float32."""
    given, output = _ends(operator, scene)
    if scaled(given).dtype == "float32" or output.dtype != "float32":
        raise UnsupportedError(f"{given.dtype} to {output.dtype}")
    return [Dequantize(name="", inputs=(given,), output=output)]


def logistic(operator: FileOperator, scene: Scene) -> Built:
    """Read a LOGISTIC."""
    return _function(operator, scene, "logistic")


def _function(operator: FileOperator, scene: Scene, kind: str, alpha: float = 0.0) -> Built:
    given, output = _ends(operator, scene)
    of_one_dtype(given, output)
    return [_table(kind, scaled(given), scaled(output), alpha)]


def _table(kind: str, given: Tensor, output: Tensor, alpha: float = 0.0) -> Table:
    try:
        values = lookup.FUNCTIONS[kind](given, output, alpha)
    except OverflowError as error:
        raise UnsupportedError(str(error)) from None
    return Table(name="", inputs=(given,), output=output, kind=kind, values=values)


def softmax(operator: FileOperator, scene: Scene) -> Built:
    """Read a SOFTMAX over the last axis."""
    options = options_of(operator, "SoftmaxOptions")
    given, output = _ends(operator, scene)
    of_one_dtype(given, output)
    if not given.shape:
        raise UnsupportedError("a tensor without axes")
    if given.dtype == "int8":
        scale = scaled(output).scale or 1
        if output.zero_point != -128 or abs(scale - 1 / 256) > 0.001 / 256:
            raise UnsupportedError("an output whose scale is not 1/256 and zero point -128")
        if not options.beta * (scaled(given).scale or 1) * 2**26 > 1:
            raise UnsupportedError(f"beta {options.beta:g} with that scale")
    if not 0 < options.beta < 2**16:
        raise UnsupportedError(f"beta {options.beta:g}")
    return [Softmax(name="", inputs=(given,), output=output, beta=options.beta)]
