"""Fixed-point functions exactly as gemmlowp has them: what int8 softmax is made of.

A number of Qm.n is an int32 ``value`` that stands for ``value / 2**n``, m + n = 31. Arrays hold
int32 values in int64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from convgen.model.quantize import INT32
from convgen.model.quantize import divide_by_power as divide_by_power

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
_LOG_2, _SQRT_HALF, _SQRT_SQRT_HALF = 1488522236, 1518500250, 1805811301
_ALPHA_N, _ALPHA_D, _ALPHA_I, _ALPHA_F = 117049297, 127690142, 1057819769, 638450708
_ONE = int(INT32.max)  # in Q0.31, where one itself has no value


def multiply(one: Raw | int, two: Raw | int) -> Raw:
    """Return the product of Qa.b and Qc.d as Q(a+c): ``SaturatingRoundingDoublingHighMul``."""
    product = np.asarray(one, np.int64) * np.asarray(two, np.int64)
    result: Raw = np.minimum((product + (1 << 30)) >> 31, INT32.max)
    return result


def shift_left(value: Raw, exponent: Raw | int) -> Raw:
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
    """Return ``1 / (1 + x)`` of Q0.31 in [0, 1)."""
    return shift_left(_two_over_one_plus(value), 1)


def _two_over_one_plus(value: Raw) -> Raw:
    """Return ``2 / (1 + x)`` in Q2.29: three steps of Newton and Raphson."""
    total = value + _ONE
    half = (total + 1) >> 1
    x = _48_17 + multiply(half, _MINUS_32_17)
    for _ in range(3):
        x += shift_left(multiply(x, (1 << 29) - multiply(half, x)), 2)
    return x


def logistic(value: Raw, integer_bits: int) -> Raw:
    """Return ``1 / (1 + exp(-x))`` in Q0.31."""
    above = one_over_one_plus(exp_on_negative_values(-np.abs(value), integer_bits))
    found = np.where(value > 0, above, _ONE - above)
    return np.where(value == 0, 1 << 30, found)


def tanh(value: Raw, integer_bits: int) -> Raw:
    """Return the hyperbolic tangent in Q0.31: ``(1 - e) / (1 + e)`` with ``e = exp(-2|x|)``."""
    powers = exp_on_negative_values(-np.abs(value), integer_bits + 1)
    found = shift_left(_two_over_one_plus(powers) - (1 << 29), 2)
    return np.sign(value) * found


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


def log_of_at_least_one(value: Raw, integer_bits: int, result_bits: int) -> Raw:
    """Return the natural logarithm of values of *integer_bits*, in *result_bits*.

    TensorFlow Lite's ``log_x_for_x_greater_than_or_equal_to_1``: a power of two, and a rational
    function of what is left, between sqrt(1/2) and 1 of either the value or it times sqrt(1/2).
    """
    bits = result_bits + 1  # of headroom
    quarter = np.int64(1) << (29 - bits)
    headroom = 32 - _bit_length(value)
    one = shift_left(multiply(shift_left(value, headroom - 1), _SQRT_HALF), 1)
    one_power = shift_left(integer_bits - headroom, 31 - bits) + quarter
    headroom = 31 - _bit_length(multiply(value, _SQRT_HALF))
    other = shift_left(value, headroom)
    other_power = shift_left(integer_bits - headroom, 31 - bits) - quarter
    rest, power = np.minimum(one, other), np.maximum(one_power, other_power)
    fraction = divide_by_power(_log_numerator(rest), bits)
    found = multiply(power, _LOG_2) + multiply(fraction, one_over_one_plus(_log_divisor(rest)))
    return shift_left(found, bits - result_bits)


def _log_numerator(rest: Raw) -> Raw:
    q = 2 * (rest - _SQRT_SQRT_HALF)
    return multiply(q, rest) + multiply(multiply(q, multiply(q, q)), _ALPHA_N)


def _log_divisor(rest: Raw) -> Raw:
    """Return the divisor less one."""
    p = (rest + _SQRT_SQRT_HALF + 1) >> 1
    q = 2 * (rest - _SQRT_SQRT_HALF)
    return multiply(p, _ALPHA_I + q + multiply(_ALPHA_D, multiply(q, q))) + multiply(_ALPHA_F, q)
