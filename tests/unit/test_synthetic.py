from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minimal
from convgen.bench.proof import vectors

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "depthwise": {"groups": 4, "input": {"shape": [9, 9, 4], "dtype": "int8"}},
    "relu6": {"activation": "relu6"},
    "scales given": {
        "input": {"shape": [6, 5, 4], "dtype": "int8", "scale": 3.0, "zero_point": 100},
        "output": {"scale": 0.001, "zero_point": -90},
    },
    "wide": {"input": {"shape": [3, 3, 2000], "dtype": "int8"}},
    "single rounding": {"requantize": {"rounding": "single"}},
}


@pytest.mark.parametrize("case", CASES)
def test_outputs_spread_over_the_whole_range(case: str) -> None:
    layer = minimal.load(minimal.made_up(**CASES[case]))
    assert layer.synthetic
    inputs = np.random.default_rng(1).integers(-128, 128, (20, *shape(layer)), np.int8)
    outputs = layer.compute(inputs)[0]
    quarters = np.histogram(outputs, bins=4, range=(-128, 128))[0] / outputs.size
    assert quarters.min() > 0.05
    assert outputs.min() == -128
    assert outputs.max() == 127


def shape(layer: Any) -> tuple[int, int, int]:
    return layer.geometry.in_h, layer.geometry.in_w, layer.geometry.in_c


def test_weights_use_both_ends_of_what_tensorflow_lite_makes() -> None:
    weights = minimal.load(minimal.made_up()).weights
    assert (weights.min(), weights.max()) == (-127, 127)


def test_the_seed_decides_the_numbers() -> None:
    first, again, other = (minimal.load(minimal.made_up(), seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.weights, again.weights)
    assert first.quantization is not None
    assert again.quantization is not None
    np.testing.assert_array_equal(first.quantization.multiplier, again.quantization.multiplier)
    assert (first.weights != other.weights).any()


def test_given_zero_points_and_multipliers_are_kept() -> None:
    fields = minimal.made_up(
        output={"zero_point": 9}, requantize={"multiplier": 2**30 + 5, "shift": -9}
    )
    quantization = minimal.load(fields).quantization
    assert quantization is not None
    assert quantization.out_zero_point == 9
    assert set(quantization.multiplier.tolist()) == {2**30 + 5}
    assert set(quantization.shift.tolist()) == {-9}


def test_made_up_scales_are_known() -> None:
    quantization = minimal.load(minimal.made_up(output={"scale": 0.1})).quantization
    assert quantization is not None
    assert (quantization.in_scale, quantization.out_scale) == (2.0**-7, float(np.float32(0.1)))


def test_float32_sums_are_of_order_one() -> None:
    layer = minimal.load(minimal.made_up(input={"shape": [6, 5, 4], "dtype": "float32"}))
    outputs = layer.compute(vectors.make_inputs(layer, 0, 1))[0]
    assert layer.weights.dtype == np.float32
    assert 0.5 < outputs.std() < 2


def test_long_sums_still_fit_in_int32() -> None:
    fields = minimal.made_up(input={"shape": [1, 1, 2**20], "dtype": "int8"})
    fields |= {"kernel_size": 1, "out_channels": 1}
    low, high = minimal.load(fields).accumulator_range
    assert -(2**31) <= low.min() < high.max() < 2**31


def test_absurd_scales_do_not_overflow() -> None:
    fields = minimal.made_up(
        input={"shape": [6, 5, 4], "dtype": "int8", "scale": 1e-38}, output={"scale": 1e38}
    )
    assert np.isfinite(minimal.load(fields).weights).all()
