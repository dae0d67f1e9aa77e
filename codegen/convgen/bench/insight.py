"""What block counts tell of a trial: estimated cycles, and a profile.

What reads machine code is loaded only where they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convgen.bench.code.blocks import Counts
from convgen.bench.trial import Trial
from convgen.errors import UsageError
from convgen.targets.target import Target

if TYPE_CHECKING:
    from convgen.bench.build.toolchain import Image
    from convgen.bench.code.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to find out. ``timing`` None: no cycles."""

    timing: Timing | None
    flash_wait_states: int
    profile: bool

    def __bool__(self) -> bool:
        """Whether blocks must be counted."""
        return self.timing is not None or self.profile


def wanted(board: Target, *, cycles: bool, flash_wait_states: int | None, profile: bool) -> Wanted:
    """Return what to find out on *board*; UsageError if it has no timing model."""
    if flash_wait_states is not None and not cycles:
        raise UsageError("--flash-wait-states: expected with --cycles only")
    return Wanted(
        timing=_timing(board) if cycles else None,
        flash_wait_states=(
            (board.memory.wait_states or 0) if flash_wait_states is None else flash_wait_states
        ),
        profile=profile,
    )


def _timing(board: Target) -> Timing:
    from convgen.bench.code import timing

    return timing.load(board)


def look_into(trial: Trial, board: Target, counts: Counts, wanted: Wanted) -> Trial:
    """Return *trial* with what *counts* tell of all its calls."""
    from convgen.bench.code import cycles, profile
    from convgen.bench.code.cycles import Calls
    from convgen.bench.code.machine_code import Code

    image = trial.image
    code = Code(image.elf, board.cpu)
    if wanted.timing:
        calls = Calls(entries=_entries(image), count=trial.vectors)
        found = cycles.estimate(code, counts, calls, wanted.timing, wanted.flash_wait_states)
        trial = replace(trial, cycles=found)
    if wanted.profile:
        described = profile.profile(image, code, counts, trial.vectors)
        trial = replace(trial, profile=described)
    return trial


def _entries(image: Image) -> dict[int, int]:
    """Return where a call enters the layer, and how often; the firmware may have such names too."""
    from elftools.elf.elffile import ELFFile

    from convgen.bench.code.measure import function_symbols, layer_code

    entered = image.call.entered
    with image.elf.open("rb") as file:
        elf = ELFFile(file)
        own = layer_code(elf)
        found = [(name, at) for name, at, _ in function_symbols(elf) if at in own]
    return {at: entered[name] for name, at in found if name in entered}
