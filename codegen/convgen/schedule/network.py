"""A network planned: which algorithm does each operator, and where its tensors lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from convgen.choices import Goal
from convgen.errors import NoFitError
from convgen.model.graph import Graph
from convgen.model.whole import Whole
from convgen.plans.plan import Plan
from convgen.schedule.arena import Arena, Block, Overlap, Place, aligned, arrange
from convgen.schedule.choice import (
    Choice,
    Chosen,
    choose,
    flash_of,
    least_arena,
    least_constants,
    speed,
)
from convgen.schedule.select import Budget
from convgen.schedule.steps import Option, Step, lives_of

ENDLESS = 2**62  # bytes
MOST_CHOICES = 8  # made where tensors do not find places in the bytes they were made for


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """A network planned: a plan for each operator, and the arena of all. Sizes in bytes.

    ``stack``, ``flash`` and ``instructions_of`` each operator are predictions.
    """

    graph: Graph
    goal: Goal
    plans: tuple[Plan, ...]
    arena: Arena
    stack: int
    flash: int
    instructions_of: tuple[int, ...]

    @property
    def instructions(self) -> int:
        """Predicted instructions of one call."""
        return sum(self.instructions_of)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Which algorithm does each operator."""
        return tuple(plan.algorithm for plan in self.plans)

    @property
    def computes(self) -> Whole:
        """What outputs are compared with."""
        return Whole(self.graph)

    @property
    def label(self) -> str:
        """What tells it from others."""
        return f"the plan of {self.arena.bytes:,} bytes"

    @property
    def ram_without_stack(self) -> int:
        """Bytes of RAM that are known exactly before anything is built."""
        return self.arena.bytes

    @property
    def ram(self) -> int:
        """Predicted bytes of RAM in all."""
        return self.arena.bytes + self.stack

    @property
    def constant_bytes(self) -> int:
        """Bytes of all constants."""
        return sum(plan.constant_bytes for plan in self.plans)

    @property
    def state_bytes(self) -> int:
        """Bytes at the beginning of the arena that are kept between calls."""
        return sum(aligned(state.tensor.bytes) for state in self.graph.states)


def workspace_name(number: int) -> str:
    """Return what the workspace of operator *number* is called in the arena."""
    return f"workspace of operator {number}"


def plan(steps: Sequence[Step], graph: Graph, goal: Goal, budget: Budget) -> Schedule:
    """Choose an option for every step and place all tensors. Raises NoFitError.

    Where tensors cannot be placed as near to each other as each step alone would allow, options
    are chosen again for as many bytes less as were missing.
    """
    within = budget
    for _ in range(MOST_CHOICES):
        chosen = choose(steps, goal, within)
        best = _arranged(steps, chosen.choice, graph, goal)
        if best.arena.bytes > chosen.arena:
            best = _narrower(best, steps, chosen, graph)
        if best.ram <= budget.ram:
            return best
        within = replace(within, ram=within.ram - (best.ram - budget.ram))
    raise NoFitError(
        f"the network needs about {best.ram:,} bytes of RAM at least, expected at most "
        f"{budget.ram:,}"
    )


def planned_near(steps: Sequence[Step], graph: Graph, goal: Goal, budget: Budget) -> Schedule:
    """Return what `plan` does or, where that is refused, what comes nearest to *budget*.

    Predictions of stack and code are of the most that was seen; a measurement may be within the
    budget yet. Raises NoFitError where even tensors, workspaces and constants are not.
    """
    try:
        return plan(steps, graph, goal, budget)
    except NoFitError:
        if not budget.holds(least_arena(steps), least_constants(steps)):
            raise
    try:
        return plan(steps, graph, "workspace", replace(budget, ram=ENDLESS))
    except NoFitError:
        return plan(steps, graph, "flash", replace(budget, flash=ENDLESS))


def _narrower(best: Schedule, steps: Sequence[Step], chosen: Chosen, graph: Graph) -> Schedule:
    """Return a schedule in less RAM than *best*, if there is one.

    Neighbours that can only be done from the first row on push each other to one end. So begin
    with what can be done from either end, and go back to what was chosen where there is room.
    """
    turning = tuple(
        option if _turns(option) else _turning(step, option)
        for option, step in zip(chosen.choice, steps, strict=True)
    )
    found = _arranged(steps, turning, graph, best.goal)
    if found.ram >= best.ram or flash_of(turning) > chosen.flash:
        return best
    room, choice = found.ram, turning
    for number, option in enumerate(chosen.choice):
        other = (*choice[:number], option, *choice[number + 1 :])
        if other != choice and flash_of(other) <= chosen.flash:
            schedule = _arranged(steps, other, graph, best.goal)
            if schedule.ram <= room:
                found, choice = schedule, other
    return found


def _turning(step: Step, instead: Option) -> Option:
    """Return what of *step* can be done from either end in the least RAM, or *instead*."""
    able = [
        (need + option.candidate.stack, speed(option), option)
        for need, option in zip(step.needs, step.options, strict=True)
        if _turns(option)
    ]
    return min(able, key=lambda one: one[:2], default=(0, 0, instead))[-1]


def _turns(option: Option) -> bool:
    """Whether *option* can be done from either end, or in place."""
    in_place = any(0 in (way.above, way.below) for way in option.ways)
    return in_place or len(option.ways) > 1


def _arranged(steps: Sequence[Step], chosen: Choice, graph: Graph, goal: Goal) -> Schedule:
    """Place the tensors and workspaces of *chosen*, and settle in which order each step goes."""
    tensors = lives_of(graph)
    workspaces = [
        Block(
            what=workspace_name(step.number),
            bytes=option.workspace,
            first=step.number,
            last=step.number,
        )
        for step, option in zip(steps, chosen, strict=True)
        if option.workspace
    ]
    overlaps = [
        Overlap(
            input=tensor.name,
            output=step.operator.outputs[0].name,
            gaps=step.gaps(option, tensor),
        )
        for step, option in zip(steps, chosen, strict=True)
        for tensor in step.dying
    ]
    bound = max(
        step.needs[step.options.index(option)] for step, option in zip(steps, chosen, strict=True)
    )
    kept = dict.fromkeys(state.tensor.name for state in graph.states)
    states = [tensors[name] for name in kept]
    moving = [block for name, block in tensors.items() if name not in kept]
    arena = _behind(states, arrange([*moving, *workspaces], overlaps, bound - _room(states)))
    return Schedule(
        graph=graph,
        goal=goal,
        plans=tuple(
            _settled(step, option, arena) for step, option in zip(steps, chosen, strict=True)
        ),
        arena=arena,
        stack=max(option.candidate.stack for option in chosen),
        flash=flash_of(chosen),
        instructions_of=tuple(map(speed, chosen)),
    )


def _room(blocks: Iterable[Block]) -> int:
    return sum(block.room for block in blocks)


def _behind(states: Sequence[Block], arena: Arena) -> Arena:
    """Return *arena* with *states*, which are always needed, one after the other before it."""
    size = _room(states)
    offsets = accumulate((block.room for block in states), initial=0)
    return Arena(
        bytes=size + arena.bytes,
        places=(
            *(Place(block=block, offset=at) for block, at in zip(states, offsets, strict=False)),
            *(replace(place, offset=size + place.offset) for place in arena.places),
        ),
    )


def _settled(step: Step, option: Option, arena: Arena) -> Plan:
    """Return the plan of *option* in the first order that suits where the tensors lie."""
    output = step.operator.outputs[0]
    for way in option.ways:
        if not any(
            least < arena.offset(tensor.name) - arena.offset(output.name) < most
            for tensor in step.dying
            for least, most in way.gaps(tensor, output)
        ):
            return way.plan
    raise ValueError(f"{step.operator.name}: no order suits where its tensors are")
