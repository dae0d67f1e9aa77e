"""LSTM of float32, from ``CalculateLstmGateFloat``, and how far rounding takes it step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.lookup import sigmoid
from convgen.model.near import Near
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.lstm import GATES, Lstm

FUNCTIONS = {"cell": np.tanh}
"""Of the sums of gates, where it is not the logistic function."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatLstm(Lstm):
    """One of float32 tensors."""

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return outputs and states for ``[N, *shape]`` of the sequence and the states."""
        return tuple(each.value for each in self._near(inputs, list(map(np.zeros_like, inputs))))

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[Floats, ...]:
        """As `bounds` of exact inputs."""
        return self.bounds(inputs, list(map(np.zeros_like, inputs)))

    def bounds(
        self, inputs: Sequence[NDArray[Any]], errors: Sequence[Floats]
    ) -> tuple[Floats, ...]:
        """Return how far outputs may be from `compute`'s, with inputs that far from *inputs*.

        Every operation adds its rounding to what its operands are wrong by; a gate moves no farther
        than its function does, so that errors do not grow with the steps where gates are flat.
        """
        return tuple(each.error for each in self._near(inputs, errors))

    def _near(self, inputs: Sequence[NDArray[Any]], errors: Sequence[Floats]) -> tuple[Near, ...]:
        rows, hidden, cell = map(Near.of, inputs, errors)
        weights = np.concatenate([_matrix(self.arriving), _matrix(self.recurring)], axis=1)
        bias = 0.0 if self.arriving.bias is None else self.arriving.bias.astype(np.float64)
        found = []
        for step in range(self.steps):
            sums = Near.joined([rows[:, step], hidden]).products(weights, bias)
            hidden, cell = self._shown(sums, cell)
            found.append(hidden)
        return Near.stack(found, axis=1), hidden, cell

    def _shown(self, sums: Near, cell: Near) -> tuple[Near, Near]:
        """Return what is hidden and in a cell behind the *sums* of all gates."""
        new, forget, made, output = (
            each.curve(FUNCTIONS.get(gate, sigmoid))
            for gate, each in zip(GATES, sums.split(len(GATES)), strict=True)
        )
        cell = forget * cell + new * made
        if self.clip:
            cell = cell.through(lambda values: values.clip(-self.clip, self.clip))
        return output * cell.curve(np.tanh), cell


def _matrix(layer: Conv2d) -> Floats:
    """Return the weights ``[gates * units, in]``."""
    g = layer.geometry
    return layer.weights.reshape(g.out_c, g.in_elems).astype(np.float64)
