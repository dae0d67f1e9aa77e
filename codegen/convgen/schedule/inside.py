"""Tensors that lie in others: rows that are joined or taken apart without being moved.

The inputs of a concatenation of rows may be written where its output has them, and a slice of rows
is read where they are. So old rows of a streaming model's state, which lie in front of where new
ones are put, are joined with these by no work at all.

That is sound where no operator writes bytes of which another value is needed yet. A value is what
a tensor holds from its writing to its last reading; a state holds two, the old and the new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate, combinations

from convgen.model.graph import Graph, Inside
from convgen.model.operator import Operator
from convgen.model.ops.move import Concatenation, Copy, Slice
from convgen.schedule.arena import Arena, Place
from convgen.schedule.steps import lives_of

BEFORE = -1  # the number of no operator: what is there before the first

Within = Mapping[str, Inside]


def settled(graph: Graph, *, everywhere: bool) -> Graph:
    """Return *graph* with tensors in others: with states, or wherever that is sound."""
    graph = replace(graph, within={})
    states = {state.tensor.name for state in graph.states}
    with_states = [op for op in graph.operators if _joins(op) & states]
    for operator in (*with_states, *graph.operators):
        within = _joined(graph.within, _wishes(operator, states))
        if not within or within == graph.within:
            continue
        further = replace(graph, within=within)
        whole = further.place(operator.outputs[0].name).whole
        held = any(further.place(name).whole == whole for name in states)
        if (held or everywhere) and is_sound(further):
            graph = further
    return graph


def _joins(operator: Operator) -> set[str]:
    """Return what *operator* joins, row by row."""
    is_run = isinstance(operator, Concatenation) and operator.is_run and not operator.fixed
    return {tensor.name for tensor in operator.inputs} if is_run else set()


def _wishes(operator: Operator, states: set[str]) -> Within:
    """Return in what tensors of *operator* should lie so that nothing is to be done."""
    match operator:
        case Concatenation() if operator.is_run and not operator.fixed:  # nobody writes constants
            whole = operator.output.name
            offsets = accumulate((tensor.bytes for tensor in operator.inputs), initial=0)
            places = zip(operator.inputs, offsets, strict=False)
            found = {t.name: Inside(whole=whole, offset=offset) for t, offset in places}
            return found if len(found) == len(operator.inputs) else {}
        case Slice() if operator.run_begin is not None and operator.output.name not in states:
            offset = operator.run_begin * operator.output.elem_bytes
            lies = Inside(whole=operator.inputs[0].name, offset=offset)
            return {operator.output.name: lies}
    return {}


def _joined(within: Within, wishes: Within) -> dict[str, Inside]:
    """Return *within* with *wishes*, or nothing where one of them lies in another tensor."""
    found = dict(within)
    for name, wish in wishes.items():
        outer = found.get(wish.whole) or Inside(whole=wish.whole, offset=0)
        if name in found or outer.whole == name:
            return {}
        place = Inside(whole=outer.whole, offset=outer.offset + wish.offset)
        found[name] = place
        for other, lies in found.items():
            if lies.whole == name:
                found[other] = replace(place, offset=place.offset + lies.offset)
    return found


@dataclass(slots=True, eq=False)
class _Value:
    """What tensor ``name`` of ``size`` bytes holds from operator ``born`` to operator ``dies``.

    Values of one ``kin`` agree about the bytes they share.
    """

    name: str
    size: int
    born: int
    dies: int
    kin: set[_Value] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.kin = {self}

    def join(self, other: _Value) -> None:
        """Make kin of two, and of all of theirs."""
        self.kin |= other.kin
        for each in self.kin:
            each.kin = self.kin


def is_sound(graph: Graph) -> bool:
    """Whether every value is there until it has been read for the last time."""
    values = _values(graph)
    shared = [value for value in values if value.name in graph.shared]
    return all(_are_sound(graph, one, other) for one, other in combinations(shared, 2))


def _are_sound(graph: Graph, one: _Value, other: _Value) -> bool:
    """Whether neither value is overwritten by the other."""
    first, second = sorted((one, other), key=lambda value: value.born)
    here, there = graph.place(first.name), graph.place(second.name)
    is_apart = (
        here.whole != there.whole
        or here.offset + first.size <= there.offset
        or there.offset + second.size <= here.offset
    )
    if is_apart or second in first.kin or first.dies < second.born:
        return True
    is_last = first.dies == second.born and second.born > BEFORE
    return is_last and _moves_down(graph, graph.operators[second.born], first, second)


def _moves_down(graph: Graph, operator: Operator, source: _Value, target: _Value) -> bool:
    """Whether *operator* reads *source* in order, and each of it before it is overwritten."""
    moves = isinstance(operator, Copy) or (
        isinstance(operator, Slice) and min(operator.strides) > 0
    )
    return (
        moves
        and operator.inputs[0].name == source.name
        and operator.outputs[0].name == target.name
        and graph.place(source.name).offset >= graph.place(target.name).offset
    )


def _values(graph: Graph) -> list[_Value]:
    """Return all values, kin where idle operators say so."""
    end, size = len(graph.operators), {t.name: t.bytes for t in graph.tensors.values()}
    there = [*graph.inputs, *(state.tensor for state in graph.states)]
    now = {t.name: _Value(name=t.name, size=t.bytes, born=BEFORE, dies=BEFORE) for t in there}
    values = [*now.values()]
    for number, operator in enumerate(graph.operators):
        given = [now[tensor.name] for tensor in operator.inputs]
        for value in given:
            value.dies = number
        for tensor in operator.outputs:
            name = tensor.name
            now[name] = _Value(name=name, size=size[name], born=number, dies=number)
            values.append(now[name])
        if graph.is_idle(operator):
            for value in given:
                value.join(now[operator.outputs[0].name])
    for tensor in (*graph.outputs, *(state.tensor for state in graph.states)):
        now[tensor.name].dies = end
    return values


def order(graph: Graph) -> Iterator[str]:
    """Yield what the wholes are in which states lie, the one with an input behind the others."""
    wholes = dict.fromkeys(graph.place(state.tensor.name).whole for state in graph.states)
    inputs = {graph.place(tensor.name).whole for tensor in graph.inputs}
    yield from sorted(wholes, key=lambda name: name in inputs)


def places(graph: Graph, arena: Arena) -> Iterator[Place]:
    """Yield where tensors lie that are no blocks of their own in *arena*."""
    lives = lives_of(replace(graph, within={}))
    for name, lies in graph.within.items():
        yield Place(block=lives[name], offset=arena.offset(lies.whole) + lies.offset)
