"""SVDF: a fully connected layer of low rank, over what it was given before as well.

Of each filter one number, its feature of the input, is kept for some calls; an output is the sum of
these numbers with weights in time. From ``reference_ops::EvalIntegerSVDF`` and ``EvalFloatSVDF``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.operator import Clamped
from convgen.model.ops.conv2d import Conv2d
from convgen.model.quantize import requantize
from convgen.model.tensor import DType, Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Svdf(Clamped):
    """``features`` of the input, a row each call, and their sum over time.

    ``features`` are one pixel of filters, clamped to what ``past`` holds: ``[filters, steps - 1]``,
    the oldest first, which is read and written. ``times`` are ``[filters, steps]``, of integers
    int16, ``bias`` is ``[units]``; as many filters as the rank add up to a unit. ``rescale`` is the
    Q31 multiplier and shift from integer sums to outputs. Integers ignore the activation.
    """

    name: str
    features: Conv2d
    past: Tensor
    output: Tensor
    times: NDArray[Any]
    bias: NDArray[Any]
    rescale: tuple[int, int]
    activation: str
    activation_min: float
    activation_max: float

    kind: ClassVar[str] = "svdf"
    title: ClassVar[str] = "fully connected layer of low rank with a memory"
    synthetic: ClassVar[bool] = False

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What is new, and the past."""
        return (*self.features.inputs, self.past)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The result, and the past of the next call."""
        return (self.output, self.past)

    @property
    def dtype(self) -> DType:
        """The dtype of input and output."""
        return self.output.dtype

    @property
    def macs(self) -> int:
        """Of the features and of the sums over time."""
        return self.features.macs + self.times.size

    @property
    def rank(self) -> int:
        """Filters of a unit."""
        return len(self.times) // len(self.bias)

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return outputs and the new past for ``[N, *shape]`` of input and past."""
        whole = self._whole(*inputs)
        if self.dtype == "float32":
            sums = self._sums(whole, self.times, self.bias)
            return sums.clip(self.activation_min, self.activation_max), whole[:, :, 1:]
        return self._finished(whole), whole[:, :, 1:].astype(np.int16)

    def _whole(self, given: NDArray[Any], past: NDArray[Any]) -> NDArray[Any]:
        """Return the past and the features of *given* behind it, ``[N, filters, steps]``."""
        sums = [self.features.sums(image).reshape(-1) for image in given]
        now: NDArray[Any] = np.stack(sums)
        if self.dtype != "float32":
            now = self.features.requantized(now.astype(np.int64))
        return np.concatenate([past, now[..., None]], axis=2)

    def _sums(self, whole: NDArray[Any], times: NDArray[Any], bias: Any) -> NDArray[Any]:
        """Return the sums ``[N, units]`` over time and rank, with the bias."""
        each = (whole * times).sum(axis=2).reshape(len(whole), len(self.bias), self.rank)
        found: NDArray[Any] = each.sum(axis=2) + bias
        return found.reshape(len(whole), *self.output.shape)

    def _finished(self, whole: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return int8 outputs; sums wrap in 32 bits, as they do there."""
        sums = self._sums(whole, self.times, self.bias).astype(np.int32).astype(np.int64)
        multiplier, shift = (np.array([each], np.int32) for each in self.rescale)
        found = requantize(sums, multiplier, shift, "double") + self.output.zero_point
        return found.clip(self.activation_min, self.activation_max).astype(np.int8)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: the bound of a convolution for features, and for sums over time of them."""
        given, past = inputs
        if self.dtype != "float32":
            return np.zeros((len(given), *self.output.shape)), np.zeros(past.shape)
        (now,) = self.features.tolerance(given)
        output, moved = self.moved(now, np.zeros(past.shape))
        products = self.rank * self.times.shape[1]
        sizes = self._sums(np.abs(self._whole(given, past)), np.abs(self.times), np.abs(self.bias))
        return output + 4 * products * 2.0**-24 * sizes + 1e-6, moved

    def moved(self, now: NDArray[Any], past: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return how far outputs and the new past move, where features move so far *now*."""
        whole = np.concatenate([past, now.reshape(len(past), -1, 1)], axis=2)
        return self._sums(whole, np.abs(self.times), 0.0), whole[:, :, 1:]
