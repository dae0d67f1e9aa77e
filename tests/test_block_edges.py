"""Layers around every edge of the kernels' blocks: channels and widths, on each instruction set.

Random layers meet all of these by chance; these are the ones where code differs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import batch
import emulated
import minimal
import native
from batch import Options
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.conv import ALGORITHMS
from native import Job
from random_layers import inputs_for

pytestmark = pytest.mark.emulator

CHANNELS = (*range(1, 10), 15, 16, 17)
WIDTHS = tuple(range(1, 10))
SHAPES: tuple[dict[str, Any], ...] = (
    {"kernel_size": 3, "padding": "same"},
    {"kernel_size": 1, "padding": "valid"},
    {"kernel_size": [1, 3], "padding": "same", "stride": [1, 2]},
)
ASSEMBLED = {
    "cortex-m0": r"direct_w16|im2col_full_w16|winograd_4x4_t1|winograd_2x2_t4",
    "cortex-m3": r"direct_w16|im2col_full_w16|winograd_4x4_t[12]",
    "cortex-m4": r"direct(_w16)?|im2col_p2_wide(_w16)?|winograd_2x2_t1|winograd_4x4_t[12]",
    "cortex-m55": r"direct|im2col_p2",
    "rv32imc": r"direct_w16|im2col_p2_w16|winograd_4x4_t1|winograd_2x2_t4",
}
"""The algorithms whose functions are in assembly, one for each that differs."""
C_COMPILED_QUICKLY = Options(compile=("-O0",), layers_in_unit=1000)


def layers() -> list[Conv2d]:
    """Return layers with each number of input and output channels and each width, for each shape.

    5 is prime to 12, so that the numbers of output channels are another order of the same.
    """
    return [
        minimal.load(
            minimal.made_up(
                name=f"edge{shape}_{i}",
                input={
                    "shape": [4, WIDTHS[(i + 4 * shape) % 9], CHANNELS[i]],
                    "dtype": "int8",
                },
                out_channels=CHANNELS[(5 * i + shape) % 12],
                **fields,
            )
        )
        for shape, fields in enumerate(SHAPES)
        for i in range(12)
    ]


def test_each_number_of_channels_and_each_width_occurs() -> None:
    shapes = [layer.geometry for layer in layers()]
    for number in range(len(SHAPES)):
        some = shapes[12 * number : 12 * number + 12]
        assert {g.in_c for g in some} == {g.out_c for g in some} == set(CHANNELS)
        assert {g.in_w for g in some} == set(WIDTHS)


@pytest.mark.parametrize("board", ASSEMBLED)
def test_assembly_is_right_around_the_edges_of_its_blocks(board: str, tmp_path: Path) -> None:
    names = {a.name for a in ALGORITHMS if re.fullmatch(ASSEMBLED[board], a.name)}
    bench = emulated.bench(board)
    jobs = [
        Job(native.variants(layer, bench.target, names, overlapping=False), bench.target, inputs)
        for layer in layers()
        for inputs in [inputs_for(layer)]
    ]
    jobs = [job for job in jobs if job.chosen]
    emulated.check_jobs(jobs, batch.run(tmp_path, jobs, bench, C_COMPILED_QUICKLY))
    assert {variant.plan.algorithm for job in jobs for variant in job.chosen} == names
