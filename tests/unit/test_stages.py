"""Where a network is cut, against all places where it may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

import random_rows
from convgen.choices import Goal
from convgen.schedule import stages
from convgen.schedule.network import Planner, _best, _may_be_best, _placed
from convgen.schedule.stages import IMPOSSIBLE, Cut, Cutter, Limits, Stage
from convgen.targets import target

STACK = 2**16
GOALS: tuple[Goal, Goal] = ("speed", "workspace")


@pytest.fixture(scope="module", params=range(12))
def cutter(request: pytest.FixtureRequest) -> Cutter:
    """Of a network of a few operators."""
    graphs = (random_rows.draw(number) for number in range(1000 * request.param, 10**6))
    graph = next(graph for graph in graphs if 3 <= len(graph.operators) <= 6)
    with random_rows.few_algorithms("direct", "im2col_p1", "im2col_p2"):
        return Planner(graph, target.load("cortex-m4"))._cutter


def every_cut(cutter: Cutter, end: int) -> Iterator[list[Cut]]:
    """Yield all that a network may be cut into up to operator *end* - 1."""
    if end == 0:
        yield []
        return
    for start in cutter._starts(end):
        for before in every_cut(cutter, start):
            yield [*before, (start, end)]


def played(cutter: Cutter) -> list[list[Cut]]:
    """Return all ways to cut, each stage of them played."""
    found = list(every_cut(cutter, len(cutter.steps)))
    for cut in {cut for cuts in found for cut in cuts}:
        if cutter._is_fused(cut):
            cutter._play(cut)
    return found


def test_the_least_arena_is_that_of_the_best_of_all_cuts(cutter: Cutter) -> None:
    least = cutter.least(STACK)
    limits = Limits(arena=IMPOSSIBLE, stack=STACK)
    needs = [max(cutter._need(cut, limits) for cut in cuts) for cuts in played(cutter)]
    assert least == min(needs)


@pytest.mark.parametrize("most", [0, 1])
def test_the_search_for_the_least_arena_ends_after_some_stages(
    most: int, cutter: Cutter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "MOST_FOR_LEAST", most)
    fresh = Cutter(cutter.steps, cutter.graph, target.load("cortex-m4"))
    assert fresh.least(STACK) >= cutter.least(STACK)
    assert len(fresh._played) <= most * len(fresh.steps)  # those of a path at once


def test_the_fewest_instructions_are_those_of_the_best_of_all_cuts(cutter: Cutter) -> None:
    least = cutter.least(STACK)
    for arena in (least, least * 5 // 4, least * 3):
        found = cutter.within(arena, STACK, IMPOSSIBLE, "speed")
        assert found is not None
        limits = Limits(arena=arena, stack=STACK)
        totals = []
        for cuts in played(cutter):
            stages = [cutter._stage(cut, limits) for cut in cuts]
            if all(stages):
                totals.append(sum(stage.instructions for stage in stages if stage))
        assert sum(stage.instructions for stage in found) == min(totals)


def test_no_estimate_is_above_what_a_stage_needs(cutter: Cutter) -> None:
    limits = Limits(arena=IMPOSSIBLE, stack=STACK)
    fresh = Cutter(cutter.steps, cutter.graph, target.load("cortex-m4"))
    for cut in {cut for cuts in every_cut(fresh, len(fresh.steps)) for cut in cuts}:
        if fresh._is_fused(cut):
            estimate = fresh._need(cut, limits)
            fresh._play(cut)
            assert estimate <= fresh._need(cut, limits), cut


def test_a_stage_has_no_more_operators_than_there_is_time_for(
    cutter: Cutter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "MOST_TOGETHER", 2)
    cuts = {cut for cuts in every_cut(cutter, len(cutter.steps)) for cut in cuts}
    assert max(end - start for start, end in cuts) <= 2


def test_for_the_least_ram_flash_may_cost_next_to_no_instructions(cutter: Cutter) -> None:
    arena = cutter.least(STACK) * 2
    fastest, leaner = (cutter.within(arena, STACK, IMPOSSIBLE, goal) for goal in GOALS)
    assert fastest is not None
    assert leaner is not None
    assert total(leaner, "instructions") <= total(fastest, "instructions") * 1.02
    assert total(leaner, "flash") <= total(fastest, "flash")
    assert max(stage.need for stage in leaner) <= arena


def test_too_little_flash_takes_the_fewest_instructions_that_fit(cutter: Cutter) -> None:
    arena = cutter.least(STACK) * 2
    fastest = cutter.within(arena, STACK, IMPOSSIBLE, "speed")
    smallest = cutter.within(arena, STACK, IMPOSSIBLE, "flash")
    assert fastest is not None
    assert smallest is not None
    least = total(smallest, "flash")
    assert cutter.within(arena, STACK, least - 1, "speed") is None
    most = (least + total(fastest, "flash")) // 2
    within, lean = (cutter.within(arena, STACK, most, goal) for goal in GOALS)
    assert within is not None
    assert lean is not None
    assert total(within, "instructions") <= total(smallest, "instructions")
    assert total(lean, "flash") <= total(within, "flash") <= most
    assert total(lean, "instructions") <= total(within, "instructions") * 1.02


def total(stages: Sequence[Stage], what: str) -> int:
    return sum(getattr(stage, what) for stage in stages)


def test_what_a_stage_costs_beside_its_operators_is_the_same_of_all_candidates(
    cutter: Cutter,
) -> None:
    limits = Limits(arena=IMPOSSIBLE, stack=STACK)
    for cut in {cut for cuts in played(cutter) for cut in cuts}:
        stage = cutter._stage(cut, limits)
        assert stage
        if stage.fusion:
            operators = sum(one.instructions for one in stage.candidates)
            assert stage.instructions == operators + stage.fusion.overhead, cut


@pytest.mark.parametrize("goal", ["speed", "flash"])
def test_of_several_cuts_those_that_cannot_be_the_best_are_not_placed(
    cutter: Cutter, goal: Goal
) -> None:
    arena = cutter.least(STACK)
    cuts = [
        stages
        for some in (arena, arena, arena * 2, arena * 8)
        for by in GOALS
        if (stages := cutter.within(some, STACK, IMPOSSIBLE, by))
    ]
    placed = {stages: _placed(stages, cutter.graph, goal) for stages in cuts}
    few = list(_may_be_best(cuts, goal))
    best, found = (_best([placed[s] for s in some], goal) for some in (cuts, few))
    assert best.algorithms == found.algorithms
    assert best.arena == found.arena
    assert len(few) < len(cuts)
