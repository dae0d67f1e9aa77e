"""A few channels whose weights are next to nothing do not cost a layer its kernel.

The same layer with and without them, by the kernels of each core that has some in assembly, on the
emulated board: outputs are right, and instructions as many.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import minimal
import native
from convgen.bench.proof import vectors
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.kernels.finishing import FinishingPlan
from convgen.plans.study import Study
from convgen.refusal import Refusal
from convgen.schedule import select
from convgen.schedule.select import Candidate
from convgen.targets import target
from emulated import check, run

pytestmark = pytest.mark.emulator

LAYERS = {
    "depthwise": minimal.made_up(
        input={"shape": [6, 6, 16], "dtype": "int8"}, out_channels=16, groups=16
    ),
    "pointwise": minimal.made_up(
        input={"shape": [4, 4, 16], "dtype": "int8"}, out_channels=16, kernel_size=1
    ),
}
KERNELS = {
    "cortex-m4": {"depthwise": "direct_planes", "pointwise": "direct"},
    "cortex-m0": {"depthwise": "direct_planes", "pointwise": "direct_w16"},
    "rv32imc": {"depthwise": "direct_planes", "pointwise": "direct_w16"},
}
ODD = {
    "one": {5: 1e-5},
    "several": {0: 0.0, 3: 1e-5, 4: 1e-3, 9: 1e-2, 15: 1e-7},
}
MOST_MORE = 1.05


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("shape", LAYERS)
@pytest.mark.parametrize("board", KERNELS)
def test_odd_channels_cost_nothing(board: str, shape: str, odd: str) -> None:
    layer = minimal.load(LAYERS[shape])
    factors = np.ones(layer.geometry.out_c)
    for channel, factor in ODD[odd].items():
        factors[channel] = factor
    strange = minimal.scaled(layer, factors, edge=next(c for c, f in ODD[odd].items() if f))
    instructions = _instructions(strange, board, KERNELS[board][shape])
    assert instructions <= MOST_MORE * _usual(board, shape)


@pytest.mark.parametrize(
    ("board", "algorithm"),
    [
        ("cortex-m4", "direct"),
        ("cortex-m4", "direct_w16"),
        ("cortex-m0", "direct_w16"),
        ("cortex-m3", "direct_w16"),
        ("rv32imc", "direct_w16"),
    ],
)
def test_deep_channels_get_shifts_of_their_own_where_one_for_all_does_not_do(
    board: str, algorithm: str
) -> None:
    strange = minimal.apart()
    assert isinstance(Study(strange).lines(256), Refusal)
    instructions = _instructions(strange, board, algorithm)
    assert instructions <= MOST_MORE * _instructions(minimal.load(minimal.DEEP), board, algorithm)
    assert not _candidate(strange, board, algorithm).plan.notes


@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m0", "rv32imc"])
def test_plain_c_shifts_deep_channels_as_the_assembly_does(board: str, tmp_path: Path) -> None:
    layer = minimal.apart()
    described = native.played_here(target.load(board))
    names = ("direct", "direct_w16", "im2col_p1_w16")
    found = [v for v in native.variants(layer, described) if v.plan.algorithm in names]
    assert any(isinstance(v.plan.kernel, FinishingPlan) for v in found)
    inputs = vectors.make_inputs(layer, 0)
    job = native.Job(chosen=found, target=described, inputs=inputs)
    for label, outputs in native.run(tmp_path, [job])[0].items():
        check(layer, inputs, outputs, f"{label} of {board}")


@cache
def _usual(board: str, shape: str) -> int:
    return _instructions(minimal.load(LAYERS[shape]), board, KERNELS[board][shape])


def _instructions(layer: Conv2d, board: str, algorithm: str) -> int:
    inputs = vectors.make_inputs(layer, 0)
    outputs, trial = run(_candidate(layer, board, algorithm), board, inputs)
    check(layer, inputs, outputs, f"{algorithm} on {board}")
    assert trial.instructions is not None
    return trial.instructions


def _candidate(layer: Conv2d, board: str, algorithm: str) -> Candidate:
    candidates, rejected = select.survey(layer, target.load(board), overlap=False)
    return select.named(algorithm, candidates, rejected)[0]
