"""Run a linked image in this process, on a core of `cores`.

It is the very ELF of a board, but there is no board. The core stops at the first instruction of
each function of the port and the counter (`firmware/harness.h`), Python does what that function
promises, and the core goes on behind the call. Trampoline, layer and harness run as they are;
start, semihosting and timer do not.

While the layer runs, from one function of the counter to the other, `watch` looks on. Only what
the image holds is mapped, so that any other access faults: to the byte while the layer runs, to
the page while the harness does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from convgen.blocks import Block, Counts
from convgen.cores import Core
from convgen.harness import RUN_FILES, Status
from convgen.measure import function_symbols
from convgen.process import TimedOut
from convgen.target import CpuModel
from convgen.toolchain import Image
from convgen.watch import Stray, Watch

PAGE_BYTES = 4096
AROUND = ("measure", "convgen_call_on_stack")  # of the harness, while the layer is watched


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a run ended: the harness's status, and how often each block ran in the layer's calls.

    A call's blocks are those from the return of ``convgen_counter_start`` to the first instruction
    of ``convgen_counter_read``, but for the harness's own. Those of the init function and of the
    empty one are not among them.
    """

    status: int
    blocks: Counts


def run(model: CpuModel, image: Image, *, most_instructions: int) -> Ended:
    """Run *image* with the files of its folder, which a board would read and write.

    TimedOut if a measured call begins more than *most_instructions*.
    """
    guest = _Guest(model, image, most_instructions)
    try:
        return guest.run()
    finally:
        guest.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Section:
    """Bytes of the program in memory; ``content`` None: zeros."""

    start: int
    end: int
    is_writable: bool
    content: bytes | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Program:
    sections: tuple[_Section, ...]
    symbols: dict[str, int]
    around: tuple[range, ...]


def _program(image: Image) -> _Program:
    with image.elf.open("rb") as file:
        elf = ELFFile(file)
        symbols = cast(SymbolTableSection, elf.get_section_by_name(".symtab"))
        sections = tuple(
            _Section(
                start=section["sh_addr"],
                end=section["sh_addr"] + section["sh_size"],
                is_writable=bool(section["sh_flags"] & SH_FLAGS.SHF_WRITE),
                content=None if section["sh_type"] == "SHT_NOBITS" else section.data(),
            )
            for section in elf.iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_size"]
        )
        return _Program(
            sections=tuple(sorted(sections, key=lambda section: section.start)),
            symbols={symbol.name: symbol["st_value"] for symbol in symbols.iter_symbols()},
            around=tuple(
                range(start, start + size)
                for name, start, size in function_symbols(elf)
                if name in AROUND
            ),
        )


def _stretches(program: _Program) -> list[_Section]:
    """Join sections that follow each other, up to a page apart."""
    joined: list[_Section] = []
    for section in program.sections:
        if joined and section.start < _page_up(joined[-1].end):
            joined[-1] = replace(joined[-1], end=section.end)
        else:
            joined.append(replace(section, content=None))
    return joined


def _page_down(address: int) -> int:
    return address // PAGE_BYTES * PAGE_BYTES


def _page_up(address: int) -> int:
    return -(-address // PAGE_BYTES) * PAGE_BYTES


class _Guest:
    """A core with an image in its memory, and the files that the image has opened."""

    def __init__(self, model: CpuModel, image: Image, most_instructions: int) -> None:
        self._core = Core(model)
        self._image = image
        self._program = _program(image)
        self._arena = self._program.symbols["convgen_layer_start"]
        self._layer = self._first_instruction(image.call.name)
        stretches = _stretches(self._program)
        self._load(stretches)
        self._watch = Watch(self._core, self._forbidden(stretches), most_instructions)
        self._blocks: Counter[Block] = Counter()
        self._files: list[BinaryIO] = []
        self._status: int | None = None
        self._functions: dict[int, Callable[[int, int, int], int]] = {
            self._first_instruction("convgen_port_open"): self._open,
            self._first_instruction("convgen_port_read"): self._read,
            self._first_instruction("convgen_port_write"): self._write,
            self._first_instruction("convgen_port_exit"): self._exit,
            self._first_instruction("convgen_counter_start"): self._start_counter,
            self._first_instruction("convgen_counter_read"): self._read_counter,
        }

    def run(self) -> Ended:
        """Run main, which returns to the port's exit."""
        core, symbols = self._core, self._program.symbols
        core.engine.ctl_exits_enabled(True)
        core.engine.ctl_set_exits(list(self._functions))
        core.write("SP", symbols["convgen_stack_top"])
        core.write(core.architecture.link, symbols["convgen_port_exit"])
        at = symbols["main"]
        while self._status is None:
            at = self._go_on(at)
        return Ended(status=self._status, blocks=self._blocks)

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()

    def _first_instruction(self, function: str) -> int:
        return self._program.symbols[function] & ~self._core.architecture.entry_bit

    def _load(self, stretches: Iterable[_Section]) -> None:
        unicorn, engine = self._core.unicorn, self._core.engine
        code = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
        data = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
        for stretch in stretches:
            start = _page_down(stretch.start)
            size = _page_up(stretch.end) - start
            engine.mem_map(start, size, data if stretch.is_writable else code)
        for section in self._program.sections:
            if section.content is not None:
                engine.mem_write(section.start, section.content)

    def _forbidden(self, stretches: Iterable[_Section]) -> list[tuple[int, int]]:
        """Return the guard zones, and what else is mapped and holds nothing."""
        ranges = [(self._arena + s, self._arena + e) for s, e in self._image.layout.guards]
        for stretch in stretches:
            ranges.append((_page_down(stretch.start), stretch.start))
            ranges.append((stretch.end, _page_up(stretch.end)))
        return [(start, end) for start, end in ranges if start < end]

    def _go_on(self, at: int) -> int:
        """Run from *at* to a function of ours and do it; return where it returns to."""
        core, watch = self._core, self._watch
        try:
            core.engine.emu_start(at, until=0)
            function = self._functions.get(core.read("PC"))
        except core.unicorn.UcError:
            function = None
        if watch.is_over_budget:
            raise TimedOut(f"still running after {watch.most_instructions} instructions")
        if watch.stray:
            self._end_astray(watch.stray)
        elif function is None:
            self._end_in_fault(core.read("PC"))
        else:
            return core.let_return(function(*core.arguments))
        return at

    def _end_astray(self, stray: Stray) -> None:
        first, last = stray.first - self._arena, stray.last - self._arena
        if not 0 <= first < self._image.layout.arena_bytes:
            self._end_in_fault(stray.pc)
            return
        self._end(
            Status.GUARD_TOUCHED,
            guard_first=first,
            guard_last=last,
            guard_pc=stray.pc,
            guard_is_read=stray.is_read,
        )

    def _end_in_fault(self, pc: int) -> None:
        self._end(Status.FAULT, fault_pc=pc, fault_sp=self._core.read("SP"), arena=self._arena)

    def _end(self, status: Status, **report: int) -> None:
        """End the run as the harness does, with lines in run.txt."""
        self.close()
        with (self._image.elf.parent / "run.txt").open("a", encoding="ascii") as file:
            file.writelines(f"{key}=0x{value:016x}\n" for key, value in report.items())
        self._status = status

    def _open(self, name: int, writes: int, _: int) -> int:
        text = bytearray()
        while byte := self._core.engine.mem_read(name + len(text), 1)[0]:
            text.append(byte)
        if text.decode("ascii") not in RUN_FILES:
            return -1
        path = self._image.elf.parent / text.decode("ascii")
        try:
            self._files.append(path.open("wb" if writes else "rb"))
        except OSError:
            return -1
        return len(self._files) - 1

    def _read(self, handle: int, to: int, size: int) -> int:
        content = self._files[handle].read(size)
        self._core.engine.mem_write(to, content)
        return len(content)

    def _write(self, handle: int, source: int, size: int) -> int:
        self._files[handle].write(self._core.engine.mem_read(source, size))
        return True

    def _exit(self, status: int, *_: int) -> int:
        self._status = status
        return 0

    def _start_counter(self, *_: int) -> int:
        self._watch.begin()
        return 0

    def _read_counter(self, *_: int) -> int:
        instructions = self._watch.end()
        blocks = self._watch.blocks
        if any(block.address == self._layer for block in blocks):
            for block in blocks:
                if not any(block.address in function for function in self._program.around):
                    self._blocks[block] += blocks[block]
        return instructions
