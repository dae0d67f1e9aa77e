"""The job of a layer: from the options of the command to files and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convgen import extracting, jobs, network_pipeline
from convgen.bench.attempts import Attempts
from convgen.bench.decide import choose
from convgen.bench.trial import Trial
from convgen.errors import ConvgenError
from convgen.formats import spec
from convgen.jobs import Job, Outcome
from convgen.model.operator import Operator
from convgen.progress import Say
from convgen.report import report
from convgen.report.nofit import no_fit
from convgen.report.verdict import Results
from convgen.schedule import select
from convgen.schedule.select import Budget, Candidate, Selection
from convgen.system import cache, process
from convgen.system.staging import staging_folder
from convgen.targets import target
from convgen.targets.target import Target


def run(job: Job, say: Say) -> Outcome:
    """Do *job*; *say* hears what is going on. Raises `ConvgenError`; then nothing is written."""
    with cache.kept_in(cache.usual_folder() if job.cache else None):
        if job.layer is None and jobs.is_model(job.spec):
            return network_pipeline.run(job, say)
        return _run(job, say)


def _run(job: Job, say: Say) -> Outcome:
    board = target.load(job.target)
    if job.algorithm:
        select.check_name(job.algorithm)
    wanted = jobs.wanted(job, board)
    say("reading the spec")
    layer = _layer(job)
    budget = jobs.budget_of(job, board)
    selection = _select(job, layer, board, budget)
    _refuse_hopeless(selection, job)
    given = jobs.vectors_for(job, layer)
    out = job.out or Path("convgen-out") / layer.name
    with staging_folder(out, jobs.file_names(layer.name)) as stage, process.allowance():
        bench = jobs.bench_for(job, board, given)
        if bench.target != board:
            selection = _select(job, layer, bench.target, budget)
        attempts = Attempts(bench, stage, budget.ram, say, roomy=job.compare)
        chosen = _try(job, selection, attempts)
        selection = selection.including(chosen.candidate)
        trials = [trial for trial in attempts.trials if trial.candidate in selection.candidates]
        if wanted:
            others = replace(wanted, timing=wanted.timing if job.compare else None, profile=False)
            trials = [
                jobs.look_into(trial, bench, wanted if trial is chosen else others, say)
                for trial in trials
            ]
            chosen = next(trial for trial in trials if trial.candidate is chosen.candidate)
        results = Results(
            chosen=chosen, trials=trials, unbuilt=attempts.unbuilt, compared=job.compare
        )
        described = report.build(selection, results, jobs.tools(bench, board, chosen))
        jobs.publish_with(described, chosen, out)
    return Outcome(report=described, out=out, failure=results.failure)


def _layer(job: Job) -> Operator:
    """Return the layer of a spec, or the one that is chosen of a model."""
    if job.layer is not None:
        return extracting.layer_of(job.spec, job.layer, job.name, job.reference)
    return spec.load(job.spec, allow_outside=job.allow_outside, seed=job.seed)


def _select(job: Job, layer: Operator, board: Target, budget: Budget) -> Selection:
    """Ask every algorithm, and put the candidates in order of preference."""
    apart, rejected = select.survey(layer, board, overlap=False)
    candidates = tuple(map(select.overlapping, apart)) if job.overlap else apart

    def wanted(able: Sequence[Candidate]) -> tuple[Candidate, ...]:
        if job.algorithm:
            return select.named(job.algorithm, able, rejected)
        return select.undemanding(able)

    candidates, apart = (select.preference(each, job.optimize) for each in (candidates, apart))
    return Selection(
        goal=job.optimize,
        budget=budget,
        candidates=candidates,
        wanted=wanted(candidates),
        rejected=rejected,
        apart=wanted(apart) if job.overlap else (),
    )


def _refuse_hopeless(selection: Selection, job: Job) -> None:
    """Stop before any tool is needed if not even tensors and workspace fit."""
    budget = selection.budget
    if not job.compare and not any(
        budget.holds(c.ram_without_stack, c.plan.constant_bytes) for c in selection.wanted
    ):
        raise no_fit(selection, [])


def _try(job: Job, selection: Selection, attempts: Attempts) -> Trial:
    """Return the candidate chosen; all of them are tried if they are to be compared."""
    if job.compare:
        attempts.all(selection.wanted if job.algorithm else selection.candidates)
    chosen = choose(selection, attempts)
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
