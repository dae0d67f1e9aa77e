"""Cores of the Unicorn library: the only module that loads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from convgen import extras
from convgen.targets.target import CpuModel

TRANSLATION_BYTES = 2**25  # unless told, 1 GiB of addresses for each core


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """An instruction set and its calling convention, with Unicorn's names for them.

    ``is_long`` tells from an instruction's first 16 bits whether it has 32. ``entry_bit`` is set
    in a function's address. ``initial`` is what registers must hold beside a stack,
    ``condition`` the register and the bits of it that let an instruction be skipped; ``preserved``
    are the registers that a function restores, ``called`` the one that the trampoline calls.
    """

    module: str
    arch: str
    mode: str
    prefix: str
    link: str
    called: str
    arguments: tuple[str, str, str]
    word_bytes: int
    preserved: tuple[str, ...]
    is_long: Callable[[int], bool]
    entry_bit: int = 0
    initial: tuple[tuple[str, int], ...] = ()
    condition: tuple[str, int] | None = None


def _numbered(prefix: str, first: int, after: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in range(first, after))


def _riscv(bits: int) -> Architecture:
    floating_point_on = 0x2000
    return Architecture(
        module="riscv_const",
        arch="UC_ARCH_RISCV",
        mode=f"UC_MODE_RISCV{bits}",
        prefix="UC_RISCV_REG_",
        link="RA",
        called="T2",
        arguments=("A0", "A1", "A2"),
        word_bytes=bits // 8,
        preserved=("GP", "TP", *_numbered("S", 0, 12), *_numbered("FS", 0, 12)),
        is_long=lambda first: first & 3 == 3,
        initial=(("MSTATUS", floating_point_on),),
    )


# Without UC_MODE_MCLASS: with it Unicorn 2.1 takes every model for a Cortex-M33.
_THUMB = Architecture(
    module="arm_const",
    arch="UC_ARCH_ARM",
    mode="UC_MODE_THUMB",
    prefix="UC_ARM_REG_",
    link="LR",
    called="R12",
    arguments=("R0", "R1", "R2"),
    word_bytes=4,
    preserved=(*_numbered("R", 4, 12), *_numbered("S", 16, 32)),
    is_long=lambda first: first >= 0xE800,
    entry_bit=1,
    condition=("XPSR", 0x0600_FC00),
)
_RISCV32, _RISCV64 = _riscv(32), _riscv(64)

_MODELS: dict[CpuModel, tuple[Architecture, str]] = {
    "CORTEX_M0": (_THUMB, "UC_CPU_ARM_CORTEX_M0"),
    "CORTEX_M3": (_THUMB, "UC_CPU_ARM_CORTEX_M3"),
    "CORTEX_M4": (_THUMB, "UC_CPU_ARM_CORTEX_M4"),
    "CORTEX_M7": (_THUMB, "UC_CPU_ARM_CORTEX_M7"),
    "CORTEX_M33": (_THUMB, "UC_CPU_ARM_CORTEX_M33"),
    "RISCV32_ANY": (_RISCV32, "UC_CPU_RISCV32_ANY"),
    "RISCV64_ANY": (_RISCV64, "UC_CPU_RISCV64_ANY"),
}


def library() -> Any:
    """Return the package ``unicorn``; ToolError if it is not installed."""
    return extras.load("unicorn", "runs images in this process")


class BareCore:
    """A core without memory. ``engine`` is Unicorn's own, ``unicorn`` its module of constants."""

    def __init__(self, model: CpuModel) -> None:
        """Make a core of *model*."""
        self.architecture, constant = _MODELS[model]
        self.unicorn = library()
        self._constants = import_module(f"unicorn.{self.architecture.module}")
        mode = getattr(self.unicorn, self.architecture.mode)
        self.engine = self.unicorn.Uc(getattr(self.unicorn, self.architecture.arch), mode)
        self.engine.ctl_set_cpu_model(getattr(self._constants, constant))
        self.engine.ctl_set_tcg_buffer_size(TRANSLATION_BYTES)
        for name, value in self.architecture.initial:
            self.write(name, value)

    def read(self, register: str) -> int:
        """Return what *register* holds."""
        return cast(int, self.engine.reg_read(self._number(register)))

    @property
    def preserved(self) -> tuple[str, ...]:
        """The registers that a function restores, as `read_all` gives them."""
        return self.architecture.preserved

    def read_all(self, registers: tuple[str, ...]) -> tuple[int, ...]:
        """Return what several registers hold."""
        numbers = [self._number(register) for register in registers]
        return tuple(self.engine.reg_read_batch(numbers))

    def write(self, register: str, value: int) -> None:
        """Let *register* hold *value*."""
        self.engine.reg_write(self._number(register), value)

    def _number(self, register: str) -> int:
        return cast(int, getattr(self._constants, self.architecture.prefix + register))

    @property
    def arguments(self) -> tuple[int, int, int]:
        """The arguments of the function that begins here."""
        first, second, third = self.architecture.arguments
        return self.read(first), self.read(second), self.read(third)

    def let_return(self, result: int) -> int:
        """Put *result* where a function leaves it; return where the caller goes on."""
        bits = 8 * self.architecture.word_bytes
        for register, word in zip(
            self.architecture.arguments, (result, result >> bits), strict=False
        ):
            self.write(register, word & ((1 << bits) - 1))
        return self.read(self.architecture.link)

    def settle(self) -> None:
        """Put right what Unicorn 2.1 does when it calls a hook for an access.

        It loads the condition of that instruction, in an IT block, and leaves it to the next block.
        """
        if self.architecture.condition:
            register, bits = self.architecture.condition
            value = self.read(register)
            if value & bits:
                self.write(register, value & ~bits)

    def instructions(self, address: int, size: int) -> int:
        """Return the number of instructions in *size* bytes of code."""
        code = self.engine.mem_read(address, size)
        count = at = 0
        while at < size:
            first = int.from_bytes(code[at : at + 2], "little")
            at += 4 if self.architecture.is_long(first) else 2
            count += 1
        return count
