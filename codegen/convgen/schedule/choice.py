"""Which option each step of a network takes.

RAM is a maximum over steps: so under a budget each takes its fastest option that fits. Flash is a
sum over steps: if the fastest are too large together, which become slower is a knapsack, solved
exactly in units of `FLASH_UNIT` bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from convgen.choices import Goal
from convgen.errors import NoFitError
from convgen.schedule.flash import leaner
from convgen.schedule.select import SAME_BYTES, Budget
from convgen.schedule.steps import Option, Step

FLASH_UNIT = 64
SMALL_CODE = 0.5  # of what it takes otherwise, takes code that is compiled for size
RAM_FOR_FLASH = 64  # bytes of workspace that count as one of flash
IMPOSSIBLE = 2**62  # bytes

Choice = tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """An option for each step; all fit an arena of ``arena`` bytes, and ``flash`` bytes in all."""

    choice: Choice
    arena: int
    flash: int


def choose(steps: Sequence[Step], goal: Goal, budget: Budget) -> Chosen:
    """Return the option of each step that reaches *goal* within *budget*. Raises NoFitError."""
    stacks = sorted({option.candidate.stack for step in steps for option in step.options})
    least = min(_least(steps, stack) + stack for stack in stacks)
    ram = min(budget.ram, least + SAME_BYTES) if goal == "workspace" else budget.ram
    if least > budget.ram:
        worst = max(steps, key=lambda step: min(step.needs))
        named = f"operator {worst.number} ({worst.operator.name}) takes the most"
        raise too_little_ram(least, budget, f": {named}")
    able = {stack: each for stack in stacks if (each := _within(steps, ram - stack, stack))}
    found = [
        Chosen(choice=choice, arena=ram - stack, flash=budget.flash)
        for stack, each in able.items()
        if (choice := _cheapest(each, goal, budget.flash))
    ]
    if not found:
        units = min(sum(min(map(_units, each)) for each in every) for every in able.values())
        raise too_little_flash(units * FLASH_UNIT, budget)
    return min(found, key=lambda chosen: _BY_GOAL[goal](chosen.choice))


def too_little_ram(needed: int, budget: Budget, why: str = "") -> NoFitError:
    """Return what says that a network needs more RAM, and *why* if that is known."""
    return NoFitError(
        f"the network needs about {needed:,} bytes of RAM at least, expected at most "
        f"{budget.ram:,}{why}"
    )


def too_little_flash(needed: int, budget: Budget) -> NoFitError:
    """Return what says that a network needs more flash."""
    return NoFitError(
        f"the network needs about {needed:,} bytes of flash at least, expected at most "
        f"{budget.flash:,}"
    )


def _least(steps: Sequence[Step], stack: int) -> int:
    """Return the least arena in which every step has an option with so little *stack*."""
    return max(
        min((need for need, o in _pairs(step) if o.candidate.stack <= stack), default=IMPOSSIBLE)
        for step in steps
    )


def _pairs(step: Step) -> Iterable[tuple[int, Option]]:
    return zip(step.needs, step.options, strict=True)


def _within(steps: Sequence[Step], arena: int, stack: int) -> list[list[Option]]:
    """Return what of each step's options fits, or nothing if one step has none."""
    able = [
        [
            option
            for need, option in _pairs(step)
            if need <= arena and option.candidate.stack <= stack
        ]
        for step in steps
    ]
    return able if all(able) else []


def _cheapest(able: Sequence[Sequence[Option]], goal: Goal, flash: int) -> Choice | None:
    """Return the options that reach *goal*, within *flash* bytes in all; None if none do."""
    if goal == "flash":
        choice = _smallest(able)
        return choice if shared_flash_of(choice) <= flash else None
    endless = _at(able, 0)
    fastest = endless if flash_of(endless) <= flash else _knapsack(able, flash)
    if fastest is None or goal == "speed":
        return fastest
    lean = leaner(fastest, lambda price: _at(able, price), instructions_of)
    return min(fastest, lean, key=flash_of)


def _at(able: Sequence[Sequence[Option]], price: float) -> Choice:
    """Return the best options where a byte of flash is worth *price* instructions."""
    return tuple(min(each, key=lambda o: (speed(o) + price * o.flash, o.flash)) for each in able)


def _smallest(able: Sequence[Sequence[Option]]) -> Choice:
    """Return the options of the least flash.

    Operators done in C by one algorithm share functions, so the fewer there are the better: begin
    with all, and drop the one without which the rest takes the least, while that is less.
    """
    best: list[dict[str, Option]] = [
        {
            _functions(option): option
            for option in sorted(options, key=lambda o: (-_own_worth(o), -speed(o)))
        }
        for options in able
    ]
    code = {_functions(o): _shared_code(o) for options in able for o in options}
    names = list(code)
    costs = np.array([[_own_worth(e[n]) if n in e else np.inf for n in names] for e in best])
    prices = np.array([code[name] for name in names])
    kept = np.ones(len(names), bool)

    def total(without: int) -> float:
        left = kept & (np.arange(len(names)) != without)
        return float(costs[:, left].min(axis=1, initial=np.inf).sum() + prices[left].sum())

    least = total(-1)
    while True:
        less, place = min((total(place), place) for place in np.flatnonzero(kept).tolist())
        if less >= least:
            break
        least, kept[place] = less, False
    places = np.where(kept, costs, np.inf).argmin(axis=1)
    return tuple(each[names[place]] for each, place in zip(best, places, strict=True))


def _functions(option: Option) -> str:
    """Return what others must do as well to share functions with *option*; assembly shares none."""
    plan = option.candidate.plan
    return "" if plan.sums_in_assembly else f"{plan.algorithm}, {plan.kernel.description}"


def _shared_code(option: Option) -> float:
    """Return the bytes of functions that *option* may share with others."""
    return SMALL_CODE * option.candidate.code if _functions(option) else 0


def _own_flash(option: Option) -> int:
    """Return the bytes of flash that *option* shares with no other."""
    return option.candidate.constant_bytes + (0 if _functions(option) else option.candidate.code)


def _own_worth(option: Option) -> float:
    return _own_flash(option) + option.workspace / RAM_FOR_FLASH


def shared_flash_of(choice: Choice) -> int:
    """Return the predicted bytes of flash of all options, functions that they share once."""
    shared = {_functions(option): _shared_code(option) for option in choice}
    return round(sum(map(_own_flash, choice)) + sum(shared.values()))


def _worth(choice: Choice) -> int:
    """Return the bytes of flash of all options, and what their workspaces are worth."""
    return shared_flash_of(choice) + sum(option.workspace for option in choice) // RAM_FOR_FLASH


def _knapsack(able: Sequence[Sequence[Option]], flash: int) -> Choice | None:
    """Return the fewest instructions in at most *flash* bytes."""
    room = flash // FLASH_UNIT
    best = np.zeros(room + 1)  # instructions of the steps so far, by units of flash
    taken = []
    for options in able:
        after = np.full((len(options), room + 1), np.inf)
        for number, option in enumerate(options):
            units = _units(option)
            if units <= room:
                after[number, units:] = best[: room + 1 - units] + speed(option)
        taken.append(after.argmin(axis=0))
        best = after.min(axis=0)
    if not np.isfinite(best[room]):
        return None
    choice, left = [], room
    for options, numbers in zip(reversed(able), reversed(taken), strict=True):
        choice.append(options[numbers[left]])
        left -= _units(choice[-1])
    return tuple(reversed(choice))


def _units(option: Option) -> int:
    return -(-option.flash // FLASH_UNIT)


def speed(option: Option) -> int:
    """Return the predicted instructions of *option*."""
    return option.candidate.instructions


def flash_of(choice: Choice) -> int:
    """Return the predicted bytes of flash of all options."""
    return sum(option.flash for option in choice)


def instructions_of(choice: Choice) -> int:
    """Return the predicted instructions of all options."""
    return sum(map(speed, choice))


_BY_GOAL: dict[Goal, Callable[[Choice], tuple[int, ...]]] = {
    "workspace": lambda choice: (instructions_of(choice), flash_of(choice)),
    "speed": lambda choice: (instructions_of(choice), flash_of(choice)),
    "flash": lambda choice: (_worth(choice), instructions_of(choice)),
}
