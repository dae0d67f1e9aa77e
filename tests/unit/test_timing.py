"""What the models of targets/timing say of instructions."""

from __future__ import annotations

import pytest

from convgen.bench.code import timing
from convgen.errors import TargetError, UsageError
from convgen.resources import data_dir
from convgen.targets import target

MODELS = sorted(path.stem for path in (data_dir("targets") / "timing").glob("*.toml"))


@pytest.mark.parametrize(("model", "text", "expected"), [
    ("cortex-m4", "ldrsb.w r0, [r1, #1]", 2),
    ("cortex-m4", "ldrd r0, r1, [r2]", 3),
    ("cortex-m4", "push {r4, r5, r6, lr}", 5),
    ("cortex-m4", "ldm.w r0!, {r1, r2, r3-r5}", 6),
    ("cortex-m4", "vpush {d8-d9}", 5),
    ("cortex-m4", "vldmia r0!, {s0, s1, s2}", 4),
    ("cortex-m4", "str r0, [r1]", 1),
    ("cortex-m4", "tbb [pc, r3]", 2),
    ("cortex-m4", "smlal r0, r1, r2, r3", 1),
    ("cortex-m4", "udiv r0, r1, r2", 12),
    ("cortex-m4", "vfma.f32 s0, s1, s2", 3),
    ("cortex-m4", "vmul.f32 s0, s1, s2", 1),
    ("cortex-m4", "vsqrt.f32 s0, s1", 14),
    ("cortex-m4", "bne #0x100", 1),
    ("cortex-m3", "mla r0, r1, r2, r3", 2),
    ("cortex-m3", "mul r0, r1, r2", 1),
    ("cortex-m3", "umull r0, r1, r2, r3", 5),
    ("cortex-m3", "smlal r0, r1, r2, r3", 7),
    ("cortex-m3", "sdiv r0, r1, r2", 12),
    ("cortex-m0", "ldrb r0, [r1, #1]", 2),
    ("cortex-m0", "str r0, [r1]", 2),
    ("cortex-m0", "stm r0!, {r1, r2}", 3),
    ("cortex-m0", "muls r0, r1, r0", 1),
    ("cortex-m0", "ble #0x100", 1),
    ("cortex-m0", "dmb sy", 4),
    ("cortex-m0plus", "ldr r0, [pc, #8]", 2),
    ("rv32-in-order", "c.lw a0, 4(a1)", 1),
    ("rv32-in-order", "mulh a0, a1, a2", 1),
    ("rv32-in-order", "remu a0, a1, a2", 33),
    ("rv32-in-order", "fdiv.s fa0, fa1, fa2", 20),
])  # fmt: skip
def test_instructions_take_what_the_manual_says(model: str, text: str, expected: int) -> None:
    assert timing.named(model).cycles(text) == expected


@pytest.mark.parametrize(("model", "text", "expected"), [
    ("cortex-m0", "bl #0x100", 4),
    ("cortex-m0", "bx lr", 3),
    ("cortex-m0", "blx r3", 3),
    ("cortex-m0", "pop {r4, r5, pc}", 4 + 3),
    ("cortex-m0plus", "bl #0x100", 3),
    ("cortex-m0plus", "bx lr", 2),
    ("cortex-m0plus", "pop {r4, r5, pc}", 3 + 3),
    ("cortex-m4", "pop {r4, r5, pc}", 1 + 3 + 2),
    ("rv32-in-order", "c.jr ra", 3),
])  # fmt: skip
def test_a_branch_taken_takes_what_the_manual_says(model: str, text: str, expected: int) -> None:
    model_ = timing.named(model)
    assert model_.cycles(text) + model_.taken == expected


@pytest.mark.parametrize("model", ["cortex-m3", "cortex-m4"])
def test_a_load_is_pipelined_behind_a_single_access_only(model: str) -> None:
    load = "ldr r0, [r1]"
    before = ("ldrh r2, [r3]", "str r2, [r3]", "ldrd r4, r5, [r3]", "pop {r4}", "mov r2, r3")
    assert [timing.named(model).cycles(load, text) for text in before] == [1, 1, 2, 2, 2]


@pytest.mark.parametrize(("before", "text", "stall"), [
    ("c.lw a0, 4(a1)", "add a2, a0, a3", 1),
    ("c.lw a0, 4(a1)", "add a0, a2, a3", 0),
    ("c.lw a0, 4(a1)", "c.add a0, a1", 1),
    ("c.lw a0, 4(a1)", "c.mv a0, a1", 0),
    ("lbu a0, 0(a1)", "lbu a2, 0(a0)", 1),
    ("c.lwsp a0, 4(sp)", "sb a0, 0(a1)", 1),
    ("c.lwsp a0, 4(sp)", "bne a0, a1, 8", 1),
    ("flw fa0, 0(a1)", "fmadd.s fa1, fa2, fa3, fa0", 1),
    ("lui a0, 16", "addi a0, a0, 1", 0),
    ("add a0, a1, a2", "add a3, a0, a0", 0),
])  # fmt: skip
def test_who_reads_what_was_just_loaded_waits(before: str, text: str, stall: int) -> None:
    assert timing.named("rv32-in-order").cycles(text, before) == 1 + stall


def test_what_was_before_the_first_is_not_known() -> None:
    assert timing.named("cortex-m4").in_a_row(["ldr r0, [r1]", "ldr r2, [r1]", "nop"]) == 2 + 1 + 1


def test_every_model_belongs_to_a_target_and_names_its_source() -> None:
    used = {target.load(name).cpu.timing for name in target.names()}
    assert used - {None} == set(MODELS)
    assert all(timing.named(model).source for model in MODELS)


def test_a_target_without_a_model_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(UsageError) as caught:
        timing.load(target.load("cortex-m7"))
    assert str(caught.value) == (
        "--cycles: cortex-m7 has no timing model; these targets have one: cortex-m0, "
        "cortex-m0plus, cortex-m3, cortex-m4, rv32imac, rv32imafc, rv32imc"
    )


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(TargetError, match="unknown timing model 'cortex-m5'"):
        timing.named("cortex-m5")
