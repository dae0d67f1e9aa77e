"""States in their places: an operator writes a state's new bytes where its old ones were."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from convgen.model.graph import Graph, State
from convgen.model.ops.move import Copy
from convgen.model.passes.rewriting import rebuilt, renamed, writing
from convgen.model.tensor import Tensor


def settle_states(graph: Graph) -> Graph:
    """Return *graph* with states that operators write: no more is to be done between calls.

    What makes a new state behind the last reader of the old one writes it in its place; otherwise
    it is copied there.
    """
    for number in range(len(graph.states)):
        graph = _settled(graph, number)
    return graph


def _settled(graph: Graph, number: int) -> Graph:
    state = graph.states[number]
    if state.new.name == state.tensor.name:
        return graph
    kept = {one.tensor.name for one in graph.states}
    if state.new.name in kept:  # which may be overwritten before this one is
        graph = _inserted(graph, _copy(graph, state.new, f"{state.new.name} before"), 0)
        state = replace(state, new=graph.operators[0].outputs[0])
    read = _last(graph, state.tensor.name, reading=True)
    written = _last(graph, state.new.name, reading=False)
    shared = [one for one in graph.states if one.new.name == state.new.name]
    if written > read and len(shared) == 1:
        graph = renamed(graph, {state.new.name: state.tensor.name})
        writer = graph.operators[written]
        graph = rebuilt(graph, {writer.name: [writing(writer, state.tensor.name)]})
    else:
        copy = _copy(graph, state.new, state.tensor.name)
        graph = _inserted(graph, copy, max(read, written) + 1)
    own = State(tensor=state.tensor, initial=state.initial, new=state.tensor)
    return replace(graph, states=(*graph.states[:number], own, *graph.states[number + 1 :]))


def _last(graph: Graph, name: str, *, reading: bool) -> int:
    """Return the number of the last operator that reads or writes tensor *name*, or -1."""
    found = [
        number
        for number, operator in enumerate(graph.operators)
        if any(t.name == name for t in (operator.inputs if reading else operator.outputs))
    ]
    return found[-1] if found else -1


def _inserted(graph: Graph, copy: Copy, place: int) -> Graph:
    operators = graph.operators
    return replace(graph, operators=(*operators[:place], copy, *operators[place:]))


def _copy(graph: Graph, given: Tensor, name: str) -> Copy:
    taken = {operator.name for operator in graph.operators}
    names = (f"keep_{number}" for number in count())
    return Copy(
        name=next(each for each in names if each not in taken),
        inputs=(given,),
        output=replace(given, name=name),
    )
