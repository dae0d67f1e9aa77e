"""To which operator of a network its instructions belong.

The function that calls the operators decides: a call begins what belongs to an operator, and what
is inlined there says in which line it was called. What runs meanwhile is the operator's, whoever
else uses it: compilers join functions that are equal, and so does convgen for the least flash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.dwarf.ranges import BaseAddressEntry
from elftools.elf.elffile import ELFFile

from convgen.bench.build.toolchain import Image
from convgen.bench.code.blocks import BasicBlock
from convgen.bench.code.profile import Extent, Owners, Places, places
from convgen.ctext.identifiers import INFIX

FRAME = -1  # the function that calls the operators
BY_ROWS = ("_next", "_turn", "_rows")  # ends of the names of functions of an operator in a stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Which operator a block is of, by its number; None where that of another goes on."""

    places: Places
    inlined: Owners[int]
    lines: Mapping[int, int]
    frame: str

    def of(self, block: BasicBlock) -> int | None:
        """Return the last operator in *block*, or the frame: what leads to a call is its."""
        for address in range(block.end - 1, block.address - 1, -2):
            owner = self._at(address)
            if owner != FRAME:
                return owner
        return FRAME

    def _at(self, address: int) -> int | None:
        if address not in self.places.own or self.places.functions.of(address) != self.frame:
            return None
        line = self.inlined.of(address)
        if line is None:
            found = self.places.lines.of(address)
            line = found.number if found else 0
        return self.lines.get(line, FRAME)


def ownership(image: Image, symbols: Sequence[str]) -> Ownership:
    """Return who has the code of *image*, a network of operators with these *symbols*."""
    name, source = image.call.name, image.call.sources[0]
    frame = f"{name}_push_row" if image.call.rows else name
    text = (image.objects.folder / source).read_text(encoding="utf-8")
    with image.elf.open("rb") as file:
        elf = ELFFile(file)
        dwarf = elf.get_dwarf_info() if elf.has_dwarf_info() else None
        inlined = Owners(_inlined(dwarf, frame) if dwarf else ())
    return Ownership(
        places=places(image),
        inlined=inlined,
        lines=dict(owned_lines(text, name, symbols)),
        frame=frame,
    )


def owned_lines(text: str, name: str, symbols: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the lines of *text* that operators have, or that call them, and whose number it is.

    An operator is called by its own name, or hands over what is its own; what neither does is
    called in the order of the operators. Some go on by a row in functions of their own.
    """
    numbers = {f"{s}{end}": n for n, s in enumerate(symbols) for end in ("", *BY_ROWS)}
    own = re.compile(rf"\b{name}{INFIX}(?:(?!{INFIX})\w)+")
    begins = re.compile(rf"\b(void {name}\(void \*arena|int {name}_push_row\(.*)\)$")
    call = re.compile(r" +(\w+\(.*\);|.*_next\(memory, at\).*)$")
    owner, in_frame, called = None, False, 0
    for number, line in enumerate(text.splitlines(), 1):
        in_frame = in_frame or bool(begins.search(line))
        words = own.findall(line)
        found = next((numbers[word] for word in words if word in numbers), None)
        if in_frame and call.match(line):
            called = called if found is None else found
            yield number, called
            called += 1
        elif not in_frame:
            is_shared = found is None and bool(words)
            owner = None if is_shared else owner if found is None else found
            if owner is not None:
                yield number, owner


def _inlined(dwarf: DWARFInfo, function: str) -> Iterator[Extent[int]]:
    """Yield the lines in which *function* calls what became part of it, and its addresses."""
    for unit in dwarf.iter_CUs():
        for entry in unit.get_top_DIE().iter_children():
            name = entry.attributes.get("DW_AT_name")
            if entry.tag == "DW_TAG_subprogram" and name and name.value.decode() == function:
                yield from _calls_in(dwarf, unit, entry)


def _calls_in(dwarf: DWARFInfo, unit: CompileUnit, entry: DIE) -> Iterator[Extent[int]]:
    for child in entry.iter_children():
        if child.tag == "DW_TAG_inlined_subroutine":
            line = child.attributes["DW_AT_call_line"].value
            for start, end in _ranges(dwarf, unit, child):
                yield Extent(start=start, end=end, owner=line)
        elif child.tag == "DW_TAG_lexical_block":
            yield from _calls_in(dwarf, unit, child)


def _ranges(dwarf: DWARFInfo, unit: CompileUnit, entry: DIE) -> Iterator[tuple[int, int]]:
    """Yield the addresses of *entry*, as DWARF 4 or 5 has them."""
    found = entry.attributes
    if "DW_AT_ranges" not in found:
        start, end = found["DW_AT_low_pc"].value, found["DW_AT_high_pc"]
        yield start, end.value if end.form == "DW_FORM_addr" else start + end.value
        return
    lists = dwarf.range_lists()
    top = unit.get_top_DIE().attributes.get("DW_AT_low_pc")
    base = top.value if top else 0
    for each in lists.get_range_list_at_offset(found["DW_AT_ranges"].value, unit) if lists else ():
        if isinstance(each, BaseAddressEntry):
            base = each.base_address
        else:
            own = 0 if getattr(each, "is_absolute", False) else base
            yield own + each.begin_offset, own + each.end_offset
