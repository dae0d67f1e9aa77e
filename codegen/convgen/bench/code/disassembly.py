"""The functions of an image as instructions: from what objdump prints, or by capstone.

Both read Thumb and RISC-V; objdump's x86-64 and AArch64 too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection

from convgen.bench.build.compilers import Toolchain
from convgen.bench.build.toolchain import Image, disassemble
from convgen.bench.code.machine_code import decoder

_HEADING = re.compile(r"^([0-9a-f]+) <(.+)>:$")
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(?:notrack |bnd )?(\S+)\s*(.*)$")
_REFERENCE = re.compile(r"\b([0-9a-f]+) <")

_LABEL = ".L"  # begins a label within a function

# What capstone prints of RISC-V: offsets, where objdump prints addresses.
_RELATIVE = re.compile(r"j|jal|b[a-z]+")
_UPPER = re.compile(r"auipc (\w+), (\S+)")
_BY_REGISTER = re.compile(r"(?:jalr|jr) (?:\w+, )??(\w+)(?:, (-?\w+))?")
_DISCARDING = "jalr zero, "

# What capstone prints of Thumb.
_THUMB_REFERENCE = re.compile(r"#(0x[0-9a-f]+|\d+)$")
_THUMB_BRANCH = re.compile(r"b(?!ic|fc|fi|kpt)\S*|cbn?z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Instruction:
    """One instruction; ``refers_to`` is the address that its text names, if it names one."""

    mnemonic: str
    operands: str
    refers_to: int | None

    @property
    def text(self) -> str:
        """The whole of it."""
        return f"{self.mnemonic} {self.operands}".rstrip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """The instructions of one function."""

    name: str
    start: int
    end: int
    instructions: tuple[Instruction, ...]


Decoded = Iterator[tuple[int, str, str]]  # address, mnemonic, operands, as capstone has them


def functions(image: Image, toolchain: Toolchain) -> list[Function]:
    """Return the functions of *image* as instructions, in the order of their addresses."""
    if not toolchain.disassemble:
        return from_elf(image.elf)
    return from_objdump(disassemble(image, toolchain))


def from_objdump(printed: str) -> list[Function]:
    """Return the functions of what ``objdump -d --no-show-raw-insn`` printed."""
    functions = []
    for paragraph in printed.split("\n\n"):
        heading, *lines = paragraph.strip("\n").splitlines() or [""]
        function = _HEADING.match(heading)
        matches = [match for line in lines if (match := _INSTRUCTION.match(line))]
        if function and matches:
            functions.append(
                Function(
                    name=function[2],
                    start=int(function[1], 16),
                    end=int(matches[-1][1], 16) + 1,
                    instructions=tuple(_printed(match[2], match[3]) for match in matches),
                )
            )
    return sorted(functions, key=lambda function: function.start)


def _printed(mnemonic: str, operands: str) -> Instruction:
    reference = _REFERENCE.search(operands)
    return Instruction(
        mnemonic=mnemonic,
        operands=operands,
        refers_to=int(reference[1], 16) if reference else None,
    )


def from_elf(path: Path) -> list[Function]:
    """Return the functions of the image at *path*, by capstone; ToolError without capstone."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        is_thumb = elf["e_machine"] == "EM_ARM"
        disassembler = decoder(is_thumb=is_thumb, is_wide=elf.elfclass == 64, is_v8=True)
        read = _thumb if is_thumb else _riscv
        labels = _labels(elf)
        return [
            Function(name=name, start=start, end=end, instructions=tuple(instructions))
            for section in elf.iter_sections()
            if _is_code(section)
            for name, start, end in _extents(section, labels)
            if (instructions := list(read(_decoded(disassembler, section, start, end, labels))))
        ]


def _is_code(section: Section) -> bool:
    return bool(section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Labels:
    """By address: name and size (0: not known) of a function; whether what follows is code."""

    functions: dict[int, tuple[str, int]]
    code: dict[int, bool]


def _labels(elf: ELFFile) -> _Labels:
    """Read the symbols of code: mapping symbols tell it from data, the others name functions."""
    code_sections = {
        index for index, section in enumerate(elf.iter_sections()) if _is_code(section)
    }
    thumb_bit = int(elf["e_machine"] == "EM_ARM")
    functions: dict[int, tuple[str, int]] = {}
    code: dict[int, bool] = {}
    table = cast(SymbolTableSection, elf.get_section_by_name(".symtab"))
    functions_first = sorted(
        table.iter_symbols(), key=lambda symbol: symbol["st_info"]["type"] != "STT_FUNC"
    )
    for symbol in functions_first:
        if symbol["st_shndx"] not in code_sections or not symbol.name:
            continue
        address, kind = symbol["st_value"], symbol["st_info"]["type"]
        if symbol.name.startswith("$"):
            code[address] = not symbol.name.startswith("$d")
        elif kind == "STT_FUNC" or (kind == "STT_NOTYPE" and not symbol.name.startswith(_LABEL)):
            functions.setdefault(address & ~thumb_bit, (symbol.name, symbol["st_size"]))
    return _Labels(functions=functions, code=code)


def _extents(section: Section, labels: _Labels) -> Iterator[tuple[str, int, int]]:
    """Yield name, first byte and end of each function of *section*, without what fills gaps."""
    first, last = section["sh_addr"], section["sh_addr"] + section["sh_size"]
    starts = sorted(address for address in labels.functions if first <= address < last)
    for start, following in pairwise([*starts, last]):
        name, size = labels.functions[start]
        yield name, start, min(start + size, following) if size else following


def _decoded(disassembler: Any, section: Section, start: int, end: int, labels: _Labels) -> Decoded:
    """Yield address, mnemonic and operands of the code from *start* to *end*."""
    content, base = section.data(), section["sh_addr"]
    turns = sorted(address for address in labels.code if start < address < end)
    for at, until in pairwise([start, *turns, end]):
        if labels.code.get(at, True):
            for address, _, mnemonic, operands in disassembler.disasm_lite(
                content[at - base : until - base], at
            ):
                yield address, mnemonic, operands


def _thumb(decoded: Decoded) -> Iterator[Instruction]:
    for _, mnemonic, operands in decoded:
        branches = _THUMB_BRANCH.fullmatch(mnemonic)
        reference = _THUMB_REFERENCE.search(operands) if branches else None
        yield Instruction(
            mnemonic=mnemonic,
            operands=operands,
            refers_to=int(reference[1], 0) if reference else None,
        )


def _riscv(decoded: Decoded) -> Iterator[Instruction]:
    """Read offsets as addresses, and ``auipc`` with the jump behind it as one."""
    upper: dict[str, int] = {}
    for address, raw_mnemonic, raw_operands in decoded:
        text = f"{raw_mnemonic} {raw_operands}".removeprefix("c.")
        text = text.replace(_DISCARDING, "jr ")
        mnemonic, _, operands = text.rstrip().partition(" ")
        refers_to = None
        if _RELATIVE.fullmatch(mnemonic):
            refers_to = address + int(operands.rpartition(" ")[2], 0)
        elif (jump := _BY_REGISTER.fullmatch(text)) and jump[1] in upper:
            refers_to = upper[jump[1]] + int(jump[2] or "0", 0)
        yield Instruction(mnemonic=mnemonic, operands=operands, refers_to=refers_to)
        added = _UPPER.fullmatch(text)
        upper = {added[1]: address + _signed(int(added[2], 0) << 12)} if added else {}


def _signed(word: int) -> int:
    return word - 2**32 if word >= 2**31 else word
