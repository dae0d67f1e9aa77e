"""Rings that slide: what a window makes takes the place of the oldest row that it reads.

And rows that wait in the place of others, which must not lie in each other's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest

import random_rows
from byte_simulator import FaultError, play
from convgen.bench import blame
from convgen.choices import Feed
from convgen.model.graph import Graph
from convgen.model.ops.add import Add
from convgen.model.tensor import Tensor
from convgen.schedule.flow import Store
from convgen.schedule.fusion import Fused
from convgen.schedule.network import Planner, Schedule, _placed
from convgen.schedule.parts import Over, Parts
from convgen.schedule.stages import Stage
from convgen.sources.network_rows import Advance, Ring, StageText
from convgen.targets import target
from random_graphs import Grower

BOARD = target.load("cortex-m4")
SIZE, CHANNELS = 12, 4
PITCH = SIZE * CHANNELS
WINDOWS = 4


def strided(net: Net, now: Tensor) -> Tensor:
    return net.window(now, stride=2)


class Net(Grower):
    """Convolutions that keep the size of an image."""

    def __init__(self, height: int = SIZE, width: int = SIZE) -> None:
        super().__init__(random.Random(1), "int8")  # noqa: S311
        self.start = self.tensor((height, width, CHANNELS))

    def window(
        self, now: Tensor, kernel: int = 3, out_c: int = CHANNELS, stride: int = 1
    ) -> Tensor:
        pad = kernel // 2
        geometry = replace(
            self.pointwise_geometry(now, out_c),
            out_h=-(-now.shape[0] // stride),
            out_w=-(-now.shape[1] // stride),
            k_h=kernel,
            k_w=kernel,
            stride_h=stride,
            stride_w=stride,
            pad_top=pad,
            pad_bottom=pad,
            pad_left=pad,
            pad_right=pad,
        )
        return self.add(self.layer(now, geometry, "conv2d"))

    def sum(self, one: Tensor, other: Tensor) -> Tensor:
        return self.add(
            Add(
                name="",
                inputs=(one, other),
                output=self.tensor(one.shape),
                activation="none",
                activation_min=-128,
                activation_max=127,
            )
        )

    def ending_in(self, *outputs: Tensor) -> Graph:
        return Graph(
            name="net", operators=tuple(self.operators), inputs=(self.start,), outputs=outputs
        )


def chain(end: Callable[[Net, Tensor], Tensor] = strided) -> Graph:
    """Windows behind each other, and what reads the rows of the last one."""
    net = Net()
    now = net.start
    for _ in range(WINDOWS):
        now = net.window(now)
    return net.ending_in(end(net, now))


def one_stage(graph: Graph, feed: Feed = "whole") -> tuple[Planner, Stage]:
    with random_rows.few_algorithms("direct"):
        planner = Planner(graph, BOARD, feed=feed)
        cutter, cut = planner._cutter, (0, len(graph.operators))
        cutter._play(cut)
        stage = cutter._stage(cut, random_rows.FREE)
    assert stage is not None
    return planner, stage


def in_one_stage(graph: Graph, feed: Feed = "whole") -> Schedule:
    planner, stage = one_stage(graph, feed)
    return _placed([stage], planner.graph, "workspace")


def slid(schedule: Schedule) -> tuple[Fused, Store]:
    """Return the stage, and its one ring that has several tensors."""
    (stage,) = schedule.fused
    (ring,) = (store for store in stage.flow.stores if len(store.tensors) > 1)
    return stage, ring


@pytest.mark.parametrize("feed", ["whole", "rows"])
def test_each_window_in_a_chain_takes_one_row_more(feed: Feed) -> None:
    """Rings of their own take three for each."""
    schedule = in_one_stage(chain(), feed)
    stage, ring = slid(schedule)
    assert ring.shifts == (*range(WINDOWS - 1, -1, -1),)
    assert len(stage.flow.runs(ring)) == WINDOWS
    leads = [one - other for one, other in pairwise(ring.leads)]
    assert all(0 < lead < PITCH for lead in leads)
    assert ring.bytes == (3 + 2 * (WINDOWS - 1)) * PITCH + sum(leads)
    play(schedule)


def test_rows_that_are_moved_together_with_what_nobody_wrote_are_found() -> None:
    """What lies between rows of two tensors, and where the first rows will be."""

    def together(given: Ring | None) -> Ring | None:
        if given is None or len(given.runs) == 1:
            return given
        oldest, newest = given.runs[0], given.runs[-1]
        return replace(given, runs=(replace(oldest, end=newest.end),))

    def change(text: StageText) -> StageText:
        advances = (replace(each, ring=together(each.ring)) for each in text.advances)
        return replace(text, advances=tuple(advances))

    schedule = in_one_stage(chain(Net.mean))
    play(schedule)
    with pytest.raises(FaultError, match="nobody has"):
        play(schedule, change)


def test_rows_of_a_tensor_that_are_not_moved_are_missed() -> None:
    def without(number: int, given: Advance) -> Advance:
        if given.ring is None or len(given.ring.runs) == 1:
            return given
        runs = given.ring.runs
        return replace(given, ring=replace(given.ring, runs=(*runs[:number], *runs[number + 1 :])))

    def change(number: int, text: StageText) -> StageText:
        return replace(text, advances=tuple(without(number, each) for each in text.advances))

    schedule = in_one_stage(chain())
    for number in range(1, WINDOWS):
        with pytest.raises(FaultError):
            play(schedule, partial(change, number))


@pytest.mark.parametrize("feed", ["whole", "rows"])
def test_each_operator_is_looked_into_by_itself(feed: Feed) -> None:
    schedule = in_one_stage(chain(), feed)
    for last in range(len(schedule.plans)):
        play(blame._behind(schedule, last))


def test_a_ring_as_large_as_its_tensor_is_not_the_tensor() -> None:
    """What is looked into has a place for all its rows, beside the ring that it was in."""
    net = Net(height=6, width=4)
    narrow = net.window(net.window(net.start, 1, 3), 1, 1)
    schedule = in_one_stage(net.ending_in(net.window(narrow)))
    _, ring = slid(schedule)
    assert (ring.name, ring.bytes, ring.is_whole) == (narrow.name, narrow.bytes, False)
    play(blame._behind(schedule, 1))


@pytest.mark.parametrize("out_c", [1, CHANNELS, 2 * CHANNELS])
@pytest.mark.parametrize("is_first", [True, False])
def test_rows_that_wait_for_another_branch_keep_their_own_width(out_c: int, is_first: bool) -> None:
    """A sum in the place of one of its inputs, and something narrower in its own."""
    net = Net()
    one = net.window(net.start, 1) if is_first else None
    other = net.window(net.window(net.start))
    one = one or net.window(net.start, 1)
    graph = net.ending_in(net.window(net.window(net.sum(one, other), 1, out_c), 3, out_c))
    play(in_one_stage(graph))


def test_rings_lie_apart_where_one_piece_finds_no_place() -> None:
    planner, stage = one_stage(chain())
    (apart,) = planner._cutter.apart([stage])
    assert stage.fusion is not None
    assert apart.fusion is not None
    assert (stage.fusion.slides, apart.fusion.slides) == (True, False)
    assert apart.candidates == stage.candidates
    assert apart.need > stage.need
    play(_placed([apart], planner.graph, "workspace"))

    bytes_of = partial(planner._where_there_is_room, goal="workspace")
    assert bytes_of((stage,)).arena.bytes == stage.need
    assert bytes_of((replace(apart, need=0),)).arena.bytes == apart.need  # as near as they can be
    assert bytes_of((replace(stage, need=0),)).arena.bytes == stage.need


def over(graph: Graph, number: int, *, apart: bool = False) -> Over | None:
    """Return whose place operator *number* takes in a stage of all."""
    with random_rows.few_algorithms("direct"):
        steps = Planner(graph, BOARD).steps
        material = Parts(graph, apart=apart)
        plan = next(
            option.candidate.plan
            for option in steps[number].options
            if option.candidate.algorithm == "direct"
        )
    return material.over(material.part(number, plan), 0)


def test_a_window_takes_the_place_of_the_oldest_row_it_reads() -> None:
    graph = chain()
    found = over(graph, 1)
    assert found is not None
    assert (found.tensor, found.shift) == (graph.operators[0].outputs[0].name, 1)
    assert 0 < found.lead < PITCH  # of pixels that are read behind those that are written
    assert over(graph, 1, apart=True) is None


def test_who_cannot_take_the_place_of_a_row() -> None:
    assert over(chain(), 0) is None  # the input is there before the stage
    assert over(chain(), WINDOWS) is None  # with a stride rows come at another pace

    net = Net()
    read_twice = net.window(net.start)
    one, other = net.window(read_twice), net.window(read_twice)
    assert over(net.ending_in(net.sum(one, other)), 1) is None

    net = Net()
    kept = net.window(net.start)
    assert over(net.ending_in(net.window(kept), kept), 1) is None

    net = Net()
    wider = net.window(net.window(net.start), out_c=2 * CHANNELS)
    assert over(net.ending_in(wider), 1) is None
    assert over(net.ending_in(net.window(wider, 1)), 2) is not None
