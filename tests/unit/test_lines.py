from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minimal
from convgen.model import quantize
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import lines
from convgen.plans.study import Study
from convgen.refusal import Refusal
from random_layers import Kind, layers

KINDS = (
    Kind("int8"),
    Kind("int8", rounding="single"),
    Kind("int8", grouping="depthwise"),
    Kind("int8", extreme=True),
)
SCALES = (1, 4, 64, 256)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(KINDS).flatmap(layers), st.sampled_from(SCALES))
def test_lines_are_the_reference_wherever_they_are_found(layer: Conv2d, scale: int) -> None:
    found = Study(layer).lines(scale)
    if isinstance(found, Refusal):
        return
    lowest, highest = layer.accumulator_range
    for channel in range(layer.geometry.out_c):
        sums = sums_between(int(lowest[channel]), int(highest[channel]))
        np.testing.assert_array_equal(climb(found, sums, channel), finish(layer, sums, channel))


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(KINDS).flatmap(layers))
def test_exact_lines_are_the_reference_without_a_search(layer: Conv2d) -> None:
    found = Study(layer).exact_lines
    assert layer.quantization
    ends = [end.astype(np.int64) for end in layer.accumulator_range]
    at_low, at_high = (layer.requantized(end) for end in ends)
    shifts = (-layer.quantization.shift * np.ones_like(at_low, np.int64))[at_low != at_high]
    fits = bool(((shifts >= 1) & (shifts <= lines.MOST_OWN_SHIFT)).all())
    fits = fits and max(abs(end).max() for end in ends) < 2**30
    assert (found is not None) == fits
    if found is None:
        return
    lowest, highest = layer.accumulator_range
    for channel in range(layer.geometry.out_c):
        sums = sums_between(int(lowest[channel]), int(highest[channel]))
        np.testing.assert_array_equal(climb(found, sums, channel), finish(layer, sums, channel))


def test_sums_whose_double_is_no_int32_have_no_exact_lines() -> None:
    layer = minimal.load(minimal.DEEP)
    shifted = replace(layer, bias=np.full(layer.geometry.out_c, 2**30 - 1, np.int32))
    assert Study(layer).exact_lines is not None
    assert Study(shifted).exact_lines is None


def sums_between(lowest: int, highest: int) -> np.ndarray:
    """All sums if they are few, else a spread, the ends, and those around zero."""
    if highest - lowest < 100_000:
        return np.arange(lowest, highest + 1)
    spread = np.linspace(lowest, highest, 50_000).astype(np.int64)
    near = np.arange(max(lowest, -1000), min(highest, 1000) + 1)
    return np.concatenate([spread, near, [lowest, highest]])


def finish(layer: Conv2d, sums: np.ndarray, channel: int) -> np.ndarray:
    q = layer.quantization
    assert q is not None
    scaled = quantize.requantize(sums, q.multiplier[channel], q.shift[channel], q.rounding)
    return (scaled + q.out_zero_point).clip(layer.activation_min, layer.activation_max)


def climb(found: lines.Lines, sums: np.ndarray, channel: int) -> np.ndarray:
    """What a kernel does with sums that it scaled modulo 2^32."""
    scaled = (sums * found.scale + found.start[channel]).astype(np.int32).astype(np.int64)
    addend = np.full(sums.shape, found.addend[channel])
    if found.negative is not None:
        addend[scaled < 0] = found.negative[channel]
    product = scaled * found.multiplier[channel]
    high = product + (1 << 31) >> 32 if found.rounds else product >> 32
    total = high - (found.rounds & (high < 0)) + addend
    assert abs(total).max() < 2**31
    if found.more is not None:
        total >>= found.more[channel]
    return lines.saturate(total >> found.shift, found.clamp)


@pytest.mark.parametrize("activation", ["none", "relu", "relu6", {"min": -100, "max": 90}])
@pytest.mark.parametrize("rounding", ["double", "single"])
def test_every_channel_of_a_usual_layer_has_a_line(activation: object, rounding: str) -> None:
    layer = minimal.load(
        minimal.made_up(
            input={"shape": [4, 4, 16], "dtype": "int8", "zero_point": -128},
            out_channels=64,
            kernel_size=3,
            activation=activation,
            requantize={"rounding": rounding},
        )
    )
    found = Study(layer).lines(256)
    assert isinstance(found, lines.Lines)
    assert (found.negative is not None) == (rounding == "double" and "relu" not in str(activation))


SHAPES = {
    "depthwise": {"kernel_size": 3, "groups": 48, "input": {"shape": [4, 4, 48], "dtype": "int8"}},
    "pointwise": {"kernel_size": 1, "input": {"shape": [4, 4, 64], "dtype": "int8"}},
}


@pytest.mark.parametrize("rounding", ["double", "single"])
@pytest.mark.parametrize("activation", ["none", "relu"])
@pytest.mark.parametrize("shape", SHAPES)
def test_channels_whose_scales_lie_six_decades_apart_have_lines(
    shape: str, activation: str, rounding: str
) -> None:
    rng = np.random.default_rng(7)
    layer = minimal.load(
        minimal.made_up(
            out_channels=48,
            activation=activation,
            requantize={"rounding": rounding},
            **SHAPES[shape],
        )
    )
    factors = 10.0 ** -rng.uniform(0, 6, 48)
    factors[0] = 1
    check_every_line(minimal.scaled(layer, factors))


@pytest.mark.parametrize("factor", [1e-3, 1e-5, 1e-7, 0])
@pytest.mark.parametrize("scale", [16, 64, 256])
def test_a_dead_channel_at_the_edge_of_a_step_has_a_line(factor: float, scale: int) -> None:
    layer = minimal.load(
        minimal.made_up(input={"shape": [4, 4, 8], "dtype": "int8"}, groups=8, out_channels=8)
    )
    factors = np.ones(8)
    factors[5] = factor
    check_every_line(minimal.scaled(layer, factors, edge=5), scale)


@pytest.mark.parametrize("rounding", ["double", "single"])
@pytest.mark.parametrize("activation", ["none", "relu"])
def test_deep_channels_six_decades_apart_have_lines_with_shifts_of_their_own(
    activation: str, rounding: str
) -> None:
    rng = np.random.default_rng(11)
    layer = minimal.load(
        minimal.made_up(
            input={"shape": [4, 4, 64], "dtype": "int8"},
            out_channels=32,
            activation=activation,
            requantize={"rounding": rounding},
        )
    )
    factors = 10.0 ** -rng.uniform(0, 6, 32)
    factors[0] = 1
    check_every_line(minimal.scaled(layer, factors), own_shifts=True)


def test_a_channel_that_is_constant_does_not_coarsen_the_others() -> None:
    layer = minimal.load(minimal.made_up())
    steep = minimal.scaled(layer, np.where(np.arange(8) == 2, 2.0**22, 1))
    weights = steep.weights.copy()
    weights[2] = 0
    check_every_line(replace(steep, weights=weights))


def check_every_line(layer: Conv2d, scale: int = 256, *, own_shifts: bool = False) -> None:
    """All channels have lines, and those are the reference."""
    found = Study(layer).lines(scale, own_shifts=own_shifts)
    assert isinstance(found, lines.Lines)
    lowest, highest = layer.accumulator_range
    for channel in range(layer.geometry.out_c):
        sums = sums_between(int(lowest[channel]), int(highest[channel]))
        np.testing.assert_array_equal(climb(found, sums, channel), finish(layer, sums, channel))


def test_the_lower_bits_tell_which_starts_pass() -> None:
    rng = np.random.default_rng(7)
    slopes, starts = rng.integers(1, 2**31, 50), np.arange(-300, 300)
    low = rng.integers(-(2**50), 2**50, 50)
    high = low + rng.choice([1, 2**20, 2**31, 2**32 - 1, 2**32, 2**40], 50)
    _, fits = lines._addends(low[:, None], high[:, None], slopes[:, None] * starts)
    assert 0.2 < fits.mean() < 0.9
    np.testing.assert_array_equal(lines._passes(low, high, slopes, starts), fits)


@pytest.mark.parametrize(
    ("scale", "rounding"), [(1, "single"), (16, "double"), (256, "single"), (256, "double")]
)
def test_channels_searched_together_have_the_lines_that_each_has_alone(
    scale: int, rounding: str
) -> None:
    layer = minimal.load(
        minimal.made_up(
            input={"shape": [4, 4, 32], "dtype": "int8"},
            out_channels=80,
            requantize={"rounding": rounding},
        )
    )
    layer = minimal.scaled(layer, 10.0 ** -np.random.default_rng(5).uniform(0, 1, 80))
    search = lines.LineSearch(lines.Staircases(layer), scale)
    shift = search._finest_shift
    stairs, slopes, form = search.stairs.channels, search._slopes * 2.0**shift, search._form(shift)
    together = list(lines._each(stairs, slopes, form))
    assert together == [
        next(lines._each(stairs[one : one + 1], slopes[one : one + 1], form)) for one in range(80)
    ]
    assert sum(line is not None for line in together) > 20
