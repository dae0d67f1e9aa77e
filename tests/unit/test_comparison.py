from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import minimal
import random_networks
from convgen.bench.proof import comparison, vectors
from convgen.bench.proof.comparison import Comparison, compare
from convgen.model.ops.conv2d import Conv2d
from convgen.model.whole import Whole

FLOAT32 = {"shape": [6, 5, 4], "dtype": "float32"}


@pytest.fixture
def layer() -> Conv2d:
    return minimal.load(minimal.made_up())


def test_equal_int8_outputs_match(layer: Conv2d) -> None:
    inputs = vectors.make_inputs(layer, 0)
    verdict = compare(layer, (inputs,), (layer.compute(inputs)[0],))
    right = Comparison(mismatches=0, max_abs_error=0)
    assert verdict == replace(right, each=(right,))


def test_each_output_is_judged_for_itself() -> None:
    graph = random_networks.draw(0)
    twice = Whole(replace(graph, outputs=graph.outputs * 2))
    inputs = vectors.inputs_of(twice, 0)
    *right, last = twice.compute(*inputs)
    verdict = compare(twice, inputs, (*right, ~last))
    *others, wrong = verdict.each
    assert others == [Comparison(mismatches=0, max_abs_error=0)] * len(right)
    assert wrong.mismatches == verdict.mismatches == last.size


def test_the_first_int8_difference_is_named(layer: Conv2d) -> None:
    inputs = vectors.make_inputs(layer, 0)
    outputs = layer.compute(inputs)[0]
    outputs[0, 3, 4, 7] = right = 5
    expected = outputs.copy()
    outputs[0, 3, 4, 7], outputs[2, 0, 0, 0] = -12, ~outputs[2, 0, 0, 0]
    verdict = compare(layer, (inputs,), (outputs,), (expected,))
    assert verdict.mismatches == 2
    assert verdict.max_abs_error >= right + 12
    assert verdict.first == "vector 0, row 3, column 4, channel 7: got -12, expected 5"


def test_given_int8_outputs_overrule_the_reference(layer: Conv2d) -> None:
    inputs = vectors.make_inputs(layer, 0)
    other = ~layer.compute(inputs)[0]
    assert compare(layer, (inputs,), (other,), (other,)).mismatches == 0
    assert compare(layer, (inputs,), (other,)).mismatches == other.size


def test_differences_in_every_block_are_counted(
    layer: Conv2d, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_BLOCK_ELEMS", 7)
    inputs = vectors.make_inputs(layer, 0)
    right = layer.compute(inputs)[0]
    outputs = right.copy()
    outputs[1:, 5, 4, :] = ~right[1:, 5, 4, :]
    verdict = compare(layer, (inputs,), (outputs,))
    assert verdict.mismatches == 2 * 8
    assert str(verdict.first).startswith("vector 1, row 5, column 4, channel 0: got ")


def test_comparing_large_outputs_takes_little_memory() -> None:
    fields = {"input": {"shape": [1, 1, 1], "dtype": "int8"}, "out_channels": 1, "kernel_size": 1}
    layer = minimal.load(minimal.made_up(**fields, padding=[700, 700, 700, 700]))
    inputs = vectors.make_inputs(layer, 0)
    outputs = layer.compute(inputs)[0]
    tracemalloc.start()
    assert compare(layer, (inputs,), (outputs,), (outputs,)).mismatches == 0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * outputs.nbytes  # as float64 they alone would be eight times as large


@pytest.mark.parametrize(("steps", "mismatches"), [(0.99, 0), (1.01, 1)])
def test_float32_outputs_stay_within_the_bound(steps: float, mismatches: int) -> None:
    layer = minimal.load(minimal.made_up(input=FLOAT32))
    inputs = vectors.make_inputs(layer, 0)
    outputs = layer.compute(inputs)[0]
    bound = layer.tolerance(inputs)[0]
    outputs[1, 0, 0, 0] += steps * bound[1, 0, 0, 0]
    verdict = compare(layer, (inputs,), (outputs,))
    assert verdict.mismatches == mismatches
    assert verdict.max_abs_error == pytest.approx(steps * bound[1, 0, 0, 0])


def test_given_float32_outputs_may_be_twice_as_far() -> None:
    layer = minimal.load(minimal.made_up(input=FLOAT32))
    inputs = vectors.make_inputs(layer, 0)
    outputs = layer.compute(inputs)[0]
    bound = layer.tolerance(inputs)[0]
    assert compare(layer, (inputs,), (outputs,), (outputs + 1.9 * bound,)).mismatches == 0
    assert compare(layer, (inputs,), (outputs,), (outputs + 2.1 * bound,)).mismatches == bound.size


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_float32_outputs_that_are_no_numbers_never_match(value: float) -> None:
    layer = minimal.load(minimal.made_up(input=FLOAT32))
    inputs = vectors.make_inputs(layer, 0)
    outputs = layer.compute(inputs)[0].astype(np.float32)
    outputs[0, 0, 0, 0] = value
    verdict = compare(layer, (inputs,), (outputs,))
    assert verdict.mismatches == 1
    assert verdict.max_abs_error == np.inf


def test_outputs_of_the_spec_that_are_not_expected_are_right(layer: Conv2d) -> None:
    inputs = vectors.make_inputs(layer, 0)
    own = layer.compute(inputs)[0]
    verdict = compare(layer, (inputs,), (own,), (~own,))
    assert (verdict.mismatches, verdict.is_right) == (own.size, True)
    assert compare(layer, (inputs,), (own,), (~own,), (own,)) == verdict


def test_outputs_that_are_neither_expected_nor_of_the_spec_are_not_right(layer: Conv2d) -> None:
    inputs = vectors.make_inputs(layer, 0)
    own = layer.compute(inputs)[0]
    outputs = own.copy()
    outputs[2, 0, 0, 0] = ~own[2, 0, 0, 0]
    assert not compare(layer, (inputs,), (outputs,), (own,)).is_right
    assert not compare(layer, (inputs,), (outputs,)).is_right
    assert compare(layer, (inputs,), (outputs,), (own,)).mismatches == 1


def test_float32_outputs_of_the_spec_that_are_not_expected_are_right() -> None:
    layer = minimal.load(minimal.made_up(input=FLOAT32))
    inputs = vectors.make_inputs(layer, 0)
    own = layer.compute(inputs)[0]
    verdict = compare(layer, (inputs,), (own,), (own + 1,))
    assert (verdict.mismatches, verdict.is_right) == (own.size, True)
    assert not compare(layer, (inputs,), (own + 1,), (own + 1,)).is_right
