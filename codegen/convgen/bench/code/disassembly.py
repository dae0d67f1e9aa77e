"""The functions of an image as instructions: from what objdump prints, or by capstone.

Both read Thumb and RISC-V; objdump's x86-64 and AArch64 too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection

from convgen.bench.build.compilers import Toolchain
from convgen.bench.build.toolchain import Image, disassemble
from convgen.bench.code.machine_code import ControlFlow, Instruction, decoder, flow_of, read

_HEADING = re.compile(r"^([0-9a-f]+) <(.+)>:$")
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(?:notrack |bnd )?(\S+)\s*(.*)$")
_REFERENCE = re.compile(r"\b([0-9a-f]+) <")

_LABEL = ".L"  # begins a label within a function


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """The instructions of one function."""

    name: str
    start: int
    end: int
    instructions: tuple[Instruction, ...]


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
            end = int(matches[-1][1], 16) + 1  # how long the last is, nobody says
            starts = [*(int(match[1], 16) for match in matches), end]
            functions.append(
                Function(
                    name=function[2],
                    start=int(function[1], 16),
                    end=end,
                    instructions=tuple(map(_printed, matches, starts[1:])),
                )
            )
    return sorted(functions, key=lambda function: function.start)


def _printed(line: re.Match[str], following: int) -> Instruction:
    """Return the instruction of a line, before that at address *following*."""
    address, text = int(line[1], 16), f"{line[2]} {line[3]}".rstrip()
    flow = flow_of(text)
    reference = None if flow is ControlFlow.NEXT else _REFERENCE.search(line[3])
    return Instruction(
        address=address,
        bytes=following - address,
        text=text,
        flow=flow,
        target=int(reference[1], 16) if reference else None,
    )


def from_elf(path: Path) -> list[Function]:
    """Return the functions of the image at *path*, by capstone; ToolError without capstone."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        is_thumb = elf["e_machine"] == "EM_ARM"
        disassembler = decoder(is_thumb=is_thumb, is_wide=elf.elfclass == 64, is_v8=True)
        labels = _labels(elf)
        return [
            Function(name=name, start=start, end=end, instructions=tuple(instructions))
            for section in elf.iter_sections()
            if _is_code(section)
            for name, start, end in _extents(section, labels)
            if (
                instructions := [
                    instruction
                    for at, code in _code(section, start, end, labels)
                    for instruction in read(disassembler, code, at, is_thumb=is_thumb)
                ]
            )
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


def _code(section: Section, start: int, end: int, labels: _Labels) -> Iterator[tuple[int, bytes]]:
    """Yield the stretches of code from *start* to *end*, each with its address."""
    content, base = section.data(), section["sh_addr"]
    turns = sorted(address for address in labels.code if start < address < end)
    for at, until in pairwise([start, *turns, end]):
        if labels.code.get(at, True):
            yield at, content[at - base : until - base]
