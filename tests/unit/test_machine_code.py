"""Instructions: where execution goes on behind them, and those of a real image."""

from __future__ import annotations

from pathlib import Path

import pytest

from convgen.bench.code.blocks import BasicBlock
from convgen.bench.code.machine_code import (
    Code,
    ControlFlow,
    decoder,
    flow_of,
    instruction,
    registers,
)
from convgen.errors import ToolError
from convgen.targets import target
from toy.bench import build

M4, RV32 = target.load("cortex-m4").cpu, target.load("rv32imc").cpu


@pytest.mark.parametrize(("text", "flow", "goal"), [
    ("adds r0, r1, r2", ControlFlow.NEXT, None),
    ("bic r0, r1, #1", ControlFlow.NEXT, None),
    ("pop {r4, r5}", ControlFlow.NEXT, None),
    ("ldr r0, [pc, #8]", ControlFlow.NEXT, None),
    ("bls #0x100", ControlFlow.MAYBE, 0x100),
    ("bne.w #0x100", ControlFlow.MAYBE, 0x100),
    ("cbnz r3, #0x100", ControlFlow.MAYBE, 0x100),
    ("bxne lr", ControlFlow.MAYBE, None),
    ("popeq {r4, pc}", ControlFlow.MAYBE, None),
    ("bl #0x100", ControlFlow.CALL, 0x100),
    ("blx r3", ControlFlow.CALL, None),
    ("b #0x100", ControlFlow.AWAY, 0x100),
    ("b.w #0x100", ControlFlow.AWAY, 0x100),
    ("bx lr", ControlFlow.RETURN, None),
    ("pop.w {r4, pc}", ControlFlow.RETURN, None),
    ("tbb [pc, r0]", ControlFlow.AWAY, None),
    ("mov pc, r0", ControlFlow.AWAY, None),
    ("ldr.w pc, [r0, #0x260]", ControlFlow.AWAY, None),
])  # fmt: skip
def test_thumb_goes_on_where_its_branches_say(
    text: str, flow: ControlFlow, goal: int | None
) -> None:
    found = instruction(0x80, 2, text, is_thumb=True)
    assert (found.flow, found.target) == (flow, goal)


@pytest.mark.parametrize(("text", "flow", "goal"), [
    ("c.add a0, a1", ControlFlow.NEXT, None),
    ("auipc ra, 0", ControlFlow.NEXT, None),
    ("beq a0, a1, -0x20", ControlFlow.MAYBE, 0x60),
    ("c.bnez a0, -6", ControlFlow.MAYBE, 0x7A),
    ("bgtz a0, 0x10", ControlFlow.MAYBE, 0x90),
    ("bltu a0, a1, 8", ControlFlow.MAYBE, 0x88),
    ("jal -0xe", ControlFlow.CALL, 0x72),
    ("jal t0, -0x12", ControlFlow.CALL, 0x6E),
    ("jalr ra", ControlFlow.CALL, None),
    ("c.jalr a0", ControlFlow.CALL, None),
    ("c.j 0x10", ControlFlow.AWAY, 0x90),
    ("j -0x10", ControlFlow.AWAY, 0x70),
    ("c.jr ra", ControlFlow.RETURN, None),
    ("jr a0", ControlFlow.AWAY, None),
    ("ret", ControlFlow.RETURN, None),
    ("jr t0", ControlFlow.RETURN, None),
    ("jalr ra, t1, -0x14", ControlFlow.CALL, None),
    ("jalr zero, t1, 8", ControlFlow.AWAY, None),
])  # fmt: skip
def test_riscv_goes_on_where_its_branches_say(
    text: str, flow: ControlFlow, goal: int | None
) -> None:
    found = instruction(0x80, 2, text, is_thumb=False)
    assert (found.flow, found.target) == (flow, goal)


@pytest.mark.parametrize(("text", "flow"), [
    ("bne.n 101 <top>", ControlFlow.MAYBE),
    ("beqz a5,104 <top+0x4>", ControlFlow.MAYBE),
    ("b.eq 104 <top>", ControlFlow.MAYBE),
    ("tbnz w0, #3, 104 <top>", ControlFlow.MAYBE),
    ("jae 104 <top>", ControlFlow.MAYBE),
    ("jalr -20(ra) # 104 <other>", ControlFlow.CALL),
    ("jal ra,104 <other>", ControlFlow.CALL),
    ("call 104 <other>", ControlFlow.CALL),
    ("blr x0", ControlFlow.CALL),
    ("b.n 104 <top>", ControlFlow.AWAY),
    ("j 104 <top>", ControlFlow.AWAY),
    ("jmp *%rax", ControlFlow.AWAY),
    ("br x16", ControlFlow.AWAY),
    ("bic w0, w1, w2", ControlFlow.NEXT),
    ("bswap %eax", ControlFlow.NEXT),
])  # fmt: skip
def test_flow_is_told_from_what_objdump_prints_too(text: str, flow: ControlFlow) -> None:
    assert flow_of(text) is flow


def test_registers_of_a_list_are_counted_in_words() -> None:
    texts = ("pop {r4-r7, pc}", "push {lr}", "vpush {d8, d9}", "vldmia r0!, {s0-s3}", "nop")
    assert [registers(text) for text in texts] == [5, 1, 4, 4, 0]


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "rv32imc"])
def test_the_code_of_an_image_is_disassembled(tmp_path: Path, name: str) -> None:
    built = build(tmp_path, "scale.c", name)
    start, block_bytes = layer_start(built.image.elf), 6
    code = Code(built.image.elf, target.load(name).cpu)
    found = code.instructions(BasicBlock(start, block_bytes))
    assert [i.address for i in found] == [start, *(i.end for i in found[:-1])]
    assert found[-1].end == start + block_bytes
    assert not any(i.text.startswith(".inst") for i in found)
    with pytest.raises(ToolError, match="executed 0xf0000000, where the ELF has no code"):
        code.instructions(BasicBlock(0xF0000000, 2))


def layer_start(elf_path: Path) -> int:
    from elftools.elf.elffile import ELFFile

    from convgen.bench.code.measure import layer_code

    with elf_path.open("rb") as file:
        return layer_code(ELFFile(file)).start


def test_a_missing_capstone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "capstone", None)
    built = build(tmp_path, "scale.c", "cortex-m4")
    with pytest.raises(ToolError, match=r'package capstone, which(.|\n)*"convgen\[port'):
        Code(built.image.elf, M4)


def test_what_capstone_does_not_know_is_an_instruction_all_the_same() -> None:
    thumb = decoder(is_thumb=True).disasm_lite(b"\xff\xff\xff\xff\x00\xbf", 0)
    assert [(size, name) for _, size, name, _ in thumb] == [(4, ".inst"), (2, "nop")]
    riscv = decoder(is_thumb=False).disasm_lite(b"\xff\xff\xff\xff\x01\x00", 0)
    assert [(size, name) for _, size, name, _ in riscv] == [(4, ".inst"), (2, "c.nop")]
