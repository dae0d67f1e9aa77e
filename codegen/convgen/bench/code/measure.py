"""What a linked image takes: bytes of code, constants and static RAM, and a stack bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection

from convgen.bench.build.compilers import Toolchain
from convgen.bench.build.toolchain import Image, Objects
from convgen.bench.code.callgraph import CallGraph, Unbounded
from convgen.bench.code.disassembly import functions
from convgen.bench.code.sizes import Sizes

_DISCARDED = (".ARM.exidx", ".ARM.extab", ".eh_frame", ".note")  # as the linker script does


def static_bytes(objects: Objects) -> int:
    """Return the RAM that the layer's own variables take, alignment between them included."""
    variables = [s for s in _sections(objects) if s.flags & SH_FLAGS.SHF_WRITE]
    end = 0
    for section in sorted(variables, key=lambda s: s.is_zeroed):  # as the linker script does
        end = -(-end // section.align) * section.align + section.bytes
    return end


def constant_bytes(objects: Objects) -> int:
    """Return the flash that the layer's own constants take, without alignment between them."""
    not_constant = SH_FLAGS.SHF_WRITE | SH_FLAGS.SHF_EXECINSTR
    return sum(s.bytes for s in _sections(objects) if not s.flags & not_constant)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Section:
    """A section of an object file that takes memory when it is linked."""

    bytes: int
    align: int
    flags: int
    is_zeroed: bool


def _sections(objects: Objects) -> Iterator[_Section]:
    for path in objects.layer:
        with (objects.folder / path).open("rb") as file:
            for section in ELFFile(file).iter_sections():
                discarded = section.name.startswith(_DISCARDED)
                if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and not discarded:
                    yield _Section(
                        bytes=section["sh_size"],
                        align=section["sh_addralign"] or 1,
                        flags=section["sh_flags"],
                        is_zeroed=section["sh_type"] == "SHT_NOBITS",
                    )


def measure(image: Image, toolchain: Toolchain) -> Sizes:
    """Measure *image*."""
    with image.elf.open("rb") as file:
        elf = ELFFile(file)
        own = layer_code(elf)
        extents = {start: size for _, start, size in function_symbols(elf)}
    graph = CallGraph(functions(image, toolchain), frame_bytes(image.objects))
    roots = [graph.find(name, own) for name in image.call.functions]
    try:
        reachable = {f.start for root in roots for f in graph.reachable(root)}
        library_bytes = sum(extents[start] for start in reachable if start not in own)
    except Unbounded:
        library_bytes = None
    try:
        stack_bound = max(map(graph.stack_bound, roots))
    except Unbounded:
        stack_bound = None
    return Sizes(
        code_bytes=len(own),
        constant_bytes=constant_bytes(image.objects),
        library_bytes=library_bytes,
        stack_bound_bytes=stack_bound,
    )


def frame_bytes(objects: Objects) -> dict[str, int | None]:
    """Return the frame of each function that was compiled here, None if its size varies.

    A name that is static in both is the layer's: what it calls of the firmware is global.
    """
    objects.complete()
    folder = objects.folder
    return _frames(folder, objects.firmware) | _frames(folder, objects.layer)


def _frames(folder: Path, objects: tuple[str, ...]) -> dict[str, int | None]:
    frames: dict[str, int | None] = {}
    for path in objects:
        usage = (folder / path).with_suffix(".su")
        if not usage.exists():  # assembly
            continue
        for line in usage.read_text(encoding="utf-8").splitlines():
            place, size, kind = line.split("\t")
            name = place.rsplit(":", 1)[-1]
            known = frames.get(name, 0)  # static functions of two files may share a name
            varies = kind == "dynamic" or known is None
            frames[name] = None if varies else max(int(size), known or 0)
    return frames


def function_at(elf_path: Path, address: int) -> str | None:
    """Return the name of the function that holds *address*."""
    with elf_path.open("rb") as file:
        for name, start, size in function_symbols(ELFFile(file)):
            if 0 <= address - start < size:
                return name
    return None


def layer_code(elf: ELFFile) -> range:
    """Return the addresses of all code that the linker placed from the layer's own objects."""
    section = cast(Section, elf.get_section_by_name(".layer_text"))
    return range(section["sh_addr"], section["sh_addr"] + section["sh_size"])


def function_symbols(elf: ELFFile) -> Iterator[tuple[str, int, int]]:
    """Yield name, first byte and number of bytes of each function."""
    symbols = cast(SymbolTableSection, elf.get_section_by_name(".symtab"))
    thumb_bit = int(elf["e_machine"] == "EM_ARM")
    for symbol in symbols.iter_symbols():
        if symbol["st_info"]["type"] == "STT_FUNC":
            yield symbol.name, symbol["st_value"] & ~thumb_bit, symbol["st_size"]
