"""How the generated code turns an int32 sum into an int8 output: the cheapest exact form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.conv2d import Conv2d, Quantization

Form = Literal["double_right", "double", "single"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requantize:
    """What ``parts/finish.c.j2`` prints.

    ``multiplier`` and ``shift`` hold one element when all channels agree, else one per channel.
    The meaning of ``shift`` depends on ``form``:

    * ``double_right``: right shifts of at least 1, nothing can overflow: two additions round;
    * ``double``: TensorFlow Lite's shift, positive to the left, its own rounding steps;
    * ``single``: right shifts of the 64-bit product.

    ``low`` and ``high`` are the activation range less the output's zero point.
    """

    form: Form
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int8]
    low: int
    high: int
    zero_point: int

    @property
    def per_channel_multiplier(self) -> bool:
        """Whether the multiplier is a table."""
        return self.multiplier.size > 1

    @property
    def per_channel_shift(self) -> bool:
        """Whether the shift is a table."""
        return self.shift.size > 1

    @property
    def per_channel(self) -> bool:
        """Whether finishing a sum needs its channel."""
        return self.per_channel_multiplier or self.per_channel_shift

    @property
    def rounding(self) -> str:
        """TensorFlow Lite's name for it."""
        return "single" if self.form == "single" else "double"

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        channels = "per channel" if self.per_channel_multiplier else "one for all channels"
        return f"{self.rounding} rounding, Q31 multiplier {channels}"


def plan_requantize(layer: Conv2d) -> Requantize | None:
    """Choose the form for *layer*; None for float32."""
    quantization = layer.quantization
    if quantization is None:
        return None
    form, shift = _form(layer, quantization)
    zero_point = quantization.out_zero_point
    return Requantize(
        form=form,
        multiplier=_collapse(quantization.multiplier),
        shift=_collapse(shift.astype(np.int8)),
        low=int(layer.activation_min) - zero_point,
        high=int(layer.activation_max) - zero_point,
        zero_point=zero_point,
    )


def _form(layer: Conv2d, quantization: Quantization) -> tuple[Form, NDArray[np.int32]]:
    shift = quantization.shift
    if quantization.rounding == "single":
        return "single", 31 - shift
    low, high = layer.accumulator_range
    largest = max(int(-low.min()), int(high.max()))
    right = -shift
    if right.min() >= 1 and largest + (1 << int(right.max() - 1)) < 2**31:
        return "double_right", right
    return "double", shift


def _collapse(values: NDArray[Any]) -> NDArray[Any]:
    return values[:1] if (values == values[0]).all() else values
