"""From a spec's activation to a clamp of the outputs, or every reason why not."""

from __future__ import annotations

import math

from convgen.errors import SpecError
from convgen.formats.schema import ClampSpec
from convgen.model import quantize
from convgen.model.arithmetic import of_dtype
from convgen.model.tensor import DType


def clamp_problems(clamp: ClampSpec, dtype: DType) -> list[str]:
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
        expected = f"whole numbers, in units of the {dtype} output"
        return [f"activation: expected {expected}, got {clamp.min:g} and {clamp.max:g}"]
    least, most = int(of_dtype(dtype).least), int(of_dtype(dtype).most)
    if clamp.min > most or clamp.max < least:
        got = f"{clamp.min:g} to {clamp.max:g}"
        return [f"activation: expected a range that meets {least} to {most}, got {got}"]
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
        least, most = int(of_dtype(dtype).least), int(of_dtype(dtype).most)
        return max(least, int(activation.min)), min(most, int(activation.max))
    try:
        return quantize.activation_range(activation, scale, zero_point, dtype)
    except OverflowError as error:
        expected = "a scale at which relu6's bound fits in int32"
        raise SpecError([f"output.scale: expected {expected}, but {error}"]) from None
