"""Looks on while a core runs a layer: counts its blocks, sees every access it must not make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convgen.bench.code.blocks import BasicBlock, OwnerOf
from convgen.bench.run.access import Fault, Rights, Span, Unwritten
from convgen.bench.run.convention import Convention, Lost
from convgen.bench.run.cores import BareCore

WIDEST_ACCESS_BYTES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Stray:
    """The bytes, ``first`` to ``last``, that an instruction must not have accessed so."""

    pc: int
    first: int
    last: int
    fault: Fault


class Watch:
    """What happens from `begin` to `end`, in which the core may be started and stopped.

    It stops by itself when it has begun more than ``most_instructions``, at an access to what the
    `Rights` of a call do not allow, and where one of ``functions`` has not restored a register.
    ``is_own`` tells whether the instruction at an address may read another address all the same.
    With ``owner_of``, which tells whose the code at an address is, instructions are counted by that
    too: code of nobody is of who ran before.
    """

    def __init__(
        self,
        core: BareCore,
        most_instructions: int,
        functions: Mapping[int, str],
        is_own: Callable[[int, int], bool],
        owner_of: OwnerOf | None = None,
    ) -> None:
        """Prepare to look on."""
        self._core = core
        self.most_instructions = self._left = most_instructions
        self._is_own = is_own
        self._convention = Convention(core, functions)
        self._ran = _Ran(core)
        self._owner_of = owner_of
        self._owners: dict[BasicBlock, int | None] = {}
        self._owner: int | None = None
        self.owned: Counter[int | None] = Counter()
        self._hooks: list[int] = []
        self._unwritten = Unwritten(())
        self.stray: Stray | None = None
        self.lost: Lost | None = None

    def begin(self, rights: Rights, unwritten: Unwritten | None) -> None:
        """Count from nought. What is *unwritten* must not be read; None: nobody looks."""
        constants = self._core.unicorn
        self._left = self.most_instructions
        self._ran.clear()
        self._owner = None
        self.owned = Counter()
        self._convention.clear()
        self._hooks = [self._core.engine.hook_add(constants.UC_HOOK_BLOCK, self._on_block)]
        reads, writes = constants.UC_HOOK_MEM_READ, constants.UC_HOOK_MEM_WRITE
        self._hook(reads, rights.unreadable, Fault.READ)
        self._hook(writes, rights.unwritable, Fault.WRITE)
        if unwritten:
            self._unwritten = unwritten
            self._hook_unwritten(reads, rights.unwritten, self._on_unwritten_read)
            self._hook_unwritten(writes, rights.unwritten, self._on_first_write)
        self._core.engine.ctl_flush_tb()  # code translated before calls no hook

    def end(self) -> None:
        """Look no further."""
        for hook in self._hooks:
            self._core.engine.hook_del(hook)
        self._hooks = []
        self._core.engine.ctl_flush_tb()

    @property
    def instructions(self) -> int:
        """How many there were."""
        return sum(times * instructions for times, instructions in self._ran.values())

    @property
    def blocks(self) -> Counter[BasicBlock]:
        """How often each block ran."""
        return Counter({BasicBlock(*place): times for place, (times, _) in self._ran.items()})

    @property
    def is_over_budget(self) -> bool:
        """Whether there were too many instructions."""
        return self._left < 0

    def _hook(self, access: int, spans: Sequence[Span], fault: Fault) -> None:
        """Have every *access* to a byte of *spans* end the run."""
        for span in spans:

            def on_access(
                _: Any, access: int, address: int, size: int, value: int, __: Any, span: Span = span
            ) -> None:
                first, after = max(address, span[0]), min(address + size, span[1])
                if first < after:
                    self._end_astray(first, after - 1, fault)
                self._core.settle()

            self._hook_span(access, span, on_access)

    def _hook_unwritten(
        self, access: int, spans: Sequence[Span], callback: Callable[..., None]
    ) -> None:
        for span in spans:
            self._hook_span(access, span, callback)

    def _hook_span(self, access: int, span: Span, callback: Callable[..., None]) -> None:
        earliest = max(0, span[0] - WIDEST_ACCESS_BYTES + 1)
        self._hooks.append(
            self._core.engine.hook_add(access, callback, begin=earliest, end=span[1] - 1)
        )

    def _on_block(self, engine: Any, address: int, size: int, _: object) -> None:
        ran = self._ran[address, size]
        ran[0] += 1
        self._left -= ran[1]
        if self._owner_of:
            self._count_for_owner(BasicBlock(address, size), ran[1])
        lost = self._convention.at_block(address)
        if lost and self.lost is None:
            self.lost = lost
        if self._left < 0 or self.lost:
            engine.emu_stop()

    def _count_for_owner(self, block: BasicBlock, instructions: int) -> None:
        """Count *block* for its owner, else for who ran before."""
        if block not in self._owners and self._owner_of:
            self._owners[block] = self._owner_of(block)
        owner = self._owners[block]
        if owner is not None:
            self._owner = owner
        self.owned[self._owner] += instructions

    def _on_first_write(
        self, _: Any, access: int, address: int, size: int, value: int, __: object
    ) -> None:
        self._unwritten.write(address, size)
        self._core.settle()

    def _on_unwritten_read(
        self, _: Any, access: int, address: int, size: int, value: int, __: object
    ) -> None:
        first = self._unwritten.first_in(address, size)
        if first is not None:
            self._end_astray(first, first, Fault.READ_UNWRITTEN)
        self._core.settle()

    def _end_astray(self, first: int, last: int, fault: Fault) -> None:
        pc = self._core.read("PC")
        if self.stray or (fault == Fault.READ and self._is_own(pc, first)):
            return
        self.stray = Stray(pc=pc, first=first, last=last, fault=fault)
        self._core.engine.emu_stop()


class _Ran(dict[tuple[int, int], list[int]]):
    """Times and instructions of each address and size: instructions counted when first met."""

    def __init__(self, core: BareCore) -> None:
        super().__init__()
        self._core = core

    def __missing__(self, place: tuple[int, int]) -> list[int]:
        ran = self[place] = [0, self._core.instructions(*place)]
        return ran
