"""What a run comes to as a whole: what was built and run, and who of them let it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from convgen.bench.trial import Trial
from convgen.errors import BuildError, ConvgenError, NoFitError, VerificationError
from convgen.report import doubts
from convgen.schedule.select import Budget, Candidate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Results:
    """What came of all candidates or plans that were tried; *compared*: all that could be.

    *short*: where nothing else was to be chosen, what the chosen one needs that the budget has not.
    """

    chosen: Trial
    trials: Sequence[Trial]
    unbuilt: Mapping[Candidate, BuildError] = field(default_factory=dict)
    compared: bool = False
    short: NoFitError | None = None

    @property
    def failure(self) -> ConvgenError | None:
        """What to end with; None if all is well.

        It names every candidate at fault, and says of the first what it did. A wrong output counts
        before vectors that disagree with the spec, and those before a failed build, which only a
        comparison cannot do without.
        """
        tried = (self.chosen, *self.trials)
        failed = {trial: trial.failure for trial in tried if trial.failure}
        wrong = {t.program.label: said for t, said in failed.items() if not t.disagrees}
        if wrong:
            return VerificationError(_sentence(wrong, "is wrong", "are wrong"))
        if failed:
            return VerificationError(next(iter(failed.values())))
        if self.unbuilt and self.compared:
            builds = {c.algorithm: error.summary for c, error in self.unbuilt.items()}
            return BuildError(_sentence(builds, "does not build", "do not build"))
        return self.short


def scope(trial: Trial) -> str | None:
    """Say of what it is proved that it is right; None where nothing is, or all that counts."""
    given = trial.given
    if not trial.verified or given is None or given.expected is not None:
        return None
    if not isinstance(trial.program.subject, Candidate):
        return f"Proved against the file's numbers: {_VECTORS.format('an interpreter')}"
    layer = trial.candidate.plan.operator
    if layer.synthetic:
        return "Weights are synthetic: made up from the seed; outputs say nothing about a model"
    doubt = doubts.ambiguity(layer)
    said = f"Proved against the spec, not your model: {_VECTORS.format('that')}"
    return f"{said}; {doubt}" if doubt else said


_VECTORS = '--vectors vectors.npz compares with {}, from np.savez("vectors.npz", input=x, output=y)'


def _sentence(details: Mapping[str, str], one: str, many: str) -> str:
    first, *others = details
    if not others:
        return f"{first} {one}: {details[first]}"
    *between, last = others
    return f"{', '.join([first, *between])} and {last} {many}; {first}: {details[first]}"


def short_of(trial: Trial, budget: Budget) -> str:
    """Say what *trial* needs as measured of which *budget* has less."""
    needs = (("RAM", trial.ram, budget.ram), ("flash", trial.flash, budget.flash))
    short = [
        f"{need:,} bytes of {what}; the budget of {limit:,} is {need - limit:,} short"
        for what, need, limit in needs
        if need > limit
    ]
    return ", and ".join(short)
