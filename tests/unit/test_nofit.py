"""What the user reads when nothing fits."""

from __future__ import annotations

from dataclasses import replace

import trials
from cases import CASES
from convgen.bench.trial import Trial
from convgen.report.nofit import no_fit
from convgen.schedule.select import Candidate, Selection, overlapping


def selection(ram: int, flash: int, *, overlap: bool = False) -> Selection:
    found = trials.select(CASES["first"], ram=ram, flash=flash, overlap=overlap)
    few = tuple(c for c in found.candidates if c.algorithm in ("direct", "im2col_p1"))
    return replace(found, wanted=few)


def tried(candidate: Candidate, stack: int, code: int) -> Trial:
    return trials.tried(candidate, stack=stack, code=code, constants=220)


def least_in_one_pool(chosen: Selection) -> tuple[Candidate, str]:
    """Return the candidate that needs the least with one pool, and of what."""
    least = min(map(overlapping, chosen.wanted), key=lambda candidate: candidate.ram)
    return least, what_it_needs(least, least.stack)


def what_it_needs(candidate: Candidate, stack: int) -> str:
    assert candidate.pool
    return (
        f"about {candidate.ram_without_stack + stack:,} bytes: pool {candidate.pool.bytes:,} + "
        f"workspace {candidate.plan.workspace_bytes:,} + stack {stack:,}"
    )


def test_what_was_measured_counts_not_what_was_predicted() -> None:
    chosen = selection(500, 10_000)
    direct, im2col = chosen.wanted
    found = [tried(direct, stack=300, code=900), tried(im2col, stack=100, code=900)]
    assert str(no_fit(chosen, found)).splitlines() == [
        "no algorithm fits the budget",
        "RAM: im2col_p1 needs the least, 505 bytes: "
        "input 126 + output 252 + workspace 27 + stack 100; the budget of 500 is 5 short",
        f"with --overlap im2col_p1 would need {what_it_needs(overlapping(im2col), 100)}",
    ]


def test_both_limits_can_be_too_tight() -> None:
    chosen = selection(500, 1000)
    found = [tried(chosen.wanted[0], stack=300, code=900)]
    direct = overlapping(chosen.wanted[0])
    assert str(no_fit(chosen, found)).splitlines() == [
        "no algorithm fits the budget",
        "RAM: direct needs the least, 678 bytes: "
        "input 126 + output 252 + workspace 0 + stack 300; the budget of 500 is 178 short",
        "flash: direct needs the least, 1,120 bytes: "
        "constants 220 + code 900; the budget of 1,000 is 120 short",
        f"with --overlap direct would need {what_it_needs(direct, 300)}",
    ]


def test_each_limit_may_do_for_another_algorithm() -> None:
    chosen = selection(600, 1000)
    direct, im2col = chosen.wanted
    found = [tried(direct, stack=300, code=700), tried(im2col, stack=100, code=900)]
    assert str(no_fit(chosen, found)).splitlines() == [
        "no algorithm fits the budget",
        "RAM: im2col_p1 needs the least, 505 bytes: "
        "input 126 + output 252 + workspace 27 + stack 100; the budget is 600",
        "flash: direct needs the least, 920 bytes: constants 220 + code 700; the budget is 1,000",
        "none is within both at once",
    ]


def test_what_was_not_tried_is_a_prediction() -> None:
    chosen = selection(100, 10_000, overlap=True)
    least, need = least_in_one_pool(chosen)
    assert str(no_fit(chosen, [])).splitlines()[1:] == [
        f"RAM: {least.algorithm} needs the least, {need}; "
        f"the budget of 100 is {least.ram - 100:,} short"
    ]
