"""The proof of exactly what was planned: built, run, compared and measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from convgen import jobs
from convgen.bench.trial import Bench, Trial, attempt
from convgen.errors import NoFitError, ToolError
from convgen.jobs import Found, Outcome
from convgen.options import RunOptions
from convgen.planning import Planned
from convgen.progress import Say
from convgen.report import report
from convgen.report.verdict import Results, short_of
from convgen.schedule.select import Candidate

if TYPE_CHECKING:
    from convgen.bench.blame import Difference
    from convgen.bench.operators import Shares


def verify(planned: Planned, out: Path | None, options: RunOptions, say: Say) -> Outcome:
    """Prove *planned*; *say* hears what is going on. Raises `ConvgenError`; nothing is written."""
    wanted = jobs.wanted(options, planned.target)

    def act(bench: Bench, stage: Path) -> Found:
        _refuse_a_simpler_core(planned, bench)
        if not isinstance(planned.subject, Candidate):
            bench = bench.for_network(planned.subject.goal)
        say(f"{planned.subject.label}: generating, compiling, running")
        trial = attempt(planned.subject, bench, stage / "0", planned.budget.ram, roomy=True)
        trial, differs = jobs.look_into(trial, bench, wanted, say), None
        if planned.selection is not None:
            return _found(planned, trial, bench)
        from convgen.bench import blame, operators

        trial, differs = blame.looked_into(trial, bench, stage, planned.budget.ram)
        counted = operators.shares(trial, bench, stage / "counted")
        return _found(planned, trial, bench, differs, counted)

    computes = planned.subject.computes
    return jobs.on_bench(options, planned.target, computes, act, out=out, remake=None)


def _refuse_a_simpler_core(planned: Planned, bench: Bench) -> None:
    if bench.emulator and bench.target != planned.target:
        notes = "; ".join(bench.emulator.notes)
        raise ToolError(f"{planned.target.name}: expected an emulator of all it has; {notes}")


def _found(
    planned: Planned,
    trial: Trial,
    bench: Bench,
    differs: Difference | None = None,
    counted: Shares | None = None,
) -> Found:
    budget, tools = planned.budget, jobs.tools(bench, planned.target, trial)
    results = Results(chosen=trial, trials=[trial], short=_short(planned, trial))
    if planned.selection is None:
        from convgen.report import network_report

        described = network_report.build(
            results, budget, tools, differs, counted, beside=jobs.beside(trial)
        )
    else:
        described = report.build(planned.selection, results, tools)
    return Found(chosen=trial, report=described, failure=results.failure)


def _short(planned: Planned, trial: Trial) -> NoFitError | None:
    """Return what is wrong where *trial* needs more than it was planned for."""
    if trial.fits(planned.budget):
        return None
    needs = short_of(trial, planned.budget)
    return NoFitError(f"{planned.subject.label} does not fit the budget: it needs {needs}")
