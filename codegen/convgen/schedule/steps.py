"""The operators of a network as steps: what could do each, and what memory that would take.

While a step runs, the tensors that are alive must fit, with its workspace, input and output as near
to each other as its order of reading and storing allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import pairwise
from operator import itemgetter

from convgen.errors import refuse
from convgen.model.graph import Graph
from convgen.model.operator import Operator, only_read
from convgen.model.tensor import Tensor
from convgen.plans.order import StoreOrder
from convgen.plans.plan import Plan
from convgen.schedule import select
from convgen.schedule.arena import Arena, Block, Gaps, aligned, apart, common
from convgen.schedule.overlap import ordered, spans
from convgen.schedule.select import Candidate
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """An order in which an operator can be done, and how near its input and output may be then.

    The input may begin ``above`` bytes above the output, or ``below`` bytes below it; or further
    away, unless ``exactly``: then these distances, or none in which they share bytes. Where inputs
    differ, ``own`` says by their names how far above each may begin.
    """

    plan: Plan
    above: int
    below: int
    exactly: bool = False
    own: Mapping[str, int] = field(default_factory=dict)

    def gaps(self, given: Tensor, output: Tensor) -> Gaps:
        """Return how far the input *given* may not begin above the *output*."""
        input_room, output_room = aligned(given.bytes), aligned(output.bytes)
        above, below = aligned(self.own.get(given.name, self.above)), aligned(self.below)
        if not self.exactly:
            return common(((-below, above),), apart(input_room, output_room))
        possible = {self.above, -self.below} & {above, -below}
        ends = sorted({-input_room, output_room, *possible})
        return tuple(pairwise(ends))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Option:
    """A candidate for an operator, in one of ``ways``, which need the same workspace."""

    candidate: Candidate
    ways: tuple[Way, ...]

    @property
    def workspace(self) -> int:
        """Bytes of its workspace."""
        return self.ways[0].plan.workspace_bytes

    def gaps(self, given: Tensor, output: Tensor) -> Gaps:
        """Return how far the input *given* may not begin above the *output*, in any way."""
        return reduce(common, (way.gaps(given, output) for way in self.ways))

    @property
    def flash(self) -> int:
        """Predicted bytes of flash."""
        return self.candidate.flash


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """An operator, the tensors around it, and what could do it.

    ``inputs`` and ``outputs`` are those that share no place with others; what is written where it
    is read is an output.
    ``dying``: of these, what nothing reads afterwards, so that the output may overwrite one.
    ``others``: bytes of all else that is alive meanwhile.
    """

    number: int
    operator: Operator
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    dying: tuple[Tensor, ...]
    others: int
    options: tuple[Option, ...]

    @cached_property
    def needs(self) -> tuple[int, ...]:
        """The least bytes of an arena in which each option can be done."""
        return tuple(map(self._need, self.options))

    def _need(self, option: Option) -> int:
        inputs = sum(aligned(tensor.bytes) for tensor in self.inputs)
        output = sum(aligned(tensor.bytes) for tensor in self.outputs)
        spans = [inputs + output]
        for tensor in self.dying:
            size = aligned(tensor.bytes)
            spans += [
                inputs - size + max(size + max(distance, 0), output - min(distance, 0))
                for distance in self.distances(option, tensor)
            ]
        spans += self._over_all(option, inputs, output)
        return self.others + aligned(option.workspace) + min(spans)

    def _over_all(self, option: Option, inputs: int, output: int) -> Iterator[int]:
        """Yield what is needed if the output lies over all inputs that die, near to each."""
        nearest = {
            t.name: max((end for _, end in self.gaps(option, t)), default=0) for t in self.dying
        }
        places = sorted((nearest[t.name], aligned(t.bytes)) for t in self.dying)
        ends = [start + size for start, size in places]
        if all(end <= start for end, (start, _) in zip(ends, places[1:], strict=False)) and ends:
            yield inputs - sum(size for _, size in places) + max(output, *ends)

    def distances(self, option: Option, tensor: Tensor) -> tuple[int, ...]:
        """Return how far *tensor* may begin above the output: nearest, or with it from one end."""
        gaps = self.gaps(option, tensor)
        ends = {end for gap in gaps for end in gap}
        ends |= {0, aligned(self.operator.outputs[0].bytes) - aligned(tensor.bytes)}
        return tuple(e for e in ends if not any(least < e < most for least, most in gaps))

    def gaps(self, option: Option, tensor: Tensor) -> Gaps:
        """Return how far *tensor* may not begin above the output."""
        return option.gaps(tensor, self.operator.outputs[0])


def survey(graph: Graph, target: Target) -> tuple[Step, ...]:
    """Ask every algorithm for every operator.

    Raises SpecError that lists every operator which none of them can do.
    """
    lives = lives_of(graph)
    problems: list[str] = []
    steps = []
    for number, operator in enumerate(graph.operators):
        if graph.is_idle(operator):
            steps.append(_step(number, operator, graph, lives, [select.idle(operator)]))
            continue
        candidates, rejected = select.survey(operator, target, overlap=False)
        able = [candidate for candidate in candidates if not _asks(candidate)]
        if not able:
            reasons = "; ".join(each.reason for each in rejected) or "nothing here does it"
            problems.append(
                f"operator {number}, {operator.kind} {operator.name!r}: not supported: {reasons}"
            )
        steps.append(_step(number, operator, graph, lives, able))
    refuse(problems)
    return tuple(steps)


def fixed(graph: Graph, candidates: Sequence[Candidate]) -> tuple[Step, ...]:
    """Return a step for each operator that can only be done by one of *candidates*."""
    lives = lives_of(graph)
    return tuple(
        _step(number, operator, graph, lives, [candidate])
        for number, (operator, candidate) in enumerate(
            zip(graph.operators, candidates, strict=True)
        )
    )


def lives_of(graph: Graph) -> Mapping[str, Block]:
    """Return from when to when each tensor is needed, with all that lies in it."""
    end = len(graph.operators)
    first = dict.fromkeys((tensor.name for tensor in graph.inputs), 0)
    size = {name: tensor.bytes for name, tensor in graph.tensors.items()}
    last = dict(first)
    for number, operator in enumerate(graph.operators):
        for tensor in operator.outputs:
            first[tensor.name] = last[tensor.name] = number
        last |= dict.fromkeys((tensor.name for tensor in operator.inputs), number)
    last |= dict.fromkeys((tensor.name for tensor in graph.outputs), end)
    for state in graph.states:
        first[state.tensor.name], last[state.tensor.name] = 0, end
    for name, lies in graph.within.items():
        first[lies.whole] = min(first[lies.whole], first.pop(name))
        last[lies.whole] = max(last[lies.whole], last[name])
    return {
        name: Block(what=name, bytes=size[name], first=first[name], last=last[name])
        for name in first
    }


def settled(step: Step, option: Option, arena: Arena) -> Plan:
    """Return the plan of *option* in the first order that suits where the tensors lie.

    Raises ValueError.
    """
    output = step.operator.outputs[0]
    for way in option.ways:
        if not any(
            least < arena.offset(tensor.name) - arena.offset(output.name) < most
            for tensor in step.dying
            for least, most in way.gaps(tensor, output)
        ):
            return way.plan
    raise ValueError(f"{step.operator.name}: no order suits where its tensors are")


def _step(
    number: int,
    operator: Operator,
    graph: Graph,
    lives: Mapping[str, Block],
    able: Sequence[Candidate],
) -> Step:
    inputs, outputs = (
        tuple(tensor for tensor in _once(each) if tensor.name not in graph.shared)
        for each in (only_read(operator), operator.outputs)
    )
    mine = {tensor.name for tensor in (*inputs, *outputs)}
    states = {state.tensor.name for state in graph.states}
    is_free = len(outputs) == 1 == len(operator.outputs) and outputs[0].name not in states
    alive = (block for block in lives.values() if block.first <= number <= block.last)
    return Step(
        number=number,
        operator=operator,
        inputs=inputs,
        outputs=outputs,
        dying=tuple(t for t in inputs if is_free and lives[t.name].last == number),
        others=sum(block.room for block in alive if block.what not in mine),
        options=tuple(option for candidate in able for option in _options(candidate)),
    )


def _asks(candidate: Candidate) -> bool:
    """Whether *candidate* is not chosen by itself: an input in an arena may be written."""
    return candidate.plan.has_init or candidate.plan.rounds_coarsely


def _options(candidate: Candidate) -> Iterator[Option]:
    """Yield *candidate* in its usual orders, and in each that needs more workspace."""
    ways = list(_ways(candidate.plan))
    usual = tuple(way for way in ways if not way.plan.writes_input)
    yield Option(candidate=candidate, ways=usual or (_apart(candidate.plan),))
    for way in ways:
        if way not in usual:
            yield Option(candidate=candidate, ways=(way,))


def _ways(plan: Plan) -> Iterator[Way]:
    if plan.is_elementwise:
        yield Way(plan=plan, above=0, below=max(_sizes(plan.operator.inputs)))
    if plan.above:
        above = max(plan.above)
        each = zip(_names(plan.operator.inputs), plan.above, strict=True)
        own = dict(sorted(each, key=itemgetter(1)))  # one that is read twice: as the farthest
        yield Way(plan=plan, above=above, below=max(_sizes(plan.operator.inputs)), own=own)
    for order in plan.orders:
        above, below = _distances(plan, order)
        yield Way(plan=ordered(plan, order), above=above, below=below, exactly=order.by_channel)


def _distances(plan: Plan, order: StoreOrder) -> tuple[int, int]:
    elem_bytes = plan.operator.outputs[0].elem_bytes
    above, below = spans(plan.geometry, order)
    return above * elem_bytes, below * elem_bytes


def _apart(plan: Plan) -> Way:
    """Return *plan* with an output that may not overlap an input."""
    above = sum(tensor.bytes for tensor in plan.operator.outputs)
    return Way(plan=plan, above=above, below=max(_sizes(plan.operator.inputs)))


def _once(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple({tensor.name: tensor for tensor in tensors}.values())


def _names(tensors: Sequence[Tensor]) -> list[str]:
    return [tensor.name for tensor in tensors]


def _sizes(tensors: Sequence[Tensor]) -> list[int]:
    return [tensor.bytes for tensor in _once(tensors)]
