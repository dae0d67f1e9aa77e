"""The whole job: from the options of the command to files and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convgen import extracting
from convgen.bench import insight
from convgen.bench.attempts import Attempts
from convgen.bench.build import toolchain
from convgen.bench.code.blocks import Counts
from convgen.bench.decide import choose
from convgen.bench.insight import Wanted
from convgen.bench.proof import vectors
from convgen.bench.proof.vectors import Vectors
from convgen.bench.run import emulator
from convgen.bench.trial import Bench, Trial
from convgen.choices import Goal
from convgen.errors import ConvgenError, UsageError
from convgen.formats import spec
from convgen.model.operator import Operator
from convgen.progress import Say
from convgen.report import report
from convgen.report.nofit import no_fit
from convgen.report.report import Report
from convgen.report.verdict import Results
from convgen.schedule import select
from convgen.schedule.select import Budget, Candidate, Selection
from convgen.sources import generate
from convgen.sources.remake import Remake
from convgen.system import cache, process
from convgen.system.publishing import REPORT, publish
from convgen.system.staging import staging_folder
from convgen.targets import target
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The options of the command, parsed; None: the default."""

    spec: Path
    target: str
    ram: int | None = None
    flash: int | None = None
    optimize: Goal = "workspace"
    algorithm: str | None = None
    overlap: bool = False
    seed: int = 0
    allow_outside: bool = False
    compare: bool = False
    out: Path | None = None
    emulator: str = "auto"
    toolchain: str = "auto"
    vectors: Path | None = None
    cycles: bool = False
    flash_wait_states: int = 0
    profile: bool = False
    cache: bool = True
    layer: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The report, where the files are, and what to end with if not all is well."""

    report: Report
    out: Path
    failure: ConvgenError | None


def run(job: Job, say: Say) -> Outcome:
    """Do *job*; *say* hears what is going on. Raises `ConvgenError`; then nothing is written."""
    with cache.kept_in(cache.usual_folder() if job.cache else None):
        return _run(job, say)


def _run(job: Job, say: Say) -> Outcome:
    board = target.load(job.target)
    if job.algorithm:
        select.check_name(job.algorithm)
    wanted = _wanted(job, board)
    say("reading the spec")
    layer = _layer(job)
    budget = Budget(
        ram=board.memory.ram if job.ram is None else job.ram,
        flash=board.memory.flash if job.flash is None else job.flash,
    )
    selection = _select(job, layer, board, budget)
    _refuse_hopeless(selection, job)
    given = _vectors(job, layer)
    out = job.out or Path("convgen-out") / layer.name
    with staging_folder(out, _file_names(layer)) as stage, process.allowance():
        bench = _bench(job, board, given)
        if bench.target != board:
            selection = _select(job, layer, bench.target, budget)
        attempts = Attempts(bench, stage, budget.ram, say, roomy=job.compare)
        chosen = _try(job, selection, attempts)
        selection = selection.including(chosen.candidate)
        trials = [trial for trial in attempts.trials if trial.candidate in selection.candidates]
        if wanted:
            others = replace(wanted, timing=wanted.timing if job.compare else None, profile=False)
            trials = [
                _insight(trial, bench, wanted if trial is chosen else others, say)
                for trial in trials
            ]
            chosen = next(trial for trial in trials if trial.candidate is chosen.candidate)
        results = Results(
            chosen=chosen, trials=trials, unbuilt=attempts.unbuilt, compared=job.compare
        )
        described = report.build(selection, results, _tools(bench, board, chosen))
        (chosen.folder / REPORT).write_text(
            report.as_json(described), encoding="utf-8", newline="\n"
        )
        toolchain.remove_intermediates(chosen.folder)
        publish(chosen.folder, out)
    return Outcome(report=described, out=out, failure=results.failure)


def _layer(job: Job) -> Operator:
    """Return the layer of a spec, or the one that is chosen of a model."""
    if job.layer is not None:
        return extracting.layer_of(job.spec, job.layer, job.name)
    return spec.load(job.spec, allow_outside=job.allow_outside, seed=job.seed)


def _file_names(layer: Operator) -> tuple[str, ...]:
    """Return every file that may be written."""
    return (*generate.file_names(layer.name), REPORT, *toolchain.file_names(layer.name))


def _wanted(job: Job, board: Target) -> Wanted:
    """Return what block counts are asked for; refuse early where there can be none."""
    wanted = insight.wanted(
        board,
        cycles=job.cycles,
        flash_wait_states=job.flash_wait_states,
        profile=job.profile,
    )
    option = "--cycles" if job.cycles else "--profile"
    if wanted and job.emulator == "none":
        raise UsageError(f"{option}: the layer must run, so not with --emulator none")
    if wanted and not emulator.counting(board):
        raise UsageError(f"{option}: no emulator counts what {board.name} executes")
    return wanted


def _insight(trial: Trial, bench: Bench, wanted: Wanted, say: Say) -> Trial:
    """Return *trial* with what its block counts tell, if it ran to the end."""
    if trial.run is None or not wanted:
        return trial
    say(f"{trial.candidate.algorithm}: counting what it executes")
    return insight.look_into(trial, bench.target, _block_counts(trial, bench), wanted)


def _block_counts(trial: Trial, bench: Bench) -> Counts:
    """Return how often each block ran: of the run, or of another where blocks are counted."""
    if trial.run and trial.run.blocks:
        return trial.run.blocks
    given = bench.vectors
    return emulator.block_counts(
        trial.image,
        bench.target,
        given.tobytes(),
        expected_instructions=trial.candidate.instructions * given.count,
    )


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


def _vectors(job: Job, layer: Operator) -> Vectors:
    """Return what to run; if nothing is to be run, it is read to be refused but not looked into."""
    runs = job.emulator != "none"
    if job.vectors:
        given = vectors.load(job.vectors, layer)
        return vectors.checked(layer, given) if runs else given
    return vectors.made_up(layer, job.seed) if runs else Vectors(inputs=())


def _bench(job: Job, board: Target, given: Vectors) -> Bench:
    compiler = toolchain.find(job.toolchain, board)
    remake = _remake(job, board)
    if job.emulator == "none":
        return Bench(
            target=board,
            machine=board.preferred_machine,
            toolchain=compiler,
            emulator=None,
            vectors=given,
            remake=remake,
        )
    chosen = emulator.choose(job.emulator, board)
    return Bench(
        target=chosen.target,
        machine=chosen.machine,
        toolchain=toolchain.find(job.toolchain, chosen.target),
        emulator=chosen,
        vectors=given,
        remake=remake,
    )


def _remake(job: Job, board: Target) -> Remake:
    """Return what of *job* the printed text depends on."""
    return Remake(
        spec=job.spec,
        target=job.target,
        seed=job.seed,
        allow_outside=job.allow_outside,
        ram=job.ram if job.ram and job.ram > board.memory.ram else None,
        flash=job.flash if job.flash and job.flash > board.memory.flash else None,
        layer=job.layer,
        name=job.name,
    )


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


def _tools(bench: Bench, board: Target, trial: Trial) -> Report:
    chosen = bench.emulator
    described: Report = {"kind": "none"}
    if chosen:
        described = {
            "kind": chosen.kind,
            "machine": chosen.machine_name,
            "version": chosen.version,
            "notes": [*chosen.notes, *(trial.run.notes if trial.run else ())],
        }
    return {
        "target": board.name,
        "machine": bench.machine,
        "emulator": described,
        "toolchain": {
            "compiler": bench.toolchain.version,
            "flags": list(bench.toolchain.flags),
        },
    }
