"""The job of a network: from the options of the command to files and a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convgen import jobs
from convgen.bench.trial import Bench, Trial, attempt
from convgen.ctext.identifiers import objection
from convgen.errors import NoFitError, UsageError, VerificationError
from convgen.formats.tflite import reader
from convgen.formats.tflite.scene import identifier
from convgen.jobs import Job, Outcome
from convgen.model.graph import Graph
from convgen.model.passes import simplified
from convgen.model.passes.ends import quantized_ends
from convgen.model.passes.states import settle_states
from convgen.model.whole import Whole
from convgen.printable import word
from convgen.progress import Say
from convgen.report import network_report
from convgen.schedule import network
from convgen.schedule.network import Schedule
from convgen.schedule.select import Budget
from convgen.schedule.steps import Step, survey
from convgen.system import process
from convgen.system.staging import staging_folder
from convgen.targets import target

MOST_PLANS = 4  # tried one after the other, where what is measured is more than was predicted
CURVE = 6  # plans of a comparison, from the least RAM to the fewest instructions


def run(job: Job, say: Say) -> Outcome:
    """Do *job*; *say* hears what is going on. Raises `ConvgenError`; then nothing is written."""
    board = target.load(job.target)
    wanted = jobs.wanted(job, board)
    _refuse_layer_options(job)
    say("reading the model")
    graph = reader.load(job.spec, _name(job), job.reference).graph
    if job.ends == "quantized":
        graph = quantized_ends(graph)
    graph, saved = simplified(graph)
    graph = settle_states(graph)
    budget = jobs.budget_of(job, board)
    say("planning")
    steps = survey(graph, board)
    network.planned_near(steps, graph, job.optimize, budget)  # refuse before any tool is needed
    given = jobs.vectors_for(job, Whole(graph))
    out = job.out or Path("convgen-out") / graph.name
    with staging_folder(out, jobs.file_names(graph.name)) as stage, process.allowance():
        bench = jobs.bench_for(job, board, given)
        if bench.target != board:
            steps = survey(graph, bench.target)
        planner = _Planner(graph, steps, bench, stage, say)
        trials = list(planner.curve(budget)) if job.compare else []
        chosen = planner.fitting(job, budget)
        chosen = jobs.look_into(chosen, bench, wanted, say)
        described = network_report.build(
            chosen, [*trials, chosen], saved, budget, jobs.tools(bench, board, chosen)
        ) | {"io": job.ends, "reference": job.reference}
        jobs.publish_with(described, chosen, out)
    return Outcome(report=described, out=out, failure=_failure([chosen, *trials]))


def _name(job: Job) -> str:
    """Return the prefix of symbols and files. Raises UsageError."""
    if job.name is None:
        return identifier(job.spec.stem, set())
    if found := objection(job.name):
        raise UsageError(f"--name: expected {found}, got '{word(job.name)}'")
    return job.name


def _refuse_layer_options(job: Job) -> None:
    if job.algorithm:
        raise UsageError("--algorithm: a network has one for each operator; expected a layer")


def _failure(trials: Sequence[Trial]) -> VerificationError | None:
    wrong = [trial for trial in trials if trial.failure]
    if not wrong:
        return None
    return VerificationError(f"{wrong[0].program.label} is wrong: {wrong[0].failure}")


@dataclass(slots=True)
class _Planner:
    """Plans of one network, built and run one after the other, each in a folder of its own."""

    graph: Graph
    steps: Sequence[Step]
    bench: Bench
    stage: Path
    say: Say
    tried: int = 0

    def fitting(self, job: Job, budget: Budget) -> Trial:
        """Return the plan for the goal of *job* that fits *budget* as measured.

        Where it does not, the next is planned for as much less as that was over. Raises NoFitError.
        """
        within = budget
        tried: list[Trial] = []
        while len(tried) < MOST_PLANS:
            try:
                schedule = network.planned_near(self.steps, self.graph, job.optimize, within)
            except NoFitError:
                if not tried:
                    raise
                break
            tried.append(self.tests(schedule, budget.ram))
            if tried[-1].fits(budget):
                return tried[-1]
            within = Budget(
                ram=within.ram - max(0, tried[-1].ram - budget.ram),
                flash=within.flash - max(0, tried[-1].flash - budget.flash),
            )
        raise _no_fit(tried, budget)

    def curve(self, budget: Budget) -> Iterator[Trial]:
        """Yield plans from the least RAM to the fewest instructions, each built and run."""
        for schedule in _curve(self.steps, self.graph, budget):
            yield self.tests(schedule, budget.ram)

    def tests(self, schedule: Schedule, ram: int) -> Trial:
        """Build and run *schedule*."""
        folder = self.stage / str(self.tried)
        self.tried += 1
        self.say(f"{schedule.label}: generating, compiling, running")
        return attempt(schedule, self.bench, folder, ram, roomy=True)


def _no_fit(tried: Sequence[Trial], budget: Budget) -> NoFitError:
    """Say what the plan that was nearest needs."""
    nearest = min(tried, key=lambda trial: max(trial.ram - budget.ram, trial.flash - budget.flash))
    needs = (("RAM", nearest.ram, budget.ram), ("flash", nearest.flash, budget.flash))
    short = [
        f"{need:,} bytes of {what}; the budget of {limit:,} is {need - limit:,} short"
        for what, need, limit in needs
        if need > limit
    ]
    return NoFitError(f"no plan fits the budget: the nearest needs {', and '.join(short)}")


def _curve(steps: Sequence[Step], graph: Graph, budget: Budget) -> list[Schedule]:
    """Return plans that differ, their RAM in even steps of ratio between least and most."""
    least = network.plan(steps, graph, "workspace", budget)
    fastest = network.plan(steps, graph, "speed", budget)
    found = {least.algorithms: least, fastest.algorithms: fastest}
    ratio = fastest.ram / least.ram
    for number in range(1, CURVE - 1):
        ram = int(least.ram * ratio ** (number / (CURVE - 1)))
        between = network.plan(steps, graph, "speed", replace(budget, ram=max(ram, least.ram)))
        found.setdefault(between.algorithms, between)
    return sorted(found.values(), key=lambda schedule: schedule.ram)
