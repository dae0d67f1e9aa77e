"""Which candidate is chosen: tries go on until none that is left could be better by measurement.

Predictions decide in which order candidates are tried, and which cannot be better: those that are
over a limit that no error of a prediction makes up for. A candidate is built first, which tells
its flash and nearly its stack, and run only if it may still be chosen. What was measured decides.
So the choice is that of ``--compare``, which measures all, with few candidates built.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from convgen.bench.trial import Built, Trial
from convgen.choices import Goal
from convgen.schedule.select import SAME_BYTES, Budget, Candidate, Selection, apart_in_pool

CLOSE = 1.25
"""Predicted instructions are mostly no more than so many times too high."""

FAR = 1.6
"""None are more than so many times too high."""

KIN = 1.12
"""Nor more than one of the same family is, where the sums of both are in assembly."""

LIKE = 1.3
"""Nor more than one of another family is, where the sums of both are in assembly."""


class Tester(Protocol):
    """Builds and measures candidates, each once; None: it does not build, or fit the machine."""

    def known(self, candidate: Candidate) -> Built | None:
        """Return what was built or measured of it before; None: nothing."""

    def built(self, candidate: Candidate) -> Built | None:
        """Return what is known of it without a run."""

    def __call__(self, candidate: Candidate) -> Trial | None:
        """Return what came of it."""


def choose(selection: Selection, bench: Tester) -> Trial | None:
    """Return the best of what fits the budget by the goal; None if nothing does.

    In one pool it needs no more RAM in all than what would be chosen with tensors apart.
    """
    best = _search(selection, bench)
    if best and not any(_may_need_less(c, best, selection) for c in selection.apart):
        return best
    apart = _search(replace(selection, wanted=selection.apart, apart=()), bench)
    if apart is None or (best and best.ram <= apart.ram):
        return best
    return _within(apart, selection, bench)


def _may_need_less(apart: Candidate, best: Trial, selection: Selection) -> bool:
    """Whether *apart* may be the choice with tensors apart and need less RAM than *best*."""
    if apart.ram_without_stack >= best.ram:
        return False
    if selection.goal == "workspace" or apart.algorithm == best.candidate.algorithm:
        return True
    tries = _Tries(selection, selection.budget)
    tries.learn(best)
    return tries.may_be_chosen(apart)


def _within(apart: Trial, selection: Selection, bench: Tester) -> Trial | None:
    """Return the best in one pool that needs no more RAM in all than *apart*.

    The code for a pool may take more stack than the pool saves. Where each of them does, input and
    output lie side by side in it, in the order and with the workspace of tensors apart. Where a
    compiler takes more even for that, of everything: what needs the least.
    """
    first = (apart.candidate, *(c for c in selection.apart if c is not apart.candidate))
    shared = (*selection.wanted, *map(apart_in_pool, first))
    within = _search(replace(selection, wanted=shared), bench, most_ram=apart.ram)
    return within or _search(replace(selection, wanted=shared, goal="workspace"), bench)


def _search(selection: Selection, bench: Tester, most_ram: int | None = None) -> Trial | None:
    """Try candidates, the likeliest first, until none that is left may be chosen.

    *most_ram*: what the choice may need in all, where that is less than the budget.
    """
    budget = selection.budget
    if most_ram is not None:
        budget = replace(budget, ram=most_ram)
    tries = _Tries(selection, budget)
    waiting = []
    for candidate in _likeliest_first(selection):
        if budget.holds(candidate.ram_without_stack, candidate.plan.constant_bytes):
            known = bench.known(candidate)
            if known is None or tries.learn(known):
                waiting.append(candidate)
    while following := min(filter(tries.may_be_chosen, waiting), key=tries.can_wait, default=None):
        found = (bench if following in tries.built else bench.built)(following)
        if found is None or not tries.learn(found):
            waiting.remove(following)
    return tries.best


def _likeliest_first(selection: Selection) -> Sequence[Candidate]:
    """Return what is wanted, first what is likely to be chosen."""
    if selection.goal != "workspace":
        return selection.wanted
    likely = {c: c.ram_without_stack + _usual_stack(c) for c in selection.wanted}
    near = min(likely.values(), default=0) + SAME_BYTES
    return sorted(likely, key=lambda c: (max(likely[c], near), c.instructions))


def _usual_stack(candidate: Candidate) -> int:
    """Return about what is usual where ``stack`` is the most that was seen."""
    return candidate.stack // 2


class _Tries:
    """What is known at one moment of a search."""

    def __init__(self, selection: Selection, budget: Budget) -> None:
        """Begin without any."""
        self._selection, self._budget = selection, budget
        self.built: dict[Candidate, Built] = {}
        self._measured: list[Trial] = []
        self._nearly_least = math.inf
        """The most RAM of what may count as the least."""
        self.best: Trial | None = None
        """The best of what was measured."""

    def learn(self, found: Built) -> bool:
        """Keep what may fit the budget; return whether it is still to be run."""
        self.built.pop(found.candidate, None)
        fits = self._budget.holds(found.least_ram, found.flash)
        is_measured = isinstance(found, Trial)
        if fits:
            self.built[found.candidate] = found
        if fits and isinstance(found, Trial):
            self._measured.append(found)
        self._nearly_least = self._find_nearly_least()
        self.best = self._find_best()
        return fits and not is_measured

    def _find_nearly_least(self) -> float:
        most = (each.most_ram for each in self.built.values())
        surely = [ram for ram in most if ram is not None and ram <= self._budget.ram]
        return min(surely, default=math.inf) + SAME_BYTES

    def _find_best(self) -> Trial | None:
        fitting = self._measured
        if self._selection.goal == "workspace":
            fitting = [trial for trial in fitting if trial.ram <= self._nearly_least]
        return _best(self._selection.goal, fitting) if fitting else None

    def may_be_chosen(self, candidate: Candidate) -> bool:
        """Whether *candidate* could be better than the best that was measured."""
        best, known = self.best, self.built.get(candidate)
        least = known.least_ram if known else candidate.least_ram
        match self._selection.goal:
            case "workspace":
                if best and least < best.ram - SAME_BYTES:
                    return True
                return least <= self._nearly_least and self._may_be_faster(candidate, best, FAR)
            case "speed":
                error = FAR if self._selection.spares(candidate) else CLOSE
                return self._may_be_faster(candidate, best, error)
        smallest = min(map(_size, self.built.values()), default=(0, 0))
        if known is None:
            return not self.built or candidate.plan.constant_bytes <= smallest[0]
        return _size(known) <= smallest

    def can_wait(self, candidate: Candidate) -> bool:
        """Whether others are to be built before *candidate* is run: a build tells flash exactly."""
        return self._selection.goal == "flash" and candidate in self.built

    def _may_be_faster(self, candidate: Candidate, best: Trial | None, error: float) -> bool:
        """Whether it is if predictions may be *error* times too high; none is where nothing counts.

        One of its kin that was measured tells more.
        """
        if best is None:
            return True
        if best.instructions is None:
            return candidate.instructions < best.candidate.instructions
        kin = (
            trial.instructions / trial.candidate.instructions / _apart(trial.candidate, candidate)
            for trial in self._measured
            if trial.instructions
        )
        return candidate.instructions * max(1 / error, *kin, 0) < best.instructions


def _apart(one: Candidate, other: Candidate) -> float:
    """Return how many times higher the prediction of *other* may be than that of *one*."""
    if not (one.plan.sums_in_assembly and other.plan.sums_in_assembly):
        return math.inf
    return KIN if one.plan.family == other.plan.family else LIKE


def _best(goal: Goal, trials: Sequence[Trial]) -> Trial:
    """Return the best of *trials* by what was measured; the first of equals."""
    if goal == "flash":
        return min(trials, key=lambda trial: (*_size(trial), _counted(trial)))
    if goal == "workspace":
        least = min(trial.ram for trial in trials)
        trials = [trial for trial in trials if trial.ram <= least + SAME_BYTES]
    return min(trials, key=lambda trial: (_counted(trial), trial.ram))


def _size(built: Built) -> tuple[int, int]:
    """Return what the goal ``flash`` counts first."""
    return built.flash, built.ram_without_stack


def _counted(trial: Trial) -> int:
    """Return its instructions: the prediction where none were counted."""
    return trial.candidate.instructions if trial.instructions is None else trial.instructions
