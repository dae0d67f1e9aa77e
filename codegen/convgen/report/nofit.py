"""The message when nothing fits the budget: who needs the least, of what, and how much is short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from convgen.bench.trial import Trial
from convgen.errors import NoFitError
from convgen.model.operator import input_bytes, output_bytes
from convgen.schedule.select import Candidate, Selection, overlapping


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """The least that any algorithm needs of something."""

    of: str
    algorithm: str
    bytes: int
    parts: str
    measured: bool

    def __str__(self) -> str:
        about = "" if self.measured else "about "
        return (
            f"{self.of}: {self.algorithm} needs the least, {about}{self.bytes:,} bytes: "
            f"{self.parts}"
        )


def no_fit(selection: Selection, trials: Sequence[Trial]) -> NoFitError:
    """Name the smallest need, of what, and the shortfall: measured, or predicted if not tried."""
    wanted, budget = selection.wanted, selection.budget
    needs = [
        (_ram_need(wanted, trials), budget.ram),
        (_flash_need(wanted, trials), budget.flash),
    ]
    short = [
        f"{need}; the budget of {limit:,} is {need.bytes - limit:,} short"
        for need, limit in needs
        if need.bytes > limit
    ]
    apart = [f"{need}; the budget is {limit:,}" for need, limit in needs]
    return NoFitError(
        "\n".join(
            [
                "no algorithm fits the budget",
                *(short or [*apart, "none is within both at once"]),
                *_overlap(selection, trials, needs[0][0]),
            ]
        )
    )


def _overlap(selection: Selection, trials: Sequence[Trial], apart: _Need) -> list[str]:
    """Say what ``--overlap`` would need, if RAM is short and it is less."""
    if selection.overlaps or apart.bytes <= selection.budget.ram:
        return []
    stacks = {trial.candidate: trial.stack or 0 for trial in trials}
    shared = [(overlapping(c), stacks.get(c, c.stack)) for c in selection.wanted]
    need = _ram_of(*min(shared, key=_ram), measured=False)
    if need.bytes >= apart.bytes:
        return []
    return [f"with --overlap {need.algorithm} would need about {need.bytes:,} bytes: {need.parts}"]


def _ram_need(candidates: Sequence[Candidate], trials: Sequence[Trial]) -> _Need:
    if trials:
        trial = min(trials, key=lambda t: t.ram)
        return _ram_of(trial.candidate, trial.stack or 0, measured=True)
    least = min(candidates, key=lambda c: c.ram)
    return _ram_of(least, least.stack, measured=False)


def _ram(found: tuple[Candidate, int]) -> int:
    """Return the bytes of a candidate with its stack."""
    candidate, stack = found
    return candidate.ram_without_stack + stack


def _ram_of(candidate: Candidate, stack: int, *, measured: bool) -> _Need:
    operator, workspace = candidate.plan.operator, candidate.plan.workspace_bytes
    tensors = (
        f"pool {candidate.pool.bytes:,}"
        if candidate.pool
        else f"input {input_bytes(operator):,} + output {output_bytes(operator):,}"
    )
    return _Need(
        of="RAM",
        algorithm=candidate.algorithm,
        bytes=_ram((candidate, stack)),
        parts=f"{tensors} + workspace {workspace:,} + stack {stack:,}",
        measured=measured,
    )


def _flash_need(candidates: Sequence[Candidate], trials: Sequence[Trial]) -> _Need:
    if trials:
        trial = min(trials, key=lambda t: t.flash)
        algorithm, constants, code = (
            trial.candidate.algorithm, trial.sizes.constant_bytes, trial.sizes.code_bytes
        )  # fmt: skip
    else:
        least = min(candidates, key=lambda c: c.flash)
        algorithm, constants, code = least.algorithm, least.plan.constant_bytes, least.code
    return _Need(
        of="flash",
        algorithm=algorithm,
        bytes=constants + code,
        parts=f"constants {constants:,} + code {code:,}",
        measured=bool(trials),
    )
