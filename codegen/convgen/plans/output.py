"""How sums become outputs: one value of a plan, read by templates, comments and prices.

It is one of several: `Bounded` and `Requantize` here, `convgen.plans.lines.Lines`, and those of
addition and average pooling. Int8 outputs equal those of TensorFlow Lite's reference kernels for
every sum that the operator can reach; what is not the reference's own arithmetic is proved to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.literals import ctype
from convgen.model.arithmetic import Arithmetic, of_dtype
from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.quantize import reduced
from convgen.plans.constant import Constant


class Output(Protocol):
    """What all of them say of themselves."""

    @property
    def form(self) -> str:
        """The word by which templates tell one from another."""
        ...

    @property
    def finishes(self) -> bool:
        """Whether a sum is not yet an output."""
        ...

    @property
    def description(self) -> str | None:
        """How int8 outputs come about, in words; None where sums are outputs but for a clamp."""
        ...

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The arrays it reads, but for those that a kernel keeps among its weights."""
        ...


class Ranged:
    """Outputs from ``low`` to ``high``, of int8 unless an ``arithmetic`` says otherwise."""

    __slots__ = ()

    arithmetic: Arithmetic = of_dtype("int8")
    low: float
    high: float

    @property
    def least(self) -> float:
        """The least that the dtype has."""
        return self.arithmetic.least

    @property
    def most(self) -> float:
        """The most that it has."""
        return self.arithmetic.most

    @property
    def has_low(self) -> bool:
        """Whether there is a lower bound."""
        return self.low > self.least

    @property
    def has_high(self) -> bool:
        """Whether there is an upper bound."""
        return self.high < self.most


class _BySum(ABC):
    """What is finished by a function of a sum, and perhaps of its channel."""

    __slots__ = ()

    @property
    @abstractmethod
    def finishes(self) -> bool:
        """Whether a sum is not yet an output."""

    @property
    @abstractmethod
    def per_channel(self) -> bool:
        """Whether finishing a sum needs its channel."""

    def call(self, name: str, value: str, channel: str) -> str:
        """Return in C what becomes of the sum *value* in the operator *name*."""
        if self.per_channel:
            return f"{name}__finish({value}, {channel})"
        return f"{name}__finish({value})" if self.finishes else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded(Ranged, _BySum):
    """Outputs are sums, of float32, or one of the inputs, of int8: within the activation's range.

    Where nothing bounds them ``low`` and ``high`` are the ends of what there is in the dtype.
    """

    arithmetic: Arithmetic
    low: float
    high: float

    constants: ClassVar[tuple[Constant, ...]] = ()
    description: ClassVar[None] = None
    per_channel: ClassVar[bool] = False

    @property
    def form(self) -> str:
        """``int8``, or ``float``."""
        return ctype(self.arithmetic.dtype).removesuffix("_t")

    @property
    def finishes(self) -> bool:
        """Whether there is any."""
        return self.has_low or self.has_high


def bounded(operator: Operator) -> Bounded:
    """Return the range of *operator*'s outputs, in units of its dtype."""
    arithmetic = of_dtype(operator.dtype)
    return Bounded(
        arithmetic=arithmetic,
        low=arithmetic.value(max(operator.activation_min, arithmetic.least)),
        high=arithmetic.value(min(operator.activation_max, arithmetic.most)),
    )


Form = Literal["double_right", "double", "single", "reduced"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requantize(_BySum):
    """The multiplication by a Q31 multiplier and the shift of TensorFlow Lite, step by step.

    ``multiplier`` and ``shift`` hold one element when all channels agree, else one per channel,
    ``[out_c]``. The meaning of ``shift``, in bits, depends on ``form``:

    * ``double_right``: right shifts of at least 1, nothing can overflow: two additions round;
    * ``double``: TensorFlow Lite's shift, positive to the left, its own rounding steps, as
      ``MultiplyByQuantizedMultiplier`` has them;
    * ``single``: right shifts of the 64-bit product, as with ``TFLITE_SINGLE_ROUNDING``;
    * ``reduced``: right shifts of the 64-bit product with a multiplier of Q15, as sums of 64 bits
      are multiplied.

    ``low`` and ``high`` are the activation range less the output's zero point; outputs are of
    ``arithmetic``.
    """

    arithmetic: Arithmetic
    form: Form
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int8]
    low: int
    high: int
    zero_point: int

    finishes: ClassVar[bool] = True

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
    def least(self) -> int:
        """The least output."""
        return self.low + self.zero_point

    @property
    def most(self) -> int:
        """The greatest."""
        return self.high + self.zero_point

    @property
    def is_whole(self) -> bool:
        """Whether outputs are all that the dtype has."""
        return (self.least, self.most) == (self.arithmetic.least, self.arithmetic.most)

    @property
    def saturates(self) -> bool:
        """Whether the range is that of an unsigned or signed number of some bits."""
        steps = self.high + 1
        return self.low in (0, -steps) and steps & (steps - 1) == 0

    @property
    def rounding(self) -> str:
        """TensorFlow Lite's name for it."""
        return self.form if self.form in ("single", "reduced") else "double"

    @property
    def multiplies_wide(self) -> bool:
        """Whether the 64-bit product itself is rounded, and shifted to the right."""
        return self.form in ("single", "reduced")

    @property
    def multiplier_format(self) -> str:
        """Where the binary point of multipliers is."""
        return "Q15" if self.form == "reduced" else "Q31"

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        channels = "per channel" if self.per_channel_multiplier else "one for all channels"
        return f"{self.rounding} rounding, {self.multiplier_format} multiplier {channels}"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The tables."""
        direction = "left" if self.form == "double" else "right"
        multiplier = Constant(
            name="multiplier",
            values=self.multiplier,
            comment=f"{self.multiplier_format}, per channel",
        )
        shift = Constant(name="shift", values=self.shift, comment=f"to the {direction}")
        return (
            *((multiplier,) if self.per_channel_multiplier else ()),
            *((shift,) if self.per_channel_shift else ()),
        )


def step_by_step(layer: Conv2d) -> Bounded | Requantize:
    """Return how outputs of *layer* are finished as TensorFlow Lite does it, in the cheapest form.

    Float32 sums are only bounded.
    """
    quantization = layer.quantization
    if quantization is None:
        return bounded(layer)
    form, shift = _form(layer, quantization)
    zero_point = quantization.out_zero_point
    multiplier = quantization.multiplier
    return Requantize(
        arithmetic=of_dtype(layer.dtype),
        form=form,
        multiplier=_collapse(
            reduced(multiplier).astype(np.int32) if form == "reduced" else multiplier
        ),
        shift=_collapse(shift.astype(np.int8)),
        low=int(layer.activation_min) - zero_point,
        high=int(layer.activation_max) - zero_point,
        zero_point=zero_point,
    )


def _form(layer: Conv2d, quantization: Quantization) -> tuple[Form, NDArray[np.int32]]:
    shift = quantization.shift
    if quantization.rounding == "single":
        return "single", 31 - shift
    if quantization.rounding == "reduced":
        return "reduced", 15 - shift
    low, high = layer.accumulator_range
    largest = max(int(-low.min()), int(high.max()))
    right = -shift
    if right.min() >= 1 and largest + (1 << int(right.max() - 1)) < 2**31:
        return "double_right", right
    return "double", shift


def _collapse(values: NDArray[Any]) -> NDArray[Any]:
    return values[:1] if (values == values[0]).all() else values
