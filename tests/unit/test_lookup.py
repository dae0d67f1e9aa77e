"""Tables of functions of one byte, and their fixed-point twins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convgen.formats.tflite import reader, tables
from convgen.model import fixed_point, lookup
from convgen.model.ops.conv2d import Conv2d
from convgen.model.tensor import DType, Tensor
from random_models import draw


def tensor(dtype: DType, scale: float, zero_point: int) -> Tensor:
    return Tensor(
        name="t", shape=(1,), dtype=dtype, scale=float(np.float32(scale)), zero_point=zero_point
    )


OUTPUTS = {"logistic": (1 / 256, -128), "tanh": (1 / 128, 0)}


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("scale", [1 / 16, 0.1, 0.03, 0.004])
def test_what_micro_computes_in_fixed_point_is_a_step_away_at_most(kind: str, scale: float) -> None:
    given, output = tensor("int8", scale, 7), tensor("int8", *OUTPUTS[kind])
    usual = lookup.FUNCTIONS[kind](given, output, 0).astype(int)
    micro = lookup.FUNCTIONS_OF_TFLM[kind](given, output, 0).astype(int)
    assert np.abs(usual - micro).max() <= 1
    assert (np.diff(micro) >= 0).all()


def test_fixed_point_functions_are_near_the_real_ones() -> None:
    values = np.linspace(-15.9, 15.9, 4001)
    raw = np.rint(values * 2**27).astype(np.int64)
    logistic = fixed_point.logistic(raw, 4) / 2**31
    assert np.abs(logistic - 1 / (1 + np.exp(-values))).max() < 2**-23
    assert np.abs(fixed_point.tanh(raw, 4) / 2**31 - np.tanh(values)).max() < 2**-20
    powers = np.minimum(raw, 0) >> 1  # of five integer bits
    exponentials = fixed_point.exp_on_negative_values(powers) / 2**31
    assert np.abs(exponentials - np.exp(powers / 2**26)).max() < 2**-22
    at_least_one = (np.linspace(1, 4000, 3001) * 2**19).astype(np.int64)
    logarithms = fixed_point.log_of_at_least_one(at_least_one, 12, 5) / 2**26
    assert np.abs(logarithms - np.log(at_least_one / 2**19)).max() < 2**-20


def test_a_byte_only_changes_its_type_where_scales_agree() -> None:
    given, output = tensor("int8", 1 / 256, -128), tensor("uint8", 1 / 256, 0)
    assert (lookup.quantize(given, output, 0) == np.arange(256)).all()


@pytest.mark.parametrize(
    ("kind", "given", "output"),
    [
        ("quantize", 2.0**30, 1e-3),
        ("logistic", 0.1, 1 / 128),
        ("hard_swish", 1.0, 1e-4),
        ("relu6", 0.1, 2.0**-40),
    ],
)
def test_what_kernels_cannot_do_is_said(kind: str, given: float, output: float) -> None:
    tensors = tensor("int8", given, 0), tensor("int8", output, 0)
    with pytest.raises(OverflowError):
        lookup.FUNCTIONS[kind](*tensors, 0)


def test_a_slope_that_is_negative_is_refused() -> None:
    with pytest.raises(OverflowError, match="negative slope"):
        lookup.leaky_relu(tensor("int8", 0.1, 0), tensor("int8", 0.1, 0), -0.5)
    with pytest.raises(OverflowError):
        lookup.scaled(np.array([255]), math.ldexp(1, 60))


def test_micro_rounds_fully_connected_operators_twice() -> None:
    content, _ = draw("FULLY_CONNECTED", 1, "int8")
    for reference, rounding in (("litert", "single"), ("tflm", "double")):
        model = reader.imported(tables.parse(content), "model", reference)  # type: ignore[arg-type]
        [layer] = model.graph.operators
        assert isinstance(layer, Conv2d)
        assert layer.quantization is not None
        assert layer.quantization.rounding == rounding
