"""The instructions of an image: the only module that imports capstone."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile

from convgen import extras
from convgen.bench.code.blocks import Block
from convgen.errors import ToolError
from convgen.targets.target import Cpu

_CONDITIONS = "eq|ne|[ch]s|cc|lo|mi|pl|v[sc]|hi|ls|[gl][et]"
_REGISTER_LIST = re.compile(r"\{(.*)\}")


class Flow(Enum):
    """Where execution goes on behind an instruction."""

    NEXT = auto()
    MAYBE = auto()  # a branch with a condition
    AWAY = auto()
    CALL = auto()


_THUMB_FLOW = (
    (Flow.MAYBE, rf"bx?({_CONDITIONS})(\.w)? |cbn?z |(pop|ldr|ldm|mov)({_CONDITIONS})\b.*\bpc\b"),
    (Flow.CALL, r"blx? "),
    (Flow.AWAY, r"b(x|\.w)? |tb[bh] |(pop|ldm).*\bpc\}|(ldr(\.w)?|mov|add) pc,"),
)
_RISCV_FLOW = (
    (Flow.MAYBE, r"(c\.)?b(eq|ne|lt|ge|gt|le)u?z? "),
    (Flow.CALL, r"(c\.)?jal -?\w+$|jal (ra|t0),|(c\.)?jalr \w+$|jalr (ra|t0),"),
    (Flow.AWAY, r"(c\.)?j(al|alr|r)? |(c\.)?(jr|ret)\b"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction. ``target`` is where a branch that names its target goes."""

    address: int
    bytes: int
    text: str
    flow: Flow = Flow.NEXT
    target: int | None = None

    @property
    def end(self) -> int:
        """The address after it."""
        return self.address + self.bytes


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
        self._known: dict[Block, tuple[Instruction, ...]] = {}

    def instructions(self, block: Block) -> tuple[Instruction, ...]:
        """Return the instructions of *block*."""
        if block not in self._known:
            self._known[block] = tuple(self._decode(block))
        return self._known[block]

    def _decode(self, block: Block) -> Iterator[Instruction]:
        code = self._bytes(block)
        for address, size, mnemonic, operands in self._decoder.disasm_lite(code, block.address):
            yield instruction(address, size, f"{mnemonic} {operands}".strip(), self._cpu)

    def _bytes(self, block: Block) -> bytes:
        index = bisect_right(self._segments, block.address, key=lambda segment: segment[0]) - 1
        start, content = self._segments[max(index, 0)]
        found: bytes = content[block.address - start : block.end - start]
        if block.address < start or len(found) < block.bytes:
            raise ToolError(f"the emulator executed 0x{block.address:x}, where the ELF has no code")
        return found


def instruction(address: int, size: int, text: str, cpu: Cpu) -> Instruction:
    """Return the instruction that disassembles as *text*."""
    flow = flow_of(text, cpu)
    target = _target(address, text, cpu) if flow is not Flow.NEXT else None
    return Instruction(address=address, bytes=size, text=text, flow=flow, target=target)


def flow_of(text: str, cpu: Cpu) -> Flow:
    """Return where execution goes on behind an instruction."""
    patterns = _THUMB_FLOW if cpu.is_thumb else _RISCV_FLOW
    return next((flow for flow, pattern in patterns if re.match(pattern, text)), Flow.NEXT)


def _target(address: int, text: str, cpu: Cpu) -> int | None:
    """Return the branch's target: capstone prints Thumb's as such, RISC-V's as a distance."""
    named = re.search(r"(?:^|\s)#?(-?(?:0x[0-9a-f]+|\d+))$", text)
    if named is None:
        return None
    return int(named[1], 0) if cpu.is_thumb else address + int(named[1], 0)


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
