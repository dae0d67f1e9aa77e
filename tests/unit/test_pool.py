"""Means as one multiplication, and what of a pooling goes by words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minimal
from convgen.model.ops.pool import Pool2d
from convgen.plans.pool import MOST_IN_LANES, Divisors, PoolSteps, find_mean
from convgen.targets import target
from planned import planned


def pool(channels: int, kernel: int, **more: Any) -> Pool2d:
    shape = [kernel, kernel, channels]
    fields = {"name": "mean", "op": "average_pool", "input": {"shape": shape, "dtype": "int8"}}
    made = minimal.operator({**fields, "kernel_size": kernel, **more})
    assert isinstance(made, Pool2d)
    return made


def steps(of: Pool2d, board: str) -> PoolSteps:
    found: PoolSteps = planned("pool", of, target.load(board)).steps
    return found


def mean_of(kernel: list[int], **more: Any) -> Divisors:
    """Return the mean of windows as large as the image, unless that is said."""
    image = {"shape": [*kernel, 1], "dtype": "int8"}
    return find_mean(pool(1, 1, **{"input": image, "kernel_size": kernel, **more}))


@pytest.mark.parametrize("side", [1, 2, 9, 181, 182, 256, 4096])
def test_the_mean_of_every_sum_is_rounded_with_halves_away_from_zero(side: int) -> None:
    check(mean_of([1, side]), (side,))


def test_so_are_those_of_windows_cut_to_the_image() -> None:
    image = {"shape": [5, 20, 1], "dtype": "int8"}
    cut = mean_of([3, 15], input=image, padding="same", stride=[1, 8])
    check(cut, (18, 20, 27, 30, 45))  # 2 or 3 rows of 9, 10 or 15


def check(mean: Divisors, counts: tuple[int, ...]) -> None:
    assert mean.counts == counts
    for count, multiplier in zip(counts, mean.multipliers, strict=True):
        sums = np.arange(-128 * count, 127 * count + 1, dtype=np.int64)
        product = sums * multiplier + (1 << (mean.shift - 1))
        if not mean.wide:
            assert np.abs(product).max() < 2**31
        expected = np.sign(sums) * ((2 * np.abs(sums) + count) // (2 * count))
        np.testing.assert_array_equal(product >> mean.shift, expected, err_msg=f"{count}")


def test_means_take_64_bits_from_182_taps_on() -> None:
    assert not mean_of([1, 181]).wide
    assert mean_of([1, 182]).wide


@pytest.mark.parametrize(("board", "words"), [("cortex-m4", 8), ("cortex-m0", 0), ("cortex-m3", 0)])
def test_four_channels_go_in_a_word_where_instructions_take_them(board: str, words: int) -> None:
    assert steps(pool(11, 3), board).words == words


def test_sums_that_16_bits_cannot_hold_do_not_go_by_words() -> None:
    assert steps(pool(8, 16), "cortex-m4").words == 8
    assert MOST_IN_LANES < 17**2
    assert steps(pool(8, 17), "cortex-m4").words == 0
    assert steps(pool(8, 17, op="max_pool"), "cortex-m4").words == 8


def test_float32_does_not_go_by_words() -> None:
    image = {"shape": [3, 3, 8], "dtype": "float32"}
    assert steps(pool(8, 3, input=image), "cortex-m4").words == 0
