"""Operators that are no convolutions: LiteRT, NumPy and the generated code agree."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import batch
import emulated
import litert
import minimal
import native
import random_operators
from batch import Options
from convgen.bench.proof import vectors
from convgen.model.ops.add import Add
from convgen.plans.sum_line import rescaled
from convgen.sources.generate import layer_files
from convgen.targets import target
from random_operators import KINDS, jobs

EACH = {
    "add": 300,
    "average_pool": 150,
    "max_pool": 150,
    "fully_connected": 300,
    "transposed_conv2d": 120,
}
"""Random int8 layers that LiteRT and every one of the boards have computed."""
SOME_FLOAT32 = 10
SANITIZED = 100
COMPILED_WELL = 15  # of these; of the others the compiler does not see much, and is quick
USUAL = Options(layers_in_unit=10)
QUICK = Options(compile=("-O0",), layers_in_unit=1000)
BOARDS = ("cortex-m0", "cortex-m4", "rv32imc")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_is_that_of_litert(kind: str, dtype: str) -> None:
    for number in range(EACH[kind]):
        operator = random_operators.draw(kind, number, dtype)
        inputs = vectors.inputs_of(operator, number)
        emulated.check_operator(operator, inputs, litert.outputs(operator, *inputs))


@pytest.mark.emulator
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("board", BOARDS)
def test_generated_code_is_right(board: str, kind: str, tmp_path: Path) -> None:
    """As the command compiles it, and more layers, compiled quickly."""
    bench = emulated.bench(board)
    well, others = range(COMPILED_WELL), range(COMPILED_WELL, EACH[kind])
    float32 = jobs(kind, bench.target, range(SOME_FLOAT32), "float32")
    images = (
        ([*jobs(kind, bench.target, well), *float32], USUAL),
        (jobs(kind, bench.target, others), QUICK),
    )
    for number, (chosen, options) in enumerate(images):
        folder = tmp_path / str(number)
        folder.mkdir()
        emulated.check_jobs(chosen, batch.run(folder, chosen, bench, options))


@pytest.mark.emulator
@pytest.mark.parametrize("kind", KINDS)
def test_clang_makes_right_code(kind: str, tmp_path: Path) -> None:
    bench = emulated.bench("cortex-m4", compiler="zig")
    chosen = jobs(kind, bench.target, range(COMPILED_WELL))
    emulated.check_jobs(chosen, batch.run(tmp_path, chosen, bench, USUAL))


@pytest.mark.parametrize("kind", KINDS)
def test_generated_code_is_right_under_sanitizers(kind: str, tmp_path: Path) -> None:
    board = native.played_here(target.load("cortex-m4"))
    chosen = jobs(kind, board, range(SANITIZED))
    chosen += jobs(kind, board, range(SOME_FLOAT32), "float32")
    emulated.check_jobs(chosen, native.run(tmp_path, chosen))


BYTES = np.arange(-128, 128, dtype=np.int8)
SCALES = (
    (0.05, 0.03, 0.06),
    (0.16, 0.07, 0.26),
    (0.4, 0.01, 0.02),
    (1.0, 1e-6, 1.0),
    (0.5, 0.5, 300.0),
    (1e-3, 1.0, 1e-2),
)
"""Of both inputs and the output: many sums in the middle of two, and far apart."""


def test_three_rounded_steps_are_right_for_every_pair_of_bytes(tmp_path: Path) -> None:
    """Where a line does as well too."""
    board = native.played_here(target.load("cortex-m0"))
    first, second = (pairs[None, ..., None] for pairs in np.meshgrid(BYTES, BYTES, indexing="ij"))
    chosen = []
    for number, scales in enumerate(SCALES):
        numbers = [
            {"scale": scale, "zero_point": zero_point}
            for scale, zero_point in zip(scales, (127, -128, number), strict=True)
        ]
        tensor = {"shape": [256, 256, 1], "dtype": "int8"}
        inputs = [tensor | numbers[0], tensor | numbers[1]]
        fields = {"name": f"pairs{number}", "op": "add", "inputs": inputs, "output": numbers[2]}
        operator = minimal.operator(fields)
        assert isinstance(operator, Add)
        (variant,) = native.variants(operator, board, overlapping=False)
        plan = replace(variant.plan, output=rescaled(operator))
        job = native.Job([replace(variant, plan=plan)], board, first, (second,))
        chosen.append(job)
    emulated.check_jobs(chosen, native.run(tmp_path, chosen))


IN_PLACE = r"""
#include <stdio.h>
#include "{name}.c"

int main(void)
{{
    static int8_t input_0[{bytes}], input_1[{bytes}];
    for (int i = 0; i < {bytes}; i++) input_0[i] = (int8_t)getchar();
    for (int i = 0; i < {bytes}; i++) input_1[i] = (int8_t)getchar();
    {name}(input_0, input_1, {place}, NULL);
    return fwrite({place}, 1, {bytes}, stdout) != {bytes};
}}
"""


@pytest.mark.parametrize("place", ["input_0", "input_1"])
@pytest.mark.parametrize("number", [0, 2, 11])
def test_a_sum_may_take_the_place_of_either_input(number: int, place: str, tmp_path: Path) -> None:
    """As the header says it may."""
    board = target.load("host")
    [job] = jobs("add", board, [2 * number])  # apart
    [variant] = job.chosen
    (output,) = variant.plan.operator.outputs
    for file, text in layer_files(variant.plan, board, None).items():
        (tmp_path / file).write_text(text)
    source = IN_PLACE.format(name=variant.plan.operator.name, bytes=output.bytes, place=place)
    (tmp_path / "main.c").write_text(source)
    native.checked(["gcc", "-O3", *native.SANITIZE, "-o", "run", "main.c"], tmp_path)
    given = job.tobytes()[: 2 * output.bytes]
    done = subprocess.run([tmp_path / "run"], input=given, capture_output=True, check=True)
    found = np.frombuffer(done.stdout, np.int8).reshape(1, *output.shape)
    emulated.check_operator(job.operator, [job.inputs[:1], job.more_inputs[0][:1]], found)
