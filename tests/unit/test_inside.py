"""Tensors in others: run in one array of bytes, a network gives what it gives without."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

import random_streams
from convgen.model.graph import Graph, Inside, State
from convgen.model.ops.move import Concatenation, Slice
from convgen.model.passes.states import settle_states
from convgen.model.tensor import Tensor
from convgen.schedule import inside
from convgen.schedule.network import Planner
from convgen.schedule.select import Budget
from convgen.targets import target

STREAMS = 60


def played(graph: Graph, given: np.ndarray) -> list[np.ndarray]:
    """Run *graph* on bytes: each whole has some of its own, idle operators do nothing."""
    tensors = graph.tensors
    wholes = {graph.place(name).whole for name in tensors}
    memory = {name: np.full(tensors[name].bytes, 0xA5, np.uint8) for name in wholes}

    def at(tensor: Tensor) -> np.ndarray:
        lies = graph.place(tensor.name)
        seen = memory[lies.whole][lies.offset : lies.offset + tensor.bytes]
        return seen.view(tensor.dtype).reshape(1, *tensor.shape)

    for state in graph.states:
        at(state.tensor)[:] = state.initial
    results = []
    for step in given:
        at(graph.inputs[0])[:] = step
        for operator in graph.operators:
            if not graph.is_idle(operator):
                read = [at(tensor).copy() for tensor in operator.inputs]
                for tensor, values in zip(operator.outputs, operator.compute(*read), strict=True):
                    at(tensor)[:] = values
        results.append([at(tensor).copy() for tensor in graph.outputs])
    return [np.concatenate(arrays) for arrays in zip(*results, strict=True)]


@pytest.mark.parametrize("everywhere", [False, True])
def test_streams_give_the_same_on_bytes(everywhere: bool) -> None:
    idle = joined = 0
    for number in range(STREAMS):
        graph, given = random_streams.draw(number)
        before = graph.compute(given)
        settled = inside.settled(random_streams.settled(graph), everywhere=everywhere)
        for got, wanted in zip(played(settled, given), before, strict=True):
            np.testing.assert_array_equal(got, wanted, err_msg=str(number))
        states = {state.tensor.name for state in settled.states}
        for operator in settled.operators:
            if isinstance(operator, Concatenation) and {t.name for t in operator.inputs} & states:
                joined += 1
                idle += settled.is_idle(operator)
    assert idle > 0.9 * joined > 0


def test_every_other_place_is_refused_if_bytes_would_be_lost() -> None:
    """Wherever the check says yes, a run on bytes gives the right outputs: also at odd places."""
    accepted = refused = 0
    for number in range(STREAMS):
        graph, given = random_streams.draw(number)
        graph = inside.settled(random_streams.settled(graph), everywhere=True)
        numbers = np.random.default_rng(number)
        for name, lies in graph.within.items():
            room = graph.tensors[lies.whole].bytes - graph.tensors[name].bytes
            offset = int(numbers.integers(0, room + 1))
            other = replace(
                graph, within={**graph.within, name: Inside(whole=lies.whole, offset=offset)}
            )
            if not inside.is_sound(other):
                refused += 1
                continue
            accepted += 1
            for got, wanted in zip(played(other, given), graph.compute(given), strict=True):
                np.testing.assert_array_equal(got, wanted, err_msg=f"{number} {name} at {offset}")
    assert accepted > 20
    assert refused > 100


def tensor(name: str, rows: int) -> Tensor:
    return Tensor(name=name, shape=(rows, 1, 2), dtype="int8", scale=1.0)


def rows_of(whole: Tensor, name: str, begin: int, rows: int) -> Slice:
    return Slice(
        name=name,
        inputs=(whole,),
        output=tensor(name, rows),
        begin=(begin, 0, 0),
        strides=(1, 1, 1),
    )


NEW, OLD, JOINED = tensor("new", 1), tensor("old", 4), tensor("joined", 5)
JOIN = Concatenation(name="join", inputs=(OLD, NEW), output=JOINED, axis=0)


def stream(*operators: Slice | Concatenation, outputs: tuple[Tensor, ...]) -> Graph:
    kept = rows_of(JOINED, "kept", 1, 4)
    state = State(tensor=OLD, initial=np.zeros(OLD.shape, np.int8), new=kept.output)
    graph = Graph(
        name="g",
        operators=(JOIN, kept, *operators),
        inputs=(NEW,),
        outputs=outputs,
        states=(state,),
    )
    return inside.settled(settle_states(graph), everywhere=False)


def test_rows_are_joined_and_cut_by_no_work() -> None:
    last = rows_of(JOINED, "last", 2, 3)
    copied = Slice(
        name="every_other",
        inputs=(last.output,),
        output=tensor("every_other", 2),
        begin=(0, 0, 0),
        strides=(2, 1, 1),
    )
    graph = stream(last, copied, outputs=(copied.output,))
    assert graph.place("old") == Inside(whole="joined", offset=0)
    assert graph.place("new") == Inside(whole="joined", offset=8)
    assert graph.place("last") == Inside(whole="joined", offset=4)
    assert [op.name for op in graph.operators if not graph.is_idle(op)] == ["every_other", "kept"]


def test_what_is_seen_after_the_call_is_not_overwritten() -> None:
    graph = stream(outputs=(JOINED,))
    assert not graph.within


def test_rows_of_other_tensors_are_cut_by_no_work_where_that_serves_the_goal() -> None:
    grower = random_streams.Streamer(random.Random(1), "int8")  # noqa: S311
    grower.start = grower.tensor((4, 2, 4))
    geometry = grower.pointwise_geometry(grower.start, 4)
    image = grower.add(grower.layer(grower.start, geometry, "conv2d"))
    rows = image.shape[0]
    for begin in range(rows):
        cut = grower.slice(image, (begin, 0, 0), (1, *image.shape[1:]))
        grower.window(cut)
    outputs = tuple(op.outputs[0] for op in grower.operators[2::2])
    graph = Graph(
        name="g", operators=tuple(grower.operators), inputs=(grower.start,), outputs=outputs
    )
    schedule = Planner(graph, target.load("cortex-m4")).plan(
        "speed", Budget(ram=2**19, flash=2**20)
    )
    assert schedule.algorithms.count("in_place") == rows
