"""Which of a network's plans fits a budget, where measurement decides and predictions only order.

Predicted stack and code are mostly too high. So planning begins as if they took nothing, and goes
on with as much less as a try was over the budget. What is predicted to fit, the leanest and the
smallest of all come last.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace

from convgen.choices import Goal
from convgen.errors import NoFitError
from convgen.schedule.network import ENDLESS, Planner, Schedule
from convgen.schedule.select import Budget
from convgen.schedule.stages import STACK_OF_TURN

MOST_TRIES = 4  # by what was measured of the one before
MOST_PLANS = 12  # by that, or by what is known of a plan before it is built
EVERYTHING = Budget(ram=ENDLESS, flash=ENDLESS)

Needs = tuple[int, int]
"""Bytes of RAM and of flash."""


def first_fitting(
    planner: Planner, goal: Goal, budget: Budget, measured: Callable[[Schedule], Needs]
) -> Schedule | None:
    """Return the first plan for *goal* that fits *budget* as *measured*, None if there is none.

    That is asked of `MOST_TRIES` plans and three, and of none whose arena or constants are over it.
    """
    asked: dict[Hashable, Needs] = {}

    def needs(schedule: Schedule) -> Needs:
        least = (schedule.ram_without_stack, schedule.constant_bytes)
        if not budget.holds(*least):
            return least
        known = (schedule.form, least)
        if known not in asked:
            asked[known] = measured(schedule)
        return asked[known]

    within = Budget(ram=budget.ram + _most_stack(planner), flash=ENDLESS)
    for _ in range(MOST_PLANS):
        found = _planned(planner, goal, within)
        if found is None or len(asked) == MOST_TRIES:
            break
        ram, flash = needs(found)
        if budget.holds(ram, flash):
            return found
        within = Budget(  # what comes next is predicted as much too high
            ram=within.ram if ram <= budget.ram else budget.ram + found.ram - ram,
            flash=within.flash if flash <= budget.flash else budget.flash + found.flash - flash,
        )
    for by, room in ((goal, budget), ("workspace", EVERYTHING), ("flash", EVERYTHING)):
        found = _planned(planner, by, room)
        last = found and replace(found, goal=goal)
        if last and budget.holds(*needs(last)):
            return last
    return None


def planned_near(planner: Planner, goal: Goal, budget: Budget) -> Schedule:
    """Return what is predicted to fit *budget* or, if nothing is, what may fit it yet.

    Raises NoFitError where even tensors, workspaces and constants do not.
    """
    return _planned(planner, goal, budget) or hopeful(planner, goal, budget)


def hopeful(planner: Planner, goal: Goal, budget: Budget) -> Schedule:
    """Return the first plan that may fit *budget*, by what is known before anything is built.

    Raises NoFitError.
    """
    found = first_fitting(planner, goal, budget, lambda schedule: (0, 0))
    return found or planner.plan(goal, budget)  # which says what is short


def _planned(planner: Planner, goal: Goal, within: Budget) -> Schedule | None:
    try:
        return planner.plan(goal, within)
    except NoFitError:
        return None


def _most_stack(planner: Planner) -> int:
    """Return the most bytes of stack that are predicted of anything in a network."""
    each = (option.candidate.stack for step in planner.steps for option in step.options)
    return max(each) + STACK_OF_TURN
