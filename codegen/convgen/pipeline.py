"""The whole job: from the options of the command to files and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convgen import emulator, report, select, spec, target, toolchain, vectors
from convgen.errors import NoFitError, UsageError, VerificationError
from convgen.layer import Layer
from convgen.progress import Say
from convgen.report import Report
from convgen.select import Budget, Candidate, Goal, Rejected
from convgen.staging import publish, staging_folder
from convgen.target import Target
from convgen.trial import Bench, Trial, attempt
from convgen.vectors import Vectors


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The report, where the files are, and the verdict if the layer is wrong."""

    report: Report
    out: Path
    failure: VerificationError | None


def run(job: Job, say: Say) -> Outcome:
    """Do *job*; *say* hears what is going on. Raises `ConvgenError`; then nothing is written."""
    board = target.load(job.target)
    if job.algorithm:
        select.check_name(job.algorithm)
    say("reading the spec")
    layer = spec.load(job.spec, allow_outside=job.allow_outside, seed=job.seed)
    budget = Budget(
        ram=board.memory.ram if job.ram is None else job.ram,
        flash=board.memory.flash if job.flash is None else job.flash,
    )
    candidates, _ = _survey(job, layer, board)
    _refuse_hopeless(candidates, budget, job)
    given = _vectors(job, layer)
    out = job.out or Path("convgen-out") / layer.name
    with staging_folder(out) as stage:
        bench = _bench(job, board, given)
        candidates, rejected = _survey(job, layer, bench.target)
        trials = _try(job, candidates, bench, budget, stage, say)
        chosen = _chosen(trials, candidates, budget, job)
        text = report.build(
            chosen=chosen,
            trials={trial.candidate.algorithm: trial for trial in trials},
            candidates=candidates,
            rejected=rejected,
            budget=budget,
            optimize=job.optimize,
            tools=_tools(bench, board),
        )
        (chosen.folder / "report.json").write_text(report.as_json(text), encoding="utf-8")
        publish(chosen.folder, out)
    return Outcome(report=text, out=out, failure=_failure(chosen, trials))


def _survey(
    job: Job, layer: Layer, board: Target
) -> tuple[tuple[Candidate, ...], tuple[Rejected, ...]]:
    """Return the candidates in order of preference, and the rejected."""
    candidates, rejected = select.survey(layer, board, overlap=job.overlap)
    if job.algorithm:
        candidates = select.named(job.algorithm, candidates, rejected)
    return select.preference(candidates, job.optimize), rejected


def _refuse_hopeless(candidates: Sequence[Candidate], budget: Budget, job: Job) -> None:
    """Stop before any tool is needed if not even tensors and workspace fit."""
    if job.compare:
        return
    if not any(
        c.ram_without_stack <= budget.ram and c.plan.constant_bytes <= budget.flash
        for c in candidates
    ):
        raise _no_fit(candidates, [], budget)


def _vectors(job: Job, layer: Layer) -> Vectors:
    if job.vectors:
        return vectors.load(job.vectors, layer)
    return Vectors(inputs=vectors.make_inputs(layer, job.seed))


def _bench(job: Job, board: Target, given: Vectors) -> Bench:
    compiler = toolchain.find(job.toolchain, board)
    if job.emulator == "none":
        machine = next(iter(board.emulator.values())).machine
        return Bench(
            target=board, machine=machine, toolchain=compiler, emulator=None, vectors=given
        )
    chosen = emulator.choose(job.emulator, board)
    return Bench(
        target=chosen.target,
        machine=chosen.machine,
        toolchain=toolchain.find(job.toolchain, chosen.target),
        emulator=chosen,
        vectors=given,
    )


def _try(
    job: Job,
    candidates: Sequence[Candidate],
    bench: Bench,
    budget: Budget,
    stage: Path,
    say: Say,
) -> list[Trial]:
    """Try candidates in order, until one fits or, with ``--compare``, all of them."""
    trials: list[Trial] = []
    for candidate in candidates:
        if not job.compare and candidate.ram_without_stack > budget.ram:
            continue
        say(f"{candidate.algorithm}: generating, compiling, running")
        folder = stage / candidate.algorithm
        trial = attempt(candidate, bench, folder, budget.ram, roomy=job.compare)
        trials.append(trial)
        if trial.fits(budget) and not job.compare:
            break
    return trials


def _chosen(
    trials: Sequence[Trial], candidates: Sequence[Candidate], budget: Budget, job: Job
) -> Trial:
    fitting = [trial for trial in trials if trial.fits(budget)]
    if not fitting:
        raise _no_fit(candidates, trials, budget)
    if job.compare and job.optimize == "speed":
        return min(fitting, key=lambda trial: trial.instructions or trial.candidate.instructions)
    return fitting[0]


def _no_fit(
    candidates: Sequence[Candidate], trials: Sequence[Trial], budget: Budget
) -> NoFitError:
    """Name the smallest need, of what, and the shortfall."""
    smallest = min(candidates, key=lambda c: (c.ram_without_stack, c.flash))
    trial = next((t for t in trials if t.candidate is smallest), None)
    stack = trial.stack if trial and trial.stack is not None else smallest.stack
    ram = smallest.ram_without_stack + stack
    about = "" if trial else "about "
    tensors = (
        f"pool {smallest.pool.bytes:,}"
        if smallest.pool
        else f"input {smallest.plan.layer.input_bytes:,} + "
        f"output {smallest.plan.layer.output_bytes:,}"
    )
    lines = ["no algorithm fits the budget"]
    if ram > budget.ram:
        lines.append(
            f"RAM: {smallest.algorithm} needs the least, {about}{ram:,} bytes: {tensors} + "
            f"workspace {smallest.plan.workspace_bytes:,} + stack {stack:,}; the budget of "
            f"{budget.ram:,} is {ram - budget.ram:,} short"
        )
    lean = min(candidates, key=lambda c: c.flash)
    trial = next((t for t in trials if t.candidate is lean), None)
    flash = trial.flash if trial else lean.flash
    if flash > budget.flash:
        lines.append(
            f"flash: {lean.algorithm} needs the least, {'' if trial else 'about '}{flash:,} bytes: "
            f"constants {lean.plan.constant_bytes:,} + code {flash - lean.plan.constant_bytes:,}; "
            f"the budget of {budget.flash:,} is {flash - budget.flash:,} short"
        )
    return NoFitError("\n".join(lines))


def _tools(bench: Bench, board: Target) -> Report:
    chosen = bench.emulator
    described: Report = {"kind": "none"}
    if chosen:
        described = {
            "kind": chosen.kind,
            "machine": chosen.machine_name,
            "version": chosen.version,
            "notes": list(chosen.notes),
        }
    return {
        "target": board.name,
        "emulator": described,
        "toolchain": {
            "compiler": bench.toolchain.version,
            "flags": list(bench.toolchain.flags),
        },
    }


def _failure(chosen: Trial, trials: Sequence[Trial]) -> VerificationError | None:
    wrong = [trial for trial in (chosen, *trials) if trial.failure]
    if not wrong:
        return None
    first = wrong[0]
    return VerificationError(
        f"{first.candidate.algorithm} is wrong: {first.failure}"
    )
