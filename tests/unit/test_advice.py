"""The sentences at the end of a report, and the Pareto front, from made-up measurements."""

from __future__ import annotations

from pathlib import Path

import minimal
from convgen import target
from convgen.advice import advise
from convgen.emulator import Run
from convgen.layer import Layer
from convgen.measure import Sizes
from convgen.report import pareto_front
from convgen.select import (
    Budget,
    Candidate,
    Goal,
    Selection,
    preference,
    survey,
    undemanding,
)
from convgen.trial import Trial
from convgen.vectors import Comparison

RIGHT = Comparison(mismatches=0, max_abs_error=0, first=None)


def layer() -> Layer:
    return minimal.load(
        minimal.made_up(input={"shape": [8, 8, 16], "dtype": "int8"}, out_channels=16)
    )


def selection(ram: int = 2**20, flash: int = 2**20, goal: Goal = "workspace") -> Selection:
    candidates, rejected = survey(layer(), target.load("cortex-m4"), overlap=False)
    return Selection(
        goal=goal,
        budget=Budget(ram=ram, flash=flash),
        candidates=candidates,
        wanted=undemanding(candidates),
        rejected=rejected,
    )


def find(candidates: tuple[Candidate, ...], algorithm: str) -> Candidate:
    return next(c for c in candidates if c.algorithm == algorithm)


def tried(
    candidate: Candidate, instructions: int, *, code: int = 1000, right: bool = True
) -> Trial:
    constants = candidate.plan.constant_bytes
    return Trial(
        candidate=candidate,
        folder=Path(),
        sizes=Sizes(
            code_bytes=code, constant_bytes=constants, library_bytes=0, stack_bound_bytes=100
        ),
        static=0,
        run=Run(outputs=b"", instructions=(instructions,), stack_bytes=100, heap_bytes=0),
        comparison=RIGHT,
        failure=None if right else "wrong",
        vectors=1,
        compared_with="reference",
    )


def test_what_was_measured_is_told() -> None:
    choice = selection()
    direct = tried(find(choice.candidates, "direct"), 900_000)
    fastest = tried(preference(choice.wanted, "speed")[0], 100_000)
    workspace, flash = fastest.candidate.plan.workspace_bytes, fastest.flash - direct.flash
    assert advise(choice, [direct, fastest], direct) == [
        f"{fastest.candidate.algorithm}: 9.0x fewer instructions for {workspace:,} more bytes of "
        f"workspace and {flash:,} more bytes of flash; fits your budget: `--optimize speed`"
    ]


def test_what_the_goal_speed_would_not_choose_is_to_be_named() -> None:
    choice = selection()
    direct = tried(find(choice.candidates, "direct"), 900_000)
    mec = tried(find(choice.candidates, "mec"), 100)  # against all predictions
    (sentence,) = advise(choice, [direct, mec], direct)
    assert sentence.endswith("; fits your budget: `--algorithm mec`")


def test_nothing_is_said_of_the_fastest() -> None:
    choice = selection(goal="speed")
    winograd = tried(find(choice.candidates, "winograd_4x4_t2"), 1000)
    assert advise(choice, [winograd], winograd) == []


def test_nothing_is_said_for_less_than_a_tenth() -> None:
    choice = selection()
    trials = [tried(candidate, 105_000) for candidate in choice.candidates]
    direct = tried(find(choice.candidates, "direct"), 110_000)
    assert advise(choice, [*trials, direct], direct) == []


def test_what_does_not_fit_is_said_to_be_short() -> None:
    choice = selection(ram=3000)
    direct = tried(find(choice.candidates, "direct"), 900_000)
    slow = [tried(c, 890_000) for c in choice.candidates if c.plan.family != "winograd"]
    trials = [*slow, direct, tried(find(choice.candidates, "winograd_4x4_t2"), 1000)]
    (sentence,) = advise(choice, trials, direct)
    assert sentence.startswith("winograd_4x4_t2: 900.0x fewer instructions for 3,456 more bytes")
    need = 2 * 1024 + 3456 + 100
    assert sentence.endswith(f"; your budget is about {need - 3000:,} bytes of RAM short of it")


def test_what_is_wrong_or_asks_for_more_is_not_advised() -> None:
    choice = selection()
    trials = [tried(c, 1, right=False) for c in undemanding(choice.candidates)]
    trials += [tried(c, 1) for c in choice.candidates if c.asks]
    direct = tried(find(choice.candidates, "direct"), 900_000)
    assert advise(choice, [*trials, direct], direct) == []


def test_the_front_holds_what_nothing_beats() -> None:
    candidates = selection().candidates
    direct = tried(find(candidates, "direct"), 500)
    same = tried(find(candidates, "indirect_flash"), 500, code=5000)
    slower = tried(find(candidates, "im2col_p1"), 600, code=6000)
    faster = tried(find(candidates, "im2col_p2"), 400)
    wrong = tried(find(candidates, "mec"), 1, right=False)
    front = pareto_front([direct, same, slower, faster, wrong])
    assert front == {direct.candidate, faster.candidate}
