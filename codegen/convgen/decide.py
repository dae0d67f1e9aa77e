"""Which candidate is chosen: tries go on until none that is left could be better by measurement.

Predictions decide in which order candidates are tried, and which cannot be better: those that are
over a limit that no error of a prediction makes up for. What was measured decides the rest. So the
choice is that of ``--compare``, which measures all, with few candidates built.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from convgen.select import SAME_BYTES, Candidate, Goal, Selection, apart_in_pool
from convgen.trial import Trial

CLOSE = 1.25
"""How far off predicted instructions mostly are, at most."""

FAR = 2.0
"""How far off they are of next to no layer."""

FARTHEST = 4.0
"""How far off none is, of the smallest layers neither."""

Attempt = Callable[[Candidate], Trial | None]
"""Builds and measures a candidate, once; None: it does not build, or not fit the machine."""


def choose(selection: Selection, attempt: Attempt) -> Trial | None:
    """Return the best of what fits the budget by the goal; None if nothing does.

    In one pool it needs no more RAM in all than what would be chosen with tensors apart.
    """
    best = _search(selection, attempt)
    if best and not any(_may_need_less(c, best, selection) for c in selection.apart):
        return best
    apart = _search(replace(selection, wanted=selection.apart, apart=()), attempt)
    if apart is None or (best and best.ram <= apart.ram):
        return best
    return _within(apart, selection, attempt)


def _may_need_less(apart: Candidate, best: Trial, selection: Selection) -> bool:
    """Whether *apart* may be the choice with tensors apart and need less RAM than *best*."""
    return apart.ram_without_stack < best.ram and (
        selection.goal == "workspace"
        or apart.algorithm == best.candidate.algorithm
        or _may_be_chosen(apart, best, selection, [best])
    )


def _within(apart: Trial, selection: Selection, attempt: Attempt) -> Trial | None:
    """Return the best in one pool that needs no more RAM in all than *apart*.

    The code for a pool may take more stack than the pool saves. Where each of them does, input and
    output lie side by side in it, in the order and with the workspace of tensors apart. Where a
    compiler takes more even for that, of everything: what needs the least.
    """
    first = (apart.candidate, *(c for c in selection.apart if c is not apart.candidate))
    shared = (*selection.wanted, *map(apart_in_pool, first))
    within = _search(replace(selection, wanted=shared), attempt, most_ram=apart.ram)
    return within or _search(replace(selection, wanted=shared, goal="workspace"), attempt)


def _search(selection: Selection, attempt: Attempt, most_ram: int | None = None) -> Trial | None:
    """Try candidates in their order until none that is left may be chosen.

    *most_ram*: what the choice may need in all, where that is less than the budget.
    """
    budget = selection.budget
    if most_ram is not None:
        budget = replace(budget, ram=most_ram)
    waiting = [
        c for c in selection.wanted if budget.holds(c.ram_without_stack, c.plan.constant_bytes)
    ]
    fitting: list[Trial] = []
    while True:
        best = _best(selection.goal, fitting) if fitting else None
        following = next((c for c in waiting if _may_be_chosen(c, best, selection, fitting)), None)
        if following is None:
            return best
        waiting.remove(following)
        trial = attempt(following)
        if trial is not None and trial.fits(budget):
            fitting.append(trial)


def _best(goal: Goal, trials: Sequence[Trial]) -> Trial:
    """Return the best of *trials* by what was measured; the first of equals."""
    if goal == "flash":
        return min(trials, key=lambda t: (t.flash, t.candidate.ram_without_stack, _counted(t)))
    if goal == "workspace":
        least = min(trial.ram for trial in trials)
        trials = [trial for trial in trials if trial.ram <= least + SAME_BYTES]
    return min(trials, key=lambda trial: (_counted(trial), trial.ram))


def _counted(trial: Trial) -> int:
    """Return its instructions: the prediction where none were counted."""
    return trial.candidate.instructions if trial.instructions is None else trial.instructions


def _may_be_chosen(
    candidate: Candidate, best: Trial | None, selection: Selection, fitting: Sequence[Trial]
) -> bool:
    """Whether *candidate* could be better than the *best* of those *fitting* that were tried."""
    if best is None:
        return True
    match selection.goal:
        case "workspace":
            least = candidate.ram_without_stack
            nearly_least = min(trial.ram for trial in fitting) + SAME_BYTES
            return least < best.ram - SAME_BYTES or (
                least <= nearly_least and _may_be_faster(candidate, best, FARTHEST)
            )
        case "speed":
            error = FAR if selection.spares(candidate) else CLOSE
            return _may_be_faster(candidate, best, error)
    return candidate.plan.constant_bytes <= best.flash


def _may_be_faster(candidate: Candidate, best: Trial, error: float) -> bool:
    """Whether it is if predictions may be *error* times too high; none is where nothing counts."""
    if best.instructions is None:
        return candidate.instructions < best.candidate.instructions
    return candidate.instructions < error * best.instructions
