"""Plans of every algorithm for the named layers: their sizes and their promises."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cases import CASES
from convgen import spec, target
from convgen.algorithms import ALGORITHMS, FAMILIES
from convgen.algorithms.inside import find_inner
from convgen.cost import cost_model
from convgen.kernels.base import spans_of
from convgen.layer import Layer
from convgen.plan import Plan, buffer

TARGETS = ("cortex-m0", "cortex-m4", "rv32imc")


@pytest.fixture
def layers(tmp_path: Path) -> dict[str, Layer]:
    path = tmp_path / "layer.json"
    found = {}
    for name, text in CASES.items():
        path.write_text(json.dumps(text))
        found[name] = spec.load(path)
    return found


def plans(layers: dict[str, Layer]) -> list[Plan]:
    return [
        algorithm.plan(layer, target.load(name))
        for layer in layers.values()
        for name in TARGETS
        for algorithm in ALGORITHMS
        if algorithm.reject(layer, target.load(name)) is None
    ]


def test_algorithm_names_are_unique_and_begin_with_their_family() -> None:
    names = [algorithm.name for algorithm in ALGORITHMS]
    assert len(set(names)) == len(names)
    assert all(algorithm.name.startswith(algorithm.family) for algorithm in ALGORITHMS)
    assert FAMILIES == ("direct", "im2col")


def test_every_layer_can_be_done_by_every_family(layers: dict[str, Layer]) -> None:
    board = target.load("cortex-m4")
    for layer in layers.values():
        able = {a.family for a in ALGORITHMS if a.reject(layer, board) is None}
        assert able == set(FAMILIES)


def test_weights_are_packed_without_loss(layers: dict[str, Layer]) -> None:
    for plan in plans(layers):
        packed = next(c.values for c in plan.constants if c.name == "weights")
        assert sorted(packed) == sorted(plan.layer.weights.reshape(-1))


def test_channel_blocks_cover_every_channel_once(layers: dict[str, Layer]) -> None:
    for plan in plans(layers):
        covered = sum(width * plan.kernel.blocks(width) for width in plan.kernel.channel_blocks)
        assert covered == plan.layer.geometry.out_c


def test_every_unit_of_work_has_a_price(layers: dict[str, Layer]) -> None:
    for name in target.names():
        board = target.load(name)
        for layer in layers.values():
            for algorithm in ALGORITHMS:
                if algorithm.reject(layer, board) is None:
                    predicted = cost_model(layer, board).predict(algorithm.plan(layer, board))
                    assert predicted > layer.geometry.out_elems


def test_im2col_workspace_is_the_formula(layers: dict[str, Layer]) -> None:
    layer, board = layers["first"], target.load("cortex-m4")
    sizes = {a.name: a.plan(layer, board).workspace_bytes for a in ALGORITHMS}
    assert sizes == {
        "direct": 0,
        "im2col_p1": 27,
        "im2col_p2": 54,
        "im2col_p4": 108,
        "im2col_full": 6 * 7 * 27,
    }


def test_a_pointwise_patch_is_not_copied(layers: dict[str, Layer]) -> None:
    board = target.load("cortex-m4")
    refused = {a.name: a.reject(layers["pointwise"], board) for a in ALGORITHMS}
    assert "needs no copy" in str(refused["im2col_p2"])
    full = next(a for a in ALGORITHMS if a.name == "im2col_full")
    assert full.plan(layers["pointwise"], board).workspace_bytes == 0


def test_more_patches_than_pixels_are_refused(layers: dict[str, Layer]) -> None:
    tiny = layers["small"]  # 1 x 2 outputs
    board = target.load("cortex-m4")
    reasons = {a.name: a.reject(tiny, board) for a in ALGORITHMS}
    assert reasons["im2col_p1"] is None
    sentence = "the layer has only 2 output pixels: im2col_full does it"
    assert reasons["im2col_p2"] == reasons["im2col_p4"] == sentence


def test_a_patch_matrix_beyond_32_bits_is_refused(layers: dict[str, Layer]) -> None:
    layer = layers["first"]
    large = replace(layer, geometry=replace(layer.geometry, out_h=2**16, out_w=2**12))
    full = next(a for a in ALGORITHMS if a.name == "im2col_full")
    reason = full.reject(large, target.load("cortex-m4"))
    assert reason == "the patch matrix would take 7,247,757,312 bytes; indices are 32 bits"


def test_a_plan_that_breaks_its_rules_fails_while_generating(layers: dict[str, Layer]) -> None:
    plan = ALGORITHMS[0].plan(layers["first"], target.load("cortex-m4"))
    with pytest.raises(ValueError, match="constants have names of their own"):
        replace(plan, constants=(*plan.constants, plan.constants[0]))
    buffers = (
        buffer("narrow", "int8", 3),
        buffer("wide", "int32", 2),
    )
    with pytest.raises(ValueError, match="most aligned first"):
        replace(plan, workspace=buffers)


def test_inner_pixels_read_no_padding(layers: dict[str, Layer]) -> None:
    g = layers["grouped"].geometry
    inner = find_inner(g)
    for row in range(g.out_h):
        for col in range(g.out_w):
            top, left = row * g.stride_h - g.pad_top, col * g.stride_w - g.pad_left
            bottom = top + (g.k_h - 1) * g.dilation_h
            right = left + (g.k_w - 1) * g.dilation_w
            inside = top >= 0 and left >= 0 and bottom < g.in_h and right < g.in_w
            listed = inner.top <= row < inner.bottom and inner.left <= col < inner.right
            assert inside == listed


def test_constants_hold_the_folded_bias(layers: dict[str, Layer]) -> None:
    layer = layers["first"]
    plan = ALGORITHMS[0].plan(layer, target.load("cortex-m4"))
    bias = next(c.values for c in plan.constants if c.name == "bias")
    assert bias.dtype == np.int32
    assert bias.tolist() == layer.folded_bias.tolist()


@pytest.mark.parametrize(("channels", "block"), [(1, 4), (4, 4), (5, 4), (8, 4), (3, 1)])
def test_spans_tile_the_channels(channels: int, block: int) -> None:
    spans = spans_of(channels, block)
    assert spans[0].first == 0
    assert spans[-1].last == channels
    assert sum(span.blocks * span.channels for span in spans) == channels
