"""Operators that are no convolutions: LiteRT, NumPy and the generated code agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import batch
import emulated
import litert
import random_operators
from convgen.bench.proof import vectors
from convgen.model.operator import Operator
from convgen.plans import registry
from convgen.schedule.overlap import share
from native import Job, Variant
from random_operators import KINDS

EACH = 300
IN_IMAGE = 60
BOARDS = ("cortex-m0", "cortex-m4", "rv32imc")
SOME_FLOAT32 = 60


def agrees(operator: Operator, outputs: np.ndarray, *inputs: np.ndarray) -> bool:
    (right,), (bound,) = operator.compute(*inputs), operator.tolerance(*inputs)
    return bool((np.abs(outputs.astype(np.float64) - right) <= bound).all())


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_is_that_of_litert(kind: str, dtype: str) -> None:
    for number in range(EACH):
        operator = random_operators.draw(kind, number, dtype)
        inputs = vectors.made_up(operator, number).inputs
        outputs = litert.outputs(operator, *inputs)
        assert agrees(operator, outputs, *inputs), f"{operator}"


@pytest.mark.emulator
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize(
    ("kind", "dtype", "count"),
    [(kind, "int8", EACH) for kind in KINDS if kind != "fully_connected"]
    + [(kind, "float32", SOME_FLOAT32) for kind in KINDS if kind != "fully_connected"],
)
def test_generated_code_is_right(
    kind: str, dtype: str, count: int, board: str, tmp_path: Path
) -> None:
    bench = emulated.bench(board, np.empty(0))
    for first in range(0, count, IN_IMAGE):
        jobs = []
        for number in range(first, first + IN_IMAGE):
            operator = random_operators.draw(kind, number, dtype)
            given = vectors.made_up(operator, number)
            [plan] = registry.able(operator, bench.target).values()
            chosen = [Variant(plan=plan, pool=None)]
            if number % 2:
                chosen = [Variant(*share(plan))]
            jobs.append(Job(chosen, bench.target, given.inputs[0], given.inputs[1:]))
        folder = tmp_path / str(first)
        folder.mkdir()
        for job, outputs in zip(jobs, batch.run(folder, jobs, bench), strict=True):
            [found] = outputs.values()
            assert agrees(job.operator, found, job.inputs, *job.more_inputs), job.described
