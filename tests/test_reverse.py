"""Layers padded at the top and left only: from the last pixel to the first, more may overlap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulated
import minimal
import native
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.plan import Plan
from convgen.schedule.overlap import pool_for, share
from convgen.schedule.select import Candidate
from convgen.targets import target
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


def able(layer: Conv2d, board: target.Target) -> list[Plan]:
    """Return the plans that go through the image pixel by pixel."""
    others = ("direct_planes", "direct_planes_inplace", "im2col_full", "im2col_full_w16")
    return [
        plan
        for name, plan in registry.able(layer, board).items()
        if plan.family in FAMILIES and name not in others
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


@pytest.mark.parametrize("board", BOARDS)
def test_it_is_right_natively_under_sanitizers(board: str, tmp_path: Path) -> None:
    played = native.played_here(target.load(board))
    jobs = []
    for layer in LAYERS:
        variants = [
            shared(replace(plan, operator=replace(layer, name=f"{layer.name}_{plan.algorithm}")))
            for plan in able(layer, played)
        ]
        jobs.append(native.Job(variants, played, inputs_for(layer)))
    for job, outputs in zip(jobs, native.run(tmp_path, jobs), strict=True):
        for label, output in outputs.items():
            emulated.check(job.layer, job.inputs, output, label)


EMULATED = {
    "cortex-m0": ("direct_w16", "im2col_p1", "indirect_row"),
    "cortex-m4": ("direct", "im2col_p2", "im2col_p2_wide_w16"),
    "rv32imc": ("direct_w16", "im2col_p4", "indirect_flash"),
}


@pytest.mark.parametrize("board", BOARDS)
def test_it_is_right_under_qemu(board: str) -> None:
    described = emulated.tools(board)[1].target
    for layer in (LAYERS[0], LAYERS[3], LAYERS[9]):
        for plan in able(layer, described):
            if plan.algorithm in EMULATED[board]:
                chosen = shared(plan)
                candidate = Candidate(
                    plan=chosen.plan, pool=chosen.pool, stack=0, code=0, instructions=10**7
                )
                inputs: np.ndarray = inputs_for(layer)
                outputs, _ = emulated.run(candidate, board, inputs)
                emulated.check(layer, inputs, outputs, plan.algorithm)
