"""Sums too large for lines at the usual scale: assembly does them too, by the reference's steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulated
import minimal
import native
from convgen.bench.proof import vectors
from convgen.bench.trial import attempt
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import registry
from convgen.plans.kernels.finishing import LinedPlan
from convgen.plans.study import Study
from convgen.refusal import Refusal
from convgen.schedule.select import Candidate
from convgen.targets import target
from planned import planned

PEER = 1.9  # instructions for each product of CMSIS-NN's


def layer(shape: list[int], kernel: int, outputs: int, **more: Any) -> Conv2d:
    """Make one whose weights are of any size, some of them -128, and sums beyond 2^24."""
    fields = minimal.made_up(
        input={"shape": shape, "dtype": "int8", "zero_point": more.pop("zero_point", -128)},
        kernel_size=kernel,
        out_channels=outputs,
        **more,
    )
    made = minimal.load(fields)
    signs = np.where(made.weights < 0, -128, 127)
    loud = np.arange(made.weights.size).reshape(made.weights.shape) % 2 == 0
    return replace(made, weights=np.where(loud, signs, made.weights).astype(np.int8))


LAYERS = {
    "connected": layer([1, 1, 1030], 1, 8, activation="none"),
    "long": layer([1, 1, 4001], 1, 4, activation="relu", zero_point=3),
    "square": layer([3, 4, 128], 3, 5, activation={"min": -100, "max": 90}),
    "single": layer([2, 3, 1024], 1, 6, requantize={"rounding": "single"}),
}
ALGORITHMS = ("direct_w16", "im2col_p2_w16", "im2col_p2_wide_w16", "im2col_full_w16", "mec_w16")


@pytest.mark.parametrize("name", LAYERS)
def test_no_line_at_the_usual_scale_reaches_these_sums(name: str) -> None:
    found = Study(LAYERS[name]).lines(256, own_shifts=True)
    assert isinstance(found, Refusal)
    assert "sums that differ by at most" in found.reason


@pytest.mark.emulator
@pytest.mark.parametrize("compiler", ["gcc", "zig"])
@pytest.mark.parametrize("name", LAYERS)
def test_large_sums_are_right_in_assembly(name: str, compiler: str, tmp_path: Path) -> None:
    made, board = LAYERS[name], target.load("cortex-m4")
    inputs = vectors.make_inputs(made, 0)
    bench = emulated.bench("cortex-m4", inputs, compiler=compiler)
    for algorithm, plan in registry.able(made, board, set(ALGORITHMS)).items():
        assert isinstance(plan.kernel, LinedPlan)
        assert plan.kernel.lines.scale == 2
        candidate = Candidate(plan=plan, pool=None, stack=0, code=0, instructions=10**8)
        trial = attempt(candidate, bench, tmp_path / algorithm, 2**20, roomy=False)
        assert trial.verified, f"{algorithm}: {trial.failure}"


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["connected", "long"])
def test_large_sums_fall_off_no_cliff(name: str) -> None:
    made, board = LAYERS[name], target.load("cortex-m4")
    plan = planned("direct_w16", made, board)
    candidate = Candidate(plan=plan, pool=None, stack=0, code=0, instructions=10**8)
    _, trial = emulated.run(candidate, "cortex-m4", vectors.make_inputs(made, 0))
    assert trial.instructions is not None
    assert trial.instructions <= 0.55 * PEER * made.geometry.macs


def test_plain_c_takes_the_same_steps(tmp_path: Path) -> None:
    board = native.played_here(target.load("cortex-m4"))
    for name, made in LAYERS.items():
        found = [v for v in native.variants(made, board) if v.plan.algorithm in ALGORITHMS]
        inputs = vectors.make_inputs(made, 0)
        job = native.Job(chosen=found, target=board, inputs=inputs)
        folder = tmp_path / name
        folder.mkdir()
        for label, outputs in native.run(folder, [job])[0].items():
            emulated.check(made, inputs, outputs, label)
