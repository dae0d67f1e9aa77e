"""What is to be printed, chosen by prediction: an algorithm for a layer, a network's schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convgen.bench.program import Subject
from convgen.errors import UsageError
from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.options import PlanOptions
from convgen.report.nofit import no_fit
from convgen.schedule import select
from convgen.schedule.select import Budget, Candidate, Selection
from convgen.targets.target import Target

if TYPE_CHECKING:
    from convgen.schedule.network import Planner


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planned:
    """A layer or network, planned for a target within a budget; sizes in bytes.

    ``ram``, ``flash`` and ``instructions`` of one call are predictions. ``selection`` is what else
    could do a layer, None of a network.
    """

    target: Target
    budget: Budget
    subject: Subject
    selection: Selection | None = None

    @property
    def name(self) -> str:
        """The prefix of its symbols and files."""
        return self.subject.computes.name

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Which algorithm does each operator."""
        return self.subject.algorithms

    @property
    def ram(self) -> int:
        """Tensors, workspace and stack."""
        return self.subject.ram

    @property
    def flash(self) -> int:
        """Code and constants."""
        return self.subject.flash

    @property
    def instructions(self) -> int:
        """Of one call."""
        return self.subject.instructions


def plan(graph: Operator | Graph, board: Target, options: PlanOptions) -> Planned:
    """Return what is predicted to be best by the goal within the budget, or to come nearest to it.

    Predictions of stack and code are of the most that was seen. Raises NoFitError where even
    tensors, workspace and constants are over the budget, and UsageError.
    """
    if isinstance(graph, Graph):
        return _network(graph, board, options)
    return _layer(graph, board, options)


def budget_of(options: PlanOptions, board: Target) -> Budget:
    """Return the bytes that may be used: of *board* where *options* name none."""
    ram, flash = options.ram_bytes, options.flash_bytes
    return Budget(
        ram=board.memory.ram if ram is None else ram,
        flash=board.memory.flash if flash is None else flash,
    )


def refuse_layer_options(options: PlanOptions) -> None:
    """Refuse what a network cannot be asked. Raises UsageError."""
    if options.algorithm:
        raise UsageError("--algorithm: a network has one for each operator; expected a layer")


def selection_for(layer: Operator, board: Target, options: PlanOptions) -> Selection:
    """Ask every algorithm, and put the candidates in order of preference."""
    apart, rejected = select.survey(layer, board, overlap=False)
    candidates = tuple(map(select.overlapping, apart)) if options.overlap else apart

    def wanted(able: Sequence[Candidate]) -> tuple[Candidate, ...]:
        if options.algorithm:
            return select.named(options.algorithm, able, rejected)
        return select.undemanding(able)

    candidates, apart = (select.preference(each, options.goal) for each in (candidates, apart))
    return Selection(
        goal=options.goal,
        budget=budget_of(options, board),
        candidates=candidates,
        wanted=wanted(candidates),
        rejected=rejected,
        apart=wanted(apart) if options.overlap else (),
    )


def _layer(layer: Operator, board: Target, options: PlanOptions) -> Planned:
    selection = selection_for(layer, board, options)
    budget = selection.budget
    if not selection.hopeful:
        raise no_fit(selection, [])
    fitting = [c for c in selection.hopeful if c.fits(budget)]
    chosen = fitting[0] if fitting else min(selection.hopeful, key=lambda c: (c.ram, c.flash))
    return Planned(target=board, budget=budget, subject=chosen, selection=selection)


def _network(graph: Graph, board: Target, options: PlanOptions) -> Planned:
    from convgen.schedule.approach import planned_near

    refuse_layer_options(options)
    budget = budget_of(options, board)
    schedule = planned_near(planner(graph, board, options), options.goal, budget)
    return Planned(target=board, budget=budget, subject=schedule)


def planner(graph: Graph, board: Target, options: PlanOptions) -> Planner:
    """Return what plans *graph* as *options* ask. Raises SpecError and UsageError."""
    from convgen.schedule.network import Planner

    return Planner(graph, board, options.fusion, options.fed)
