"""What a little more memory would buy: sentences for the end of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from convgen.bench.decide import CLOSE
from convgen.bench.trial import Trial
from convgen.schedule.select import Budget, Candidate, Selection, best_overlapping, undemanding

WORTHWHILE = 1.1  # times fewer instructions, below which nothing is said


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Offer:
    """A candidate by what is best known of it: measured where it was tried, else predicted.

    ``counted`` tells that its instructions are measured.
    """

    candidate: Candidate
    instructions: int
    counted: bool
    ram: int
    flash: int

    def fits(self, budget: Budget) -> bool:
        return budget.holds(self.ram, self.flash)


def advise(selection: Selection, trials: Sequence[Trial], chosen: Trial) -> list[str]:
    """Name the fastest that fits the budget, and the fastest of all if that does not fit.

    Nothing is said where it is not at least `WORTHWHILE` times faster than *chosen*. What rests on
    a prediction says so. Last comes what ``--overlap`` would save.
    """
    tried = {trial.candidate: trial for trial in trials}
    wrong = {trial.candidate for trial in trials if trial.failure}
    now = _offer(chosen.candidate, tried)
    offers = sorted(
        (_offer(c, tried) for c in undemanding(selection.candidates) if c not in wrong),
        key=lambda offer: offer.instructions,
    )
    fitting = [offer for offer in offers if offer.fits(selection.budget)]
    sentences = []
    for offer in dict.fromkeys((*fitting[:1], *offers[:1])):
        if offer.instructions * WORTHWHILE <= now.instructions:
            sentences.append(_sentence(offer, now, selection))
    return [*sentences, *_overlap(selection, chosen, wrong)]


def _overlap(selection: Selection, chosen: Trial, wrong: Set[Candidate]) -> list[str]:
    """Say how much less RAM the choice needs if its output may overwrite its input."""
    right = [candidate for candidate in selection.wanted if candidate not in wrong]
    if selection.overlaps or not right:
        return []
    best = best_overlapping(right, selection.goal)
    saved = chosen.ram_without_stack - best.ram_without_stack
    if saved <= 0:
        return []
    return [
        f"{best.algorithm}: {saved:,} fewer bytes of RAM if its output may overwrite its input, "
        f"in one pool of {best.tensors:,}: `--overlap`"
    ]


def _offer(candidate: Candidate, tried: Mapping[Candidate, Trial]) -> _Offer:
    trial = tried.get(candidate)
    measured = trial.instructions if trial else None
    return _Offer(
        candidate=candidate,
        instructions=candidate.instructions if measured is None else measured,
        counted=measured is not None,
        ram=trial.ram if trial else candidate.ram,
        flash=trial.flash if trial else candidate.flash,
    )


def _sentence(offer: _Offer, now: _Offer, selection: Selection) -> str:
    ratio = now.instructions / offer.instructions
    prices = [
        _difference(offer.candidate.plan.workspace_bytes - now.candidate.plan.workspace_bytes,
                    "workspace"),
        _difference(offer.flash - now.flash, "flash"),
    ]  # fmt: skip
    source = "" if offer.counted and now.counted else " (predicted)"
    return (
        f"{offer.candidate.algorithm}: {ratio:.1f}x fewer instructions{source} for "
        f"{' and '.join(prices)}; {_how(offer, selection)}"
    )


def _difference(more: int, what: str) -> str:
    if more == 0:
        return f"no more {what}"
    return f"{abs(more):,} {'more' if more > 0 else 'fewer'} bytes of {what}"


def _how(offer: _Offer, selection: Selection) -> str:
    budget = selection.budget
    if offer.fits(budget):
        found = selection.goal != "speed" and _is_tried_for_speed(offer.candidate, selection)
        option = "--optimize speed" if found else f"--algorithm {offer.candidate.algorithm}"
        return f"fits your budget: `{option}`"
    short = [
        f"{need - limit:,} bytes of {what}"
        for need, limit, what in (
            (offer.ram, budget.ram, "RAM"),
            (offer.flash, budget.flash, "flash"),
        )
        if need > limit
    ]
    return f"your budget is about {' and '.join(short)} short of it"


def _is_tried_for_speed(candidate: Candidate, selection: Selection) -> bool:
    """Whether the goal ``speed`` measures *candidate*, and so finds that it is the fastest."""
    fitting = [c for c in selection.wanted if c.fits(selection.budget)]
    fewest = min((c.instructions for c in fitting), default=0)
    return candidate in fitting and candidate.instructions < CLOSE * fewest
