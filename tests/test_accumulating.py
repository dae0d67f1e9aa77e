"""Operators that take their input in slices give the bytes of those that have it whole."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import bands
import batch
import emulated
import native
import random_operators
import random_plain
from bands import named
from batch import Options
from convgen.bench.proof import vectors
from convgen.model.operator import Operator
from convgen.plans import registry
from convgen.plans.band import Band
from convgen.plans.plan import Plan
from convgen.schedule import select
from convgen.schedule.overlap import share
from convgen.schedule.select import Candidate
from convgen.targets import target
from convgen.targets.target import Target
from native import Job, Variant

BOARDS = ("cortex-m0", "cortex-m4", "rv32imc")
MEANS = ("average_pool", "mean", "mean_float32")
STATIC = Options(compile=("-O1",), layers_in_unit=1000, measured=False)


def operators(kind: str, board: Target) -> Iterator[Operator]:
    """Yield those of a *kind* that can take their input in slices."""
    drawn = random_plain if kind in random_plain.KINDS else random_operators
    for number in range(1000):
        operator = drawn.draw(kind, number)
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
    return Job(chosen, board, inputs[:3])


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


@pytest.mark.parametrize("board", BOARDS)
def test_slices_give_the_bytes_of_the_whole_input_under_sanitizers(
    board: str, tmp_path: Path
) -> None:
    found = jobs(MEANS, 8, native.played_here(target.load(board)))
    check(found, native.run(tmp_path, found))


@pytest.mark.emulator
@pytest.mark.parametrize("board", BOARDS)
def test_slices_give_the_bytes_of_the_whole_input_on_the_core(board: str, tmp_path: Path) -> None:
    bench = emulated.bench(board, np.empty(0))
    found = [each for each in jobs(MEANS, 6, bench.target) if each.operator.dtype == "int8"]
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


def test_no_layer_is_done_in_slices_by_itself() -> None:
    board = target.load("cortex-m4")
    operator = next(operators("mean", board))
    candidates, _ = select.survey(operator, board, overlap=False)
    sliced = select.accumulating(operator, board, calls=10)
    assert isinstance(sliced, Candidate)
    assert sliced.algorithm not in {candidate.algorithm for candidate in candidates}
