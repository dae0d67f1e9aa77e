"""LSTM: a row of a sequence after the other, with a hidden and a cell state.

Without peepholes, projection and norms. Of integers from ``CalculateLstmGateInteger8x8_16`` and its
like: int8 activations, an int16 cell, gates of Q3.12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.fixed_point import INT16_BITS, divide_by_power, logistic, tanh
from convgen.model.operator import Plain
from convgen.model.ops.conv2d import Conv2d
from convgen.model.quantize import requantize
from convgen.model.tensor import Tensor

GATES = ("input", "forget", "cell", "output")
GATE_BITS = 3  # of integers in a gate's sum
INT16 = np.iinfo(np.int16)

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lstm(Plain):
    """A sequence ``[steps, in]`` to ``[steps, units]``.

    ``inputs`` are the sequence, the hidden state and the cell state, ``[units]`` each, which are
    read and written. ``arriving`` and ``recurring`` are the products of all `GATES`, one after the
    other, with a row and with the hidden state: one pixel each. The cell stays within ``clip``, if
    that is not 0.
    """

    arriving: Conv2d
    recurring: Conv2d
    clip: float

    kind: ClassVar[str] = "lstm"
    title: ClassVar[str] = "LSTM"

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What is hidden after each step, and both states."""
        return (self.output, *self.inputs[1:])

    @property
    def steps(self) -> int:
        """Rows of the sequence."""
        return self.output.shape[0]

    @property
    def macs(self) -> int:  # type: ignore[override]
        """Of all gates and steps."""
        return self.steps * (self.arriving.macs + self.recurring.macs)


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedLstm(Lstm):
    """One of integers: products are int16 and int32, ``clip`` is an int.

    The cell has ``cell_bits`` of integers. ``rescale`` is the Q31 multiplier and shift from
    products of Q0.15 to what is hidden.
    """

    clip: int
    cell_bits: int
    rescale: tuple[int, int]

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return outputs and states for ``[N, *shape]`` of the sequence and the states."""
        rows, hidden, cell = (each.astype(np.int64) for each in inputs)
        found = []
        for step in range(self.steps):
            hidden, cell = self._step(rows[:, step], hidden, cell)
            found.append(hidden)
        return (
            np.stack(found, axis=1).astype(np.int8),
            hidden.astype(np.int8),
            cell.astype(np.int16),
        )

    def _step(self, row: Ints, hidden: Ints, cell: Ints) -> tuple[Ints, Ints]:
        sums = _products(self.arriving, row) + _products(self.recurring, hidden)
        gates = np.stack(np.split(sums.clip(INT16.min, INT16.max), len(GATES), axis=1))
        new, forget, output = logistic(gates[[0, 1, 3]], GATE_BITS, INT16_BITS)
        made = tanh(gates[2], GATE_BITS, INT16_BITS)
        cell = divide_by_power(forget * cell, INT16_BITS)
        cell = cell + divide_by_power(new * made, INT16_BITS + self.cell_bits)
        cell = cell.clip(INT16.min, INT16.max)
        if self.clip:
            cell = cell.clip(-self.clip, self.clip)
        shown = output * tanh(cell, self.cell_bits, INT16_BITS)
        multiplier, shift = (np.array([each], np.int32) for each in self.rescale)
        found = requantize(shown, multiplier, shift, "double") + self.inputs[1].zero_point
        return found.clip(-128, 127), cell

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """Integers are exact."""
        shapes = ((len(inputs[0]), *tensor.shape) for tensor in self.outputs)
        return tuple(map(np.zeros, shapes))


def _products(layer: Conv2d, rows: Ints) -> Ints:
    """Return the rescaled products of *rows* ``[N, in]`` with all gates."""
    weights = layer.weights.reshape(layer.geometry.out_c, -1).astype(np.int64)
    found: Ints = layer.requantized(rows @ weights.T + layer.folded_bias.astype(np.int64))
    return found
