"""Operators that take their input in slices give the bytes of those that have it whole."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import bands
import batch
import emulated
import minimal
import native
import random_operators
import random_plain
from bands import named
from batch import Options
from convgen.bench.proof import vectors
from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.band import Band
from convgen.plans.plan import Plan
from convgen.refusal import Refusal
from convgen.schedule import select
from convgen.schedule.overlap import share
from convgen.schedule.select import Candidate
from convgen.targets import target
from convgen.targets.target import Target
from native import Job, Variant

BOARDS = ("cortex-m0", "cortex-m4", "rv32imc")
MEANS = ("average_pool", "mean", "mean_float32")
KINDS = (*MEANS, "fully_connected", "connected")
STATIC = Options(compile=("-O0",), layers_in_unit=1000, measured=False)


def connected(number: int) -> Conv2d:
    """Return a fully connected layer with more elements than are multiplied in a row, or fewer.

    The weights of some are as large as can be, or of one too large for a pair of them.
    """
    rng = random.Random(number)  # noqa: S311
    tensor = {"dtype": "int8", "scale": 0.05, "zero_point": rng.choice([-128, -7, 0, 127])}
    elems = rng.choice([rng.randint(1, 9), rng.randint(10, 99), 504, 505, rng.randint(506, 1700)])
    operator = minimal.load(
        {
            "name": f"connected_{number}",
            "op": "fully_connected",
            "input": tensor | {"shape": [1, 1, elems]},
            "output": {"scale": 0.4, "zero_point": rng.randint(-128, 127)},
            "out_channels": rng.randint(1, 13),
        }
    )
    assert isinstance(operator, Conv2d)
    weights = operator.weights.copy()
    if rng.random() < 0.4:
        weights[:] = np.sign(weights) * 127
    if rng.random() < 0.15:
        weights.flat[rng.randrange(weights.size)] = -128
    return replace(operator, weights=weights)


def draw(kind: str, number: int) -> Operator:
    """Return an operator of a *kind*."""
    if kind == "connected":
        return connected(number)
    if kind in random_plain.KINDS:
        return random_plain.draw(kind, number)
    return random_operators.draw(kind, number)


def operators(kind: str, board: Target) -> Iterator[Operator]:
    """Yield those of a *kind* that can take their input in slices."""
    for number in range(1000):
        operator = draw(kind, number)
        if isinstance(registry.accumulating(operator, board), Plan):
            yield operator


def job(operator: Operator, board: Target, rng: random.Random) -> Job:
    """Return an operator as it is usually done, and in slices: all at once, and as they come."""
    usual = next(iter(registry.able(operator, board).values()))
    plan = registry.accumulating(operator, board)
    assert isinstance(plan, Plan)
    shared, pool = share(called(plan, "pool"))
    chosen = [
        Variant(called(usual, "usual"), None),
        Variant(called(plan, "whole"), None),
        Variant(shared, pool),
        Variant(called(plan, "cut"), None, bands.split(plan, rng)),
    ]
    (inputs,) = vectors.made_up(operator, 1).inputs
    if operator.dtype == "int8":
        ends = [np.full_like(inputs[:1], value) for value in (-128, 127)]
        inputs = np.concatenate([*ends, inputs])
    return Job(chosen, board, inputs[:4])


def called(plan: Plan, how: str) -> Plan:
    return named(plan, f"{plan.operator.name}_{how}")


def jobs(kinds: tuple[str, ...], count: int, board: Target) -> list[Job]:
    rng = random.Random(0)  # noqa: S311
    return [
        job(operator, board, rng)
        for kind in kinds
        for operator in islice(operators(kind, board), count)
    ]


def check(found: list[Job], outputs: list[dict[str, np.ndarray]]) -> None:
    """Compare with the reference, and byte for byte with what has the whole input."""
    emulated.check_jobs(found, outputs)
    for each, given in zip(found, outputs, strict=True):
        right, *others = (given[variant.label] for variant in each.chosen)
        for other in others:
            np.testing.assert_array_equal(other, right, err_msg=each.described)


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_slices_give_the_bytes_of_the_whole_input_under_sanitizers(
    board: str, tmp_path: Path
) -> None:
    found = jobs(KINDS, 8, native.played_here(target.load(board)))
    check(found, native.run(tmp_path, found))


@pytest.mark.emulator
@pytest.mark.parametrize("board", BOARDS)
def test_slices_give_the_bytes_of_the_whole_input_on_the_core(board: str, tmp_path: Path) -> None:
    bench = emulated.bench(board, np.empty(0))
    found = [each for each in jobs(KINDS, 6, bench.target) if each.operator.dtype == "int8"]
    check(found, batch.run(tmp_path, found, bench, STATIC))


def test_sums_are_no_wider_than_they_must_be() -> None:
    board = target.load("cortex-m4")
    for kind in MEANS:
        for operator in islice(operators(kind, board), 20):
            plan = registry.accumulating(operator, board)
            assert isinstance(plan, Plan)
            assert isinstance(plan.band, Band)
            slices, outputs = plan.band.accumulates, operator.outputs[0].elems
            assert slices is not None
            assert slices.rows * slices.row_elems == operator.inputs[0].elems
            is_short = operator.dtype == "int8" and operator.inputs[0].elems // outputs <= 256
            assert plan.workspace_bytes == outputs * (2 if is_short else 4)


@pytest.mark.parametrize(("weight", "elems"), [(127, 1700), (-127, 1700), (127, 500), (30, 1700)])
def test_as_many_products_are_summed_in_a_row_as_can_be_told_apart(weight: int, elems: int) -> None:
    drawn = connected(0)
    geometry = replace(drawn.geometry, in_c=elems)
    weights = np.full((geometry.out_c, 1, 1, elems), weight, np.int8)
    layer = replace(drawn, geometry=geometry, weights=weights)
    plan = registry.accumulating(layer, target.load("cortex-m4"))
    assert isinstance(plan, Plan)
    groups = plan.steps.groups
    worst = 4 * abs(weight) * 128  # of a group
    assert worst * (groups or -(-elems // 4)) < 2**23
    assert groups is None or worst * (groups + 1) >= 2**23


def test_weights_that_do_not_fit_in_pairs_say_so() -> None:
    drawn = connected(0)
    layer = replace(drawn, weights=np.full_like(drawn.weights, -128))
    plan = registry.accumulating(layer, target.load("cortex-m4"))
    assert isinstance(plan, Plan)
    assert plan.assembly is None
    assert "needs weights from -127 on" in plan.notes[0]


REFUSED = {
    "needs one window that is the whole image": minimal.load(minimal.made_up()),
    "needs 1 group": minimal.load(minimal.made_up(groups=2)),
    "needs one window over the whole image": random_operators.draw("average_pool", 0),
    "needs an average": random_operators.draw("max_pool", 0),
    "needs one mean": random_plain.draw("mean", 0),
    "needs sums of all its input": random_operators.draw("add", 0),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_no_sum_of_its_whole_input_is_refused(reason: str) -> None:
    refused = registry.accumulating(REFUSED[reason], target.load("cortex-m4"))
    assert isinstance(refused, Refusal)
    assert refused.reason.startswith(reason)


def test_no_layer_is_done_in_slices_by_itself() -> None:
    board = target.load("cortex-m4")
    operator = next(operators("mean", board))
    candidates, _ = select.survey(operator, board, overlap=False)
    sliced = select.accumulating(operator, board, calls=10)
    assert isinstance(sliced, Candidate)
    assert sliced.algorithm not in {candidate.algorithm for candidate in candidates}


@pytest.mark.parametrize("board", target.names())
def test_whatever_slices_count_has_a_price(board: str) -> None:
    core, lone = target.load(board), connected(0)
    least = replace(lone, weights=np.full_like(lone.weights, -128))
    for operator in (least, *(next(operators(kind, core)) for kind in KINDS)):
        candidate = select.accumulating(operator, core)
        assert isinstance(candidate, Candidate)
        assert candidate.instructions > 0
