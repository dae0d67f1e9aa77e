"""A whole job: what is chosen is the best as measured. That of a layer is here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from convgen import jobs, planning, reading
from convgen.bench.attempts import Attempts
from convgen.bench.decide import choose
from convgen.bench.insight import Wanted
from convgen.bench.trial import Bench, Trial
from convgen.errors import ConvgenError, NoFitError
from convgen.jobs import Found, Outcome
from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.options import Job
from convgen.progress import Say
from convgen.report import report, unfit
from convgen.report.nofit import no_fit
from convgen.report.verdict import Results
from convgen.schedule import select
from convgen.schedule.select import Selection
from convgen.targets import target
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ready:
    """A job, and what it is about: nothing of its options, spec and target is wrong by itself."""

    job: Job
    board: Target
    wanted: Wanted
    graph: Operator | Graph


def ready(job: Job, say: Say) -> Ready:
    """Read what *job* is about; *say* hears of it. Raises `ConvgenError`."""
    board = target.load(job.target)
    if job.plan.algorithm:
        select.check_name(job.plan.algorithm)
    wanted = jobs.wanted(job.run, board)
    say("reading")
    graph = reading.read(job.spec, job.read)
    if isinstance(graph, Graph):
        planning.refuse_layer_options(job.plan)
    return Ready(job=job, board=board, wanted=wanted, graph=graph)


def run(found: Ready, say: Say) -> Outcome:
    """Do the job; *say* hears what is going on. Raises `ConvgenError`; then nothing is written.

    Where nothing fits there is a report all the same.
    """
    job, graph, board, wanted = found.job, found.graph, found.board, found.wanted
    with jobs.caching(job.run):
        if isinstance(graph, Graph):
            from convgen import network_pipeline

            return network_pipeline.run(job, graph, board, wanted, say)
        return _run(job, graph, board, wanted, say)


def _run(job: Job, layer: Operator, board: Target, wanted: Wanted, say: Say) -> Outcome:
    selection = planning.selection_for(layer, board, job.plan)
    if not job.compare and not selection.hopeful:  # no tool is needed to know that
        found = _unfit(job, selection, no_fit(selection, []), board)
        return jobs.without_tools(found, layer, job.out)

    def act(bench: Bench, stage: Path) -> Found:
        known = selection
        if bench.target != board:
            known = planning.selection_for(layer, bench.target, job.plan)
        compare, ram = job.compare, selection.budget.ram
        attempts = Attempts(bench, stage, ram, say, roomy=compare, recall=not compare)
        try:
            chosen = _try(job, known, attempts)
        except NoFitError as error:
            return _unfit(job, known, error, board, bench, attempts)
        known = known.including(chosen.candidate)
        others = replace(wanted, timing=wanted.timing if job.compare else None, profile=False)
        trials = {
            trial.candidate: jobs.look_into(
                trial, bench, wanted if trial is chosen else others, say
            )
            for trial in attempts.trials
            if trial.candidate in known.candidates
        }
        results = Results(
            chosen=trials[chosen.candidate],
            trials=list(trials.values()),
            unbuilt=attempts.unbuilt,
            compared=job.compare,
        )
        described = report.build(known, results, jobs.tools(bench, board, results.chosen))
        return Found(chosen=results.chosen, report=described, failure=results.failure)

    remake = jobs.remake(job, board)
    return jobs.on_bench(job.run, board, layer, act, out=job.out, remake=remake)


def _unfit(
    job: Job,
    selection: Selection,
    failure: NoFitError,
    board: Target,
    bench: Bench | None = None,
    attempts: Attempts | None = None,
) -> Found:
    """Return what is to be kept where nothing fits: what there is, and what was tried."""
    described = unfit.of_layer(
        selection,
        attempts.trials if attempts else (),
        attempts.unbuilt if attempts else {},
        jobs.tools(bench, board),
        failure,
        compared=job.compare,
    )
    return Found(chosen=None, report=described, failure=failure)


def _try(job: Job, selection: Selection, attempts: Attempts) -> Trial:
    """Return the candidate chosen; all of them are tried if they are to be compared."""
    if job.compare:
        attempts.all(selection.wanted if job.plan.algorithm else selection.candidates)
    chosen = attempts.settled(lambda: choose(selection, attempts))
    if chosen is None:
        raise _no_fit(selection, attempts)
    return chosen


def _no_fit(selection: Selection, attempts: Attempts) -> ConvgenError:
    """Say what is needed: try also those that may need less than the ones that came so close."""
    if attempts.too_large and not attempts.trials:
        return attempts.too_large[0]
    for candidate in selection.wanted:
        least = min((trial.ram for trial in attempts.trials), default=candidate.ram)
        fits_flash = candidate.plan.constant_bytes <= selection.budget.flash
        if attempts.known(candidate) or (candidate.ram_without_stack < least and fits_flash):
            attempts.with_room(candidate)
    wanted = [trial for trial in attempts.trials if trial.candidate in selection.wanted]
    if attempts.unbuilt and not wanted:
        return next(iter(attempts.unbuilt.values()))
    return no_fit(selection, wanted)
