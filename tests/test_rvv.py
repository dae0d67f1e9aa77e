"""RISC-V's vectors: layers around every edge of registers and windows, and random ones.

Each is run where registers have 128 bits, and where they have 256: the same code for any length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import batch
import emulated
import minimal
import native
from batch import Options
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.kernels.rvv import VectorPlan
from convgen.targets import target
from native import Job
from planned import planned
from random_layers import MIXED, drawn, inputs_for

BOARDS = {"rv32imcv": 128, "rv32imcv_zvl256b": 256}
QUICK = Options(compile=("-O0",), layers_in_unit=1000)
ALGORITHMS = frozenset({"direct", "im2col_p2", "mec"})
ALONE = frozenset({"direct"})
CHANNELS = (1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130)
RANDOM_LAYERS = 200


def shaped(name: str, size: list[int], outputs: int, kernel: Any, **more: Any) -> Conv2d:
    values = {"shape": size, "dtype": "int8"}
    fields = minimal.made_up(
        name=name, input=values, out_channels=outputs, kernel_size=kernel, **more
    )
    return minimal.load(fields)


def edges() -> Iterator[Conv2d]:
    """Yield layers whose channels are about to fill registers; runs of many lengths."""
    for i, channels in enumerate(CHANNELS):
        size = [3, 6 + i % 4, i % 10 + 1]
        yield shaped(f"dense{i}", size, channels, 3, padding=("same", "valid")[i % 2])
        yield shaped(f"pixels{i}", [1, 1 + i % 7, 3 * i + 1], channels, 1)
        if channels > 1:
            more = {"stride": [1, 1 + i % 3], "dilation": [1 + i % 3 % 2, 1 + i % 2]}
            kernel = [2, 1 + i % 5]
            yield shaped(f"own{i}", [5, 12, channels], channels, kernel, groups=channels, **more)
    yield shaped("one_row", [1, 40, 20], 20, [1, 31], groups=20)
    yield shaped("far", [2, 5, 700], 9, [1, 2])
    yield shaped("single", [4, 5, 6], 18, 3, requantize={"rounding": "single"})
    yield faint(shaped("faint", [4, 5, 6], 18, 3))
    yield faint(shaped("faint_own", [5, 12, 17], 17, [2, 3], groups=17))


def faint(layer: Conv2d) -> Conv2d:
    """Return the layer with one channel whose scale is far below the others': its output is one."""
    q = layer.quantization
    assert q is not None
    shift = np.where(np.arange(layer.geometry.out_c) == 1, -31, q.shift)
    return replace(layer, quantization=replace(q, shift=shift))


def loud(layer: Conv2d) -> Conv2d:
    """Return the layer with weights of the ends alone: no window of more than two is safe."""
    ends = np.where(layer.weights < 0, -128, 127).astype(np.int8)
    return replace(layer, weights=ends)


def all_layers() -> dict[Conv2d, frozenset[str]]:
    """Return layers, and by which algorithms each is made: random ones by one of them."""
    made = list(edges())
    louder = [replace(loud(layer), name=f"{layer.name}_loud") for layer in made[::2]]
    random_ones = drawn(MIXED, RANDOM_LAYERS, 19)
    return dict.fromkeys((*made, *louder), ALGORITHMS) | dict.fromkeys(random_ones, ALONE)


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_vectors_are_right(board: str, tmp_path: Path) -> None:
    bench = emulated.bench(board)
    jobs = [
        Job(native.variants(layer, bench.target, names, overlapping=False), bench.target, inputs)
        for layer, names in all_layers().items()
        for inputs in [inputs_for(layer)]
    ]
    jobs = [with_vectors(job) for job in jobs]
    jobs = [job for job in jobs if job.chosen]
    assert len(jobs) > RANDOM_LAYERS / 2
    emulated.check_jobs(jobs, batch.run(tmp_path, jobs, bench, QUICK))


def with_vectors(job: Job) -> Job:
    return replace(job, chosen=[v for v in job.chosen if isinstance(v.plan.kernel, VectorPlan)])


def kernel_of(layer: Conv2d, board: str = "rv32imcv") -> VectorPlan:
    kernel = planned("direct", layer, target.load(board)).kernel
    assert isinstance(kernel, VectorPlan)
    return kernel


def test_no_window_of_products_leaves_int16() -> None:
    for layer in all_layers():
        plan = planned("direct", layer, target.load("rv32imcv"))
        if not isinstance(plan.kernel, VectorPlan):
            continue
        for form in plan.kernel.forms:
            size, row = plan.kernel.window(form), plan.kernel.row_elems(form)
            runs = layer.weights.astype(int).reshape(-1, form.run_elems)
            for first in range(0, form.run_elems, row):
                for at in range(first, min(first + row, form.run_elems), size):
                    some = runs[:, at : min(at + size, first + row)]
                    extremes = np.where(some > 0, 127, -128), np.where(some > 0, -128, 127)
                    sums = [(some * ends).sum(axis=1) for ends in extremes]
                    assert sums[0].max() < 2**15
                    assert sums[1].min() >= -(2**15)


def test_one_faint_channel_leaves_the_others_their_vectors() -> None:
    for layer in edges():
        if layer.name.startswith("faint"):
            kernel_of(layer)


def test_quiet_weights_have_long_windows_and_loud_ones_short_ones() -> None:
    made = shaped("deep", [1, 4, 64], 16, 1)
    quiet = kernel_of(replace(made, weights=made.weights // 32))
    assert quiet.window(quiet.forms[0]) == 16
    ends = kernel_of(replace(made, weights=np.full_like(made.weights, 127)))
    assert ends.window(ends.forms[0]) == 2
    lowest = kernel_of(replace(made, weights=np.full_like(made.weights, -128)))
    assert lowest.window(lowest.forms[0]) == 1


@pytest.mark.parametrize(("channels", "groups"), [(16, (1, 1)), (32, (2, 1)), (33, (2, 2))])
def test_a_group_of_registers_is_for_what_one_does_not_hold(
    channels: int, groups: tuple[int, int]
) -> None:
    layer = shaped("wide", [2, 3, 4], channels, 1)
    assert tuple(kernel_of(layer, board).group for board in BOARDS) == groups
