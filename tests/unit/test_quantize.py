from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import loops
import minimal
from convgen.errors import SpecError
from convgen.model import quantize
from convgen.model.quantize import Rounding

INT32 = st.integers(-(2**31), 2**31 - 1)
MULTIPLIER = st.one_of(st.integers(2**30, 2**31 - 1), st.integers(0, 2**31 - 1))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, (0, 0)),
        (0.25, (2**30, -1)),
        (0.5 - 5e-9, (2147483627, -1)),
        (0.5 - 1e-10, (2**30, 0)),  # rounds up to 2**31, which Q31 cannot hold
        (0.5, (2**30, 0)),
        (0.75, (1610612736, 0)),
        (1 - 1e-9, (2147483646, 0)),
        (1.0, (2**30, 1)),
        (1.25, (1342177280, 1)),
        (2.0**-32, (2**30, -31)),
        (2.0**-33, (0, 0)),
        (2.0**40, (2**30, 41)),
    ],
)
def test_quantize_multiplier_at_the_edges(value: float, expected: tuple[int, int]) -> None:
    assert quantize.quantize_multiplier(value, "double") == expected


def test_single_rounding_saturates_a_multiplier_its_shift_cannot_hold() -> None:
    assert quantize.quantize_multiplier(2.0**40, "single") == (2**31 - 1, 30)


@settings(deadline=None)
@given(st.floats(2.0**-40, 2.0**30))
def test_quantize_multiplier_equals_exact_arithmetic(value: float) -> None:
    assert quantize.quantize_multiplier(value, "double") == loops.quantize_multiplier(value)


def test_multipliers_combine_scales_in_double() -> None:
    scales = [quantize.as_float32(value) for value in (0.1, 0.003)]
    in_scale, out_scale = quantize.as_float32(0.7), quantize.as_float32(0.09)
    multiplier, shift = quantize.multipliers(in_scale, np.array(scales), out_scale, "double")
    expected = [loops.quantize_multiplier(in_scale * scale / out_scale) for scale in scales]
    assert list(zip(multiplier.tolist(), shift.tolist(), strict=True)) == expected


@given(x=INT32, multiplier=MULTIPLIER, shift=st.integers(-31, 30))
@example(x=-(2**31), multiplier=2**31 - 1, shift=0)
@example(x=-1, multiplier=2**30, shift=0)
@example(x=-3, multiplier=2**30, shift=-1)
@settings(deadline=None, max_examples=500)
@pytest.mark.parametrize("rounding", ["double", "single"])
def test_requantize_equals_tensorflow_lite(
    rounding: Rounding, x: int, multiplier: int, shift: int
) -> None:
    if rounding == "double" and shift > 0:
        x >>= shift  # the left shift must not overflow
    sums, channel = np.array([x]), np.array([[multiplier], [shift]], np.int32)
    result = quantize.requantize(sums, channel[0], channel[1], rounding)
    assert result.tolist() == [loops.multiply(x, multiplier, shift, rounding)]


@pytest.mark.parametrize(
    ("activation", "scale", "zero_point", "expected"),
    [
        ("none", None, 5, (-128, 127)),
        ("relu", None, -128, (-128, 127)),
        ("relu", None, 5, (5, 127)),
        ("relu6", 0.1, -128, (-128, -68)),
        ("relu6", 0.5, 100, (100, 112)),
        ("relu6", 0.0235, -128, (-128, 127)),
        ("relu6", 4.0, 0, (0, 2)),  # 1.5 rounds away from zero
    ],
)
def test_activation_range(
    activation: str, scale: float | None, zero_point: int, expected: tuple[int, int]
) -> None:
    assert quantize.activation_range(activation, scale, zero_point) == expected


def test_activation_range_refuses_a_scale_too_small_for_relu6() -> None:
    with pytest.raises(OverflowError, match="6 is 6e"):
        quantize.activation_range("relu6", 1e-20, 0)


def largest_sum() -> int:
    # weights 1 and -128, zero point -1: 128 * 1 from the first, -127 * -128 from the second
    return 128 + 127 * 128


def test_a_sum_may_reach_the_end_of_int32_and_no_further() -> None:
    room = 2**31 - 1 - largest_sum()
    tiny = {"multiplier": 2**30, "shift": -31}
    assert (
        minimal.load(minimal.inline(bias={"values": [room, 0]}, requantize=tiny)).bias is not None
    )
    with pytest.raises(
        SpecError, match=r"^bias: expected sums that fit in int32, got up to 2147483648"
    ):
        minimal.load(minimal.inline(bias={"values": [room + 1, 0]}, requantize=tiny))


def test_sums_of_weights_alone_are_blamed_on_the_weights() -> None:
    fields = minimal.made_up(
        input={"shape": [1, 1, 2**17], "dtype": "int8", "zero_point": 0},
        output={"zero_point": 0},
        out_channels=1,
        kernel_size=1,
        weights={"values": [[[[-128] * 2**17]]]},
        requantize={"multiplier": 2**30, "shift": -20},
    )
    with pytest.raises(SpecError, match=r"^weights: .* got up to 2147483648 in output channel 0"):
        minimal.load(fields)


@pytest.mark.parametrize(
    ("rounding", "what"), [("double", "left shift"), ("single", "requantised")]
)
def test_a_shifted_sum_must_fit_in_int32(rounding: str, what: str) -> None:
    exponent = 31 - largest_sum().bit_length()
    shifts = {"multiplier": 2**31 - 1, "rounding": rounding}
    minimal.load(minimal.inline(bias=None, requantize=shifts | {"shift": exponent}))
    with pytest.raises(SpecError, match=rf"^requantize\.shift: .*{what}.* output channel 0"):
        minimal.load(minimal.inline(bias=None, requantize=shifts | {"shift": exponent + 1}))


def test_the_output_zero_point_must_not_push_a_result_over_int32() -> None:
    fields = minimal.inline(
        input={"shape": [1, 1, 1], "dtype": "int8", "zero_point": 0},
        output={"zero_point": 127},
        out_channels=1,
        weights={"values": [[[[1]]]]},
        bias={"values": [2**31 - 200]},
        requantize={"multiplier": 2**31 - 1, "shift": 0},
    )
    with pytest.raises(SpecError, match="requantised sums"):
        minimal.load(fields)
