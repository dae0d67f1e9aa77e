"""Sets of instructions: a core has one, and what it offers all algorithms take from there."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import minimal
from cases import CASES
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import kernels, registry
from convgen.plans.kernels import instruction_set, portable
from convgen.plans.kernels.isa import Products
from convgen.plans.kernels.paired import Paired
from convgen.plans.kernels.portable import PORTABLE
from convgen.plans.kernels.rv32 import CORE
from convgen.plans.plan import Plan
from convgen.refusal import Refusal
from convgen.resources import data_dir
from convgen.sources import generate
from convgen.targets import target
from convgen.targets.target import Target

SET_OF = {
    "cortex-m0": "armv6m",
    "cortex-m0plus": "armv6m",
    "cortex-m23": "armv6m",
    "cortex-m3": "armv7m",
    "cortex-m33": "dsp",
    "cortex-m4": "dsp",
    "cortex-m55": "mve",
    "cortex-m7": "dsp",
    "cortex-m85": "mve",
    "host": "portable",
    "rv32ec": "portable",
    "rv32imac": "rv32",
    "rv32imafc": "rv32",
    "rv32imc": "rv32",
    "rv32imcv": "rvv",
    "rv32imcv_zvl256b": "rvv",
    "rv64imac": "portable",
}
ASKS = re.compile(r"cpu\.isa|is_thumb|has\(\"(dsp|mve)\"\)")


def test_every_core_has_the_set_with_its_instructions() -> None:
    assert {name: instruction_set(target.load(name)).name for name in target.names()} == SET_OF


def test_a_core_that_falls_back_has_the_set_that_is_left() -> None:
    board = target.load("cortex-m55")
    cpu = board.cpu.model_copy(update={"features": board.cpu.features - {"mve"}})
    assert instruction_set(board.model_copy(update={"cpu": cpu})).name == "dsp"


def test_only_the_sets_ask_which_instructions_a_core_has() -> None:
    package = data_dir("templates").parent / "codegen" / "convgen"
    files = [
        path
        for path in (
            *(package / "plans").rglob("*.py"),
            *(package / "sources").rglob("*.py"),
            *data_dir("templates").rglob("*.j2"),
        )
        if path.parent != package / "plans" / "kernels"
    ]
    assert [path.name for path in files if ASKS.search(path.read_text(encoding="utf-8"))] == []


def for_rv64(board: Target) -> bool:
    return board.cpu.isa == "rv64"


def test_a_new_set_is_one_line_for_dense_layers_and_winograd(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer, board = minimal.load(CASES["deep"]), target.load("rv64imac")
    before = answers(layer, board)
    assert isinstance(before["direct_w16"], Refusal)
    made_up = replace(
        PORTABLE,
        name="rv64",
        finishing={16: Paired(core=replace(CORE, isa="rv64"))},
        products=Products(description="made up", unrolled=2),
    )
    monkeypatch.setattr(portable, "MADE_UP", made_up, raising=False)
    monkeypatch.setattr(kernels, "SETS", ((for_rv64, "portable", "MADE_UP"), *kernels.SETS))
    after = answers(layer, board)
    dense, winograd = after["direct_w16"], after["winograd_2x2_t1"]
    assert not isinstance(dense, Refusal)
    assert "MUL, 2 x" in dense.kernel.description
    assert "mulh" in generate.layer_files(dense, board, None)["deep.c"]
    assert not isinstance(winograd, Refusal)
    assert winograd.kernel.description.startswith("made up, ")


def answers(layer: Conv2d, board: Target) -> dict[str, Plan | Refusal]:
    return {algorithm.name: plan for algorithm, plan in registry.plans(layer, board)}
