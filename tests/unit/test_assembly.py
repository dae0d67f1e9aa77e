"""What assembly takes for granted: stated once, in the file, in its header and in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import minimal
from cases import CASES
from convgen.plans import assembly, registry
from convgen.plans.assembly import Assembly
from convgen.sources.generate import layer_files
from convgen.targets import target

ALL = [value for value in vars(assembly).values() if isinstance(value, Assembly)]
DOCS = Path(__file__).resolve().parents[2] / "docs" / "using-the-c.md"
BOARDS = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m55", "rv32imc", "rv32imcv", "host")


@pytest.mark.parametrize("board", BOARDS)
def test_a_file_with_assembly_states_its_conditions_and_one_without_states_none(
    board: str,
) -> None:
    described, layer = target.load(board), minimal.load(CASES["deep"])
    for plan in registry.able(layer, described).values():
        files = layer_files(plan, described, None)
        text = files["deep.c"]
        header = " ".join(text.partition("*/")[0].replace(" *", " ").split())
        assert ("__asm__" in text) == ("__ASSEMBLY\n" in text) == (plan.assembly is not None)
        if plan.assembly:
            first, second = plan.assembly.conditions
            condition = f"#if {first} && \\\n    {second}\n#define DEEP__ASSEMBLY\n"
            assert text.count(condition) == 1
            assert f"Assembly {plan.assembly.description}" in header
        else:
            assert "Assembly" not in header


def test_words_of_the_input_are_loaded_only_where_unaligned_loads_are_asked_for() -> None:
    """Words behind r0 that are not the workspace's, which is aligned."""
    board = target.load("cortex-m4")
    for case in ("deep", "first", "planes", "connected"):
        layer = minimal.load(CASES[case])
        for plan in registry.able(layer, board).values():
            text = layer_files(plan, board, None)[f"{case}.c"]
            in_place = re.search(r"const int8_t \*input, const uint32_t \*constants", text)
            loads = in_place and re.search(r'"    ldr r2, \[r0\]', text)
            assert not loads or plan.assembly is assembly.DSP_UNALIGNED, plan.algorithm


def test_the_docs_say_how_to_ask_for_plain_c() -> None:
    assert assembly.NOT_WANTED in DOCS.read_text(encoding="utf-8")
