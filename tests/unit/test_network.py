"""Networks planned: what refusals say holds, and the same algorithms one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

import random_rows
from convgen.choices import GOALS, Goal
from convgen.errors import NoFitError
from convgen.schedule import stages
from convgen.schedule.network import WORTH_A_CALL, Planner, Schedule, unfused
from convgen.schedule.select import Budget
from convgen.targets import target

BOARD = target.load("cortex-m4")
ROOM = Budget(ram=2**19, flash=2**20)
SHARES = (0.6, 0.95, 1.1)
SAID = re.compile(r"needs about ([\d,]+) bytes of (RAM|flash) at least, expected at most ([\d,]+)")


@pytest.fixture(scope="module", params=range(2))
def planner(request: pytest.FixtureRequest) -> Planner:
    return Planner(random_rows.draw(1000 + request.param), BOARD)


def leanest(planner: Planner) -> Schedule:
    return planner.plan("workspace", ROOM)


def test_what_a_refusal_says_is_needed_is_more_than_there_is(planner: Planner) -> None:
    lean, small = leanest(planner), planner.plan("flash", ROOM)
    budgets = [
        Budget(ram=int(lean.ram * ram), flash=int(small.flash * flash))
        for ram, flash in product(SHARES, SHARES)
    ]
    tried = product((planner._fused, planner._unfused), GOALS, budgets)
    refusals = [(budget, text) for by, goal, budget in tried if (text := refusal(by, goal, budget))]
    assert refusals
    for budget, text in refusals:
        said = SAID.search(text)
        assert said, text
        needed, most = (int(said[n].replace(",", "")) for n in (1, 3))
        assert most == (budget.ram if said[2] == "RAM" else budget.flash)
        assert needed > most, text


@pytest.mark.parametrize("goal", GOALS)
def test_a_search_that_ends_early_finds_a_plan_where_there_is_one(
    planner: Planner, goal: Goal, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight = replace(ROOM, ram=leanest(planner).ram)
    monkeypatch.setattr(stages, "MOST_PLAYED", 0)
    again = Planner(planner.graph, BOARD, steps=planner.steps)
    assert again._fused(goal, tight).ram <= tight.ram
    for cutter in (again._cutter, again._faster_cutter, again._strip_cutter):
        stack = cutter.stacks[-1]
        found = cutter.within(tight.ram, stack, ROOM.flash, goal)
        assert bool(found) == (cutter.least(stack) <= tight.ram)
        played = len(cutter._played)
        cutter.within(2 * tight.ram, stack, ROOM.flash, goal)
        assert len(cutter._played) == played, "nothing else is looked for"


def refusal(by: Callable[[Goal, Budget], Schedule], goal: Goal, budget: Budget) -> str:
    """Return what is said where nothing fits."""
    try:
        assert by(goal, budget).ram <= budget.ram
    except NoFitError as error:
        return str(error)
    return ""


def test_the_same_algorithms_go_one_after_the_other(planner: Planner) -> None:
    schedule = leanest(planner)
    apart = unfused(schedule)
    assert not apart.fused
    assert apart.algorithms == schedule.algorithms
    assert apart.instructions == sum(schedule.instructions_of) <= schedule.instructions


def test_an_operator_of_many_instructions_has_a_frame_of_its_own(planner: Planner) -> None:
    schedule = unfused(leanest(planner))
    assert schedule.out_of_line == tuple(
        instructions >= WORTH_A_CALL for instructions in schedule.instructions_of
    )
    assert not any(planner.plan("flash", ROOM).out_of_line)
