"""The instructions of an image: the only module that imports capstone."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path
from typing import Any

from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile

from convgen import extras
from convgen.bench.code.blocks import BasicBlock
from convgen.errors import ToolError
from convgen.targets.target import Cpu

_REGISTER_LIST = re.compile(r"\{(.*)\}")


class ControlFlow(Enum):
    """Where execution goes on behind an instruction."""

    NEXT = auto()
    MAYBE = auto()  # a branch with a condition
    AWAY = auto()
    CALL = auto()
    RETURN = auto()


_CONDITIONS = "eq|ne|[ch]s|cc|lo|mi|pl|v[sc]|hi|ls|[gl][et]"
_FLOWS = (  # of Thumb, RISC-V, AArch64 and x86-64, as capstone prints them or objdump
    (
        ControlFlow.MAYBE,
        rf"bx?\.?({_CONDITIONS})(\.[nw])? |[ct]bn?z |(pop|ldr|ldm|mov)({_CONDITIONS})\b.*\bpc\b"
        r"|(c\.)?b(eq|ne|lt|ge|gt|le)u?z? |j(?!mp|alr? |r )[a-z]+ ",
    ),
    (ControlFlow.CALL, r"blx? |blr |(c\.)?jalr? (?!zero)|callq? "),
    (ControlFlow.RETURN, r"bx lr|(pop|ldm).*\bpc\}|(c\.)?jr (ra|t0) $|(c\.)?retq?\b"),
    (ControlFlow.AWAY, r"b(x|r|\.[nw])? |tb[bh] |(ldr(\.w)?|mov|add) pc,|(c\.)?j(alr?|r|mpq?)? "),
)
_FLOW = re.compile("|".join(f"(?P<{flow.name}>{pattern})" for flow, pattern in _FLOWS))
# RISC-V as capstone prints it: distances, where others print addresses
_RELATIVE = re.compile(r"(c\.)?(j|jal|b[a-z]+) (.*[ ,])?(-?(?:0x[0-9a-f]+|\d+))")
_UPPER = re.compile(r"(?:c\.)?auipc (\w+), (\S+)")
_BY_REGISTER = re.compile(r"(?:c\.)?(?:jalr|jr) (?:\w+, )??(\w+)(?:, (-?\w+))?")
_THUMB_TARGET = re.compile(r".*#(0x[0-9a-f]+|\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction, of an image or of a function as it is printed.

    ``target`` is the address where a branch goes, if the instruction tells.
    """

    address: int
    bytes: int
    text: str
    flow: ControlFlow = ControlFlow.NEXT
    target: int | None = None

    @property
    def end(self) -> int:
        """The address after it."""
        return self.address + self.bytes

    @property
    def mnemonic(self) -> str:
        """What it does."""
        return self.text.partition(" ")[0]

    @property
    def operands(self) -> str:
        """With what."""
        return self.text.partition(" ")[2]


class Code:
    """The machine code of an image, disassembled block by block."""

    def __init__(self, elf: Path, cpu: Cpu) -> None:
        """Read the code of *elf*; ToolError if capstone is missing."""
        with elf.open("rb") as file:
            self._segments = sorted(
                (segment["p_vaddr"], segment.data())
                for segment in ELFFile(file).iter_segments("PT_LOAD")
                if segment["p_flags"] & P_FLAGS.PF_X
            )
        self._cpu = cpu
        self._decoder = decoder(
            is_thumb=cpu.is_thumb, is_wide=cpu.isa == "rv64", is_v8=cpu.isa.startswith("armv8")
        )
        self._known: dict[BasicBlock, tuple[Instruction, ...]] = {}

    def instructions(self, block: BasicBlock) -> tuple[Instruction, ...]:
        """Return the instructions of *block*."""
        if block not in self._known:
            code = self._bytes(block)
            self._known[block] = tuple(
                read(self._decoder, code, block.address, is_thumb=self._cpu.is_thumb)
            )
        return self._known[block]

    def _bytes(self, block: BasicBlock) -> bytes:
        index = bisect_right(self._segments, block.address, key=lambda segment: segment[0]) - 1
        start, content = self._segments[max(index, 0)]
        found: bytes = content[block.address - start : block.end - start]
        if block.address < start or len(found) < block.bytes:
            raise ToolError(f"the emulator executed 0x{block.address:x}, where the ELF has no code")
        return found


def read(decoder: Any, content: bytes, address: int, *, is_thumb: bool) -> Iterator[Instruction]:
    """Yield the instructions of *content*, which lies at *address*.

    RISC-V's ``auipc`` and the jump behind it are one branch that tells where it goes.
    """
    upper: dict[str, int] = {}
    for at, size, mnemonic, operands in decoder.disasm_lite(content, address):
        found = instruction(at, size, f"{mnemonic} {operands}".strip(), is_thumb=is_thumb)
        jump = _BY_REGISTER.fullmatch(found.text)
        if jump and jump[1] in upper:
            found = replace(found, target=upper[jump[1]] + int(jump[2] or "0", 0))
        yield found
        added = _UPPER.fullmatch(found.text)
        upper = {added[1]: at + _signed(int(added[2], 0) << 12)} if added else {}


def _signed(word: int) -> int:
    return word - 2**32 if word >= 2**31 else word


def instruction(address: int, size: int, text: str, *, is_thumb: bool) -> Instruction:
    """Return the instruction that capstone prints as *text*."""
    flow = flow_of(text)
    target = None
    if flow is not ControlFlow.NEXT and is_thumb and (named := _THUMB_TARGET.fullmatch(text)):
        target = int(named[1], 0)
    elif not is_thumb and (named := _RELATIVE.fullmatch(text)):
        target = address + int(named[4], 0)
    return Instruction(address=address, bytes=size, text=text, flow=flow, target=target)


@lru_cache(maxsize=2**14)  # most instructions of an image are the same few
def flow_of(text: str) -> ControlFlow:
    """Return where execution goes on behind an instruction."""
    found = _FLOW.match(f"{text} ")
    return ControlFlow[found.lastgroup] if found and found.lastgroup else ControlFlow.NEXT


def registers(text: str) -> int:
    """Count the registers of a list, in words.

    >>> registers("pop {r4-r7, pc}"), registers("vpush {d8, d9}"), registers("nop")
    (5, 4, 0)
    """
    listed = _REGISTER_LIST.search(text)
    return sum(_words(item.strip()) for item in listed[1].split(",")) if listed else 0


def _words(item: str) -> int:
    first, _, last = item.partition("-")
    count = int(last[1:]) - int(first[1:]) + 1 if last else 1
    return 2 * count if first.startswith("d") else count


def decoder(*, is_thumb: bool, is_wide: bool = False, is_v8: bool = False) -> Any:
    """Return capstone's decoder of Thumb, or of RISC-V with 32 or (*is_wide*) 64 bits."""
    capstone = extras.load("capstone", "reads the code of an image")
    if is_thumb:
        mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        mode |= capstone.CS_MODE_V8 if is_v8 else 0
        made = capstone.Cs(capstone.CS_ARCH_ARM, mode)
    else:
        bits = capstone.CS_MODE_RISCV64 if is_wide else capstone.CS_MODE_RISCV32
        made = capstone.Cs(capstone.CS_ARCH_RISCV, bits | capstone.CS_MODE_RISCVC)
    length = _thumb_length if is_thumb else _riscv_length
    made.skipdata_setup = (
        ".inst",
        lambda code, _, at, __: length(ord(code[at]), ord(code[at + 1])),
        None,
    )
    made.skipdata = True  # what it does not know is an instruction all the same
    return made


def _thumb_length(_low: int, high: int) -> int:
    return 4 if high >> 3 in (0b11101, 0b11110, 0b11111) else 2


def _riscv_length(low: int, _high: int) -> int:
    return 4 if low & 3 == 3 else 2
