"""What is tried, and what of it is chosen, from made-up measurements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

import minimal
import trials
from convgen.decide import choose
from convgen.select import GOALS, SAME_BYTES, Candidate, Goal, Selection
from convgen.trial import Trial

FIELDS = minimal.made_up(input={"shape": [8, 8, 16], "dtype": "int8"}, out_channels=16)
NAMES = ("direct", "im2col_p1", "im2col_p2", "winograd_4x4_t1")


@dataclass
class Bench:
    """Measures as it is told; the others need the stack and the instructions predicted."""

    stacks: dict[str, int] = field(default_factory=dict)
    instructions: dict[str, int] = field(default_factory=dict)
    without_room: tuple[str, ...] = ()
    counts: bool = True
    tried: list[Candidate] = field(default_factory=list)

    def __call__(self, candidate: Candidate) -> Trial | None:
        self.tried.append(candidate)
        name = candidate.algorithm
        if name in self.without_room:
            return None
        counted = self.instructions.get(name, candidate.instructions)
        return trials.tried(
            candidate,
            instructions=counted if self.counts else None,
            stack=self.stacks.get(name, candidate.stack),
        )

    @property
    def names(self) -> list[str]:
        return [candidate.algorithm for candidate in self.tried]


def few(selection: Selection, **predicted: tuple[int, int, int]) -> Selection:
    """Return *selection* with few algorithms, of so much workspace and stack, and so fast."""
    found = {c.algorithm: c for c in selection.candidates}
    made = tuple(
        shaped(found[name], *figures)
        for name, figures in zip(NAMES, predicted.values(), strict=False)
    )
    return replace(selection, candidates=made, wanted=made)


def shaped(candidate: Candidate, workspace: int, stack: int, instructions: int) -> Candidate:
    """Return *candidate* with another workspace, stack and speed."""
    buffers = (trials.bytes_of(workspace),) if workspace else ()
    plan = replace(candidate.plan, workspace=buffers)
    return replace(candidate, plan=plan, stack=stack, instructions=instructions)


def chosen(selection: Selection, bench: Bench) -> str:
    trial = choose(selection, bench)
    assert trial
    return trial.candidate.algorithm


def test_a_larger_workspace_with_a_smaller_stack_is_less() -> None:
    selection = few(trials.select(FIELDS), a=(0, 444, 1000), b=(48, 68, 1000))
    assert chosen(selection, Bench()) == "im2col_p1"


@pytest.mark.parametrize(("more", "name"), [(64, "im2col_p1"), (65, "direct")])
def test_within_64_bytes_the_fewest_instructions_win(more: int, name: str) -> None:
    selection = few(trials.select(FIELDS), a=(0, 100, 2000), b=(more, 100, 1999))
    assert chosen(selection, Bench()) == name


def test_what_is_measured_decides_not_what_is_predicted() -> None:
    selection = few(trials.select(FIELDS), a=(0, 100, 1000), b=(100, 100, 1000))
    assert chosen(selection, Bench(stacks={"direct": 400})) == "im2col_p1"
    assert chosen(selection, Bench()) == "direct"


def test_a_chain_of_near_equals_does_not_drift_from_the_least() -> None:
    selection = few(trials.select(FIELDS), a=(0, 100, 3000), b=(60, 100, 2000), c=(120, 100, 1000))
    assert chosen(selection, Bench()) == "im2col_p1"


def test_what_cannot_be_less_nor_faster_is_not_built() -> None:
    selection = few(trials.select(FIELDS), a=(0, 60, 1000), b=(0, 60, 9000), c=(500, 60, 100))
    bench = Bench()
    assert chosen(selection, bench) == "direct"
    assert bench.names == ["direct"]


def test_the_same_is_chosen_whatever_was_tried_before() -> None:
    selection = few(trials.select(FIELDS), a=(0, 100, 3000), b=(40, 90, 2500), c=(20, 200, 1500))
    bench = Bench(stacks={"im2col_p2": 90})
    known = {candidate: bench(candidate) for candidate in selection.candidates}
    assert chosen(selection, bench) == "im2col_p2"
    assert choose(selection, lambda candidate: known[candidate]) is known[selection.wanted[2]]


def test_what_does_not_fit_and_what_has_no_room_is_passed_over() -> None:
    room = trials.select(FIELDS)
    selection = few(room, a=(0, 100, 3000), b=(40, 100, 2500), c=(80, 100, 1500))
    tensors = selection.wanted[0].tensors
    tight = replace(selection, budget=replace(selection.budget, ram=tensors + 200))
    assert chosen(tight, Bench(stacks={"direct": 300}, without_room=("im2col_p1",))) == "im2col_p2"
    none = replace(selection, budget=replace(selection.budget, ram=tensors + 50))
    assert choose(none, Bench()) is None


def test_speed_takes_what_was_measured_faster() -> None:
    selection = few(trials.select(FIELDS, goal="speed"), a=(0, 100, 1100), b=(0, 100, 1000))
    assert chosen(selection, Bench(instructions={"im2col_p1": 1200})) == "direct"


def test_speed_is_never_slower_than_the_default() -> None:
    """Though the default was predicted to be nearly twice as slow."""
    figures = {"a": (0, 100, 1900), "b": (900, 100, 1000)}
    bench = Bench(instructions={"direct": 990, "im2col_p1": 1000})
    assert chosen(few(trials.select(FIELDS, goal="speed"), **figures), bench) == "direct"


def test_speed_does_not_build_what_is_surely_slower() -> None:
    selection = few(
        trials.select(FIELDS, goal="speed"), a=(0, 100, 2001), b=(900, 100, 1000), c=(950, 9, 1251)
    )
    selection = replace(selection, wanted=selection.wanted[1:] + selection.wanted[:1])
    bench = Bench()
    assert chosen(selection, bench) == "im2col_p1"
    assert bench.names == ["im2col_p1"]


@pytest.mark.parametrize("goal", ["workspace", "speed"])
def test_without_counts_predictions_decide_and_no_more_is_built(goal: Goal) -> None:
    selection = few(trials.select(FIELDS), a=(0, 60, 1000), b=(0, 60, 1100), c=(0, 60, 900))
    selection = replace(selection, goal=goal)
    bench = Bench(counts=False)
    assert chosen(selection, bench) == "im2col_p2"
    assert "im2col_p1" not in bench.names


def test_in_one_pool_the_fastest_of_equals_is_chosen() -> None:
    selection = trials.select(FIELDS, overlap=True)
    trial = choose(selection, Bench())
    assert trial
    known = [Bench()(candidate) for candidate in selection.wanted]
    least = min(each.ram for each in known if each)
    near = [each for each in known if each and each.ram <= least + SAME_BYTES]
    assert trial.instructions == min(each.instructions or 0 for each in near)


CONNECTED = minimal.made_up(
    input={"shape": [1, 1, 64], "dtype": "int8"}, out_channels=8, kernel_size=1
)
"""A pool saves next to nothing: every output needs every input."""


def deeper_in_pool(selection: Selection, stack: int) -> Callable[[Candidate], Trial]:
    """Return a bench on which what was made for a pool takes *stack*, and all else 100."""
    made_for_pool = selection.candidates

    def bench(candidate: Candidate) -> Trial:
        deep = any(candidate is each for each in made_for_pool)
        return trials.tried(
            candidate, instructions=candidate.instructions, stack=stack if deep else 100
        )

    return bench


def chosen_apart(selection: Selection, bench: Callable[[Candidate], Trial | None]) -> Trial:
    trial = choose(replace(selection, wanted=selection.apart, apart=()), bench)
    assert trial
    return trial


@pytest.mark.parametrize("goal", GOALS)
def test_one_pool_never_needs_more_than_tensors_apart(goal: Goal) -> None:
    """Where the code for a pool takes more stack than each pool saves, nothing overlaps."""
    selection = trials.select(CONNECTED, overlap=True, goal=goal)
    bench = deeper_in_pool(selection, 180)
    apart, trial = chosen_apart(selection, bench), choose(selection, bench)
    assert trial
    assert trial.candidate.pool
    assert trial.ram <= apart.ram < min(bench(c).ram for c in selection.wanted)
    assert trial.instructions == apart.instructions
    including = selection.including(trial.candidate)
    assert trial.candidate in including.candidates
    assert len(including.candidates) == len(selection.candidates)


@pytest.mark.parametrize("goal", GOALS)
def test_a_budget_that_tensors_apart_fit_is_enough_for_a_pool(goal: Goal) -> None:
    selection = trials.select(CONNECTED, overlap=True, goal=goal)
    bench = deeper_in_pool(selection, 180)
    ram = min(bench(candidate).ram for candidate in selection.apart)
    tight = replace(selection, budget=replace(selection.budget, ram=ram))
    trial = choose(tight, bench)
    assert trial
    assert trial.candidate.pool
    assert trial.ram == ram
    less = replace(selection, budget=replace(selection.budget, ram=ram - 1))
    assert choose(less, bench) is None


def test_in_one_pool_speed_takes_the_fastest_that_needs_no_more_than_apart() -> None:
    selection = few(
        trials.select(FIELDS, overlap=True, goal="speed"), a=(0, 100, 1100), b=(0, 100, 1000)
    )
    fastest = selection.wanted[1]
    apart = next(c for c in selection.apart if c.algorithm == fastest.algorithm)
    saved = apart.tensors - fastest.tensors
    selection = replace(
        selection,
        wanted=(fastest, selection.wanted[0]),
        apart=(shaped(apart, workspace=0, stack=100, instructions=1000),),
    )
    within = Bench(stacks={"im2col_p1": 100})
    assert chosen(selection, within) == "im2col_p1"
    assert within.names == ["im2col_p1", "direct"]

    def bench(candidate: Candidate) -> Trial:
        stack = 100 + saved + 1 if candidate is fastest else 100
        return trials.tried(candidate, instructions=candidate.instructions, stack=stack)

    trial = choose(selection, bench)
    assert trial
    assert trial.ram <= bench(selection.apart[0]).ram
    assert trial.instructions == 1000
    assert trial.candidate.pool


def test_where_even_side_by_side_needs_more_the_least_is_taken() -> None:
    selection = trials.select(CONNECTED, overlap=True, goal="speed")
    apart = selection.apart

    def bench(candidate: Candidate) -> Trial:
        stack = 100 if candidate in apart else 200
        return trials.tried(candidate, instructions=candidate.instructions, stack=stack)

    trial = choose(selection, bench)
    assert trial
    assert trial.ram <= min(bench(c).ram for c in selection.wanted) + SAME_BYTES


@pytest.mark.parametrize("goal", GOALS)
def test_nothing_is_built_apart_where_a_pool_saves_enough(goal: Goal) -> None:
    selection = trials.select(FIELDS, overlap=True, goal=goal)
    saving = max(selection.wanted, key=lambda c: -c.ram_without_stack)
    name = saving.algorithm
    selection = replace(
        selection,
        wanted=(saving,),
        apart=tuple(c for c in selection.apart if c.algorithm == name),
    )
    bench = Bench()
    assert choose(selection, bench)
    assert bench.tried == [saving]
