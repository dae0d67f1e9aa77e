"""Run a linked image in this process, on a core of `cores`.

It is the very ELF of a board, but there is no board. The core stops at the first instruction of
each function of the port and the counter (`firmware/harness.h`), Python does what that function
promises, and the core goes on behind the call. Trampoline, layer and harness run as they are;
start, semihosting and timer do not.

From the call of a function of the layer to its return `watch` looks on. Only what the image holds
is mapped, so that any other access faults: to the byte while the layer runs, which may access no
more than is its own, to the page while the harness does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from convgen.bench.build.harness import RUN_FILES, Status
from convgen.bench.build.layout import Zone
from convgen.bench.build.toolchain import Image
from convgen.bench.code.blocks import OUTSIDE, BasicBlock, Counts, OwnerOf
from convgen.bench.code.measure import function_symbols, layer_code
from convgen.bench.run.access import Rights, Span, Unwritten, between
from convgen.bench.run.convention import Lost
from convgen.bench.run.cores import BareCore
from convgen.bench.run.watch import Stray, Watch
from convgen.system.process import TimedOut
from convgen.targets.target import CpuModel

PAGE_BYTES = 4096
AROUND = ("convgen_call_on_stack",)  # of the harness, while the layer is watched
HEAP = ("heap", "heap_used", "convgen_heap_bytes")  # of firmware/heap.c
OWN_SECTIONS = ".layer_"  # begin the names of those that the layer's objects alone go to
COPIERS = ("memcpy", "memmove", "memset", "memcmp")  # they access what their caller says


@dataclass(frozen=True, kw_only=True, slots=True)
class RunEnd:
    """How a run ended: the harness's status, and how often each block ran in the layer's calls.

    Those of the init function, of the empty one and of the call that is not measured are not among
    them. ``owned`` are the instructions for each set of inputs by who owns them, if `run` was told.
    """

    status: int
    blocks: Counts
    owned: tuple[Mapping[int | None, int], ...] = ()


def run(
    model: CpuModel,
    image: Image,
    *,
    most_instructions: int,
    sees_unwritten: bool = True,
    owner_of: OwnerOf | None = None,
) -> RunEnd:
    """Run *image* with the files of its folder, which a board would read and write.

    TimedOut if a call begins more than *most_instructions*. With *sees_unwritten* the calls for the
    first set of inputs, and init, end where they read what nobody has written, which takes some
    microseconds for each access to output and workspace.
    """
    guest = _Guest(model, image, most_instructions, sees_unwritten, owner_of)
    try:
        return guest.run()
    finally:
        guest.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class _LoadedSection:
    """Bytes of the program in memory; ``content`` None: zeros."""

    name: str
    start: int
    end: int
    is_writable: bool
    content: bytes | None

    @property
    def span(self) -> Span:
        return self.start, self.end


@dataclass(frozen=True, kw_only=True, slots=True)
class _Program:
    """``functions`` are names by their addresses, ``own`` those of the layer among them."""

    sections: tuple[_LoadedSection, ...]
    symbols: dict[str, int]
    around: tuple[range, ...]
    heap: tuple[Span, ...]
    functions: dict[range, str]
    own: range

    def function_at(self, address: int) -> tuple[range, str]:
        """Return the function that holds *address*."""
        none = (range(0), "")
        return next((f for f in self.functions.items() if address in f[0]), none)

    def is_own(self, pc: int, address: int) -> bool:
        """Whether a function of the compiler's library at *pc* reads its own constants there.

        They lie between its instructions, or apart, where no code is.
        """
        extent, name = self.function_at(pc)
        if address in extent:
            return True
        if pc in self.own or name in COPIERS:
            return False
        return any(
            section.name == ".rodata" and section.start <= address < section.end
            for section in self.sections
        )


def _program(image: Image) -> _Program:
    with image.elf.open("rb") as file:
        elf = ELFFile(file)
        symbols = cast(SymbolTableSection, elf.get_section_by_name(".symtab"))
        sections = tuple(
            _LoadedSection(
                name=section.name,
                start=section["sh_addr"],
                end=section["sh_addr"] + section["sh_size"],
                is_writable=bool(section["sh_flags"] & SH_FLAGS.SHF_WRITE),
                content=None if section["sh_type"] == "SHT_NOBITS" else section.data(),
            )
            for section in elf.iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_size"]
        )
        functions = {
            range(start, start + size): name for name, start, size in function_symbols(elf)
        }
        return _Program(
            sections=tuple(sorted(sections, key=lambda section: section.start)),
            symbols={symbol.name: symbol["st_value"] for symbol in symbols.iter_symbols()},
            around=tuple(extent for extent, name in functions.items() if name in AROUND),
            heap=tuple(
                (symbol["st_value"], symbol["st_value"] + symbol["st_size"])
                for symbol in symbols.iter_symbols()
                if symbol.name in HEAP
            ),
            functions=functions,
            own=layer_code(elf),
        )


def _stretches(program: _Program) -> list[_LoadedSection]:
    """Join sections that follow each other, up to a page apart."""
    joined: list[_LoadedSection] = []
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

    def __init__(
        self,
        model: CpuModel,
        image: Image,
        most_instructions: int,
        sees_unwritten: bool,
        owner_of: OwnerOf | None,
    ) -> None:
        self._core = BareCore(model)
        self._image = image
        self._program = _program(image)
        self._arena = self._program.symbols["convgen_layer_start"]
        self._measured = {self._first_instruction(name) for name in image.call.entered}
        stretches = _stretches(self._program)
        self._load(stretches)
        self._rights = self._rights_of_calls(stretches)
        self._unseen = set(image.call.functions) if sees_unwritten else set()
        self._unwritten: Unwritten | None = None
        self._opens = True
        self._watch = Watch(
            self._core,
            most_instructions,
            {
                extent.start: n
                for extent, n in self._program.functions.items()
                if self._owns(extent)
            },
            self._program.is_own,
            owner_of and self._inside(owner_of),
        )
        self._owned: list[Counter[int | None]] = []
        self._blocks: Counter[BasicBlock] = Counter()
        self._files: list[BinaryIO] = []
        self._status: int | None = None
        self._stops: dict[int, Callable[[], int]] = {
            self._first_instruction("convgen_port_open"): self._returning(self._open),
            self._first_instruction("convgen_port_read"): self._returning(self._read),
            self._first_instruction("convgen_port_write"): self._returning(self._write),
            self._first_instruction("convgen_port_exit"): self._returning(self._exit),
            self._first_instruction("convgen_counter_start"): self._returning(lambda *_: 0),
            self._first_instruction("convgen_counter_read"): self._returning(self._read_counter),
            self._first_instruction("convgen_calls"): self._begin_call,
            self._first_instruction("convgen_returned"): self._end_call,
        }

    def run(self) -> RunEnd:
        """Run main, which returns to the port's exit."""
        core, symbols = self._core, self._program.symbols
        core.engine.ctl_exits_enabled(True)
        core.write("SP", symbols["convgen_stack_top"])
        core.write(core.architecture.link, symbols["convgen_port_exit"])
        at = symbols["main"]
        while self._status is None:
            at = self._go_on(at)
        return RunEnd(status=self._status, blocks=self._blocks, owned=tuple(self._owned))

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()

    def _first_instruction(self, function: str) -> int:
        return self._program.symbols[function] & ~self._core.architecture.entry_bit

    def _load(self, stretches: Iterable[_LoadedSection]) -> None:
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

    def _rights_of_calls(self, stretches: Iterable[_LoadedSection]) -> Rights:
        """Return what a call may access; what no call may write is read-only where it is mapped."""
        call, zones = self._image.call, self._image.layout.zones
        read_only = () if call.writes_input else call.input_names
        own = [s for s in self._program.sections if s.name.startswith(OWN_SECTIONS)]
        readable = [self._span_of(zone) for zone in zones]
        writable = [self._span_of(zone) for zone in zones if zone.name not in read_only]
        mapped = [(_page_down(s.start), _page_up(s.end), s.is_writable) for s in stretches]
        return Rights(
            unreadable=between(
                [*readable, *(section.span for section in own), *self._program.heap],
                [(start, end) for start, end, _ in mapped],
            ),
            unwritable=between(
                [*writable, *(s.span for s in own if s.is_writable), *self._program.heap],
                [(start, end) for start, end, is_writable in mapped if is_writable],
            ),
            unwritten=between(
                [self._span_of(zone) for zone in self._image.layout.tensors(call)[0]],
                [self._span_of(zone) for zone in self._image.layout.scratch(call)],
            ),
        )

    def _span_of(self, zone: Zone) -> Span:
        return self._arena + zone.start, self._arena + zone.end

    def _inside(self, owner_of: OwnerOf) -> OwnerOf:
        """Return *owner_of* with an owner of its own for what is around the layer."""
        around = self._program.around
        return lambda b: OUTSIDE if any(b.address in each for each in around) else owner_of(b)

    def _owns(self, extent: range) -> bool:
        return extent.start in self._program.own

    def _returning(self, function: Callable[[int, int, int], int]) -> Callable[[], int]:
        """Return what does *function* in the place of the one that begins here."""
        return lambda: self._core.let_return(function(*self._core.arguments))

    def _go_on(self, at: int) -> int:
        """Run from *at* to where something is ours to do, and do it; return where to go on."""
        core, watch = self._core, self._watch
        here = at & ~core.architecture.entry_bit
        core.engine.ctl_set_exits([stop for stop in self._stops if stop != here])
        try:
            core.engine.emu_start(at, until=0)
            stop = self._stops.get(core.read("PC"))
        except core.unicorn.UcError:
            stop = None
        if watch.is_over_budget:
            raise TimedOut(f"still running after {watch.most_instructions} instructions")
        if watch.stray:
            self._end_astray(watch.stray)
        elif watch.lost:
            self._end_lost(watch.lost)
        elif stop is None:
            self._end_in_fault(core.read("PC"))
        else:
            return stop()
        return at

    def _end_astray(self, stray: Stray) -> None:
        self._end(
            Status.STRAY,
            arena=self._arena,
            stray_first=stray.first,
            stray_last=stray.last,
            stray_pc=stray.pc,
            stray_fault=stray.fault,
        )

    def _end_lost(self, lost: Lost) -> None:
        function = self._first_instruction(lost.function)
        self._end(
            Status.NOT_RESTORED,
            function=function,
            **{f"lost_{name.lower()}": 1 for name in lost.registers},
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
        self._files[handle].flush()  # it may be read before the end
        return True

    def _exit(self, status: int, *_: int) -> int:
        self._status = status
        return 0

    def _begin_call(self) -> int:
        core = self._core
        function = core.read(core.architecture.called) & ~core.architecture.entry_bit
        name = self._program.function_at(function)[1]
        call = self._image.call
        self._opens = name != call.function or call.opening == call.function
        if self._opens:
            looks = name in self._unseen
            self._unwritten = Unwritten(self._rights.unwritten) if looks else None
            self._unseen.discard(name)
        self._watch.begin(self._rights, self._unwritten)
        return self._here

    def _end_call(self) -> int:
        self._watch.end()
        return self._here

    @property
    def _here(self) -> int:
        return self._core.read("PC") | self._core.architecture.entry_bit

    def _read_counter(self, *_: int) -> int:
        blocks = self._watch.blocks
        if any(block.address in self._measured for block in blocks):
            if self._opens:
                self._owned.append(Counter())
            self._owned[-1] += self._watch.owned
            for block in blocks:
                if not any(block.address in function for function in self._program.around):
                    self._blocks[block] += blocks[block]
        return self._watch.instructions
