"""States in their places: an operator writes a state's new bytes where its old ones were."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from convgen.model.graph import Graph, State
from convgen.model.ops.move import Concatenation, Copy, Slice
from convgen.model.passes.rewriting import rebuilt, renamed, with_inputs, writing
from convgen.model.tensor import Tensor


def settle_states(graph: Graph) -> Graph:
    """Return *graph* with states that operators write: no more is to be done between calls.

    What makes a new state behind the last reader of the old one writes it in its place; otherwise
    it is copied there.
    """
    for number in range(len(graph.states)):
        graph = _settled(graph, number)
    graph = _with_own_rows(graph)
    for state in graph.states:
        graph = _written_late(graph, state.tensor.name)
    return graph


def _with_own_rows(graph: Graph) -> Graph:
    """Return *graph* with copies of what is joined with a state but cannot be made in its place.

    That is what is joined with another already, and what the caller puts somewhere else.
    """
    states = {state.tensor.name for state in graph.states}
    inputs = {tensor.name for tensor in graph.inputs}
    taken: set[str] = set()
    for operator in graph.operators:
        names = [tensor.name for tensor in operator.inputs]
        if not (isinstance(operator, Concatenation) and operator.is_run and states & {*names}):
            continue
        for place, tensor in enumerate(operator.inputs):
            if tensor.name in taken and tensor.name not in states:
                copy = _copy(graph, tensor, f"{tensor.name} in {operator.name}")
                names[place] = copy.output.name
                graph = _inserted(graph, copy, _place(graph, operator.name))
            taken |= inputs if tensor.name in inputs else {tensor.name}
        graph = rebuilt(graph, {operator.name: [with_inputs(operator, names)]})
    return graph


def _written_late(graph: Graph, name: str) -> Graph:
    """Return *graph* with state *name* written behind what reads the rows that it is joined to.

    So that these rows need not be kept anywhere else, if nothing needs the new ones before.
    """
    writer = _last(graph, name, reading=False)
    if writer < 0 or not isinstance(graph.operators[writer], Slice | Copy):
        return graph
    last = max(_last(graph, each, reading=True) for each in _joined_to(graph, name))
    one, between = graph.operators[writer], graph.operators[writer + 1 : last + 1]
    used = {tensor.name for each in between for tensor in (*each.inputs, *each.outputs)}
    written = {tensor.name for each in between for tensor in each.outputs}
    if name in used or written & {tensor.name for tensor in one.inputs}:
        return graph
    operators = graph.operators
    order = (*operators[:writer], *between, one, *operators[max(last, writer) + 1 :])
    return replace(graph, operators=order)


def _joined_to(graph: Graph, name: str) -> set[str]:
    """Return tensor *name*, what joins its rows to others, and slices of such rows."""
    found = {name}
    for operator in graph.operators:
        joins = isinstance(operator, Concatenation) and operator.is_run
        cuts = isinstance(operator, Slice) and operator.run_begin is not None
        if (joins or cuts) and found & {tensor.name for tensor in operator.inputs}:
            found.add(operator.outputs[0].name)
    return found


def _place(graph: Graph, name: str) -> int:
    return next(n for n, operator in enumerate(graph.operators) if operator.name == name)


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
