"""Which operator of a network is the first to give something else than it should.

The network is cut behind one operator after the other: the same text without the later calls, in
the same arena, whose output is what that operator wrote. Which cut is the first to be wrong is
searched for by halves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from convgen.bench.proof.vectors import Vectors
from convgen.bench.trial import Bench, Trial, attempt, split_outputs
from convgen.model.graph import Graph
from convgen.model.ops.softmax import LogSoftmax, Softmax
from convgen.model.ops.table import Table
from convgen.model.whole import Whole
from convgen.schedule.arena import Arena, Block, Place
from convgen.schedule.fusion import Fused, sums_name
from convgen.schedule.network import Schedule

SATURATING = (Softmax, LogSoftmax, Table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first wrong value of the first wrong operator: ``index`` is its place in ``tensor``."""

    operator: int
    name: str
    tensor: str
    vector: int
    index: tuple[int, ...]
    got: float
    expected: float


def looked_into(
    trial: Trial, bench: Bench, stage: Path, ram: int
) -> tuple[Trial, Difference | None]:
    """Return *trial*, a network's, and where it first differs, if anything does.

    Outputs that are right prove little behind an operator that most inputs saturate: then what it
    reads is looked at too, and what is wrong there is the trial's failure. Cuts are built and run
    in folders of *stage*. With states only the first call is looked at: later ones would need what
    was cut off.
    """
    if trial.comparison is None:
        return trial, None
    schedule, inputs = trial.schedule, bench.vectors.inputs
    if schedule.graph.states:
        inputs = tuple(array[:1] for array in inputs)
    cutter = replace(bench, vectors=Vectors(inputs=inputs), remake=None)

    def differs(last: int) -> Difference | None:
        cut = attempt(_behind(schedule, last), cutter, stage / f"cut{last}", ram, roomy=True)
        return _difference(cut, last, cutter)

    last = _last_open(schedule) if trial.comparison.is_right else len(schedule.plans) - 1
    if trial.comparison.is_right and (last < 0 or last == len(schedule.plans) - 1):
        return trial, None
    ends = [n for n in range(last + 1) if not _is_within_strips(schedule, n)]
    found = _first(differs, ends) if ends else None
    if found and trial.failure is None:
        trial = replace(trial, failure=f"operator {found.operator} ({found.name}) is wrong")
    return trial, found


def _last_open(schedule: Schedule) -> int:
    """Return the number of the last operator that no saturating ones alone are behind, or -1."""
    operators = schedule.graph.operators
    numbers = range(len(operators) - 1, -1, -1)
    return next((n for n in numbers if not isinstance(operators[n], SATURATING)), -1)


def _is_within_strips(schedule: Schedule, number: int) -> bool:
    """Whether an operator makes no whole tensor: its stage, over strips, goes on behind it."""
    return any(fused.strips and fused.first <= number < fused.last for fused in schedule.fused)


def _first(
    differs: Callable[[int], Difference | None], operators: Sequence[int]
) -> Difference | None:
    """Return the difference of the first of *operators* that has one, by halves."""
    found = differs(operators[-1])
    right, wrong = -1, len(operators) - 1
    while found and wrong - right > 1:
        middle = (right + wrong) // 2
        earlier = differs(operators[middle])
        if earlier:
            wrong, found = middle, earlier
        else:
            right = middle
    return found


def _behind(schedule: Schedule, last: int) -> Schedule:
    """Return *schedule* up to the operator *last*, whose outputs are the network's."""
    graph, end = schedule.graph, last + 1
    operators = graph.operators[:end]
    cut = replace(graph, operators=operators, outputs=operators[last].outputs)
    begun = [stage for stage in schedule.fused if stage.first <= last]
    return replace(
        schedule,
        arena=_with_whole(schedule, cut, begun),
        graph=cut,
        plans=schedule.plans[:end],
        candidates=schedule.candidates[:end],
        fused=tuple(stage if stage.last <= last else stage.up_to(cut) for stage in begun),
    )


def _with_whole(schedule: Schedule, graph: Graph, begun: Sequence[Fused]) -> Arena:
    """Return the arena of what is left, with room behind it for outputs that were not whole."""
    last = len(graph.operators) - 1
    size = {tensor.name: tensor.bytes for tensor in graph.outputs}
    places = schedule.arena.all
    there = {place.block.what: place for place in places if place.block.first <= last}
    for stage in begun:
        there |= {name: there[other] for name, other in stage.also.items() if other in there}
    later = schedule.graph.tensors.keys() - graph.tensors.keys()
    later |= {sums_name(number) for number in range(last + 1, len(schedule.plans))}
    there = {what: place for what, place in there.items() if what not in later}
    rings = {block.what for stage in begun for block in stage.blocks}
    end = schedule.arena.bytes
    for name in size:
        if name in rings or name not in there or there[name].block.bytes != size[name]:
            block = Block(what=name, bytes=size[name], first=last, last=last)
            there[name] = Place(block=block, offset=end)
            end += block.room
    return Arena(
        bytes=end,
        places=tuple(
            replace(place, block=replace(place.block, what=name)) for name, place in there.items()
        ),
    )


def _difference(trial: Trial, number: int, bench: Bench) -> Difference | None:
    """Return the first value in which *trial*, cut behind operator *number*, is wrong."""
    if trial.run is None or trial.comparison is None or not trial.comparison.mismatches:
        return None
    graph = trial.schedule.graph
    outputs = split_outputs(Whole(graph), trial.run.outputs)
    expected = graph.compute(*bench.vectors.inputs)
    operator = graph.operators[number]
    for tensor, got, wanted in zip(operator.outputs, outputs, expected, strict=True):
        errors = np.abs(got.astype(np.float64) - wanted)
        if not errors.any():
            continue
        flat = int(np.argmax(errors > 0)) if tensor.dtype != "float32" else int(errors.argmax())
        vector, *index = (int(at) for at in np.unravel_index(flat, got.shape))
        return Difference(
            operator=graph.origin.numbers.get(operator.name, number),
            name=operator.name,
            tensor=tensor.name,
            vector=vector,
            index=tuple(index),
            got=float(got.ravel()[flat]),
            expected=float(wanted.ravel()[flat]),
        )
    return None
