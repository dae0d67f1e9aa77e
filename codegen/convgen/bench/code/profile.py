"""Where the instructions of a run go: to which functions, and to which lines of the C."""

from __future__ import annotations

import posixpath
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.elf.elffile import ELFFile

from convgen.bench.build.toolchain import Image
from convgen.bench.code.blocks import Counts
from convgen.bench.code.machine_code import Code, Instruction
from convgen.bench.code.measure import function_symbols, layer_code

T = TypeVar("T")
UNKNOWN = "?"


class SourceLine(NamedTuple):
    """A line of a source, which is named from the folder of the generated files."""

    file: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent(Generic[T]):
    """Addresses that belong to one thing: a function by its name, or a line."""

    start: int
    end: int
    owner: T


class Owners(Generic[T]):
    """What owns which addresses."""

    def __init__(self, extents: Iterable[Extent[T]]) -> None:
        """Keep *extents*, of which the first holds where several begin at one address."""
        first: dict[int, Extent[T]] = {}
        for extent in extents:
            first.setdefault(extent.start, extent)
        self._extents = [first[start] for start in sorted(first)]

    def of(self, address: int) -> T | None:
        """Return what owns *address*; None if nothing does."""
        index = bisect_right(self._extents, address, key=lambda extent: extent.start) - 1
        found = self._extents[index] if index >= 0 else None
        return found.owner if found and address < found.end else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The functions of an image, the lines of the layer's sources, the layer's own code."""

    functions: Owners[str]
    lines: Owners[SourceLine]
    own: range


def profile(image: Image, code: Code, counts: Counts, calls: int) -> dict[str, Any]:
    """Return the report's ``profile``: instructions of one call, the mean of *calls*."""
    return described(executions(code, counts), places(image), calls)


def places(image: Image) -> Places:
    """Return what there is in *image*."""
    with image.elf.open("rb") as file:
        elf = ELFFile(file)
        return Places(
            functions=Owners(function_extents(elf)),
            lines=Owners(e for e in line_extents(elf) if e.owner.file in image.call.sources),
            own=layer_code(elf),
        )


def executions(code: Code, counts: Counts) -> dict[Instruction, int]:
    """Return how often each instruction was executed, in the order of their addresses."""
    executed: Counter[Instruction] = Counter()
    for block, times in counts.items():
        for instruction in code.instructions(block):
            executed[instruction] += times
    return dict(sorted(executed.items(), key=lambda item: item[0].address))


def described(executed: Mapping[Instruction, int], places: Places, calls: int) -> dict[str, Any]:
    """Return functions and lines, of each the number of instructions and their share.

    A function of the layer that has no lines, as those in assembly have not, lists instructions.
    """
    total = sum(executed.values())

    def row(times: int) -> dict[str, Any]:
        return {"instructions": round(times / calls), "share": round(times / total, 4)}

    of_function: Counter[str] = Counter()
    of_line: Counter[SourceLine] = Counter()
    in_assembly: dict[str, list[dict[str, Any]]] = {}
    in_c: set[str] = set()
    for instruction, times in executed.items():
        function = places.functions.of(instruction.address) or UNKNOWN
        of_function[function] += times
        line = places.lines.of(instruction.address)
        if line:
            of_line[line] += times
            in_c.add(function)
        elif instruction.address in places.own:
            listed = {"address": instruction.address, "text": instruction.text, **row(times)}
            in_assembly.setdefault(function, []).append(listed)
    return {
        "functions": [
            {
                "name": name,
                **row(times),
                **({"assembly": in_assembly[name]} if name in in_assembly.keys() - in_c else {}),
            }
            for name, times in _most_first(of_function)
        ],
        "lines": [
            {"file": line.file, "line": line.number, **row(times)}
            for line, times in sorted(of_line.items())
        ],
    }


def _most_first(counted: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def function_extents(elf: ELFFile) -> Iterator[Extent[str]]:
    """Yield the functions; one whose symbol has no size reaches to the next."""
    found = sorted(function_symbols(elf), key=lambda function: (function[1], -function[2]))
    starts = [start for _, start, _ in found]
    for name, start, size in found:
        following = bisect_right(starts, start)
        end = start + size
        if not size:
            end = starts[following] if following < len(starts) else 2**64
        yield Extent(start=start, end=end, owner=name)


def line_extents(elf: ELFFile) -> Iterator[Extent[SourceLine]]:
    """Yield the addresses of each line of the sources, from DWARF's line tables."""
    if not elf.has_dwarf_info():
        return
    dwarf = elf.get_dwarf_info()
    for unit in dwarf.iter_CUs():
        yield from _lines_of(dwarf, unit)


def _lines_of(dwarf: DWARFInfo, unit: CompileUnit) -> Iterator[Extent[SourceLine]]:
    program = dwarf.line_program_for_CU(unit)
    if program is None:
        return
    names = _file_names(program.header)
    before = None
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        # Line 0 is the compiler's way to say: none. Empty extents are only about variables.
        if before and before.line and before.address < state.address:
            line = SourceLine(names[before.file], before.line)
            yield Extent(start=before.address, end=state.address, owner=line)
        before = None if state.end_sequence else state


def _file_names(header: Any) -> dict[int, str]:
    """Return the sources that a line table numbers: from 1, since DWARF 5 from 0."""
    folders = [_text(folder) for folder in header["include_directory"]]
    first = 0 if header["version"] >= 5 else 1
    if first:
        folders.insert(0, ".")
    return {
        number: posixpath.normpath(posixpath.join(folders[entry.dir_index], _text(entry.name)))
        for number, entry in enumerate(header["file_entry"], first)
    }


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
