"""Which plan of a network fits a budget, with measurements that predictions are wrong about."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import random_networks
import random_rows
from convgen.choices import GOALS, Goal
from convgen.errors import NoFitError
from convgen.schedule.approach import MOST_TRIES, hopeful, planned_near
from convgen.schedule.approach import first_fitting as fitting
from convgen.schedule.network import Planner, Schedule
from convgen.schedule.select import Budget
from convgen.targets import target

ROOM = Budget(ram=2**18, flash=2**20)
LAST_RESORTS = 3
Needs = tuple[int, int]


def measure(number: int) -> Callable[[Schedule], Needs]:
    """Return what measures plans: a quarter of the stack predicted, and code that is far off."""

    def measured(schedule: Schedule) -> Needs:
        rng = random.Random(f"{number} {schedule.form} {schedule.arena.bytes}")  # noqa: S311
        code = schedule.flash - schedule.constant_bytes
        return (
            schedule.arena.bytes + schedule.stack // 4 + rng.randrange(0, 16, 4),
            schedule.constant_bytes + int(code * (0.5 + 0.1 * rng.random())),
        )

    return measured


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("number", range(4))
def test_what_a_plan_needs_is_enough_and_what_a_refusal_names_too(number: int, goal: Goal) -> None:
    graph = (random_networks if number % 2 else random_rows).draw(number)
    planner = Planner(graph, target.load(("cortex-m4", "cortex-m0", "rv32imc")[number % 3]))
    measured = measure(number)
    chosen = fitting(planner, goal, ROOM, measured)
    assert chosen
    ram, flash = measured(chosen)
    for budget in (Budget(ram=ram, flash=flash), Budget(ram=ram, flash=ROOM.flash)):
        again = fitting(planner, goal, budget, measured)
        assert again
        assert budget.holds(*measured(again))
    for less in (Budget(ram=ram - 1, flash=flash), Budget(ram=ram, flash=flash - 1)):
        tried: list[Needs] = []
        found = fitting(planner, goal, less, noted(measured, tried))
        assert len(tried) <= MOST_TRIES + LAST_RESORTS
        if found:
            assert less.holds(*measured(found))
            continue
        nearest = min(tried, key=lambda needs: max(needs[0] - less.ram, needs[1] - less.flash))
        named = Budget(ram=max(less.ram, nearest[0]), flash=max(less.flash, nearest[1]))
        assert fitting(planner, goal, named, measured)


def noted(measured: Callable[[Schedule], Needs], tried: list[Needs]) -> Callable[..., Needs]:
    """Return *measured*, which puts what it finds into *tried*."""

    def noting(schedule: Schedule) -> Needs:
        tried.append(measured(schedule))
        return tried[-1]

    return noting


def test_what_may_fit_is_planned_though_predictions_are_over_the_budget() -> None:
    planner = Planner(random_rows.draw(1), target.load("cortex-m4"))
    least = planner.plan("workspace", ROOM)
    tight = Budget(ram=least.arena.bytes + 8, flash=ROOM.flash)
    with pytest.raises(NoFitError):
        planner.plan("workspace", tight)
    assert planned_near(planner, "workspace", tight).arena.bytes <= tight.ram
    with pytest.raises(NoFitError, match="needs about"):
        hopeful(planner, "workspace", Budget(ram=8, flash=ROOM.flash))
