"""The line of a sum of two int8 tensors gives TensorFlow Lite's output for every pair of inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minimal
import random_operators
from convgen.model.ops.add import Add
from convgen.plans import registry
from convgen.plans.sum_line import SumLine, find_sum_line
from convgen.targets import target

ALL = np.arange(-128, 128)
FIRST, SECOND = np.meshgrid(ALL, ALL, indexing="ij")


def add(scales: tuple[float, float, float], zeros: tuple[int, int, int], **more: Any) -> Add:
    numbers = [{"scale": s, "zero_point": z} for s, z in zip(scales, zeros, strict=True)]
    tensor = {"shape": [1, 1, 1], "dtype": "int8"}
    fields = {"name": "joined", "op": "add", "output": numbers[2], **more}
    made = minimal.operator(fields | {"inputs": [tensor | numbers[0], tensor | numbers[1]]})
    assert isinstance(made, Add)
    return made


def outputs(line: SumLine, of: Add) -> np.ndarray:
    """What C makes of it, for every pair."""
    sums = line.first * FIRST + line.second * SECOND + line.offset
    assert np.abs(sums).max() < 2 ** (line.bits - 1)
    assert abs(line.first) * 128 < 2 ** (line.bits - 1) > abs(line.second) * 128
    low, high = int(of.activation_min), int(of.activation_max)
    clamped: np.ndarray = (sums >> line.shift).clip(low, high)
    return clamped


def right(of: Add) -> np.ndarray:
    (found,) = of.compute(FIRST[None].astype(np.int8), SECOND[None].astype(np.int8))
    wide: np.ndarray = found[0].astype(np.int64)
    return wide


def sums() -> Iterator[Add]:
    """Scales far apart, exact ties, zero points and clamps at the ends."""
    for number in range(120):
        drawn = random_operators.draw("add", number)
        assert isinstance(drawn, Add)
        yield drawn
    for ratio in (1e-4, 1e-2, 1.0, 1e2, 1e4):
        for zeros in ((-128, 127, -128), (127, -128, 127), (0, 0, 0)):
            yield add((1e-2 * ratio, 1e-2, 1e-2), zeros)
            yield add((1e-2, 1e-2 * ratio, 2e-2 * ratio), zeros, activation="relu6")
            yield add((1e-2, 2e-2, 1e-2 * ratio), zeros, activation={"min": -7, "max": -7})


def test_a_line_gives_every_output_in_its_bits() -> None:
    found = {32: 0, 64: 0, None: 0}
    for of in sums():
        line = find_sum_line(of)
        found[line.bits if line else None] += 1
        if line:
            np.testing.assert_array_equal(outputs(line, of), right(of), err_msg=f"{of}")
    assert found[32] > 0.8 * sum(found.values())


def test_a_sum_that_no_line_gives_is_left_to_the_three_steps() -> None:
    numbers = (0.0181454414, 0.0407333599, 0.017547993)
    assert find_sum_line(add(numbers, (-113, 78, -44))) is None


@pytest.mark.parametrize("zeros", [(0, 0, 0), (-128, -128, -128)])
def test_outputs_grow_with_each_input(zeros: tuple[int, int, int]) -> None:
    """What lets the search look at corners only."""
    found = right(add((0.0123, 0.7, 0.03), zeros))
    assert (np.diff(found, axis=0) >= 0).all()
    assert (np.diff(found, axis=1) >= 0).all()


@pytest.mark.parametrize(("name", "form"), [("cortex-m3", "line"), ("cortex-m4", "rescale")])
def test_a_line_in_64_bits_is_for_cores_that_round_no_product(name: str, form: str) -> None:
    of = add((0.0014, 0.783, 0.01), (73, -111, 117))
    (plan,) = registry.able(of, target.load(name)).values()
    assert plan.output.form == form
