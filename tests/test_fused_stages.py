"""Fused stages read what was written: played in an array whose bytes know what they hold.

Of every shared model and many random networks. What is spoilt on purpose must be found: a ring of a
row less, a row that is given up too early, no look whether there is room, a block too near to
another.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import random_rows
from byte_simulator import FaultError, play
from convgen.bench import blame
from convgen.choices import Feed
from convgen.formats.tflite import reader
from convgen.model import passes
from convgen.schedule.arena import ALIGN, Arena
from convgen.schedule.flow import Flow, Store
from convgen.schedule.network import Planner, Schedule
from convgen.schedule.parts import height_of
from convgen.schedule.select import Budget
from convgen.sources.network_rows import Advance, Ring, StageText
from convgen.targets import target

FEEDS: tuple[Feed, ...] = ("whole", "rows")
QUICK, ALL = 30, 530
PLENTY = Budget(ram=2**20, flash=2**21)
MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/model.tflite"))
FOR_MODELS = ("direct", "im2col_p1", "im2col_p2")

OF_NO_ROWS = ("hello_world", "micro_speech", "okay_nabu", "vad")  # or of rows of a stream
FED = [
    pytest.param(folder, feed, id=f"{folder.name}-{feed}")
    for folder in FOLDERS
    for feed in FEEDS
    if feed == "whole" or folder.name not in OF_NO_ROWS
]
each_model = pytest.mark.parametrize(("folder", "feed"), FED)


@cache
def cut(number: int) -> Schedule:
    """Return the *number*-th network in random stages; each third is fed by rows if it can be."""
    graph = random_rows.draw(number)
    feed: Feed = (
        "rows" if number % 3 == 0 and height_of(graph, graph.inputs[0].name) > 1 else "whole"
    )
    return random_rows.cut(graph, target.load("cortex-m4"), random.Random(number), feed)  # noqa: S311


def faults(numbers: range, schedules: Callable[[int], Schedule]) -> dict[int, str]:
    """Return of which numbers the schedule is faulty, and how."""
    return {number: found for number in numbers if (found := fault(schedules(number)))}


def fault(schedule: Schedule, change: Callable[[StageText], StageText] = lambda t: t) -> str:
    """Return what is wrong, nothing if all is well."""
    try:
        play(schedule, change)
    except FaultError as found:
        return str(found) or "a fault"
    return ""


def test_some_random_networks() -> None:
    assert faults(range(QUICK), cut) == {}


@pytest.mark.slow
@pytest.mark.parametrize("first", range(QUICK, ALL, 100))
def test_random_networks(first: int) -> None:
    assert faults(range(first, min(first + 100, ALL)), cut) == {}


def test_random_networks_have_what_fused_stages_are_made_of() -> None:
    """Rings, rows in place, rings that slide, sums, who waits for room, stages that are long."""
    stages = [stage for number in range(QUICK) for stage in cut(number).fused]
    stores = [store for stage in stages for store in stage.flow.stores]
    assert sum(store.capacity > 1 and not store.is_whole for store in stores) > QUICK / 2
    assert sum(len(store.tensors) > 1 for store in stores) > QUICK / 5
    assert sum(len(stage.flow.runs(ring)) > 1 for stage in stages for ring in stage.rings) > 4
    assert sum(bool(stage.flow.waits) for stage in stages) > QUICK / 10
    assert sum(stage.last - stage.first > 3 for stage in stages) > QUICK / 3
    assert sum(block.what.startswith("sums") for s in stages for block in s.blocks) > QUICK / 5


def test_networks_that_are_cut_to_find_what_is_wrong() -> None:
    for number in range(QUICK):
        schedule = cut(number)
        for last in range(len(schedule.plans)):
            assert not fault(blame._behind(schedule, last)), (number, last)


def model(folder: Path, feed: Feed) -> Planner:
    """Return a planner for a shared model, of few algorithms."""
    graph, _ = passes.simplified(reader.load(folder / "model.tflite", folder.name).graph)
    with random_rows.few_algorithms(*FOR_MODELS):
        return Planner(graph, target.load("cortex-m4"), feed=feed)


@pytest.mark.slow
@each_model
def test_a_model(folder: Path, feed: Feed) -> None:
    planner = model(folder, feed)
    least = planner.plan("workspace", PLENTY)
    budgets = (replace(PLENTY, ram=int(least.ram * times)) for times in (1.05, 1.3))
    fast = (planner.plan("speed", budget) for budget in budgets)
    assert [fault(schedule) for schedule in (least, *fast)] == ["", "", ""]


@pytest.mark.slow
@each_model
def test_a_model_spoilt(folder: Path, feed: Feed) -> None:
    schedule = model(folder, feed).plan("workspace", PLENTY)
    assert not fault(schedule)
    rings = [store for stage in schedule.fused for store in stage.rings]
    if schedule.fused:
        assert fault(_lower(schedule))
    if rings:
        assert fault(_smaller(schedule, max(rings, key=lambda store: store.bytes)))
    if any(ring.capacity > 1 for ring in rings):
        assert fault(schedule, _too_early)
    if any(stage.flow.waits for stage in schedule.fused):
        assert fault(_unasked(schedule))


def test_random_networks_spoilt() -> None:
    """Not every arena is as small as can be: its search ends somewhere."""
    schedules = [cut(number) for number in range(QUICK)]
    assert sum(bool(fault(_lower(schedule))) for schedule in schedules) > 0.9 * QUICK
    for schedule in schedules:
        rings = [store for stage in schedule.fused for store in stage.rings]
        assert all(fault(_smaller(schedule, ring)) for ring in rings)
        if any(stage.flow.waits for stage in schedule.fused):
            assert fault(_unasked(schedule))


def _lower(schedule: Schedule) -> Schedule:
    """Return it in an arena without its last bytes, and what lay there a bit lower."""
    arena = schedule.arena
    places = tuple(
        replace(place, offset=place.offset - ALIGN)
        if place.offset + place.block.room == arena.bytes
        else place
        for place in arena.places
    )
    return replace(
        schedule, arena=Arena(bytes=arena.bytes - ALIGN, places=places, within=arena.within)
    )


def _smaller(schedule: Schedule, ring: Store) -> Schedule:
    """Return it with a ring that has one row less."""
    arena = schedule.arena
    places = tuple(
        replace(place, block=replace(place.block, bytes=ring.bytes - ring.pitch))
        if place.block.what == ring.name
        else place
        for place in arena.places
    )
    less = replace(ring, capacity=ring.capacity - 1)

    def change(flow: Flow) -> Flow:
        stores = tuple(less if store is ring else store for store in flow.stores)
        return replace(flow, stores=stores)

    return replace(_with_flows(schedule, change), arena=replace(arena, places=places))


def _unasked(schedule: Schedule) -> Schedule:
    """Return it with operators that do not look whether there is room."""
    return _with_flows(schedule, lambda flow: replace(flow, waits=frozenset()))


def _with_flows(schedule: Schedule, change: Callable[[Flow], Flow]) -> Schedule:
    fused = tuple(replace(stage, flow=change(stage.flow)) for stage in schedule.fused)
    return replace(schedule, fused=fused)


def _too_early(text: StageText) -> StageText:
    """Return a stage whose rings keep one row less than is needed, of each tensor in them.

    Of the oldest there may be none that is needed: all its rows are read at once.
    """

    def ring(given: Ring | None) -> Ring | None:
        if given is None:
            return None
        runs = (replace(run, first=f"{run.first} + 1") for run in given.runs)
        return replace(given, runs=tuple(runs))

    def advance(given: Advance) -> Advance:
        return replace(given, ring=ring(given.ring))

    feeding = text.feeding and replace(text.feeding, ring=ring(text.feeding.ring))
    return replace(text, advances=tuple(map(advance, text.advances)), feeding=feeding)
