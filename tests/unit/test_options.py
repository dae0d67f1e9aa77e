"""Which options a network takes: the best of all that fit, by trying all of them."""

from __future__ import annotations

import random
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from convgen.choices import Goal
from convgen.errors import NoFitError
from convgen.schedule.choice import FLASH_UNIT, choose
from convgen.schedule.select import SAME_BYTES, Budget

ROOM = 2**30


def option(instructions: int, flash: int, stack: int) -> Any:
    plan = SimpleNamespace(sums_in_assembly=True)  # shares no code with others
    candidate = SimpleNamespace(
        instructions=instructions, stack=stack, plan=plan, constant_bytes=0, code=flash
    )
    return SimpleNamespace(candidate=candidate, flash=flash, ways=(), workspace=0)


def step(number: int, needs: list[int], options: list[Any]) -> Any:
    operator = SimpleNamespace(name=f"op_{number}")
    return SimpleNamespace(number=number, operator=operator, needs=needs, options=options)


def random_steps(seed: int) -> list[Any]:
    draw = random.Random(seed)  # noqa: S311 - no secret
    return [
        step(
            number,
            [draw.randrange(500, 4000, 4) for _ in range(4)],
            [
                option(
                    draw.randrange(1000, 9000),
                    draw.randrange(1, 40) * FLASH_UNIT,
                    draw.choice((100, 200, 400)),
                )
                for _ in range(4)
            ],
        )
        for number in range(4)
    ]


def figures(steps: list[Any], picks: tuple[int, ...]) -> tuple[int, int, int]:
    """Return RAM, flash and instructions of a choice."""
    chosen = [s.options[pick] for s, pick in zip(steps, picks, strict=True)]
    arena = max(s.needs[pick] for s, pick in zip(steps, picks, strict=True))
    return (
        arena + max(o.candidate.stack for o in chosen),
        sum(o.flash for o in chosen),
        sum(o.candidate.instructions for o in chosen),
    )


def every_figure(steps: list[Any]) -> list[tuple[int, int, int]]:
    return [figures(steps, picks) for picks in product(range(4), repeat=len(steps))]


def taken(steps: list[Any], goal: Goal, budget: Budget) -> tuple[int, int, int]:
    choice = choose(steps, goal, budget).choice
    return figures(
        steps,
        tuple(
            next(n for n, each in enumerate(s.options) if each is one)
            for s, one in zip(steps, choice, strict=True)
        ),
    )


@pytest.mark.parametrize("seed", range(20))
def test_speed_takes_the_fewest_instructions_within_both_budgets(seed: int) -> None:
    steps = random_steps(seed)
    every = every_figure(steps)
    ram = sorted(r for r, _, _ in every)[len(every) // 2]
    flash = sorted(f for r, f, _ in every if r <= ram)[5]
    fewest = min(i for r, f, i in every if r <= ram and f <= flash)
    found = taken(steps, "speed", Budget(ram=ram, flash=flash))
    assert found[0] <= ram
    assert found[1] <= flash
    assert found[2] == fewest


@pytest.mark.parametrize("seed", range(20))
def test_workspace_takes_the_least_ram_and_the_fewest_instructions_near_it(seed: int) -> None:
    steps = random_steps(seed)
    every = every_figure(steps)
    near = min(ram for ram, _, _ in every) + SAME_BYTES
    found = taken(steps, "workspace", Budget(ram=ROOM, flash=ROOM))
    assert found[0] <= near
    assert found[2] == min(i for ram, _, i in every if ram <= near)


@pytest.mark.parametrize("seed", range(20))
def test_flash_takes_the_least_flash_within_the_ram(seed: int) -> None:
    steps = random_steps(seed)
    every = every_figure(steps)
    ram = sorted(r for r, _, _ in every)[len(every) // 3]
    found = taken(steps, "flash", Budget(ram=ram, flash=ROOM))
    assert found[0] <= ram
    assert found[1] == min(f for r, f, _ in every if r <= ram)


def test_too_little_ram_names_the_step_that_needs_most() -> None:
    steps = [step(0, [100], [option(1, 1, 8)]), step(1, [900], [option(1, 1, 8)])]
    with pytest.raises(NoFitError, match=r"about 908 bytes of RAM .* 907: operator 1 \(op_1\)"):
        choose(steps, "speed", Budget(ram=907, flash=ROOM))
    assert choose(steps, "speed", Budget(ram=908, flash=ROOM)).arena == 900


def test_too_little_flash_names_the_least() -> None:
    steps = [step(n, [100, 100], [option(9, 64, 8), option(1, 640, 8)]) for n in range(3)]
    with pytest.raises(NoFitError, match=r"about 192 bytes of flash at least, .* 191"):
        choose(steps, "speed", Budget(ram=ROOM, flash=191))
    assert taken(steps, "speed", Budget(ram=ROOM, flash=192)) == (108, 192, 27)
    assert taken(steps, "speed", Budget(ram=ROOM, flash=768)) == (108, 768, 19)
