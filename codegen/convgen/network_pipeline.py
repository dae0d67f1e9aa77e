"""The job of a network: from a graph to files and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from convgen import jobs, planning
from convgen.bench import blame, operators
from convgen.bench.insight import Wanted
from convgen.bench.trial import Bench, Trial, attempt
from convgen.choices import Goal
from convgen.errors import MachineTooSmallError, NoFitError, UsageError
from convgen.jobs import Found, Outcome
from convgen.model.graph import Graph
from convgen.model.whole import Whole
from convgen.options import Job
from convgen.progress import Say
from convgen.report import network_advice, network_report, unfit
from convgen.report.network_report import Compared
from convgen.report.report import Report
from convgen.report.verdict import Results, short_of
from convgen.schedule import approach, network
from convgen.schedule.network import Planner, Schedule
from convgen.schedule.select import Budget
from convgen.targets.target import Target

CURVE = 6  # plans of a comparison, from the least RAM to the fewest instructions


def run(job: Job, graph: Graph, board: Target, wanted: Wanted, say: Say) -> Outcome:
    """Do *job*, which *graph* was read for; *say* hears what is going on.

    Raises `ConvgenError`; then nothing is written.
    """
    say("planning")
    budget = planning.budget_of(job.plan, board)
    planner = planning.planner(graph, board, job.plan)
    try:
        approach.hopeful(planner, job.plan.goal, budget)  # no tool is needed to know what is not
    except NoFitError as error:
        if job.compare:  # what there is instead is to be measured
            return _compared_over(job, graph, board, budget, error, say)
        found = _unfit(job, graph, budget, error, jobs.tools(None, board))
        return jobs.without_tools(found, Whole(graph), job.out)

    def act(bench: Bench, stage: Path) -> Found:
        bench = bench.for_network(job.plan.goal)
        same = bench.target == board
        plans = planner if same else planning.planner(graph, bench.target, job.plan)
        tries = _Trials(plans, bench, stage, say)
        try:
            chosen = tries.fitting(job.plan.goal, budget)
        except NoFitError as error:
            over = tries.over(budget) if job.compare else []
            tried = (*tries.misses, *over)
            return _unfit(job, graph, budget, error, jobs.tools(bench, board), tried)
        compared = tries.compared(chosen, budget, both=not job.plan.feed) if job.compare else None
        chosen = jobs.look_into(chosen, bench, wanted, say)
        chosen, differs = blame.looked_into(chosen, bench, stage, budget.ram)
        counted = operators.shares(chosen, bench, stage / "counted")
        results = Results(chosen=chosen, trials=[chosen, *(compared.trials if compared else ())])
        tools = jobs.tools(bench, board, chosen)
        advice = network_advice.advise(plans, chosen.schedule, budget)
        described = network_report.build(
            results,
            budget,
            tools,
            differs,
            counted,
            advice,
            compared=compared,
            beside=jobs.beside(chosen),
        )
        return Found(chosen=chosen, report=described, failure=results.failure)

    remake = jobs.remake(job, board)
    return jobs.on_bench(job.run, board, Whole(graph), act, out=job.out, remake=remake)


def _compared_over(
    job: Job, graph: Graph, board: Target, budget: Budget, failure: NoFitError, say: Say
) -> Outcome:
    """Measure plans in the room that they need, since none fits."""

    def act(bench: Bench, stage: Path) -> Found:
        bench = bench.for_network(job.plan.goal)
        plans = planning.planner(graph, bench.target, job.plan)
        tried = _Trials(plans, bench, stage, say).over(budget)
        return _unfit(job, graph, budget, failure, jobs.tools(bench, board), tried)

    return jobs.on_bench(job.run, board, Whole(graph), act, out=job.out, remake=None)


def _unfit(
    job: Job,
    graph: Graph,
    budget: Budget,
    failure: NoFitError,
    tools: Report,
    tried: Sequence[Trial] = (),
) -> Found:
    """Return what is to be kept where no plan fits."""
    described = unfit.of_network(graph, job.plan.goal, budget, tried, tools, str(failure))
    return Found(chosen=None, report=described, failure=failure)


@dataclass(slots=True)
class _Trials:
    """Plans of one network, built and run one after the other, each in a folder of its own."""

    planner: Planner
    bench: Bench
    stage: Path
    say: Say
    tried: int = 0
    misses: list[Trial] = field(default_factory=list)
    """What did not fit as measured."""

    def fitting(self, goal: Goal, budget: Budget) -> Trial:
        """Return the plan for *goal* that fits *budget* as measured. Raises NoFitError."""
        trials: list[Trial] = []

        def measured(schedule: Schedule) -> tuple[int, int]:
            trials.append(self.tests(schedule, budget.ram))
            return trials[-1].ram, trials[-1].flash

        found = approach.first_fitting(self.planner, goal, budget, measured)
        if found:
            return trials[-1]
        if not trials:
            self.planner.plan(goal, budget)  # which says what is short
        self.misses = trials
        raise _no_fit(trials, budget)

    def compared(self, chosen: Trial, budget: Budget, *, both: bool) -> Compared:
        """Build and run plans from the least RAM to the fewest instructions.

        And that of *chosen*, one operator after the other. *both*: for both ways to feed the input.
        """
        room = _holding(budget, chosen.schedule)
        trials = self._each(_curve(self.planner, room), budget.ram)
        refused = None
        if both:
            try:
                fed = _curve(self.planner.fed_by_rows(), room)
                trials += self._each(fed, budget.ram)
            except (NoFitError, UsageError) as error:
                refused = str(error)
        apart = self._unfused(chosen.schedule, budget.ram)
        return Compared(
            trials=(*trials, *([apart] if apart else [])), unfused=apart, refused=refused
        )

    def over(self, budget: Budget) -> list[Trial]:
        """Build and run plans from the least RAM to the fewest instructions, whatever they need.

        None where the machine has no room for them.
        """
        room = Budget(ram=self.bench.machine.layer_bytes, flash=self.bench.machine.code_bytes)
        try:
            return self._each(_curve(self.planner, room), budget.ram)
        except (NoFitError, MachineTooSmallError):
            return []

    def _each(self, schedules: Sequence[Schedule], ram: int) -> list[Trial]:
        """Build and run all of *schedules*."""
        count = len(schedules)
        return [self.tests(each, ram, f"{n}/{count} ") for n, each in enumerate(schedules, 1)]

    def _unfused(self, schedule: Schedule, ram: int) -> Trial | None:
        """Build and run *schedule* unfused, None where it is that already, or has no room.

        Nor where it goes over strips: the algorithms are chosen for these.
        """
        if not schedule.fused or schedule.over_strips:
            return None
        try:
            return self.tests(network.unfused(schedule), ram)
        except MachineTooSmallError:
            return None

    def tests(self, schedule: Schedule, ram: int, number: str = "") -> Trial:
        """Build and run *schedule*, which is the one of that *number*."""
        folder = self.stage / str(self.tried)
        self.tried += 1
        self.say(f"{number}{schedule.label}: generating, compiling, running")
        return attempt(schedule, self.bench, folder, ram, roomy=True)


def _no_fit(tried: Sequence[Trial], budget: Budget) -> NoFitError:
    """Say what the plan that was nearest needs."""
    nearest = min(tried, key=lambda trial: max(trial.ram - budget.ram, trial.flash - budget.flash))
    return NoFitError(f"no plan fits the budget: the nearest needs {short_of(nearest, budget)}")


def _holding(budget: Budget, schedule: Schedule) -> Budget:
    """Return *budget*, or what is predicted of *schedule* where that is more: it fits."""
    return Budget(ram=max(budget.ram, schedule.ram), flash=max(budget.flash, schedule.flash))


def _curve(planner: Planner, budget: Budget) -> list[Schedule]:
    """Return plans that differ, their RAM in even steps of ratio between least and most."""
    least = planner.plan("workspace", budget)
    fastest = planner.plan("speed", budget)
    found = {least.form: least, fastest.form: fastest}
    ratio = fastest.ram / least.ram
    for number in range(1, CURVE - 1):
        ram = int(least.ram * ratio ** (number / (CURVE - 1)))
        between = planner.plan("speed", replace(budget, ram=max(ram, least.ram)))
        found.setdefault(between.form, between)
    return sorted(found.values(), key=lambda schedule: schedule.ram)
