"""Fixed-point functions exactly as gemmlowp has them: what int8 softmax is made of.

A number of Qm.n is an int32 ``value`` that stands for ``value / 2**n``, m + n = 31. Arrays hold
int32 values in int64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from convgen.model.quantize import INT32

Raw = NDArray[np.int64]

_EXP_MINUS_1_8, _ONE_THIRD = 1895147668, 715827883  # Q0.31
_EXP_OF_POWERS = {
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}
"""``exp(-2**exponent)`` in Q0.31."""
_48_17, _MINUS_32_17 = 1515870810, -1010580540  # Q2.29
_ONE = int(INT32.max)  # in Q0.31, where one itself has no value


def multiply(one: Raw | int, two: Raw | int) -> Raw:
    """Return the product of Qa.b and Qc.d as Q(a+c): ``SaturatingRoundingDoublingHighMul``."""
    product = np.asarray(one, np.int64) * np.asarray(two, np.int64)
    result: Raw = np.minimum((product + (1 << 30)) >> 31, INT32.max)
    return result


def divide_by_power(value: Raw, exponent: Raw | int) -> Raw:
    """Return ``value / 2**exponent``, halves away from zero: ``RoundingDivideByPOT``."""
    mask = (np.int64(1) << np.asarray(exponent, np.int64)) - 1
    threshold = (mask >> 1) + (value < 0)
    result: Raw = (value >> exponent) + ((value & mask) > threshold)
    return result


def shift_left(value: Raw, exponent: int) -> Raw:
    """Return ``value * 2**exponent``, saturated."""
    result: Raw = np.clip(value << exponent, INT32.min, INT32.max)
    return result


def exp_on_negative_values(value: Raw, integer_bits: int = 5) -> Raw:
    """Return ``exp`` of values at most 0, of *integer_bits*, in Q0.31."""
    fraction = 31 - integer_bits
    quarter = np.int64(1) << (fraction - 2)
    within = (value & (quarter - 1)) - quarter
    result = _exp_near_minus_one_eighth(shift_left(within, integer_bits))
    remainder = within - value
    for exponent, factor in _EXP_OF_POWERS.items():
        if integer_bits > exponent:
            has = (remainder & (np.int64(1) << (fraction + exponent))) != 0
            result = np.where(has, multiply(result, factor), result)
    return np.where(value == 0, _ONE, result)


def _exp_near_minus_one_eighth(value: Raw) -> Raw:
    """Return ``exp`` of Q0.31 in [-1/4, 0): Taylor's series around -1/8."""
    x = value + (1 << 28)
    x2 = multiply(x, x)
    x3, x4 = multiply(x2, x), multiply(x2, x2)
    cubic = multiply(divide_by_power(x4, 2) + x3, _ONE_THIRD) + x2
    return _EXP_MINUS_1_8 + multiply(_EXP_MINUS_1_8, x + divide_by_power(cubic, 1))


def one_over_one_plus(value: Raw) -> Raw:
    """Return ``1 / (1 + x)`` of Q0.31 in [0, 1): three steps of Newton and Raphson."""
    total = value + _ONE
    half = (total + 1) >> 1
    x = _48_17 + multiply(half, _MINUS_32_17)
    for _ in range(3):
        x += shift_left(multiply(x, (1 << 29) - multiply(half, x)), 2)
    return shift_left(x, 1)


def reciprocal(value: Raw, integer_bits: int) -> tuple[Raw, Raw]:
    """Return what TensorFlow Lite's ``GetReciprocal`` does: 1/x in Q0.31, and its exponent.

    ``1 / x = result / 2**exponent``, for positive values of *integer_bits*.
    """
    headroom = 32 - _bit_length(value)
    shifted = (value << headroom) - (np.int64(1) << 31)
    return one_over_one_plus(shifted), integer_bits - headroom


def _bit_length(value: Raw) -> Raw:
    _, exponent = np.frexp(value.astype(np.float64))
    return exponent.astype(np.int64)
