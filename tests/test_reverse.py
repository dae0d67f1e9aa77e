"""Layers padded at the top and left only: from the last pixel to the first, more may overlap."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import batch
import emulated
import minimal
import native
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.schedule.overlap import pool_for, share
from convgen.targets import target
from convgen.targets.target import Target
from native import Job
from random_layers import inputs_for

pytestmark = pytest.mark.emulator

BOARDS = ("cortex-m0", "cortex-m4", "rv32imc")
FAMILIES = ("direct", "im2col", "indirect")


def padded(name: str, shape: list[int], out_c: int, dtype: str = "int8", **fields: Any) -> Conv2d:
    """Return a layer with a kernel of 3x3, padded by two rows and two columns."""
    usual = {"name": name, "kernel_size": 3, "padding": [2, 2, 0, 0]}
    return minimal.load(
        minimal.made_up(
            input={"shape": shape, "dtype": dtype}, out_channels=out_c, **(usual | fields)
        )
    )


def causal(name: str, shape: list[int], out_c: int, dtype: str = "int8", **fields: Any) -> Conv2d:
    """Return a layer whose outputs see no later input, two steps apart."""
    usual = {"kernel_size": [1, 3], "dilation": [1, 2], "padding": [0, 4, 0, 0]}
    return padded(name, shape, out_c, dtype, **(usual | fields))


LAYERS = (
    padded("square", [7, 7, 5], 6),
    padded("even", [5, 6, 4], 4),
    padded("single", [6, 9, 1], 1),
    padded("stride", [9, 8, 9], 9, stride=2),
    padded("grouped", [5, 7, 6], 6, groups=2),
    padded("depthwise", [6, 5, 3], 3, groups=3),
    padded("narrow", [9, 3, 4], 17, padding=[2, 0, 0, 0]),
    padded("real", [5, 6, 3], 4, dtype="float32"),
    causal("causal", [1, 17, 8], 8),
    causal("causal_odd", [1, 14, 7], 5),
    causal("causal_real", [1, 11, 2], 3, dtype="float32"),
)
every_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: str(layer.name))


def able(layer: Conv2d, board: Target) -> list[Plan]:
    """Return the plans that go through the image pixel by pixel."""
    others = re.compile("direct_planes.*|direct_lanes|im2col_full(_w16)?")
    return [
        plan
        for name, plan in registry.able(layer, board).items()
        if plan.family in FAMILIES and not others.fullmatch(name)
    ]


def shared(plan: Plan) -> native.Variant:
    ordered, pool = share(plan)
    return native.Variant(plan=ordered, pool=pool)


@pytest.mark.parametrize("board", BOARDS)
@every_layer
def test_from_the_last_pixel_on_the_pool_is_smaller(layer: Conv2d, board: str) -> None:
    described = target.load(board)
    for plan in able(layer, described):
        forwards = pool_for(layer.geometry, plan.order, layer.elem_bytes)
        chosen = shared(plan)
        assert chosen.pool is not None
        assert chosen.plan.order.reverse, plan.algorithm
        assert chosen.pool.bytes < forwards.bytes, plan.algorithm


def jobs(board: Target, layers: Sequence[Conv2d], names: Collection[str]) -> list[Job]:
    """Return *layers* by those of *names* that can do them, or by all if there are none."""
    return [
        Job(
            [
                shared(
                    replace(plan, operator=replace(layer, name=f"{layer.name}_{plan.algorithm}"))
                )
                for plan in able(layer, board)
                if not names or plan.algorithm in names
            ],
            board,
            inputs_for(layer),
        )
        for layer in layers
    ]


@pytest.mark.parametrize("board", BOARDS)
def test_it_is_right_natively_under_sanitizers(board: str, tmp_path: Path) -> None:
    chosen = jobs(native.played_here(target.load(board)), LAYERS, ())
    emulated.check_jobs(chosen, native.run(tmp_path, chosen))


EMULATED = {
    "cortex-m0": ("direct_w16", "im2col_p1", "indirect_row"),
    "cortex-m4": ("direct", "im2col_p2", "im2col_p2_wide_w16"),
    "rv32imc": ("direct_w16", "im2col_p4", "indirect_flash"),
}


@pytest.mark.parametrize("board", BOARDS)
def test_it_is_right_under_qemu(board: str, tmp_path: Path) -> None:
    bench = emulated.bench(board)
    chosen = jobs(bench.target, (LAYERS[0], LAYERS[3], LAYERS[9]), EMULATED[board])
    chosen = [job for job in chosen if job.chosen]
    emulated.check_jobs(chosen, batch.run(tmp_path, chosen, bench))
