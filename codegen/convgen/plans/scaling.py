"""How an integer becomes an output of bytes in another scale.

TensorFlow Lite multiplies and rounds twice, ONNX Runtime once. Where there are few enough values, a
line that gives the same for all of them is cheaper (`convgen.plans.staircase`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.quantize import Rounding
from convgen.plans.constant import Constant
from convgen.plans.staircase import MOST_SUMS, Ints, Line, Staircase


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """What ``parts/scaled.c.j2`` prints: a line, or else a multiplication that is rounded.

    There ``zero`` is taken off first. Rounded twice, the value is shifted to the ``left``,
    multiplied by a Q31 ``multiplier`` and shifted to the ``right``; rounded once, ``half`` is added
    to the product, which is shifted by ``once``. Then ``zero_point`` is added, and ``low`` and
    ``high`` clamp. It is an `Output` of a plan.
    """

    form: ClassVar[str] = "scaled"
    finishes: ClassVar[bool] = True
    constants: ClassVar[tuple[Constant, ...]] = ()

    line: Line | None
    multiplier: int
    left: int
    right: int
    zero: int
    zero_point: int
    low: int
    high: int
    once: int = 0

    @property
    def half(self) -> int:
        """What rounds a product once."""
        return 1 << (self.once - 1)

    @property
    def unit(self) -> str:
        """How it is done, as its price is called; the reference's own steps, rare, as a line."""
        return f"line{self.line.bits if self.line else 64}"

    @property
    def description(self) -> str:
        """How it is done, in words."""
        if self.line is None:
            times = "once, as ONNX Runtime" if self.once else "twice, as TensorFlow Lite"
            return f"rounded {times} does it"
        return f"one multiplication in {self.line.bits} bits, equal for all values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slopes:
    """How values that are not negative become outputs, and others: ``below`` may be the same.

    It is an `Output` of a plan.
    """

    form: ClassVar[str] = "slopes"
    finishes: ClassVar[bool] = True
    constants: ClassVar[tuple[Constant, ...]] = ()

    above: Scaling
    below: Scaling

    @property
    def is_one(self) -> bool:
        """Whether all values have one slope."""
        return self.above == self.below

    @property
    def description(self) -> str:
        """How, in words."""
        return self.below.description


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescaled:
    """What a reference does: values less ``zero`` times ``multiplier * 2**(shift - 31)``."""

    multiplier: int
    shift: int
    zero: int = 0
    zero_point: int = 0
    low: int = -128
    high: int = 127
    rounding: Rounding = "double"

    @property
    def slope(self) -> float:
        """By what values are multiplied."""
        return self.multiplier * 2.0 ** (self.shift - 31)

    def by(self, line: Line | None) -> Scaling:
        """Return how it is done by a *line*, or as the reference does it."""
        return Scaling(
            line=line,
            multiplier=self.multiplier,
            left=max(self.shift, 0),
            right=max(-self.shift, 0),
            zero=self.zero,
            zero_point=self.zero_point,
            low=self.low,
            high=self.high,
            once=31 - self.shift if self.rounding == "single" else 0,
        )


def find(
    rescaled: Rescaled, least: int, most: int, outputs: Callable[[Ints], NDArray[Any]]
) -> Scaling:
    """Return how values from *least* to *most* become what *outputs* gives for them."""
    line = None
    if most - least < MOST_SUMS:
        values = np.arange(least, most + 1, dtype=np.int64)
        stairs = Staircase(
            sums=values,
            right=outputs(values).astype(np.int64),
            low=rescaled.low,
            high=rescaled.high,
            turn=rescaled.zero,
        )
        line = stairs.line(rescaled.slope)
    return rescaled.by(line)
