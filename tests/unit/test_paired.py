"""Weights of two channels in a word: exact to the ends of what is legal, refused beyond."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import minimal
from cases import CASES
from convgen.model.ops.conv2d import Conv2d
from convgen.model.quantize import requantize
from convgen.plans import registry
from convgen.plans.kernels import finishing_kernel, paired
from convgen.plans.kernels.paired import PairedPlan
from convgen.plans.study import Study
from convgen.refusal import Refusal
from convgen.targets import target
from planned import planned

BOARDS = ("cortex-m0", "cortex-m3", "rv32imc")


@pytest.fixture
def layer(tmp_path: Path) -> Conv2d:
    return load("pointwise", tmp_path)


def load(case: str, folder: Path) -> Conv2d:
    path = folder / "layer.json"
    path.write_text(json.dumps(CASES[case]))
    return minimal.read(path)


@pytest.mark.parametrize("x", [(-128, -128), (-128, 127), (127, 127), (127, -128)])
def test_two_products_fit_in_a_word_and_come_apart(x: tuple[int, int]) -> None:
    ends = np.array([-127, -1, 0, 127], np.int64)
    lower, upper, lower_2, upper_2 = np.meshgrid(ends, ends, ends, ends)
    both = x[0] * ((upper << 16) + lower) + x[1] * ((upper_2 << 16) + lower_2)
    assert abs(both).max() + paired.HALF < 2**31
    high = (both + paired.HALF) >> 16
    np.testing.assert_array_equal(high, x[0] * upper + x[1] * upper_2)
    np.testing.assert_array_equal(both - (high << 16), x[0] * lower + x[1] * lower_2)


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("case", ["pointwise", "deep", "first"])
def test_the_stream_gives_the_layer_s_outputs(board: str, case: str, tmp_path: Path) -> None:
    """An input of nothing but *x* in every tap, walked through as the assembly does."""
    layer = load(case, tmp_path)
    kernel = planned("direct_w16", layer, target.load(board)).kernel
    assert isinstance(kernel, PairedPlan)
    for x in (-128, 0, 127):
        np.testing.assert_array_equal(outputs(kernel, x), expected(layer, x), err_msg=f"{x}")


def expected(layer: Conv2d, x: int) -> np.ndarray:
    q = layer.quantization
    assert q is not None
    sums = layer.folded_bias + x * layer.weights.sum(axis=(1, 2, 3), dtype=np.int64)
    scaled = requantize(sums.astype(np.int64), q.multiplier, q.shift, q.rounding)
    low, high = int(layer.activation_min), int(layer.activation_max)
    return (scaled + q.out_zero_point).clip(low, high)


def outputs(kernel: PairedPlan, x: int) -> np.ndarray:
    found = np.empty(kernel.layer.geometry.out_c, np.int64)
    stream = kernel.weights.view(np.int32).astype(np.int64).reshape(kernel.blocks, -1)
    for block, words in enumerate(stream):
        step_back = kernel.back if block == kernel.blocks - 2 else 0
        assert not kernel.back or words[-1] == step_back
        first = block * kernel.channels - (kernel.back if block == kernel.blocks - 1 else 0)
        for pair in range(kernel.channels // 2):
            both, upper = sums(kernel, words, pair, x)
            for at, value in ((2 * pair, both - (upper << 16)), (2 * pair + 1, upper)):
                found[first + at] = finished(kernel, line(kernel, words, at), wrapped(value))
    return found


def wrapped(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def sums(kernel: PairedPlan, words: np.ndarray, pair: int, x: int) -> tuple[int, int]:
    """Return the whole sum of two channels and the upper one, flushed as the assembly does."""
    half = paired.HALF if kernel.core.counts_halves else 0
    both, upper = (int(word) for word in words[2 * pair : 2 * pair + 2])
    at, form = kernel.channels, kernel.forms[0]
    for _ in range(kernel.depth // form.run_elems):
        for count in (2,) * form.groups + form.tail_steps:
            product = x * int(words[at + pair * count : at + (pair + 1) * count].sum())
            both, upper = both + product + half, upper + ((product + paired.HALF) >> 16)
            at += count * kernel.channels // 2
    return both, upper


def line(kernel: PairedPlan, words: np.ndarray, channel: int) -> list[int]:
    end = len(words) - (1 if kernel.back else 0) - (kernel.channels - channel) * kernel.line_words
    return [int(word) for word in words[end : end + kernel.line_words]]


def finished(kernel: PairedPlan, constants: list[int], value: int) -> int:
    start = constants[0] if kernel.has_starts else 0
    scaled = wrapped((value << kernel.scale_bits) + start)
    high = (scaled * constants[kernel.multiplier_at]) >> 32
    high += constants[kernel.addend_at]
    if kernel.lines.negative is not None and scaled < 0:
        high += constants[kernel.change_at]
    clamped = min(max(high >> kernel.lines.shift, kernel.lowest), kernel.highest)
    return clamped - kernel.offset


@pytest.mark.parametrize(
    ("changes", "board", "sentence"),
    [
        ({}, "rv64imac", "needs a kernel that reads weights of 16 bits; this core has none"),
        ({"least": -128}, "cortex-m3", "needs weights from -127 on; this layer has -128 in output "
                                       "channel 0"),
        ({"case": "small"}, "cortex-m0", None),
        ({"case": "real"}, "rv32imc", "needs int8; this layer is float32"),
        ({"case": "grouped"}, "cortex-m4", "needs 1 group; this layer has 2"),
        ({"least": -128}, "cortex-m4", None),
    ],
)  # fmt: skip
def test_wide_weights_are_refused_with_the_reason(
    changes: dict[str, str | int], board: str, sentence: str | None, tmp_path: Path
) -> None:
    layer = load(str(changes.get("case", "pointwise")), tmp_path)
    if "least" in changes:
        weights = layer.weights.copy()
        weights.flat[0] = changes["least"]
        layer = replace(layer, weights=weights)
    [(_, answer)] = registry.plans(layer, target.load(board), {"direct_w16"})
    assert (answer.reason if isinstance(answer, Refusal) else None) == sentence


def test_weights_of_8_bits_leave_these_cores_to_portable_kernels(layer: Conv2d) -> None:
    for board in BOARDS:
        assert isinstance(finishing_kernel(Study(layer), target.load(board), 8), Refusal)


def test_sums_too_large_for_fine_lines_get_coarser_ones() -> None:
    """Sums of 2000 products reach some 2^25: 256 times that is beyond int32, 16 times is not."""
    deep = {"shape": [1, 1, 2000], "dtype": "int8"}
    layer = minimal.load(minimal.made_up(input=deep, kernel_size=1))
    kernel = planned("direct_w16", layer, target.load("cortex-m3")).kernel
    assert isinstance(kernel, PairedPlan)
    assert kernel.lines.scale < paired.FINE_SCALE
