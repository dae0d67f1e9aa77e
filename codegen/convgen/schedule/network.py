"""A network planned: which algorithm does each operator, and where its tensors lie."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, product

from convgen.choices import Feed, Fusion, Goal
from convgen.errors import NoFitError, UsageError
from convgen.model.graph import Graph
from convgen.model.tensor import Tensor
from convgen.model.whole import Whole
from convgen.plans.plan import Plan
from convgen.schedule import inside
from convgen.schedule.arena import Arena, Block, Place, arrange
from convgen.schedule.choice import (
    Chosen,
    choose,
    flash_of,
    speed,
    too_little_flash,
    too_little_ram,
)
from convgen.schedule.flow import Flow
from convgen.schedule.fusion import Fused
from convgen.schedule.parts import height_of
from convgen.schedule.select import SAME_BYTES, Budget, Candidate
from convgen.schedule.stages import Cutter, Stage, single
from convgen.schedule.steps import Option, Step, fixed, lives_of, survey
from convgen.schedule.strip_stages import StripCutter
from convgen.schedule.strips import Strips
from convgen.targets.target import Target

ENDLESS = 2**62  # bytes
MORE_RAM = 1.1  # times, where plans of less take too much flash
WORTH_A_CALL = 250  # instructions of what is called: a call takes a dozen
MOST_CHOICES = 8  # made where tensors do not find places in the bytes they were made for


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """A network planned: a plan for each operator, and the arena of all. Sizes in bytes.

    ``stack`` and ``flash`` are predictions. ``candidates`` are what each operator is done by, in
    whatever order its plan settles.
    """

    graph: Graph
    goal: Goal
    plans: tuple[Plan, ...]
    arena: Arena
    stack: int
    flash: int
    candidates: tuple[Candidate, ...]
    fused: tuple[Fused, ...] = ()

    @cached_property
    def instructions_of(self) -> tuple[int, ...]:
        """Predicted instructions of each operator."""
        return tuple(candidate.instructions for candidate in self.candidates)

    @property
    def instructions(self) -> int:
        """Predicted instructions of one call."""
        return sum(self.instructions_of) + sum(fused.overhead for fused in self.fused)

    @cached_property
    def out_of_line(self) -> tuple[bool, ...]:
        """Whether each operator has a frame of its own on the stack: where a call costs little.

        Compilers join what they inline, and its frames. For the least flash it is left to them.
        """
        turns = {number: turns for fused in self.fused for number, turns in fused.turns.items()}
        return tuple(
            self.goal != "flash" and instructions >= WORTH_A_CALL * turns.get(number, 1)
            for number, instructions in enumerate(self.instructions_of)
        )

    @cached_property
    def stages(self) -> tuple[range, ...]:
        """The numbers of the operators of each stage."""
        behind = {fused.first: fused.last + 1 for fused in self.fused}
        found, number = [], 0
        while number < len(self.plans):
            found.append(range(number, behind.get(number, number + 1)))
            number = found[-1].stop
        return tuple(found)

    @property
    def over_strips(self) -> bool:
        """Whether a stage goes over strips of columns: its plans are those of a strip."""
        return any(fused.strips for fused in self.fused)

    @property
    def peak(self) -> range:
        """The operators of the first stage that needs the most of the arena."""
        return max(self.stages, key=self.alive)

    def strips_of(self, number: int) -> Strips | None:
        """Return the strips of the stage of operator *number*, None of one of whole rows."""
        stages = (fused for fused in self.fused if fused.first <= number <= fused.last)
        return next((fused.strips for fused in stages), None)

    def alive(self, stage: range) -> int:
        """Return the first byte of the arena above all that a *stage* needs."""
        return max(
            place.offset + place.block.room
            for place in self.arena.places
            if place.block.first <= stage[-1] and stage[0] <= place.block.last
        )

    @property
    def rows_fed(self) -> int:
        """How many rows the caller hands in, 0 where the input is put there as a whole."""
        return next((flow.parts[caller].rows for flow, caller in self._fed()), 0)

    @property
    def rows_used(self) -> int:
        """How many of them are in when the output is there: nobody reads the others."""
        fed = (sum(turn.part == caller for turn in flow.turns) for flow, caller in self._fed())
        return next(fed, 0)

    def _fed(self) -> Iterator[tuple[Flow, int]]:
        """Yield the stage whose rows a caller hands in, and which of its parts that is."""
        for fused in self.fused:
            parts = () if fused.strips else fused.flow.parts
            yield from ((fused.flow, k) for k, part in enumerate(parts) if not part.plan)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Which algorithm does each operator."""
        return tuple(plan.algorithm for plan in self.plans)

    @property
    def computes(self) -> Whole:
        """What outputs are compared with."""
        return Whole(self.graph)

    @property
    def form(self) -> Hashable:
        """What tells it from other plans of its network."""
        return self.rows_fed, self.stages, self.algorithms

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
        names = {state.tensor.name for state in self.graph.states}
        kept = (place for place in self.arena.all if place.block.what in names)
        return max((place.offset + place.block.bytes for place in kept), default=0)


class Planner:
    """Plans one network on one target: into stages, each operator by an algorithm, in one arena.

    ``fusion``: "off" plans one operator after the other. ``feed``: by "rows" the caller hands in
    the input. ``everywhere``: whatever rows can lie in other tensors do, not only those of states.
    Raises SpecError that lists every operator which nothing here does, and UsageError.
    """

    def __init__(
        self,
        graph: Graph,
        target: Target,
        fusion: Fusion = "auto",
        feed: Feed = "whole",
        *,
        everywhere: bool = False,
        steps: Sequence[Step] = (),
    ) -> None:
        """Ask what could do each operator, unless *steps* have it."""
        graph = inside.settled(graph, everywhere=everywhere)
        self.graph, self._target, self.fusion = graph, target, fusion
        self.steps = steps or survey(graph, target)
        self.fed = _fed(graph) if feed == "rows" else ()
        self._planned: dict[tuple[Goal, Budget], Schedule] = {}

    @cached_property
    def _cutter(self) -> Cutter:
        return Cutter(self.steps, self.graph, self._target, self.fed)

    @cached_property
    def _faster_cutter(self) -> Cutter:
        return Cutter(self.steps, self.graph, self._target, self.fed, blocks=True)

    @cached_property
    def _strip_cutter(self) -> StripCutter:
        return StripCutter(self.steps, self.graph, self._target, self.fed)

    def fed_by_rows(self) -> Planner:
        """Return what plans the same for a caller who hands in rows. Raises UsageError."""
        return Planner(self.graph, self._target, self.fusion, "rows", steps=self.steps)

    def plan(self, goal: Goal, budget: Budget) -> Schedule:
        """Choose stages and what does each operator, and place all, once. Raises NoFitError."""
        if (goal, budget) not in self._planned:
            self._planned[goal, budget] = self._plan(goal, budget)
        return self._planned[goal, budget]

    def _plan(self, goal: Goal, budget: Budget) -> Schedule:
        found, problems = [], []
        for by in self._kinds:
            try:
                found.append(by(goal, budget))
            except NoFitError as error:
                problems.append(error)
            if found and goal == "flash":
                break  # what goes row by row has functions of its own for that
            if found and goal == "speed" and found[0].instructions <= self._fewest:
                return found[0]
        if not found:
            raise problems[-1]
        return _best(found, goal)

    @cached_property
    def _everywhere(self) -> Planner | None:
        """What lets more rows lie in other tensors: fewer moves, but some are kept for longer."""
        more = inside.settled(self.graph, everywhere=True)
        if self.fed or more.within == self.graph.within:
            return None
        return Planner(self.graph, self._target, self.fusion, everywhere=True)

    @property
    def _kinds(self) -> Iterator[Callable[[Goal, Budget], Schedule]]:
        """Yield the ways to plan that are asked for."""
        if self._everywhere:
            yield from self._everywhere._kinds
        if not self.fed:
            yield self._unfused
        if self.fusion == "auto" or self.fed:
            yield self._fused

    @property
    def _fewest(self) -> int:
        """The instructions of the fastest there is, whatever RAM that takes."""
        return sum(min(map(speed, step.options)) for step in self.steps)

    def _unfused(self, goal: Goal, budget: Budget) -> Schedule:
        """Plan one operator after the other.

        Where tensors cannot be placed as near to each other as each step alone would allow,
        options are chosen again for as many bytes less as were missing.
        """
        steps, within = self.steps, budget
        for _ in range(MOST_CHOICES):
            chosen = choose(steps, goal, within)
            best = _arranged(steps, chosen.choice, self.graph, goal)
            if best.arena.bytes > chosen.arena:
                best = _narrower(best, steps, chosen, self.graph)
            if best.ram <= budget.ram:
                return best
            within = replace(within, ram=within.ram - (best.ram - budget.ram))
        raise too_little_ram(best.ram, budget)

    def _fused(self, goal: Goal, budget: Budget) -> Schedule:
        """Plan operators that go row by row together, where that takes less RAM.

        The least RAM may take more flash than there is: then a bit more RAM is tried.
        """
        least, stack = self._cutter.least_ram()
        ram = least + _no_difference(least)
        while goal == "workspace" and ram < budget.ram:
            found = self._fused_within(goal, ram, budget, stack)
            if found:
                return found
            ram = int(ram * MORE_RAM)
        found = self._fused_within(goal, budget.ram, budget, stack)
        if found is None:  # what is fastest could not be placed; the leanest may
            leanest = self._cut("workspace", least + _no_difference(least), budget.flash, stack)
            found = leanest and replace(leanest, goal=goal)
        if found and found.ram <= budget.ram:
            return found
        over_strips = None
        if found or least > budget.ram:  # it is not for want of flash
            over_strips = self._over_strips(goal, budget)
        if over_strips is None:
            raise self._no_cut(least, stack, budget, found)
        return over_strips

    def _over_strips(self, goal: Goal, budget: Budget) -> Schedule | None:
        """Plan stages of which some compute columns twice, None if even these do not fit."""
        cutter, found = self._strip_cutter, None
        for stack in cutter.stacks:
            stages = cutter.within(budget.ram - stack, stack, budget.flash, goal) or ()
            instructions = sum(stage.instructions for stage in stages)
            if stages and not (found and found.instructions <= instructions):
                schedule = _placed(stages, self.graph, goal)
                found = schedule if schedule.ram <= budget.ram else found
        return found

    def _fused_within(self, goal: Goal, ram: int, budget: Budget, stack: int) -> Schedule | None:
        """Return the best schedule for so many bytes as it is placed, None if none is."""
        for _ in range(MOST_CHOICES):
            found = self._cut(goal, ram, budget.flash, stack)
            if found is None or found.ram <= budget.ram:
                return found
            ram -= found.ram - budget.ram
        return None

    def _no_cut(
        self, least: int, stack: int, budget: Budget, placed: Schedule | None
    ) -> NoFitError:
        """Say what is too little for any stages; *placed* is what comes nearest, if anything."""
        cutter = self._cutter
        if least > budget.ram:
            cutter = self._strip_cutter
            tried = (stack, cutter.stacks[-1])
            least, stack = min((cutter.least(most) + most, most) for most in tried)
        if least > budget.ram:
            return too_little_ram(least, budget, f": {cutter.peak(stack)}")
        smallest = cutter.within(budget.ram - stack, stack, ENDLESS, "flash") or ()
        flash = sum(stage.flash for stage in smallest)
        if placed is None and flash > budget.flash:
            return too_little_flash(flash, budget)
        nearest = placed or _placed(smallest, self.graph, "flash")
        return too_little_ram(
            nearest.ram, budget, ": so near to each other its tensors have places"
        )

    def _cut(self, goal: Goal, ram: int, flash: int, stack: int) -> Schedule | None:
        """Return the best schedule in so many bytes, with *stack* or more of it; None if none fits.

        More stack leaves less for the arena: it is tried where there is plenty.
        """
        found: list[tuple[Stage, ...]] = []
        cutters: list[Cutter] = [self._cutter, *([self._faster_cutter] if goal == "speed" else [])]
        for cutter, most in product(cutters, self._cutter.stacks):
            if most < stack or (found and goal == "workspace"):
                continue
            stages = cutter.within(ram - most, most, flash, goal)
            if stages:
                found.append(stages)
        if not found:
            return None
        placed = [self._where_there_is_room(stages, goal) for stages in _may_be_best(found, goal)]
        return _best(placed, goal)

    def _where_there_is_room(self, stages: tuple[Stage, ...], goal: Goal) -> Schedule:
        """Place all that *stages* need: rings that slide in one piece, or apart if that is less."""
        found = _placed(stages, self.graph, goal)
        need = max(stage.need for stage in stages)
        if found.arena.bytes <= need + _no_difference(need):
            return found
        apart = self._cutter.apart(stages)
        other = found if apart == stages else _placed(apart, self.graph, goal)
        return min((found, other), key=lambda schedule: schedule.ram)


def _may_be_best(cuts: Sequence[tuple[Stage, ...]], goal: Goal) -> Iterable[tuple[Stage, ...]]:
    """Return which of *cuts* may be the best when they are placed, each once: that takes time."""

    def rank(stages: tuple[Stage, ...]) -> tuple[int, ...]:
        instructions = sum(stage.instructions for stage in stages)
        flash = sum(stage.flash for stage in stages)
        return (flash, instructions) if goal == "flash" else (instructions,)

    least = min(map(rank, cuts))
    found: dict[tuple[object, ...], tuple[Stage, ...]] = {}
    for stages in cuts:
        done_by = tuple((stage.first, stage.candidates, id(stage.option)) for stage in stages)
        if rank(stages) == least:
            found.setdefault(done_by, stages)
    return found.values()


def unfused(schedule: Schedule) -> Schedule:
    """Return the same network done by the same algorithms, one operator after the other."""
    steps = fixed(schedule.graph, schedule.candidates)
    return _arranged(steps, [step.options[0] for step in steps], schedule.graph, schedule.goal)


def _best(found: Sequence[Schedule], goal: Goal) -> Schedule:
    """Return which of *found* comes nearest to *goal*."""
    if goal == "workspace":
        least = min(schedule.ram for schedule in found)
        found = [schedule for schedule in found if schedule.ram <= least + _no_difference(least)]
    if goal == "flash":
        return min(found, key=lambda schedule: (schedule.flash, schedule.instructions))
    return min(found, key=lambda schedule: (schedule.instructions, schedule.ram))


def _no_difference(ram: int) -> int:
    """Return the bytes that make no difference to so much RAM."""
    return min(SAME_BYTES, ram // 100)


def _fed(graph: Graph) -> tuple[Tensor, ...]:
    """Return the input that comes row by row. Raises UsageError where there is no such one."""
    if len(graph.inputs) != 1 or height_of(graph, graph.inputs[0].name) == 1:
        inputs = ", ".join("x".join(map(str, tensor.shape)) for tensor in graph.inputs)
        raise UsageError(f"--feed rows: expected one input with several rows, got {inputs}")
    return graph.inputs


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


def _arranged(
    steps: Sequence[Step], chosen: Sequence[Option], graph: Graph, goal: Goal
) -> Schedule:
    """Place the tensors and workspaces of *chosen*, one for each step."""
    stages = [single(step, option) for step, option in zip(steps, chosen, strict=True)]
    return _placed(stages, graph, goal)


def _placed(stages: Sequence[Stage], graph: Graph, goal: Goal) -> Schedule:
    """Place all tensors and workspaces, and settle in which order each step goes."""
    tensors = _tensors(stages, graph)
    own = [block for stage in stages for block in stage.blocks]
    overlaps = [overlap for stage in stages for overlap in stage.overlaps]
    bound = max(stage.need for stage in stages)
    kept = tuple(inside.order(graph))
    states = [tensors[name] for name in kept]
    moving = [block for name, block in tensors.items() if name not in kept]
    arena = _behind(states, arrange([*moving, *own], overlaps, bound - _room(states)))
    arena = replace(arena, within=tuple(inside.places(graph, arena)))
    return Schedule(
        graph=graph,
        goal=goal,
        plans=tuple(plan for stage in stages for plan in stage.settled(arena)),
        arena=arena,
        stack=max(stage.stack for stage in stages),
        flash=sum(stage.flash for stage in stages),
        candidates=tuple(one for stage in stages for one in stage.candidates),
        fused=tuple(stage.fusion for stage in stages if stage.fusion),
    )


def _tensors(stages: Sequence[Stage], graph: Graph) -> dict[str, Block]:
    """Return from when to when each tensor is needed that is ever there as a whole.

    Around a stage that is all of its time.
    """
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for stage in stages:
        numbers = range(stage.first, stage.last + 1)
        first |= dict.fromkeys(numbers, stage.first)
        last |= dict.fromkeys(numbers, stage.last)
    own = {block.what for stage in stages for block in stage.blocks}
    own |= {name for stage in stages if stage.fusion for name in stage.fusion.also}
    end = len(graph.operators)
    return {
        name: replace(block, first=first[block.first], last=last.get(block.last, end))
        for name, block in lives_of(graph).items()
        if name not in own
    }


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
