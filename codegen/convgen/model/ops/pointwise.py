"""Functions of one float32 value: any operator that looks at nothing but one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.lookup import sigmoid
from convgen.model.operator import Plain

Values = NDArray[np.float64]


def _leaky(values: Values, alpha: float) -> Values:
    return np.where(values < 0, alpha * values, values)


def _hard_swish(values: Values, _: float) -> Values:
    found: Values = values * (values + 3).clip(0, 6) / 6
    return found


CLAMPS: Mapping[str, tuple[float, float]] = {
    "relu": (0, np.inf),
    "relu6": (0, 6),
    "relu_n1_to_1": (-1, 1),
}
"""Functions that only clamp."""

FUNCTIONS: Mapping[str, Callable[[Values, float], Values]] = {
    "hard_swish": _hard_swish,
    "leaky_relu": _leaky,
    "logistic": lambda values, _: sigmoid(values),
    "tanh": lambda values, _: np.tanh(values),
}
KINDS = (*CLAMPS, *FUNCTIONS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pointwise(Plain):
    """The function ``kind`` of each float32 value; only some look at ``alpha``."""

    kind: str
    alpha: float = 0.0

    @property
    def title(self) -> str:
        """What it is, in words."""
        return self.kind.replace("_", " ")

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs in float64. Arrays are ``[N, *shape]``."""
        wide = inputs[0].astype(np.float64)
        if self.kind in CLAMPS:
            return (wide.clip(*CLAMPS[self.kind]),)
        return (FUNCTIONS[self.kind](wide, self.alpha),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """A clamp is exact; else the bound of a convolution with two products."""
        (outputs,) = self.compute(*inputs)
        if self.kind in CLAMPS:
            return (np.zeros(outputs.shape),)
        return (8 * 2.0**-24 * np.abs(outputs) + 1e-6,)
