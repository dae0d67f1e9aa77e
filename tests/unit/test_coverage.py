from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings

import minimal
import numpy_reference
from convgen.bench.proof import coverage, vectors
from convgen.bench.proof.vectors import Vectors
from convgen.model.ops.conv2d import Conv2d
from random_layers import Kind, layers


def made_up(shape: list[int], out_channels: int, kernel: Any, **more: Any) -> Conv2d:
    fields = {"input": {"shape": shape, "dtype": "int8"}, "out_channels": out_channels}
    return minimal.load(minimal.made_up(**fields, kernel_size=kernel, **more))


SMALL = {
    "fully connected": made_up([1, 1, 64], 10, 1),
    "rounded once": made_up([1, 1, 64], 12, 1, requantize={"rounding": "single"}),
    "few inputs": made_up([1, 1, 4], 2, 1),
    "rectified": made_up([1, 1, 64], 12, 1, activation="relu"),
    "one output pixel": made_up([3, 3, 8], 6, 3, padding="valid"),
    "pointwise": made_up([3, 3, 5], 8, 1),
    "padded": made_up([6, 5, 4], 8, 3),
    "larger than the image": made_up([3, 3, 3], 6, 5),
    "depthwise": made_up([8, 8, 8], 8, 3, groups=8),
    "two outputs a channel": made_up([5, 5, 4], 8, 3, groups=4),
    "grouped": made_up([9, 9, 4], 6, 2, groups=2, dilation=2),
}


def channels_that_notice(layer: Conv2d, given: Vectors, error: int) -> set[int]:
    """Return the channels with an output that *error* in every sum changes."""
    bias = np.zeros(layer.geometry.out_c, np.int32) if layer.bias is None else layer.bias
    wrong = replace(layer, bias=(bias + error).astype(np.int32))
    right = numpy_reference.convolve(layer, given.inputs[0])
    changed = numpy_reference.convolve(wrong, given.inputs[0]) != right
    return set(np.flatnonzero(changed.any(axis=(0, 1, 2))).tolist())


@pytest.mark.parametrize("name", SMALL)
def test_an_error_of_one_in_any_channel_of_a_small_layer_shows(name: str) -> None:
    layer = SMALL[name]
    given = vectors.made_up(layer, seed=0)
    assert given.coverage is not None
    assert given.coverage.untried == 0
    every = set(range(layer.geometry.out_c))
    assert channels_that_notice(layer, given, 1) == every
    assert channels_that_notice(layer, given, -1) == every


@settings(
    max_examples=15,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@seed(12)
@given(layer=layers(Kind("int8")))
def test_channels_count_as_tried_when_an_error_of_one_shows(layer: Conv2d) -> None:
    given = vectors.made_up(layer, seed=1)
    assert given.coverage is not None
    assert given.right is not None
    np.testing.assert_array_equal(given.right[0], numpy_reference.convolve(layer, given.inputs[0]))
    both = channels_that_notice(layer, given, 1) & channels_that_notice(layer, given, -1)
    assert given.coverage.tried == len(both)
    assert given.coverage.channels == layer.geometry.out_c


def test_the_first_three_inputs_are_as_before() -> None:
    layer = SMALL["fully connected"]
    made = vectors.made_up(layer, seed=7)
    assert len(made.inputs[0]) > 3
    np.testing.assert_array_equal(made.inputs[0][:3], vectors.make_inputs(layer, 7))
    np.testing.assert_array_equal(made.inputs[0], vectors.made_up(layer, seed=7).inputs[0])


def test_float32_layers_have_three_inputs() -> None:
    layer = minimal.load(minimal.made_up(input={"shape": [2, 2, 2], "dtype": "float32"}))
    made = vectors.made_up(layer, seed=0)
    assert (len(made.inputs[0]), made.coverage, made.right) == (3, None, None)


def test_channels_that_nothing_changes_are_constant() -> None:
    changed = minimal.inline(requantize={"multiplier": [0, 2**30], "shift": [0, -4]})
    covered = vectors.made_up(minimal.load(changed), seed=0).coverage
    assert covered == coverage.Coverage(channels=2, tried=1, constant=1)


def test_sums_far_from_what_random_inputs_give_are_approached() -> None:
    layer = SMALL["fully connected"]
    low, high = layer.accumulator_range
    bias = layer.bias if layer.bias is not None else np.zeros(10, np.int32)
    # Nine tenths of all that the weights can add must be added before an output is no longer -128.
    pushed = bias - high + (high - low) // 20
    far = replace(layer, bias=pushed.astype(np.int32))
    made = vectors.made_up(far, seed=0)
    assert made.right is not None
    assert (made.right[0][0] == -128).all()
    assert made.coverage is not None
    assert made.coverage.untried == 0


def test_sums_that_no_input_gives_are_left_untried() -> None:
    # Sums go in steps of 100, and outputs change every 64: no boundary is met from below.
    fields = minimal.inline(
        input={"shape": [2, 2, 2], "dtype": "int8", "zero_point": 0},
        weights={"values": [[[[100, 0]]], [[[0, 100]]]]},
        bias={"values": [40, 40]},
        requantize={"multiplier": 2**30, "shift": -5},
    )
    covered = vectors.made_up(minimal.load(fields), seed=0).coverage
    assert covered is not None
    assert covered.untried == 2


@pytest.mark.parametrize(
    ("shape", "options"), [([10, 10, 8], {}), ([1, 1, 64], {}), ([1, 1, 6000], {"groups": 6000})]
)
def test_six_thousand_channels_take_no_seconds(shape: list[int], options: dict[str, int]) -> None:
    layer = made_up(shape, 6000, 1, **options)
    start = time.process_time()
    made = vectors.made_up(layer, seed=0)
    assert time.process_time() - start < 4  # 0.6 on an idle computer
    more = len(made.inputs[0]) - 3
    assert more <= coverage.FEWEST_INPUTS or more * layer.geometry.macs <= coverage.MOST_MACS


def test_nearly_every_weight_of_a_small_layer_that_is_wrong_by_one_shows() -> None:
    layer = SMALL["fully connected"]

    def share(inputs: np.ndarray) -> float:
        """Return the share of all weights, each one more and one less, that show."""
        centred = inputs.reshape(-1, 64).astype(np.int64) - layer.zero_point
        bias: Any = layer.bias
        sums = centred @ layer.weights.reshape(10, 64).astype(np.int64).T + bias  # [N, 10]
        changes = np.stack([centred, -centred])[:, :, :, None]  # [2, N, 64, 1]
        wrong = layer.requantized(sums[None, :, None, :] + changes)
        changed = wrong != layer.requantized(sums)[None, :, None, :]
        return float(changed.any(axis=1).mean())

    made = vectors.made_up(layer, seed=0).inputs[0]
    assert share(made) > 0.99
    assert share(made[:3]) < 0.5
