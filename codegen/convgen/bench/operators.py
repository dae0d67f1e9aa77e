"""What each operator of a network takes: one call counted where it can be seen which runs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from convgen.bench.code.blocks import OUTSIDE
from convgen.bench.code.ownership import FRAME, ownership
from convgen.bench.proof.vectors import Vectors
from convgen.bench.run import emulator
from convgen.bench.trial import Bench, Trial
from convgen.sources.network import symbol

MOST_COUNTED = 30_000_000  # instructions of a call: about a second for each five million


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The instructions of each operator, and of the function that calls them, in one call."""

    operators: tuple[int, ...]
    frame: int


def _inside(found: Mapping[int | None, int]) -> int:
    return sum(count for owner, count in found.items() if owner != OUTSIDE)


def shares(trial: Trial, bench: Bench, folder: Path) -> Shares | None:
    """Return what each operator of *trial*, a network's, takes of the instructions it reports.

    *folder* is made for the run. None where nothing was counted, or nothing here counts so.
    """
    given, counted = trial.given, trial.run.instructions if trial.run else None
    if given is None or not counted or max(counted) > MOST_COUNTED:
        return None
    folder.mkdir()
    image = replace(trial.image, elf=Path(shutil.copy(trial.image.elf, folder)))
    schedule = trial.schedule
    owners = ownership(trial.image, [symbol(schedule, plan) for plan in schedule.plans])
    most = counted.index(max(counted))
    first = 0 if schedule.graph.states else most  # states are those that calls before it left
    inputs = Vectors(inputs=tuple(array[first : most + 1] for array in given.inputs))
    found = emulator.counted_by_owner(
        image,
        bench.target,
        inputs.tobytes(),
        owners.of,
        expected_instructions=float(sum(counted[first : most + 1])),
    )
    if found is None or _inside(found) != counted[most]:
        return None
    return Shares(
        operators=tuple(found.get(number, 0) for number in range(len(schedule.plans))),
        frame=found.get(FRAME, 0) + found.get(None, 0),
    )
