"""Looks on while a core runs a layer: counts its blocks, sees every step into a guard zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convgen.blocks import Block
from convgen.cores import Core

WIDEST_ACCESS_BYTES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Stray:
    """The bytes of a forbidden range, ``first`` to ``last``, that an instruction touched."""

    pc: int
    first: int
    last: int
    is_read: bool


class Watch:
    """What happens from `begin` to `end`, in which the core may be started and stopped.

    It stops by itself when it has begun more than ``most_instructions``, and at an access to a
    byte of ``forbidden``: ranges from the first to the one after the last.
    """

    def __init__(
        self, core: Core, forbidden: Sequence[tuple[int, int]], most_instructions: int
    ) -> None:
        """Prepare to look on."""
        self._core = core
        self._forbidden = forbidden
        self.most_instructions = self._left = most_instructions
        self._ran = _Ran(core)
        self._hooks: list[int] = []
        self.stray: Stray | None = None

    def begin(self) -> None:
        """Count from nought."""
        constants, engine = self._core.unicorn, self._core.engine
        self._left = self.most_instructions
        self._ran.clear()
        self._hooks = [engine.hook_add(constants.UC_HOOK_BLOCK, self._on_block)]
        access = constants.UC_HOOK_MEM_READ | constants.UC_HOOK_MEM_WRITE
        for start, end in self._forbidden:
            earliest = start - WIDEST_ACCESS_BYTES + 1
            hook = engine.hook_add(access, self._on_access, begin=earliest, end=end - 1)
            self._hooks.append(hook)
        engine.ctl_flush_tb()  # code translated before calls no hook

    def end(self) -> int:
        """Look no further; return the number of instructions."""
        for hook in self._hooks:
            self._core.engine.hook_del(hook)
        self._hooks = []
        self._core.engine.ctl_flush_tb()
        return sum(times * instructions for times, instructions in self._ran.values())

    @property
    def blocks(self) -> Counter[Block]:
        """How often each block ran."""
        return Counter({Block(*place): times for place, (times, _) in self._ran.items()})

    @property
    def is_over_budget(self) -> bool:
        """Whether there were too many instructions."""
        return self._left < 0

    def _on_block(self, engine: Any, address: int, size: int, _: object) -> None:
        ran = self._ran[address, size]
        ran[0] += 1
        self._left -= ran[1]
        if self._left < 0:
            engine.emu_stop()

    def _on_access(
        self, engine: Any, access: int, address: int, size: int, value: int, _: object
    ) -> None:
        for start, end in self._forbidden:
            first, after = max(address, start), min(address + size, end)
            if first < after and self.stray is None:
                self.stray = Stray(
                    pc=self._core.read("PC"),
                    first=first,
                    last=after - 1,
                    is_read=access == self._core.unicorn.UC_MEM_READ,
                )
                engine.emu_stop()
        self._core.settle()


class _Ran(dict[tuple[int, int], list[int]]):
    """Times and instructions of each address and size: instructions counted when first met."""

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core

    def __missing__(self, place: tuple[int, int]) -> list[int]:
        ran = self[place] = [0, self._core.instructions(*place)]
        return ran
