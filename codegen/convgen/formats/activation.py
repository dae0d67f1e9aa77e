"""From a spec's activation to a clamp of the outputs, or every reason why not."""

from __future__ import annotations

import math

from convgen.errors import SpecError
from convgen.formats.schema import ClampSpec
from convgen.model import quantize
from convgen.model.quantize import INT8
from convgen.model.tensor import DType


def clamp_problems(clamp: ClampSpec, dtype: str) -> list[str]:
    """Return what is wrong with a clamp of outputs of *dtype*."""
    if clamp.min > clamp.max:
        return [f"activation: expected min at most max, got {clamp.min:g} and {clamp.max:g}"]
    if dtype == "float32":
        ends = {"min": clamp.min, "max": clamp.max}
        return [
            f"activation.{end}: expected a number that float32 can hold, got {value:g}"
            for end, value in ends.items()
            if not math.isfinite(quantize.as_float32(value))
        ]
    if not (clamp.min.is_integer() and clamp.max.is_integer()):
        expected = "whole numbers, in units of the int8 output"
        return [f"activation: expected {expected}, got {clamp.min:g} and {clamp.max:g}"]
    if clamp.min > INT8.max or clamp.max < INT8.min:
        got = f"{clamp.min:g} to {clamp.max:g}"
        return [f"activation: expected a range that meets -128 to 127, got {got}"]
    return []


def activation_range(
    activation: str | ClampSpec, dtype: DType, scale: float | None, zero_point: int
) -> tuple[float, float]:
    """Return the clamp of outputs with that scale and zero point, in units of *dtype*.

    Raises SpecError.
    """
    if dtype == "float32":
        if isinstance(activation, ClampSpec):
            return quantize.as_float32(activation.min), quantize.as_float32(activation.max)
        ranges = {"none": (-math.inf, math.inf), "relu": (0.0, math.inf), "relu6": (0.0, 6.0)}
        return ranges[activation]
    if isinstance(activation, ClampSpec):
        return max(INT8.min, int(activation.min)), min(INT8.max, int(activation.max))
    try:
        return quantize.activation_range(activation, scale, zero_point)
    except OverflowError as error:
        expected = "a scale at which relu6's bound fits in int32"
        raise SpecError([f"output.scale: expected {expected}, but {error}"]) from None
