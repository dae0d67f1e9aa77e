"""What the user reads when nothing fits."""

from __future__ import annotations

from pathlib import Path

import minimal
from cases import CASES
from convgen import target
from convgen.emulator import Run
from convgen.measure import Sizes
from convgen.nofit import no_fit
from convgen.select import Budget, Candidate, Selection, survey
from convgen.trial import Trial


def selection(ram: int, flash: int, *, overlap: bool = False) -> Selection:
    layer = minimal.load(CASES["first"])
    candidates, rejected = survey(layer, target.load("cortex-m4"), overlap=overlap)
    return Selection(
        goal="workspace",
        budget=Budget(ram=ram, flash=flash),
        candidates=candidates,
        wanted=tuple(c for c in candidates if c.algorithm in ("direct", "im2col_p1")),
        rejected=rejected,
    )


def tried(candidate: Candidate, stack: int, code: int) -> Trial:
    return Trial(
        candidate=candidate,
        folder=Path(),
        sizes=Sizes(code_bytes=code, constant_bytes=220, library_bytes=0, stack_bound_bytes=stack),
        static=0,
        run=Run(outputs=b"", instructions=None, stack_bytes=stack, heap_bytes=0),
        comparison=None,
        compared_with="reference",
        failure=None,
        vectors=0,
    )


def test_what_was_measured_counts_not_what_was_predicted() -> None:
    chosen = selection(500, 10_000)
    direct, im2col = chosen.wanted
    trials = [tried(direct, stack=300, code=900), tried(im2col, stack=100, code=900)]
    assert str(no_fit(chosen, trials)).splitlines() == [
        "no algorithm fits the budget",
        "RAM: im2col_p1 needs the least, 505 bytes: "
        "input 126 + output 252 + workspace 27 + stack 100; the budget of 500 is 5 short",
    ]


def test_both_limits_can_be_too_tight() -> None:
    chosen = selection(500, 1000)
    trials = [tried(chosen.wanted[0], stack=300, code=900)]
    assert str(no_fit(chosen, trials)).splitlines() == [
        "no algorithm fits the budget",
        "RAM: direct needs the least, 678 bytes: "
        "input 126 + output 252 + workspace 0 + stack 300; the budget of 500 is 178 short",
        "flash: direct needs the least, 1,120 bytes: "
        "constants 220 + code 900; the budget of 1,000 is 120 short",
    ]


def test_each_limit_may_do_for_another_algorithm() -> None:
    chosen = selection(600, 1000)
    direct, im2col = chosen.wanted
    trials = [tried(direct, stack=300, code=700), tried(im2col, stack=100, code=900)]
    assert str(no_fit(chosen, trials)).splitlines() == [
        "no algorithm fits the budget",
        "RAM: im2col_p1 needs the least, 505 bytes: "
        "input 126 + output 252 + workspace 27 + stack 100; the budget is 600",
        "flash: direct needs the least, 920 bytes: constants 220 + code 700; the budget is 1,000",
        "none is within both at once",
    ]


def test_what_was_not_tried_is_a_prediction() -> None:
    chosen = selection(100, 10_000, overlap=True)
    least = min(chosen.wanted, key=lambda candidate: candidate.ram)
    assert least.pool
    assert str(no_fit(chosen, [])).splitlines()[1] == (
        f"RAM: {least.algorithm} needs the least, about {least.ram:,} bytes: "
        f"pool {least.pool.bytes:,} + workspace {least.plan.workspace_bytes:,} + "
        f"stack {least.stack:,}; the budget of 100 is {least.ram - 100:,} short"
    )
