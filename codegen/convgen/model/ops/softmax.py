"""Softmax over the last axis, and its logarithm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model import fixed_point
from convgen.model.fixed_point import Raw
from convgen.model.operator import Plain
from convgen.model.quantize import INT8, INT32, divide_by_power, quantize_multiplier

DIFF_BITS, SUM_BITS, LOG_BITS = 5, 12, 4
"""Integer bits of differences to the largest value, of the sum of exponentials, of a logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """How a difference to the largest value becomes an exponent of `DIFF_BITS`.

    It is shifted to the left, then multiplied by a Q31 multiplier; below ``least`` it counts as
    minus infinity.
    """

    multiplier: int
    left: int
    least: int

    def of(self, values: Raw) -> Raw:
        """Return the exponents of *values*, differences from ``least`` to 0."""
        return fixed_point.multiply(values << self.left, self.multiplier)

    def steps(self, exponents: Raw) -> Raw:
        """Return how large the differences are that have *exponents*: the other way round."""
        factor = (1 << (31 - self.left)) / self.multiplier
        multiplier, shift = quantize_multiplier(factor, "double")
        return divide_by_power(fixed_point.multiply(exponents, multiplier), -shift)


@dataclass(frozen=True, kw_only=True, eq=False)
class Softmax(Plain):
    """``exp(beta * x)`` over the sum of them along the last axis.

    An int8 output has scale 1/256 and zero point -128, as TensorFlow Lite asks for.
    """

    beta: float = 1.0

    kind: ClassVar[str] = "softmax"
    title: ClassVar[str] = "softmax"

    @cached_property
    def differences(self) -> Differences:
        """From ``PreprocessSoftmaxScaling`` and ``CalculateInputRadius``, of an int8 input."""
        scale = self.inputs[0].scale
        if scale is None:
            raise AssertionError("a checked int8 softmax has a scale")
        return differences(self.beta * scale)

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs; int8: ``reference_ops::Softmax`` byte for byte.

        Arrays are ``[N, *shape]``.
        """
        (values,) = inputs
        if self.dtype == "float32":
            wide = values.astype(np.float64)
            powers = np.exp(self.beta * (wide - wide.max(axis=-1, keepdims=True)))
            return (powers / powers.sum(axis=-1, keepdims=True),)
        counts, powers = exponentials(values, self.differences)
        scale, exponent = fixed_point.reciprocal(_sum(powers, counts), SUM_BITS)
        found = divide_by_power(fixed_point.multiply(scale, powers), exponent + 31 - 8)
        clamped = (found + INT8.min).clip(INT8.min, INT8.max)
        return (np.where(counts, clamped, INT8.min).astype(np.int8),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: that of a convolution with as many products as there are terms."""
        (outputs,) = self.compute(*inputs)
        if self.dtype == "int8":
            return (np.zeros(outputs.shape),)
        return (4 * outputs.shape[-1] * 2.0**-24 * np.abs(outputs) + 1e-6,)


@dataclass(frozen=True, kw_only=True, eq=False)
class LogSoftmax(Plain):
    """The logarithm of softmax along the last axis.

    An int8 output has scale 1/16 and zero point 127, as TensorFlow Lite asks for.
    """

    kind: ClassVar[str] = "log_softmax"
    title: ClassVar[str] = "logarithm of softmax"

    @cached_property
    def differences(self) -> Differences:
        """As for softmax, of an int8 input."""
        scale = self.inputs[0].scale
        if scale is None:
            raise AssertionError("a checked int8 softmax has a scale")
        return differences(scale)

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs; int8: ``reference_integer_ops::LogSoftmax`` byte for byte.

        Arrays are ``[N, *shape]``.
        """
        (values,) = inputs
        if self.dtype == "float32":
            wide = values.astype(np.float64)
            less = wide - wide.max(axis=-1, keepdims=True)
            return (less - np.log(np.exp(less).sum(axis=-1, keepdims=True)),)
        scaling = self.differences
        counts, powers = exponentials(values, scaling)
        logarithm = fixed_point.log_of_at_least_one(_sum(powers, counts), SUM_BITS, DIFF_BITS)
        wide = values.astype(np.int64)
        less = wide - wide.max(axis=-1, keepdims=True)
        counts = less > np.maximum(scaling.least - 1, scaling.steps(logarithm + INT32.min))
        exponents = scaling.of(np.where(counts, less, 0)) - logarithm
        found = divide_by_power(exponents, 31 - DIFF_BITS - LOG_BITS) + INT8.max
        clamped = found.clip(INT8.min, INT8.max)
        return (np.where(counts, clamped, INT8.min).astype(np.int8),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: that of a convolution with as many products as there are terms."""
        (outputs,) = self.compute(*inputs)
        if self.dtype == "int8":
            return (np.zeros(outputs.shape),)
        magnitude = np.abs(outputs) + np.abs(inputs[0])
        return (4 * outputs.shape[-1] * 2.0**-24 * magnitude + 1e-6,)


def differences(scale: float) -> Differences:
    """Return how differences of int8 values with *scale* become exponents."""
    factor = min(scale * (1 << (31 - DIFF_BITS)), float(INT32.max))
    multiplier, left = quantize_multiplier(factor, "double")
    radius = ((1 << DIFF_BITS) - 1) * (1 << (31 - DIFF_BITS)) / (1 << left)
    return Differences(multiplier=multiplier, left=left, least=-int(radius))


def exponentials(values: NDArray[Any], scaling: Differences) -> tuple[NDArray[np.bool_], Raw]:
    """Return which of *values* count along the last axis, and ``exp`` of them in Q0.31.

    Both are in the shape of *values*.
    """
    wide = values.astype(np.int64)
    found = wide - wide.max(axis=-1, keepdims=True)
    counts = found >= scaling.least
    return counts, fixed_point.exp_on_negative_values(scaling.of(np.where(counts, found, 0)))


def _sum(powers: Raw, counts: NDArray[np.bool_]) -> Raw:
    terms = divide_by_power(powers, SUM_BITS)
    total: Raw = np.where(counts, terms, 0).sum(axis=-1, keepdims=True)
    return total
