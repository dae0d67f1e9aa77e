"""Whether functions give back the registers that the calling convention tells them to.

The harness sees what the layer's own function leaves behind. What a function that it calls spoils
may be of no use to that caller, as it was compiled today, and of use tomorrow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from convgen.bench.run.cores import BareCore

MOST_CALLS = 64  # of each function that are looked at: reading all registers takes long


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """Registers that ``function`` did not restore."""

    function: str
    registers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Called:
    function: int
    stack_pointer: int
    registers: tuple[int, ...]


class Convention:
    """Compares registers before and after calls of ``functions``: names by their addresses."""

    def __init__(self, core: BareCore, functions: Mapping[int, str]) -> None:
        """Prepare to look at calls."""
        self._core = core
        self._functions = functions
        self._names = core.preserved
        self.clear()

    def clear(self) -> None:
        """Forget all calls."""
        self._calls: Counter[int] = Counter()
        self._pending: dict[int, list[_Called]] = {}

    def at_block(self, address: int) -> Lost | None:
        """Look at the block that begins at *address*; say what a function there lost."""
        lost = self._leave(address) if address in self._pending else None
        if address in self._functions and self._calls[address] < MOST_CALLS:
            self._enter(address)
        return lost

    def _enter(self, function: int) -> None:
        self._calls[function] += 1
        called = _Called(
            function=function,
            stack_pointer=self._core.read("SP"),
            registers=self._core.read_all(self._names),
        )
        returns_to = self._core.read(self._core.architecture.link)
        returns_to &= ~self._core.architecture.entry_bit
        waiting = self._pending.setdefault(returns_to, [])
        if not any(_is_same_call(called, other) for other in waiting):  # a loop to its start
            waiting.append(called)

    def _leave(self, address: int) -> Lost | None:
        stack_pointer = self._core.read("SP")
        waiting = self._pending.pop(address)
        returned = [called for called in waiting if called.stack_pointer <= stack_pointer]
        if left := [called for called in waiting if called not in returned]:
            self._pending[address] = left
        now = self._core.read_all(self._names) if returned else ()
        return next(filter(None, (self._lost(called, now) for called in returned)), None)

    def _lost(self, called: _Called, now: Iterable[int]) -> Lost | None:
        registers = tuple(
            name
            for name, before, after in zip(self._names, called.registers, now, strict=True)
            if before != after
        )
        if not registers:
            return None
        return Lost(function=self._functions[called.function], registers=registers)


def _is_same_call(one: _Called, other: _Called) -> bool:
    return (one.function, one.stack_pointer) == (other.function, other.stack_pointer)
