"""The sentences at the end of a report, and the Pareto front, from made-up measurements."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

import minimal
import trials
from convgen.bench.trial import Trial
from convgen.choices import Goal
from convgen.report.advice import advise
from convgen.report.front import front
from convgen.report.report import pareto_front
from convgen.schedule.select import Candidate, Selection, preference, undemanding


def selection(ram: int = 2**20, goal: Goal = "workspace", *, overlap: bool = False) -> Selection:
    fields = minimal.made_up(input={"shape": [8, 8, 16], "dtype": "int8"}, out_channels=16)
    return trials.select(fields, ram=ram, goal=goal, overlap=overlap)


def faster(choice: Selection, trials: list[Trial], chosen: Trial) -> list[str]:
    """Return what is advised beside one pool."""
    *sentences, last = advise(choice, trials, chosen)
    assert last.endswith(": `--overlap`")
    return sentences


def find(candidates: tuple[Candidate, ...], algorithm: str) -> Candidate:
    return next(c for c in candidates if c.algorithm == algorithm)


def tried(
    candidate: Candidate, instructions: int, *, code: int = 1000, right: bool = True
) -> Trial:
    return trials.tried(candidate, instructions=instructions, code=code, right=right)


def test_what_was_measured_is_told() -> None:
    choice = selection()
    direct = tried(find(choice.candidates, "direct"), 900_000)
    fastest = tried(preference(choice.wanted, "speed")[0], 10_000)
    workspace, flash = fastest.candidate.plan.workspace_bytes, fastest.flash - direct.flash
    assert faster(choice, [direct, fastest], direct) == [
        f"{fastest.candidate.algorithm}: 90.0x fewer instructions for {workspace:,} more bytes of "
        f"workspace and {flash:,} more bytes of flash; fits your budget: `--optimize speed`"
    ]


def test_what_was_predicted_is_told_as_such() -> None:
    choice = selection()
    direct = tried(find(choice.candidates, "direct"), 900_000)
    (sentence,) = faster(choice, [direct], direct)
    assert "x fewer instructions (predicted) for " in sentence
    assert sentence.endswith("; fits your budget: `--optimize speed`")


def test_what_the_goal_speed_would_not_choose_is_to_be_named() -> None:
    choice = selection()
    direct = tried(find(choice.candidates, "direct"), 900_000)
    mec = tried(find(choice.candidates, "mec"), 100)  # against all predictions
    (sentence,) = faster(choice, [direct, mec], direct)
    assert sentence.endswith("; fits your budget: `--algorithm mec`")


def test_nothing_is_said_of_the_fastest() -> None:
    choice = selection(goal="speed")
    winograd = tried(find(choice.candidates, "winograd_4x4_t2"), 1000)
    assert faster(choice, [winograd], winograd) == []


def test_nothing_is_said_for_less_than_a_tenth() -> None:
    choice = selection()
    found = [tried(candidate, 105_000) for candidate in choice.candidates]
    direct = tried(find(choice.candidates, "direct"), 110_000)
    assert faster(choice, [*found, direct], direct) == []


def test_what_does_not_fit_is_said_to_be_short() -> None:
    choice = selection(ram=3000)
    direct = tried(find(choice.candidates, "direct"), 900_000)
    slow = [tried(c, 890_000) for c in choice.candidates if c.plan.family != "winograd"]
    found = [*slow, direct, tried(find(choice.candidates, "winograd_4x4_t2"), 1000)]
    (sentence,) = faster(choice, found, direct)
    assert sentence.startswith("winograd_4x4_t2: 900.0x fewer instructions for 3,456 more bytes")
    need = 2 * 1024 + 3456 + 100
    assert sentence.endswith(f"; your budget is about {need - 3000:,} bytes of RAM short of it")


def test_what_is_wrong_or_asks_for_more_is_not_advised() -> None:
    choice = selection()
    found = [tried(c, 1, right=False) for c in undemanding(choice.candidates)]
    found += [tried(c, 1) for c in choice.candidates if c.asks]
    direct = tried(find(choice.candidates, "direct"), 900_000)
    assert advise(choice, [*found, direct], direct) == []


def test_one_pool_is_advised_with_what_would_be_chosen_then() -> None:
    choice = selection()
    direct = tried(find(choice.candidates, "direct"), 900_000)
    then = preference(selection(overlap=True).wanted, "workspace")[0]
    assert then.pool
    saved = 2 * 1024 - then.pool.bytes - then.plan.workspace_bytes
    assert advise(choice, [direct], direct)[-1] == (
        f"{then.algorithm}: {saved:,} fewer bytes of RAM if its output may overwrite its input, "
        f"in one pool of {then.pool.bytes:,}: `--overlap`"
    )


def test_nothing_is_advised_where_one_pool_is_used_already() -> None:
    choice = selection(overlap=True)
    fastest = tried(preference(choice.wanted, "speed")[0], 1000)
    assert advise(choice, [fastest], fastest) == []


def test_the_front_holds_what_nothing_beats() -> None:
    choice = selection()
    candidates = choice.candidates
    direct = tried(find(candidates, "direct"), 500)
    same = tried(find(candidates, "indirect_flash"), 500, code=5000)
    slower = tried(find(candidates, "im2col_p1"), 600, code=6000)
    faster = tried(find(candidates, "im2col_p2"), 400)
    wrong = tried(find(candidates, "mec"), 1, right=False)
    front = pareto_front([direct, same, slower, faster, wrong], choice.budget)
    assert front == {direct, faster}


def test_the_front_is_of_what_fits_or_of_all_where_nothing_does() -> None:
    choice = selection()
    direct = tried(find(choice.candidates, "direct"), 500)
    large = tried(find(choice.candidates, "im2col_full"), 100)
    within = replace(choice.budget, ram=direct.ram)
    assert pareto_front([direct, large], within) == {direct}
    assert pareto_front([direct, large], replace(within, ram=1)) == {direct, large}


@pytest.mark.parametrize(
    ("needs", "marked"),
    [
        ({"a": (100, 100), "b": (50, 200)}, "ab"),
        ({"a": (100, 100), "b": (100, 101)}, "a"),
        ({"small": (100, 200), "smaller": (95, 300), "fast": (300, 100)}, {"small", "fast"}),
        ({"small": (100, 200), "smaller": (80, 300), "fast": (300, 100)},
         {"small", "smaller", "fast"}),
        ({"fast": (300, 100), "between": (299, 109), "small": (100, 200)}, {"fast", "small"}),
        ({}, ""),
    ],
)  # fmt: skip
def test_what_is_nearly_as_good_as_another_is_not_marked(
    needs: dict[str, tuple[int, int]], marked: Collection[str]
) -> None:
    assert front(needs) == set(marked)
