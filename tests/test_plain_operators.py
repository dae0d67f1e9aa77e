"""Operators that only models have: generated code gives what NumPy does, here and on boards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import batch
import emulated
import native
import random_plain
from convgen.bench.proof import vectors
from convgen.model.operator import Operator
from convgen.plans import registry
from convgen.schedule.overlap import share
from convgen.targets import target
from convgen.targets.target import Target
from native import Job, Variant

EACH = 10
IN_UNIT = 20
BOARDS = ("cortex-m0", "cortex-m4", "rv32imc")


def job(operator: Operator, number: int, board: Target, *, shared: bool) -> Job:
    """Return *operator* with one of its algorithms; *shared*: tensors in one pool."""
    given = vectors.made_up(operator, 0)
    plans = list(registry.able(operator, board).values())
    plans = [plans[number % len(plans)]]
    chosen = [Variant(*share(plan)) if shared else Variant(plan, None) for plan in plans]
    return Job(chosen, board, given.inputs[0], given.inputs[1:])


def jobs(board: Target) -> list[Job]:
    """Return `EACH` operators of each kind, every other one in one pool."""
    return [
        job(random_plain.draw(kind, number), number, board, shared=number % 4 > 1)
        for kind in random_plain.KINDS
        for number in range(EACH)
    ]


def check(jobs: Sequence[Job], found: Sequence[dict[str, np.ndarray]]) -> None:
    """Compare the outputs of all *jobs*."""
    for one, outputs in zip(jobs, found, strict=True):
        inputs = (one.inputs, *one.more_inputs)
        (right,), (bound,) = one.operator.compute(*inputs), one.operator.tolerance(*inputs)
        for label, array in outputs.items():
            wrong = np.abs(array.astype(np.float64) - right) > bound
            assert not wrong.any(), f"{one.operator.name} {label}: {one.described}: {wrong.sum()}"


@pytest.mark.emulator
@pytest.mark.parametrize("board", BOARDS)
def test_generated_code_is_right(board: str, tmp_path: Path) -> None:
    bench = emulated.bench(board, np.empty(0))
    many = jobs(bench.target)
    check(many, batch.run(tmp_path, many, bench, batch.Options(layers_in_unit=IN_UNIT)))


@pytest.mark.slow
@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m4"])
def test_sanitizers_have_nothing_to_say(board: str, tmp_path: Path) -> None:
    many = jobs(native.played_here(target.load(board)))
    check(many, native.run(tmp_path, many))
