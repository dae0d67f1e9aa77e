"""What other options would buy for a network: sentences for the end of its report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from convgen.choices import Goal
from convgen.errors import NoFitError, UsageError
from convgen.schedule.network import ENDLESS, Planner, Schedule
from convgen.schedule.select import SAME_BYTES, Budget

WORTHWHILE = 1.1  # times fewer instructions, below which nothing is said
STEP = 1024  # bytes of RAM


def advise(planner: Planner, chosen: Schedule, budget: Budget) -> list[str]:
    """Say what the fastest plan, the next kilobyte, the smallest and rows of input would buy.

    All of it is predicted.
    """
    return [
        *_faster(planner, chosen, budget),
        *_smaller(planner, chosen, budget),
        *_over_strips(planner, chosen, budget),
        *_by_rows(planner, chosen, budget),
    ]


def _over_strips(planner: Planner, chosen: Schedule, budget: Budget) -> Iterator[str]:
    """Yield which stages multiply twice, and with how much more RAM none would."""
    for fused in chosen.fused:
        if not fused.strips:
            continue
        operators = range(fused.first, fused.last + 1)
        once = sum(chosen.graph.operators[number].macs for number in operators)
        each = sum(chosen.plans[number].operator.macs for number in operators)
        count, columns = fused.strips.count, fused.strips.columns
        yield (
            f"operators {fused.first} to {fused.last} run over {count} strips of {columns} "
            f"columns: {count * each / once:.2f}x their multiplications"
        )
    whole = (
        _plan(planner, "workspace", replace(budget, ram=ENDLESS)) if chosen.over_strips else None
    )
    if whole:
        yield f"nothing twice in about {whole.ram:,} bytes of RAM"


def _faster(planner: Planner, chosen: Schedule, budget: Budget) -> Iterator[str]:
    """Yield what more RAM buys: the fastest that fits, and what one step makes of that."""
    if chosen.goal == "speed":
        return
    fastest = _plan(planner, "speed", budget)
    if fastest is None or _ratio(chosen, fastest) < WORTHWHILE:
        return
    yield f"{_times(chosen, fastest)} in about {fastest.ram:,} bytes of RAM: `--optimize speed`"
    ram = min(chosen.ram + STEP, budget.ram)
    stepped = _plan(planner, "speed", replace(budget, ram=ram)) if fastest.ram > ram else None
    if stepped and _ratio(chosen, stepped) >= WORTHWHILE:
        yield (
            f"{_times(chosen, stepped)} for {ram - chosen.ram:,} bytes of RAM more: "
            f"`--optimize speed --budget {ram}`"
        )


def _smaller(planner: Planner, chosen: Schedule, budget: Budget) -> Iterator[str]:
    """Yield what the least RAM costs."""
    if chosen.goal == "workspace":
        return
    least = _plan(planner, "workspace", budget)
    if least and chosen.ram - least.ram > SAME_BYTES:
        times = least.instructions / max(1, chosen.instructions)
        yield (
            f"about {chosen.ram - least.ram:,} bytes of RAM less for {times:.2f}x the instructions "
            "(predicted): `--optimize workspace`"
        )


def _by_rows(planner: Planner, chosen: Schedule, budget: Budget) -> Iterator[str]:
    """Yield what it would save if the caller handed in rows."""
    if chosen.rows_fed:
        return
    try:
        fed = planner.fed_by_rows().plan("workspace", budget)
    except (NoFitError, UsageError):
        return
    if chosen.ram - fed.ram > SAME_BYTES:
        yield (
            f"about {chosen.ram - fed.ram:,} bytes of RAM less if rows of the input are handed in: "
            "`--feed rows`"
        )


def _plan(planner: Planner, goal: Goal, budget: Budget) -> Schedule | None:
    try:
        return planner.plan(goal, budget)
    except NoFitError:
        return None


def _ratio(chosen: Schedule, other: Schedule) -> float:
    return chosen.instructions / max(1, other.instructions)


def _times(chosen: Schedule, other: Schedule) -> str:
    return f"{_ratio(chosen, other):.2f}x fewer instructions (predicted)"
