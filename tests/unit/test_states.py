"""States in their places: the same outputs, call after call, and nothing to do between calls."""

from __future__ import annotations

import numpy as np
import pytest

from convgen.model import graph as graphs
from convgen.model.graph import Graph, State
from convgen.model.operator import Operator
from convgen.model.ops.move import Concatenation, Copy, Slice
from convgen.model.passes.states import settle_states
from convgen.model.tensor import Tensor

ROWS = 4


def tensor(name: str, rows: int) -> Tensor:
    return Tensor(name=name, shape=(rows, 2), dtype="int8", scale=1.0)


def state(name: str, new: Tensor, value: int) -> State:
    kept = tensor(name, new.shape[0])
    return State(tensor=kept, initial=np.full(kept.shape, value, np.int8), new=new)


GIVEN, OLD, OTHER = tensor("given", 1), tensor("old", ROWS), tensor("other", ROWS)
TWO = tensor("two", 2)
JOINED = tensor("joined", ROWS + 1)
JOIN = Concatenation(name="join", inputs=(OLD, GIVEN), output=JOINED, axis=0)


def rest(name: str, begin: int, rows: int) -> Slice:
    return Slice(
        name=name, inputs=(JOINED,), output=tensor(name, rows), begin=(begin, 0), strides=(1, 1)
    )


def graph(operators: tuple[Operator, ...], *states: State, output: Tensor = JOINED) -> Graph:
    return Graph(name="g", operators=operators, inputs=(GIVEN,), outputs=(output,), states=states)


NEW = rest("new", 1, ROWS)
COPIED = Copy(name="copied", inputs=(OTHER,), output=tensor("copied", ROWS))
GRAPHS = {
    "a row more in each call": graph((JOIN, NEW), state("old", NEW.output, 7)),
    "what is also an output": graph((JOIN, NEW), state("old", NEW.output, 7), output=NEW.output),
    "the input itself": graph(
        (Concatenation(name="two", inputs=(tensor("old", 1), GIVEN), output=TWO, axis=0),),
        state("old", GIVEN, 3),
        output=TWO,
    ),
    "written before the old one is read": graph(
        (
            Concatenation(name="two", inputs=(GIVEN,) * ROWS, output=NEW.output, axis=0),
            JOIN,
        ),
        state("old", NEW.output, 7),
    ),
    "two that change places": graph((JOIN, COPIED), state("old", OTHER, 1), state("other", OLD, 2)),
    "one behind the other": graph(
        (JOIN, NEW, COPIED),
        state("old", NEW.output, 1),
        state("other", OLD, 2),
        output=COPIED.output,
    ),
    "one new for two": graph(
        (JOIN, NEW, COPIED),
        state("old", NEW.output, 1),
        state("other", NEW.output, 2),
        output=COPIED.output,
    ),
}


@pytest.mark.parametrize("case", GRAPHS)
def test_outputs_stay_those_of_the_states_as_given(case: str) -> None:
    before = GRAPHS[case]
    after = settle_states(before)
    given = np.random.default_rng(1).integers(-128, 128, (6, 1, 2), np.int8)
    np.testing.assert_array_equal(before.compute(given)[0], after.compute(given)[0])
    assert all(one.new.name == one.tensor.name for one in after.states)
    names = [operator.name for operator in after.operators]
    assert len(set(names)) == len(names)


def test_what_can_be_written_in_place_is_not_copied() -> None:
    assert len(settle_states(GRAPHS["a row more in each call"]).operators) == 2
    assert len(settle_states(GRAPHS["the input itself"]).operators) == 2  # one that copies it


def test_calls_are_computed_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tensors of all calls would take gigabytes, of a file of a few thousand inputs."""
    two = Concatenation(name="two", inputs=(GIVEN, GIVEN), output=TWO, axis=0)
    network, given = graph((two,), output=TWO), np.arange(14, dtype=np.int8).reshape(7, 1, 2)
    (whole,) = network.compute(given)
    monkeypatch.setattr(graphs, "_HELD", 3 * (GIVEN.bytes + TWO.bytes))
    assert [len(call["two"]) for call in network.calls(given)] == [3, 3, 1]
    np.testing.assert_array_equal(network.compute(given)[0], whole)
