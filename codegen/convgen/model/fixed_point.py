"""Fixed-point functions exactly as gemmlowp has them: what int8 softmax and an LSTM are made of.

A number of Qm.n is an integer ``value`` that stands for ``value / 2**n``. ``m + n`` are the
``bits`` of its magnitude: 31 of an int32, 15 of an int16. Arrays hold these values in int64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from convgen.model.quantize import divide_by_power as divide_by_power

Raw = NDArray[np.int64]

INT16_BITS = 15
_BITS = 31
EXP_MINUS_1_8, ONE_THIRD = 1895147668, 715827883  # Q0.31
EXP_OF_POWERS = {
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}
"""``exp(-2**exponent)`` in Q0.31."""
EXACT_BITS = 5  # of integers, beyond which exponentials of less than -32 are zero
_48_17, _MINUS_32_17 = 1515870810, -1010580540  # Q2.29
_LOG_2, _SQRT_HALF, _SQRT_SQRT_HALF = 1488522236, 1518500250, 1805811301
_ALPHA_N, _ALPHA_D, _ALPHA_I, _ALPHA_F = 117049297, 127690142, 1057819769, 638450708


def narrowed(value: int, bits: int) -> int:
    """Return a constant of 31 bits in so many *bits*."""
    return int(divide_by_power(np.array(value, np.int64), _BITS - bits)) if bits < _BITS else value


def multiply(one: Raw | int, two: Raw | int, bits: int = _BITS) -> Raw:
    """Return the product of Qa.b and Qc.d as Q(a+c): ``SaturatingRoundingDoublingHighMul``."""
    product = np.asarray(one, np.int64) * np.asarray(two, np.int64)
    result: Raw = np.minimum((product + (1 << (bits - 1))) >> bits, (1 << bits) - 1)
    return result


def shift_left(value: Raw, exponent: Raw | int, bits: int = _BITS) -> Raw:
    """Return ``value * 2**exponent``, saturated."""
    result: Raw = np.clip(value << exponent, -(1 << bits), (1 << bits) - 1)
    return result


def exp_on_negative_values(value: Raw, integer_bits: int = 5, bits: int = _BITS) -> Raw:
    """Return ``exp`` of values at most 0, of *integer_bits*, in Q0.bits."""
    fraction = bits - integer_bits
    quarter = np.int64(1) << (fraction - 2)
    within = (value & (quarter - 1)) - quarter
    result = _exp_near_minus_one_eighth(shift_left(within, integer_bits, bits), bits)
    remainder = within - value
    for exponent, factor in EXP_OF_POWERS.items():
        if integer_bits > exponent:
            has = (remainder & (np.int64(1) << (fraction + exponent))) != 0
            result = np.where(has, multiply(result, narrowed(factor, bits), bits), result)
    if integer_bits > EXACT_BITS:
        result = np.where(value < -(1 << (fraction + EXACT_BITS)), 0, result)
    return np.where(value == 0, (1 << bits) - 1, result)


def _exp_near_minus_one_eighth(value: Raw, bits: int) -> Raw:
    """Return ``exp`` of Q0.bits in [-1/4, 0): Taylor's series around -1/8."""
    x = value + (1 << (bits - 3))
    x2 = multiply(x, x, bits)
    x3, x4 = multiply(x2, x, bits), multiply(x2, x2, bits)
    third, middle = narrowed(ONE_THIRD, bits), narrowed(EXP_MINUS_1_8, bits)
    cubic = multiply(divide_by_power(x4, 2) + x3, third, bits) + x2
    found = middle + multiply(middle, x + divide_by_power(cubic, 1), bits)
    return np.minimum(found, (1 << bits) - 1)


def one_over_one_plus(value: Raw, bits: int = _BITS) -> Raw:
    """Return ``1 / (1 + x)`` of Q0.bits in [0, 1)."""
    return shift_left(_two_over_one_plus(value, bits), 1, bits)


def _two_over_one_plus(value: Raw, bits: int) -> Raw:
    """Return ``2 / (1 + x)`` in Q2: three steps of Newton and Raphson."""
    total = value + (1 << bits) - 1
    half = (total + 1) >> 1
    x = narrowed(_48_17, bits) + multiply(half, narrowed(_MINUS_32_17, bits), bits)
    for _ in range(3):
        rest = (1 << (bits - 2)) - multiply(half, x, bits)
        x += shift_left(multiply(x, rest, bits), 2, bits)
    return x


def logistic(value: Raw, integer_bits: int, bits: int = _BITS) -> Raw:
    """Return ``1 / (1 + exp(-x))`` in Q0.bits."""
    powers = exp_on_negative_values(-np.abs(value), integer_bits, bits)
    above = one_over_one_plus(powers, bits)
    found = np.where(value > 0, above, (1 << bits) - 1 - above)
    return np.where(value == 0, 1 << (bits - 1), found)


def tanh(value: Raw, integer_bits: int, bits: int = _BITS) -> Raw:
    """Return the hyperbolic tangent in Q0.bits: ``(1 - e) / (1 + e)`` with ``e = exp(-2|x|)``."""
    powers = exp_on_negative_values(-np.abs(value), integer_bits + 1, bits)
    found = shift_left(_two_over_one_plus(powers, bits) - (1 << (bits - 2)), 2, bits)
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
