"""What is tried, and what of it is chosen, from made-up measurements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

import minimal
import trials
from convgen.bench.decide import choose
from convgen.bench.trial import UNTOUCHED_BYTES, Built, Trial
from convgen.choices import GOALS, Goal
from convgen.schedule.select import SAME_BYTES, Candidate, Selection

FIELDS = minimal.made_up(input={"shape": [8, 8, 16], "dtype": "int8"}, out_channels=16)
NAMES = ("direct", "im2col_p1", "im2col_p2", "winograd_4x4_t1")


@dataclass
class Bench:
    """Measures as it is told; the others need the stack and the instructions predicted."""

    stacks: dict[str, int] = field(default_factory=dict)
    instructions: dict[str, int] = field(default_factory=dict)
    stack_of: Callable[[Candidate], int] | None = None
    without_room: tuple[str, ...] = ()
    counts: bool = True
    tried: list[Candidate] = field(default_factory=list)
    compiled: list[Candidate] = field(default_factory=list)

    measured: tuple[Trial, ...] = ()

    def known(self, candidate: Candidate) -> Built | None:
        return next((trial for trial in self.measured if trial.candidate is candidate), None)

    def built(self, candidate: Candidate) -> Built | None:
        self.compiled.append(candidate)
        if candidate.algorithm in self.without_room:
            return None
        return trials.built(candidate, stack=self.stack(candidate))

    def stack(self, candidate: Candidate) -> int:
        if self.stack_of:
            return self.stack_of(candidate)
        return self.stacks.get(candidate.algorithm, candidate.stack)

    def all(self, candidates: Sequence[Candidate]) -> tuple[Trial, ...]:
        """Measure all."""
        return tuple(trial for candidate in candidates if (trial := self(candidate)))

    def __call__(self, candidate: Candidate) -> Trial | None:
        self.tried.append(candidate)
        name = candidate.algorithm
        if name in self.without_room:
            return None
        counted = self.instructions.get(name, candidate.instructions)
        return trials.tried(
            candidate,
            instructions=counted if self.counts else None,
            stack=self.stack(candidate),
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
    return replace(candidate, plan=plan, stack=stack, least_stack=60, instructions=instructions)


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


def test_what_is_built_and_takes_too_much_stack_is_not_run() -> None:
    selection = few(trials.select(FIELDS), a=(0, 80, 1500), b=(0, 80, 1400))
    bench = Bench(stacks={"im2col_p1": 80 + SAME_BYTES + UNTOUCHED_BYTES + 1})
    assert chosen(selection, bench) == "direct"
    assert [c.algorithm for c in bench.compiled] == ["im2col_p1", "direct"]
    assert bench.names[-1] == "direct"


def test_a_bound_that_nearly_rules_it_out_is_measured() -> None:
    selection = few(trials.select(FIELDS), a=(0, 80, 1500), b=(0, 90, 1501))
    bench = Bench(stacks={"im2col_p1": 80 + SAME_BYTES}, instructions={"im2col_p1": 1200})
    assert chosen(selection, bench) == "im2col_p1"


def test_little_stack_is_found_out_without_a_run() -> None:
    """What may put the choice above the nearly least is built, and not run if it does not."""
    selection = few(trials.select(FIELDS), a=(70, 80, 1000), b=(0, 200, 9000))
    bench = Bench()
    assert chosen(selection, bench) == "direct"
    assert [c.algorithm for c in bench.compiled] == ["direct", "im2col_p1"]
    assert bench.names == ["direct"]
    shallow = Bench(stacks={"im2col_p1": 80})
    assert chosen(selection, shallow) == "im2col_p1"


def test_the_goal_flash_runs_what_was_built_smallest() -> None:
    selection = few(trials.select(FIELDS, goal="flash"), a=(0, 80, 1000), b=(9, 80, 900))
    bench = Bench()
    smallest = min(selection.wanted, key=lambda c: c.plan.constant_bytes)
    assert chosen(selection, bench) == smallest.algorithm
    assert set(bench.compiled) == set(selection.wanted)
    assert bench.tried == [smallest]


def test_one_of_its_kin_tells_more_than_the_usual_error() -> None:
    selection = few(trials.select(FIELDS), a=(0, 80, 1000), b=(0, 80, 1500), c=(0, 80, 1180))
    assert all(c.plan.sums_in_assembly for c in selection.wanted)
    bench = Bench()
    assert chosen(selection, bench) == "direct"
    assert bench.names == ["direct", "im2col_p2", "im2col_p1"][: len(bench.names)]
    assert "im2col_p1" not in bench.names


def test_the_same_is_chosen_whatever_was_tried_before() -> None:
    selection = few(trials.select(FIELDS), a=(0, 100, 3000), b=(40, 90, 2500), c=(20, 200, 1500))
    bench = Bench(stacks={"im2col_p2": 90})
    known = bench.all(selection.candidates)
    assert chosen(selection, bench) == "im2col_p2"
    assert choose(selection, Bench(measured=known)) is known[2]


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
    """Though the default was predicted to be much slower."""
    figures = {"a": (0, 100, 1580), "b": (900, 100, 1000)}
    bench = Bench(instructions={"direct": 990, "im2col_p1": 1000})
    assert chosen(few(trials.select(FIELDS, goal="speed"), **figures), bench) == "direct"


def test_speed_does_not_build_what_is_surely_slower() -> None:
    selection = few(
        trials.select(FIELDS, goal="speed"), a=(0, 100, 1601), b=(900, 100, 1000), c=(950, 9, 1251)
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
    known = Bench().all(selection.wanted)
    least = min(each.ram for each in known)
    near = [each for each in known if each.ram <= least + SAME_BYTES]
    assert trial.instructions == min(each.instructions or 0 for each in near)


CONNECTED = minimal.made_up(
    input={"shape": [1, 1, 64], "dtype": "int8"}, out_channels=8, kernel_size=1
)
"""A pool saves next to nothing: every output needs every input."""


def deeper_in_pool(selection: Selection) -> Bench:
    """Return a bench on which what was made for a pool takes 180 bytes of stack, all else 100."""
    return Bench(stack_of=lambda c: 180 if c in selection.candidates else 100)


def chosen_apart(selection: Selection, bench: Bench) -> Trial:
    trial = choose(replace(selection, wanted=selection.apart, apart=()), bench)
    assert trial
    return trial


@pytest.mark.parametrize("goal", GOALS)
def test_one_pool_never_needs_more_than_tensors_apart(goal: Goal) -> None:
    """Where the code for a pool takes more stack than each pool saves, nothing overlaps."""
    selection = trials.select(CONNECTED, overlap=True, goal=goal)
    bench = deeper_in_pool(selection)
    apart, trial = chosen_apart(selection, bench), choose(selection, bench)
    assert trial
    assert trial.candidate.pool
    assert trial.ram <= apart.ram < min(t.ram for t in bench.all(selection.wanted))
    assert trial.instructions == apart.instructions
    including = selection.including(trial.candidate)
    assert trial.candidate in including.candidates
    assert len(including.candidates) == len(selection.candidates)


@pytest.mark.parametrize("goal", GOALS)
def test_a_budget_that_tensors_apart_fit_is_enough_for_a_pool(goal: Goal) -> None:
    selection = trials.select(CONNECTED, overlap=True, goal=goal)
    bench = deeper_in_pool(selection)
    ram = min(trial.ram for trial in bench.all(selection.apart))
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

    bench = Bench(stack_of=lambda c: 100 + saved + 1 if c is fastest else 100)
    trial = choose(selection, bench)
    assert trial
    assert trial.ram <= chosen_apart(selection, bench).ram
    assert trial.instructions == 1000
    assert trial.candidate.pool


def test_where_even_side_by_side_needs_more_the_least_is_taken() -> None:
    selection = trials.select(CONNECTED, overlap=True, goal="speed")
    bench = Bench(stack_of=lambda c: 100 if c in selection.apart else 200)
    trial = choose(selection, bench)
    assert trial
    assert trial.ram <= min(t.ram for t in bench.all(selection.wanted)) + SAME_BYTES


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
