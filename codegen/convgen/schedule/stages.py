"""Into which stages a network is cut: a shortest path over the places where it may be cut.

A stage is one operator at a time, or several row by row (`convgen.schedule.fusion`). RAM is a
maximum over stages: the least is a path of least maximum; under a budget each stage takes its
fastest form that fits, and the fewest instructions are a path of least sum. What a fused stage
needs is found by playing it, which takes time: so it is estimated from below at first, and found
for the stages of the best path alone, until that has none left that is estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

from convgen.choices import Goal
from convgen.model.graph import Graph
from convgen.model.tensor import Tensor
from convgen.plans.band import Band
from convgen.plans.plan import Plan
from convgen.refusal import Refusal
from convgen.schedule.arena import ALIGN, Arena, Block, Overlap, aligned
from convgen.schedule.flash import PRICES, fitting, leaner
from convgen.schedule.fusion import PER_TURN, Fused, fused, shared
from convgen.schedule.parts import Parts, rows_of
from convgen.schedule.select import Candidate, accumulating
from convgen.schedule.steps import Option, Step, lives_of, settled
from convgen.targets.target import Target

STACK_OF_TURN = 24  # bytes beside those of the operator

IMPOSSIBLE = 2**62
MOST_PLAYED = 96  # stages of a network, where the fewest instructions are looked for
MOST_FOR_LEAST = 256  # where the least RAM is: each takes its time
LONG = 16  # operators: what a stage of more takes to play grows with their square
MOST_TOGETHER = 128  # operators of one stage

Cut = tuple[int, int]
"""The first operator of a stage, and the one behind it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """One operator by an option, or several fused; ``need`` are the bytes of an arena for it.

    ``candidates`` are what its operators are done by.
    """

    candidates: tuple[Candidate, ...]
    need: int
    instructions: int
    step: Step | None = None
    option: Option | None = None
    fusion: Fused | None = None

    @property
    def first(self) -> int:
        """The number of its first operator."""
        return self.fusion.first if self.fusion else self._single[0].number

    @property
    def last(self) -> int:
        """The number of its last operator."""
        return self.fusion.last if self.fusion else self._single[0].number

    @property
    def _single(self) -> tuple[Step, Option]:
        if self.step is None or self.option is None:
            raise ValueError("a stage of several operators")
        return self.step, self.option

    @property
    def flash(self) -> int:
        """Predicted bytes of flash."""
        return sum(candidate.flash for candidate in self.candidates)

    @property
    def stack(self) -> int:
        """Predicted bytes of stack."""
        deepest = max(candidate.stack for candidate in self.candidates)
        return deepest + (STACK_OF_TURN if self.fusion else 0)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What it needs in the arena beside the tensors around it."""
        if self.fusion:
            return self.fusion.blocks
        step, option = self._single
        name, number = workspace_name(step.number), step.number
        block = Block(what=name, bytes=option.workspace, first=number, last=number)
        return (block,) if option.workspace else ()

    @property
    def overlaps(self) -> tuple[Overlap, ...]:
        """What may share bytes meanwhile, and how."""
        if self.fusion:
            return self.fusion.overlaps
        step, option = self._single
        output = step.operator.outputs[0].name
        return tuple(
            Overlap(input=tensor.name, output=output, gaps=step.gaps(option, tensor))
            for tensor in step.dying
        )

    def settled(self, arena: Arena) -> tuple[Plan, ...]:
        """Return the plans of its operators, in orders that suit where the tensors lie."""
        if self.fusion:
            return self.fusion.plans
        return (settled(*self._single, arena),)


def workspace_name(number: int) -> str:
    """Return what the workspace of operator *number* is called in the arena."""
    return f"workspace of operator {number}"


def single(step: Step, option: Option) -> Stage:
    """Return *step* done by *option*, by itself."""
    return Stage(
        candidates=(option.candidate,),
        need=step.needs[step.options.index(option)],
        instructions=option.candidate.instructions,
        step=step,
        option=option,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes of an arena and of stack, and the instructions that a byte of flash is worth."""

    arena: int
    stack: int
    price: float = 0.0

    def cost(self, one: Candidate) -> float:
        """Return what *one* costs in instructions."""
        return one.instructions + self.price * one.flash


class Cutter:
    """Cuts one network, and remembers what it has played. *fed*: inputs that come row by row.

    Parts of fused stages go on by one row, or with *blocks* by as many as the fastest wants.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        graph: Graph,
        target: Target,
        fed: Sequence[Tensor] = (),
        *,
        blocks: bool = False,
    ) -> None:
        """Look at what could do each operator, by itself or as a part of a stage."""
        self.steps, self.graph, self.fed, self._target = steps, graph, tuple(fed), target
        self.material = Parts(graph)
        self._able = [_able(step, self.material, target, blocks=blocks) for step in steps]
        self._lean = [min(able, key=_scratch) for able in self._able]
        self._workspace_of = {id(one): _workspace(one) for able in self._able for one in able}
        parts = (self.material.part(n, one.plan) for n, one in enumerate(self._lean))
        self._turns = [-(-part.rows // part.step) for part in parts]
        self._held = _Held(graph)
        states = {state.tensor.name for state in graph.states}
        self._alone = [
            any(t.name in states for t in op.outputs)
            or any(t.name in graph.shared for t in (*op.inputs, *op.outputs))
            for op in graph.operators
        ]
        self._rough = _Rough(self.material, self._lean)
        self._played: dict[Cut, Fused] = {}
        self._effort = 0.0
        """Of all that was played, in stages of up to `LONG` operators."""
        self._estimates: dict[Cut, int] = {}
        self._needs: dict[tuple[Cut, int, bool], int] = {}
        """Of fused stages, with so much stack, estimated or played."""
        self._workspaces: dict[int, list[int | None]] = {}
        self._least: dict[int, int] = {}

    @cached_property
    def stacks(self) -> tuple[int, ...]:
        """The bytes of stack that it may be worth to allow, from the least that is needed on."""
        least = max(min(one.stack for one in able) for able in map(self._any, self.steps))
        found = {one.stack for step in self.steps for one in self._any(step)}
        return tuple(sorted(stack for stack in found if stack >= least))

    @cached_property
    def _least_flash(self) -> int:
        """The bytes of flash that no stages take less than."""
        return sum(min(one.flash for one in self._any(step)) for step in self.steps)

    def _any(self, step: Step) -> list[Candidate]:
        return [*(option.candidate for option in step.options), *self._able[step.number]]

    def least(self, stack: int) -> int:
        """Return the least bytes of an arena in which some cut can be done with so much stack."""
        if stack not in self._least:
            limits = Limits(arena=IMPOSSIBLE, stack=stack)
            self._least[stack] = int(self._leanest_path(limits)[0])
        return self._least[stack]

    def peak(self, stack: int) -> str:
        """Return in words which stage needs the most of the least arena."""
        limits = Limits(arena=IMPOSSIBLE, stack=stack)
        _, cuts = self._leanest_path(limits)
        first, end = max(cuts, key=lambda cut: self._need(cut, limits))
        names = [self.graph.operators[first].name, self.graph.operators[end - 1].name]
        if end - first == 1:
            return f"operator {first} ({names[0]}) takes the most"
        return f"operators {first} to {end - 1} ({names[0]} to {names[1]}) take the most"

    def least_ram(self) -> tuple[int, int]:
        """Return the least bytes of an arena and of stack together, and the stack of these."""
        best = (IMPOSSIBLE, 0)
        floor = self.least(self.stacks[-1])
        for stack in self.stacks:
            if floor + stack < best[0]:
                best = min(best, (self.least(stack) + stack, stack))
        return best

    def within(self, arena: int, stack: int, flash: int, goal: Goal) -> tuple[Stage, ...] | None:
        """Return the best stages in so many bytes, None if none fit.

        Those with the least flash, or with the fewest instructions; for the least RAM with hardly
        more, and the less flash.
        """

        def at(price: float) -> tuple[Stage, ...]:
            return self._cheapest(Limits(arena=arena, stack=stack, price=price)) or ()

        def fits(found: tuple[Stage, ...]) -> bool:
            return bool(found) and _flash(found) <= flash

        def again(price: float) -> tuple[Stage, ...]:
            """Do the same stages otherwise, which takes no search for others."""
            limits = Limits(arena=arena, stack=stack, price=price)
            done = [self._stage((stage.first, stage.last + 1), limits) for stage in fastest]
            return tuple(stage for stage in done if stage) if all(done) else ()

        if self._least_flash > flash:
            return None
        if goal == "flash":
            smallest = at(PRICES[-1])
            return smallest if fits(smallest) else None
        fastest = best = at(PRICES[0])
        if not fits(fastest):
            price = fitting(again, fits) or (fitting(at, fits) if fastest else None)
            found = [each for each in (again(price), at(price)) if fits(each)] if price else []
            best = min(found, key=_instructions, default=())
        if best and goal == "workspace":
            return min(best, leaner(best, again, _instructions), key=_flash)
        return best or None

    def _cheapest(self, limits: Limits) -> tuple[Stage, ...] | None:
        """Return the stages of least cost."""
        made: dict[Cut, Stage | None] = {}
        before = self._costs_before(limits)

        def cost(cut: Cut) -> float:
            if self._is_estimated(cut):  # by what its operators would take anywhere
                fits = self._need(cut, limits) <= limits.arena
                return before[cut[1]] - before[cut[0]] if fits else IMPOSSIBLE
            if cut not in made:
                made[cut] = self._stage(cut, limits)
            found = made[cut]
            return found.instructions + limits.price * found.flash if found else IMPOSSIBLE

        total, cuts = self._settled(cost, sum, MOST_PLAYED)
        may_play = self._effort < MOST_PLAYED
        if total >= IMPOSSIBLE and not may_play and self.least(limits.stack) <= limits.arena:
            # What takes the least RAM is played by now.
            total, cuts = self._settled(cost, sum, MOST_PLAYED)
        if total >= IMPOSSIBLE:
            return None
        return tuple(found for cut in cuts if (found := made[cut]))

    def _costs_before(self, limits: Limits) -> list[float]:
        """Return what the operators in front of each would cost if each were part of a stage."""
        each = (
            min((limits.cost(one) for one in able if one.stack <= limits.stack), default=0.0)
            for able in self._able
        )
        costs = (cost + PER_TURN * turns for cost, turns in zip(each, self._turns, strict=True))
        return list(accumulate(costs, initial=0.0))

    def _leanest_path(self, limits: Limits) -> tuple[float, list[Cut]]:
        """Return the least bytes of an arena, and the stages."""
        return self._settled(lambda cut: self._need(cut, limits), max, MOST_FOR_LEAST)

    def _settled(
        self,
        cost: Callable[[Cut], float],
        joined: Callable[[Iterable[float]], float],
        most: int,
    ) -> tuple[float, list[Cut]]:
        """Return the best path, in which nothing is estimated any more.

        Once as much as *most* stages take has been played, others are out of the question.
        """
        known: dict[Cut, float] = {}

        def once(cut: Cut) -> float:
            if cut not in known:
                is_out = self._is_estimated(cut) and self._effort >= most
                known[cut] = IMPOSSIBLE if is_out else cost(cut)
            return known[cut]

        while True:
            total, cuts = self._path(once, joined)
            estimated = [cut for cut in cuts if self._is_estimated(cut)]
            if not estimated or total >= IMPOSSIBLE:
                return total, cuts
            for cut in estimated:
                self._play(cut)
                del known[cut]
            if self._effort >= most:
                known.clear()

    def _path(
        self, cost: Callable[[Cut], float], joined: Callable[[Iterable[float]], float]
    ) -> tuple[float, list[Cut]]:
        """Return the least cost of all operators, and where they are cut for it."""
        best: list[tuple[float, list[Cut]]] = [(0.0, [])]
        for end in range(1, len(self.steps) + 1):
            found = [
                (joined((best[start][0], cost((start, end)))), start) for start in self._starts(end)
            ]
            total, start = min(found, key=lambda one: (one[0], -one[1]))
            best.append((total, [*best[start][1], (start, end)]))
        return best[-1]

    def _starts(self, end: int) -> Iterator[int]:
        """Yield where a stage may begin that ends in front of operator *end*."""
        yield end - 1
        for start in range(end - 2, max(end - MOST_TOGETHER, 0) - 1, -1):
            if self._alone[start] or self._alone[start + 1]:
                return
            yield start

    def _is_estimated(self, cut: Cut) -> bool:
        return self._is_fused(cut) and cut not in self._played

    def _is_fused(self, cut: Cut) -> bool:
        return cut[1] - cut[0] > 1 or bool(self._fed_at(cut))

    def _fed_at(self, cut: Cut) -> tuple[Tensor, ...]:
        return self.fed if cut[0] == 0 else ()

    def _need(self, cut: Cut, limits: Limits) -> int:
        """Return the bytes of an arena for a stage in its leanest form, or an estimate of it."""
        if not self._is_fused(cut):
            return min((need for need, _ in self._options(cut[0], limits)), default=IMPOSSIBLE)
        return self._need_in_rows(cut, limits)

    def _need_in_rows(self, cut: Cut, limits: Limits) -> int:
        """Return the bytes of an arena for a fused stage in its leanest form, or an estimate."""
        known = (cut, limits.stack, cut in self._played)
        if known not in self._needs:
            self._needs[known] = self._fused_need(cut, limits.stack)
        return self._needs[known]

    def _fused_need(self, cut: Cut, stack: int) -> int:
        if cut in self._played:
            return self._around_rows(cut, stack, self._played[cut].alone.bytes)
        if cut not in self._estimates:
            self._estimates[cut] = self._rough.least(cut, self._fed_at(cut))
        return self._around_rows(cut, stack, self._estimates[cut])

    def _least_in_rows(self, cut: Cut, stack: int) -> int:
        """Return the bytes that no placement of a stage that was played goes below."""
        return self._around_rows(cut, stack, self._played[cut].least)

    def _around_rows(self, cut: Cut, stack: int, alone: int) -> int:
        """Return what a fused stage needs that by itself needs so many bytes, as it was played."""
        workspaces = self._least_workspaces(stack)[slice(*cut)]
        if None in workspaces:
            return IMPOSSIBLE
        workspace = max(size for size in workspaces if size is not None)
        played = self._played.get(cut)
        besides = aligned(played.workspace) if played else 0
        return self._held.around(cut) + alone + workspace - besides

    def _least_workspaces(self, stack: int) -> list[int | None]:
        """Return for each operator the least workspace as a part of a fused stage, or None."""
        if stack not in self._workspaces:
            self._workspaces[stack] = [
                min(
                    (self._workspace_of[id(one)] for one in able if one.stack <= stack),
                    default=None,
                )
                for able in self._able
            ]
        return self._workspaces[stack]

    def _options(self, number: int, limits: Limits) -> Iterator[tuple[int, Option]]:
        """Yield what of a step fits, each behind what it needs of an arena."""
        step = self.steps[number]
        for need, option in zip(step.needs, step.options, strict=True):
            if need <= limits.arena and option.candidate.stack <= limits.stack:
                yield need, option

    def _play(self, cut: Cut) -> None:
        plans = [one.plan for one in self._lean[slice(*cut)]]
        self._effort += max(1.0, (len(plans) / LONG) ** 2)
        self._played[cut] = fused(self.material, cut[0], plans, fed=self._fed_at(cut))

    def apart(self, stages: Sequence[Stage]) -> tuple[Stage, ...]:
        """Return *stages* without rows in the place of those that windows read."""
        return tuple(self._apart(stage) for stage in stages)

    def _apart(self, stage: Stage) -> Stage:
        fusion = stage.fusion
        if fusion is None or fusion.strips or not fusion.slides:
            return stage
        cut = (fusion.first, fusion.last + 1)
        rows = fused(self._material_apart, cut[0], fusion.plans, fed=self._fed_at(cut))
        return replace(
            stage,
            fusion=rows,
            need=self._held.around(cut) + rows.alone.bytes,
            instructions=stage.instructions - fusion.overhead + rows.overhead,
        )

    @cached_property
    def _material_apart(self) -> Parts:
        return Parts(self.graph, apart=True)

    def _stage(self, cut: Cut, limits: Limits) -> Stage | None:
        """Return the cheapest form of a stage, None if there is none within *limits*."""
        if not self._is_fused(cut):
            able = [option for _, option in self._options(cut[0], limits)]
            best = min(able, key=lambda option: limits.cost(option.candidate), default=None)
            return single(self.steps[cut[0]], best) if best else None
        if self._least_in_rows(cut, limits.stack) > limits.arena:
            return None  # places need not be looked for
        need = self._need_in_rows(cut, limits)
        return self._in_rows(cut, limits, need) if need <= limits.arena else None

    def _in_rows(self, cut: Cut, limits: Limits, need: int) -> Stage | None:
        """Return the cheapest form of a fused stage, which needs so much in its leanest."""
        workspaces = self._least_workspaces(limits.stack)[slice(*cut)]
        workspace = max(size for size in workspaces if size is not None)
        spare = (limits.arena - need) // ALIGN * ALIGN
        while True:
            chosen = tuple(
                min(
                    (one for one in able if self._fits(one, workspace + spare, limits.stack)),
                    key=limits.cost,
                )
                for able in self._able[slice(*cut)]
            )
            found = self._by(cut, chosen)
            if found and found.need <= limits.arena:
                return found
            if spare == 0:
                return self._by(cut, self._leanest(cut, limits.stack))
            spare = max(0, spare - (found.need - limits.arena)) if found else 0

    def _fits(self, one: Candidate, workspace: int, stack: int) -> bool:
        return one.stack <= stack and self._workspace_of[id(one)] <= workspace

    def _leanest(self, cut: Cut, stack: int) -> tuple[Candidate, ...]:
        """Return what does operators in the least workspace, with so much stack where it can."""
        return tuple(
            min(able, key=lambda one: (one.stack > stack, *_scratch(one)))
            for able in self._able[slice(*cut)]
        )

    def _by(self, cut: Cut, chosen: tuple[Candidate, ...]) -> Stage | None:
        """Return a stage that was played as it is by other candidates, None if it cannot be.

        They take the same turns and keep as many rows: what that costs is the same.
        """
        lean = self._played[cut]
        fusion = lean.by([one.plan for one in chosen])
        if fusion is None:
            return None
        return Stage(
            candidates=chosen,
            need=self._held.around(cut) + lean.alone.bytes + fusion.own_bytes - lean.own_bytes,
            instructions=sum(one.instructions for one in chosen) + lean.overhead,
            fusion=fusion,
        )


class _Held:
    """Bytes of the tensors that stages only leave alone."""

    def __init__(self, graph: Graph) -> None:
        """Count what has begun to be needed, and what no longer is, in front of each operator."""
        self._graph, lives = graph, lives_of(graph)
        self._rooms = {name: block.room for name, block in lives.items()}
        begun, ended = ([0] * (len(graph.operators) + 2) for _ in range(2))
        for block in lives.values():
            begun[block.first + 1] += block.room
            ended[block.last + 1] += block.room
        self._begun, self._ended = list(accumulate(begun)), list(accumulate(ended))
        self._known: dict[Cut, int] = {}

    def around(self, cut: Cut) -> int:
        """Return what is needed meanwhile and none of the operators of *cut* knows."""
        if cut not in self._known:
            first, end = cut
            own = {
                tensor.name
                for operator in self._graph.operators[first:end]
                for tensor in (*operator.inputs, *operator.outputs)
            }
            alive = self._begun[end] - self._ended[first]
            self._known[cut] = alive - sum(self._rooms.get(name, 0) for name in own)
        return self._known[cut]


class _Rough:
    """What stages need at least, estimated from the rings that each operator's output takes."""

    def __init__(self, material: Parts, lean: Sequence[Candidate]) -> None:
        """Find the least ring of every tensor by itself, without a row that another's may take."""
        parts = [material.part(number, one.plan) for number, one in enumerate(lean)]
        stores = Parts(material.graph, apart=True).stores(parts, 0, len(parts))
        rings = [each for each in stores if not each.is_whole]
        shifted = {over.tensor for each in parts if (over := material.over(each, 0)) and over.shift}
        self._material = material
        self._ring = {
            ring.name: ring.bytes - (ring.pitch if ring.name in shifted else 0) for ring in rings
        }
        self._makes = [part.makes for part in parts]
        self._reads = [[reading.tensor for reading in part.readings] for part in parts]

    def least(self, cut: Cut, fed: Iterable[Tensor]) -> int:
        """Return about the fewest bytes that the stage *cut* could need of an arena.

        Of *fed* tensors, which come row by row, not even the ring is counted.
        """
        first, end = cut
        material = self._material
        made = [name for names in self._makes[first:end] for name in names]
        inside = {name for name in made if not material.is_needed_after(name, end)}
        whole = {name for names in self._reads[first:end] for name in names} | {*made}
        whole -= {tensor.name for tensor in fed}
        sizes = [material.graph.tensors[name].bytes for name in whole - inside]
        return max(sum(self._ring.get(name, 0) for name in inside), *sizes, 0)


def _able(step: Step, material: Parts, target: Target, *, blocks: bool) -> list[Candidate]:
    """Return what may be a part of a fused stage: what goes row by row, or else all there is.

    What makes its output from all rows takes them one after the other, if it can. What could
    overwrite its input row by row does.
    """
    able = [option.candidate for option in step.options]
    banded = [one for one in able if _rows_of_band(one)]
    fastest = min(banded, key=lambda one: one.instructions, default=None)
    wanted = _rows_of_band(fastest) if fastest and blocks else 1
    by_rows = [one for one in banded if _rows_of_band(one) == wanted]
    rows = material.height[step.operator.inputs[0].name]
    is_end = all(rows_of(tensor) == 1 for tensor in step.operator.outputs)
    if rows > 1 and is_end:
        summing = accumulating(step.operator, target, rows)
        if not isinstance(summing, Refusal):
            return [summing]
    over = [one for one in by_rows if material.over(material.part(step.number, one.plan), 0)]
    return over or by_rows or able


def _rows_of_band(candidate: Candidate) -> int:
    """Return by how many rows *candidate* goes on, 0 where it makes all at once."""
    band = candidate.plan.band
    return band.step if isinstance(band, Band) and band.accumulates is None else 0


def _flash(stages: Sequence[Stage]) -> int:
    return sum(stage.flash for stage in stages)


def _instructions(stages: Sequence[Stage]) -> int:
    """Return the instructions of all *stages*; where there are none they could not be done."""
    return sum(stage.instructions for stage in stages) if stages else IMPOSSIBLE


def _workspace(candidate: Candidate) -> int:
    return aligned(shared([candidate.plan]))


def _scratch(candidate: Candidate) -> tuple[int, int]:
    return _workspace(candidate), candidate.instructions
