"""Any split of the output rows into bands gives the same bytes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
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
from convgen.plans.conv import ALGORITHMS
from convgen.plans.registry import able
from convgen.refusal import Refusal
from convgen.targets import target
from convgen.targets.target import Target
from native import Job, Variant
from random_layers import MIXED, Kind, drawn

BOARDS = ("cortex-m0", "cortex-m4", "rv32imc")  # kernels of one, two and four pixels
KINDS = (
    *MIXED,
    Kind("int8", grouping="none", usual=True, shape="same"),
    Kind("int8", grouping="channels", shape="framed"),
)
RARE = {
    "inside": Kind("int8", grouping="fours", shape="inside"),
    "planes": Kind("int8", grouping="channels", shape="planes"),
    "wide": Kind("int8", grouping="none", shape="wide"),
}
"""Layers for algorithms that few others are for, by what they are called."""
LAYERS, EMULATED, SOME = 36, 8, 5
STATIC = Options(compile=("-O0",), layers_in_unit=1000, measured=False)
WHOLE_ONLY = {
    "indirect_init": "init function",
    "direct_planes_inplace": "row above",
    "kn2row_aa_holes": "whole image",
}
"""The algorithms of convolutions without bands, and a word of why."""
BY_ROWS = {
    "add", "arithmetic_table", "dequantize", "dequantize_table", "pointwise", "pool", "quantize",
    "table",
}  # fmt: skip
"""Other algorithms that have bands."""


def pairs(
    operator: Operator, board: Target, rng: random.Random, tried: Counter[str]
) -> list[Variant]:
    """Return the algorithms least *tried* as they are and by rows, in one of their orders."""
    found = []
    plans = sorted(able(operator, board).values(), key=lambda plan: tried[plan.algorithm])
    for plan in plans[:SOME]:
        tried[plan.algorithm] += 1
        if isinstance(plan.band, Refusal):
            assert WHOLE_ONLY.get(plan.algorithm, "all rows at once") in plan.band.reason
            continue
        name = f"{operator.name}_{plan.algorithm}"
        plain = [order for order in plan.orders if not order.swap]
        by_rows = replace(named(plan, f"{name}_by"), orders=tuple(rng.sample(plain, len(plain))))
        found.append(Variant(named(plan, name), None))
        found.append(Variant(by_rows, None, bands.split(plan, rng)))
    return found


def assert_same(jobs: list[Job], found: list[dict[str, np.ndarray]]) -> Counter[str]:
    """Compare each algorithm by rows with itself; return how often each was."""
    compared = Counter[str]()
    for job, outputs in zip(jobs, found, strict=True):
        for variant in job.chosen:
            if variant.bands:
                algorithm = variant.plan.algorithm
                np.testing.assert_array_equal(
                    outputs[variant.label],
                    outputs[algorithm],
                    err_msg=f"{algorithm} by {variant.bands}: {job.described}",
                )
                compared[algorithm] += 1
    return compared


def others(numbers: range, rng: random.Random, board: Target) -> list[Job]:
    """Return operators that are no convolutions, of every kind."""
    jobs = []
    for number in numbers:
        drawn_here = [random_operators.draw(kind, number) for kind in random_operators.KINDS[:3]]
        drawn_here += [random_plain.draw(kind, number) for kind in random_plain.KINDS]
        for operator in drawn_here:
            given = [values[:2] for values in vectors.made_up(operator, number).inputs]
            if chosen := pairs(operator, board, rng, Counter()):
                jobs.append(Job(chosen, board, given[0], tuple(given[1:])))
    return jobs


def layers(count: int, number: int, rng: random.Random, boards: list[Target]) -> list[Job]:
    jobs, tried = [], Counter[str]()
    rare = [
        replace(layer, name=f"{what}_{layer.name}")
        for what, kind in RARE.items()
        for layer in drawn((kind,), 5, number)
    ]
    for i, layer in enumerate([*drawn(KINDS, count, number), *rare]):
        board = boards[i % len(boards)]
        inputs = vectors.made_up(layer, i).inputs[0][:2]
        jobs.append(Job(pairs(layer, board, rng, tried), board, inputs))
    return jobs


@pytest.mark.slow
def test_bands_give_the_bytes_of_the_whole_layer_under_sanitizers(tmp_path: Path) -> None:
    rng = random.Random(0)  # noqa: S311
    boards = [native.played_here(target.load(board)) for board in (*BOARDS, "cortex-m55")]
    jobs = layers(LAYERS, 7, rng, boards)
    compared = assert_same(jobs, native.run(tmp_path, jobs))
    left_out = {a.name for a in ALGORITHMS} - set(compared) - set(WHOLE_ONLY)
    assert left_out == set(), "no layer for these"


@pytest.mark.slow
def test_bands_of_other_operators_give_the_bytes_of_the_whole(tmp_path: Path) -> None:
    rng = random.Random(2)  # noqa: S311
    jobs = others(range(4), rng, native.played_here(target.load("cortex-m4")))
    assert set(assert_same(jobs, native.run(tmp_path, jobs))) == BY_ROWS


@pytest.mark.emulator
@pytest.mark.parametrize("board", BOARDS)
def test_bands_give_the_bytes_of_the_whole_layer_in_assembly(board: str, tmp_path: Path) -> None:
    rng = random.Random(1)  # noqa: S311
    bench = emulated.bench(board, np.empty(0))
    jobs = [j for j in layers(EMULATED, 8, rng, [bench.target]) if j.operator.dtype == "int8"]
    jobs += others(range(2), rng, bench.target)
    assert_same(jobs, batch.run(tmp_path, jobs, bench, STATIC))
