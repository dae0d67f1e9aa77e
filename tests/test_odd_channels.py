"""A few channels whose weights are next to nothing do not cost a layer its kernel.

The same layer with and without them, by the kernels of each core that has some in assembly, on the
emulated board: outputs are right, and instructions as many.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import minimal
from convgen import select, target, vectors
from convgen.layer import Layer
from convgen.select import Candidate
from emulated import check, run

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


@cache
def _usual(board: str, shape: str) -> int:
    return _instructions(minimal.load(LAYERS[shape]), board, KERNELS[board][shape])


def _instructions(layer: Layer, board: str, algorithm: str) -> int:
    inputs = vectors.make_inputs(layer, 0)
    outputs, trial = run(_candidate(layer, board, algorithm), board, inputs)
    check(layer, inputs, outputs, f"{algorithm} on {board}")
    assert trial.instructions is not None
    return trial.instructions


def _candidate(layer: Layer, board: str, algorithm: str) -> Candidate:
    candidates, rejected = select.survey(layer, target.load(board), overlap=False)
    return select.named(algorithm, candidates, rejected)[0]
