from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minimal
from convgen import lines, quantize
from convgen.layer import Layer
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
def test_lines_are_the_reference_wherever_they_are_found(layer: Layer, scale: int) -> None:
    found = lines.find(layer, scale)
    if found is None:
        return
    lowest, highest = layer.accumulator_range
    for channel in range(layer.geometry.out_c):
        sums = sums_between(int(lowest[channel]), int(highest[channel]))
        np.testing.assert_array_equal(climb(found, sums, channel), finish(layer, sums, channel))


def sums_between(lowest: int, highest: int) -> np.ndarray:
    """All sums if they are few, else a spread, the ends, and those around zero."""
    if highest - lowest < 100_000:
        return np.arange(lowest, highest + 1)
    spread = np.linspace(lowest, highest, 50_000).astype(np.int64)
    near = np.arange(max(lowest, -1000), min(highest, 1000) + 1)
    return np.concatenate([spread, near, [lowest, highest]])


def finish(layer: Layer, sums: np.ndarray, channel: int) -> np.ndarray:
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
    total = (scaled * found.multiplier[channel] >> 32) + addend
    assert abs(total).max() < 2**31
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
    found = lines.find(layer, 256)
    assert found is not None
    assert (found.negative is not None) == (rounding == "double" and "relu" not in str(activation))
