"""Estimated cycles of a run: how often each instruction was executed, times what it takes.

Executions of blocks tell how often a block was entered, not from where. As much goes into a block
as comes out of those before it, which settles how often nearly every branch was taken.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from convgen.bench.code.blocks import BasicBlock, Counts
from convgen.bench.code.machine_code import Code, ControlFlow, Instruction
from convgen.bench.code.timing import Timing

Fallen = Mapping[int, int]
"""How often execution reached an address from the instruction before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Cycles of one call: the mean of all, rounded. ``model`` says in a sentence what they are."""

    cycles: int
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """So many calls that were counted, in each of which addresses of ``entries`` are entered."""

    entries: Mapping[int, int]
    count: int


def estimate(
    code: Code, counts: Counts, calls: Calls, timing: Timing, wait_states: int = 0
) -> Estimate:
    """Estimate the cycles of one call."""
    fallen = fallen_into({block: code.instructions(block)[-1] for block in counts}, counts, calls)
    total = total_cycles(code, counts, fallen, timing, wait_states)
    return Estimate(
        cycles=round(total / calls.count), model=model(timing, wait_states, calls.count)
    )


def total_cycles(
    code: Code, counts: Counts, fallen: Fallen, timing: Timing, wait_states: int = 0
) -> int:
    """Return the cycles of all instructions, of branches taken, and of waiting for flash."""
    own = sum(
        times * timing.in_a_row([i.text for i in code.instructions(block)])
        for block, times in counts.items()
    )
    taken = sum(counts.values()) - sum(fallen.values())
    waits = wait_states * fetches(counts, fallen, timing.fetch_bytes) if wait_states else 0
    return own + timing.taken * taken + waits


def fetches(counts: Counts, fallen: Fallen, width: int) -> int:
    """Count the fetches of code, *width* bytes each, that are not of the bytes fetched last."""
    lines = sum(
        times * ((block.end - 1) // width - block.address // width + 1)
        for block, times in counts.items()
    )
    return lines - sum(times for address, times in fallen.items() if address % width)


def model(timing: Timing, wait_states: int, calls: int) -> str:
    """Return the sentence of the report that names model and assumptions."""
    memory = (
        f"each fetch of another {8 * timing.fetch_bytes} bits of code waits {wait_states}, "
        "data does not; no cache, no prefetch"
        if wait_states
        else "no wait states"
    )
    of = "one call" if calls == 1 else f"the mean of {calls} calls"
    return f"{timing.description}; {memory}; {of} ({timing.source})"


def fallen_into(endings: Mapping[BasicBlock, Instruction], counts: Counts, calls: Calls) -> Fallen:
    """Return how often each address was reached without a branch.

    *endings* are the last instructions of the blocks. What the counts leave open, such as whether
    a loop was skipped or left after one turn, is settled as if branches forward were not taken.
    """
    flows = _Flows(endings, counts, calls)
    flows.settle()
    return flows.fallen


class _Flows:
    """What comes into each block, and branches of which it is not known yet how often they fell."""

    def __init__(
        self, endings: Mapping[BasicBlock, Instruction], counts: Counts, calls: Calls
    ) -> None:
        self.fallen: Counter[int] = Counter()
        self._unexplained: Counter[int] = Counter()
        self._open: dict[int, Instruction] = {}
        self._times: Counter[int] = Counter()
        self._beside: defaultdict[int, set[int]] = defaultdict(set)
        for block, times in counts.items():
            self._unexplained[block.address] += times
        for entry, times in calls.entries.items():
            self._unexplained[entry] -= times * calls.count
        for block, times in counts.items():
            self._leave(endings[block], times)

    def _leave(self, ending: Instruction, times: int) -> None:
        """Follow a block's last instruction; blocks may overlap and so share it."""
        match ending.flow:
            case ControlFlow.NEXT:
                self._fall(ending.end, times)
            case ControlFlow.MAYBE:
                self._times[ending.end] += times
                self._open[ending.end] = ending
                for address in _ways(ending):
                    self._beside[address].add(ending.end)
            case ControlFlow.CALL:
                self._unexplained[ending.end] -= times  # it returns
        if ending.flow in (ControlFlow.CALL, ControlFlow.AWAY) and ending.target is not None:
            self._unexplained[ending.target] -= times

    def _fall(self, address: int, times: int) -> None:
        self.fallen[address] += times
        self._unexplained[address] -= times

    def settle(self) -> None:
        """Find how often each branch fell through: an address with one open branch tells."""
        waiting = list(self._beside)
        while self._open:
            while waiting:
                address = waiting.pop()
                if len(self._beside[address]) == 1:
                    (end,) = self._beside[address]
                    fell = self._unexplained[address]
                    fell = fell if address == end else self._times[end] - fell
                    waiting += self._close(end, fell)
            if self._open:
                waiting += self._guess()

    def _guess(self) -> tuple[int, ...]:
        forward = [end for end, ending in self._open.items() if (ending.target or 0) > end]
        end = min(forward or self._open)
        return self._close(end, self._unexplained[end])

    def _close(self, end: int, fell: int) -> tuple[int, ...]:
        """Let a branch have fallen through so often; return the addresses that now know more."""
        ending, times = self._open.pop(end), self._times[end]
        fell = max(0, min(fell, times))
        self._fall(end, fell)
        if ending.target is not None:
            self._unexplained[ending.target] -= times - fell
        for address in _ways(ending):
            self._beside[address].discard(end)
        return _ways(ending)


def _ways(ending: Instruction) -> tuple[int, ...]:
    return (ending.end,) if ending.target is None else (ending.end, ending.target)
