"""A layer that does not give back what it must: each register, wherever layers run."""

from __future__ import annotations

from pathlib import Path

import pytest

from convgen.errors import VerificationError
from toy.bench import Built, build

pytestmark = pytest.mark.emulator

CORE = {n: f"r{n + 3}" for n in range(1, 9)} | {9: "sp", 10: "r4 and r11"}
THUMB_1 = CORE | {11: "PRIMASK"}
THUMB_2 = THUMB_1 | {12: "BASEPRI", 13: "FAULTMASK"}
FPU = {n: f"s{n}" for n in range(16, 32)} | {32: "FPSCR"}
RISCV = {1: "gp", 2: "tp", 3: "sp", 4: "s0", 5: "s1"} | {10 + n % 10: f"s{n}" for n in range(2, 12)}
RISCV_BOARD = RISCV | {6: "mstatus", 7: "mie"}
RISCV_F = {20 + n: f"fs{n}" for n in range(12)} | {32: "frm"}
X86 = dict(enumerate(("rbx", "rbp", "r12", "r13", "r14", "r15", "rsp", "DF", "MXCSR"), start=1)) | {
    10: "x87_control"
}
WHERE = [
    ("cortex-m0", "unicorn", THUMB_1),
    ("cortex-m4", "unicorn", THUMB_2 | FPU),
    ("cortex-m33", "unicorn", THUMB_2 | FPU),
    ("cortex-m55", "qemu-system", {8: "r11", 13: "FAULTMASK", 16: "s16", 31: "s31", 32: "FPSCR"}),
    ("cortex-m4", "qemu-user", CORE | FPU),
    ("rv32imc", "unicorn", RISCV_BOARD),
    ("rv32imafc", "unicorn", RISCV_BOARD | RISCV_F),
    ("rv32imcv", "qemu-system", {33: "vstart"}),
    ("rv64imac", "unicorn", RISCV_BOARD),
    ("rv64imac", "qemu-user", RISCV),
    ("host", "native", X86),
]
ON_BOARDS = [
    ("cortex-m0", "r9"), ("cortex-m4", "s16"), ("cortex-m4", "PRIMASK"), ("rv32imc", "gp"),
    ("rv32imc", "mstatus"),
]  # fmt: skip


def lost(built: Built, number: int) -> str:
    """Run a toy that spoils the register of this number; return what is said of it."""
    with pytest.raises(VerificationError) as caught:
        built.run(bytes([number]) * 100)
    return str(caught.value)


@pytest.mark.parametrize(("name", "kind", "registers"), WHERE)
def test_a_register_that_is_not_restored_is_named(
    tmp_path: Path, name: str, kind: str, registers: dict[int, str]
) -> None:
    built = build(tmp_path, "clobbers.S", name, kind)
    with pytest.raises(VerificationError, match="gives another output"):  # it writes none
        built.run(bytes(200))
    for number, register in registers.items():
        assert lost(built, number) == f"toy did not restore {register}"


@pytest.mark.parametrize(("name", "register"), ON_BOARDS)
def test_a_board_sees_it_too(tmp_path: Path, name: str, register: str) -> None:
    registers = next(known for where, _, known in WHERE if where == name)
    [number] = [number for number, known in registers.items() if known == register]
    built = build(tmp_path, "clobbers.S", name, "qemu-system")
    assert lost(built, number) == f"toy did not restore {register}"


def test_interrupts_that_the_caller_masked_must_stay_so(tmp_path: Path) -> None:
    """They are before one call and not before the next, so that no fixed end is right."""
    built = build(tmp_path, "unmasks.S", "cortex-m4", "unicorn")
    with pytest.raises(VerificationError, match="toy did not restore PRIMASK"):
        built.run(bytes(200))
