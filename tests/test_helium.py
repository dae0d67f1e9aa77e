"""Helium: kernels in assembly, and what compilers make of C: GCC 12 takes predicates wrongly."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import batch
import emulated
import minimal
import native
from batch import Options
from cases import Spec
from convgen.bench.proof.vectors import make_inputs
from convgen.model.ops.conv2d import Conv2d
from convgen.schedule.select import Candidate, survey
from convgen.sources.generate import layer_files
from convgen.targets import target
from native import Job
from random_layers import MIXED, drawn, inputs_for

pytestmark = pytest.mark.slow

M55 = target.load("cortex-m55")
GROUPED = minimal.made_up(
    name="grouped",
    input={"shape": [9, 9, 3], "dtype": "int8", "scale": 0.05, "zero_point": -128},
    out_channels=6,
    kernel_size=2,
    dilation=3,
    padding=[1, 1, 2, 2],
    groups=3,
)
RANDOM_LAYERS = 4
DENSE = ("direct", "direct_p1", "im2col_p1", "im2col_p2", "im2col_full")
RUNS = {"gcc": (200, ()), "zig": (20, ()), "gcc, plain": (20, ("-DCONVGEN_PLAIN_C",))}
"""How many random layers, and options, of each compiler."""
PREDICATE = re.compile(
    r"\t(?:vp(?:st|t|sel|not)\w*|vctp|[dw]lstp|letp|vcmp\.[isu]\w+|vcmp\.f\w+\t\w+, q"
    r"|v\w+\t(?:.*, )?p0\b).*"
)
SELECTING = """
void select(int *restrict to, const int *a, const int *b)
{
    for (int i = 0; i < 64; ++i) {
        to[i] = a[i] < b[i] ? a[i] + 3 : 5;
    }
}
"""


def candidates(layer: Conv2d) -> tuple[Candidate, ...]:
    return survey(layer, M55, overlap=False)[0]


def predicates(sources: Sequence[str], folder: Path) -> list[str]:
    """Return the instructions that GCC compiles to and that a predicate decides."""
    gcc = M55.toolchain.gcc
    freestanding = ("-std=c99", "-ffreestanding", "-fbuiltin", "-DCONVGEN_PLAIN_C")
    command = [f"{gcc.prefix}gcc", *gcc.flags, *freestanding, "-O3", "-S", *sources]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    texts = [(folder / source).with_suffix(".s").read_text() for source in sources]
    return [found for text in texts for found in PREDICATE.findall(text)]


@pytest.mark.parametrize("algorithm", ["indirect_row", "indirect_init"])
def test_selected_pointers_are_right(algorithm: str) -> None:
    layer = minimal.load(GROUPED)
    inputs = make_inputs(layer, seed=0)
    (candidate,) = [c for c in candidates(layer) if c.algorithm == algorithm]
    outputs, _ = emulated.run(candidate, "cortex-m55", inputs)
    emulated.check(layer, inputs, outputs, algorithm)


def test_predicates_are_seen(tmp_path: Path) -> None:
    (tmp_path / "select.c").write_text(SELECTING)
    assert predicates(["select.c"], tmp_path)


def test_no_generated_code_selects_by_a_predicate(tmp_path: Path) -> None:
    """Whatever flags the layer is built with: what prevents it is in its text."""
    sources: list[str] = []
    for layer in [minimal.load(GROUPED), *drawn(MIXED, RANDOM_LAYERS, number=1)]:
        for candidate in candidates(layer):
            name = f"{layer.name}_{candidate.algorithm}"
            plan = replace(candidate.plan, operator=replace(layer, name=name))
            for file, text in layer_files(plan, M55, None).items():
                (tmp_path / file).write_text(text)
            sources.append(f"{name}.c")
    assert len(sources) > 5 * RANDOM_LAYERS
    assert predicates(sources, tmp_path) == []


def dense(number: int) -> Spec:
    """Return a layer of up to 70 channels on either side, of every kind that has kernels."""
    rng = random.Random(f"dense {number}")  # noqa: S311 - the same each time
    kernel = [rng.choice((1, 1, 2, 3, 3, 5)) for _ in range(2)]
    dilation = [rng.choice((1, 1, 2)) for _ in range(2)]
    size = [rng.randint(2, 7) + (k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    return minimal.made_up(
        name=f"dense{number}",
        input={
            "shape": [*size, rng.choice((rng.randint(1, 70), rng.randint(1, 20)))],
            "dtype": "int8",
            "zero_point": rng.choice((-128, 0, rng.randint(-128, 127))),
        },
        output={"zero_point": rng.choice((-128, 0, rng.randint(-128, 127)))},
        out_channels=rng.choice((rng.randint(4, 70), rng.randint(4, 9))),
        kernel_size=kernel,
        dilation=dilation,
        stride=[rng.choice((1, 1, 2, 3)) for _ in range(2)],
        padding=rng.choice(("same", "valid", [rng.randrange(k) for k in kernel * 2])),
        requantize={"rounding": rng.choice(("double", "double", "single"))},
        activation=rng.choice(("none", "relu", {"min": -100, "max": 90})),
    )


def depthwise(number: int) -> Spec:
    """Return a depthwise layer of up to 70 channels whose windows are at most 4x4."""
    rng = random.Random(f"depthwise {number}")  # noqa: S311 - the same each time
    kernel = [rng.choice((1, 2, 3, 3, 3, 4)) for _ in range(2)]
    channels = rng.choice((rng.randint(3, 9), rng.randint(3, 70), 64))
    return minimal.made_up(
        name=f"depthwise{number}",
        input={
            "shape": [rng.randint(4, 9), rng.randint(6, 11), channels],
            "dtype": "int8",
            "zero_point": rng.choice((-128, 0, rng.randint(-128, 127))),
        },
        output={"zero_point": rng.choice((-128, 0, rng.randint(-128, 127)))},
        out_channels=channels,
        groups=channels,
        kernel_size=kernel,
        stride=[rng.choice((1, 1, 2, 3)) for _ in range(2)],
        padding=rng.choice(("same", "valid", [rng.randrange(k) for k in kernel * 2])),
        requantize={"rounding": rng.choice(("double", "double", "single"))},
        activation=rng.choice(("none", "relu", {"min": -100, "max": 90})),
    )


@pytest.mark.parametrize("run", RUNS)
def test_random_layers_are_right(run: str, tmp_path: Path) -> None:
    count, options = RUNS[run]
    quickly = Options(compile=("-O0", *options), layers_in_unit=1000)
    bench = emulated.bench("cortex-m55", compiler=run.split(",")[0])
    jobs = []
    for number in range(count):
        layer = minimal.load(dense(number))
        names = {DENSE[number % 5], DENSE[(number + number // 5 + 1) % 5]}
        chosen = native.variants(layer, M55, names, overlapping=number % 2 > 0)
        jobs.append(Job([v for v in chosen if v.plan.sums_in_assembly], M55, inputs_for(layer)))
    for number in range(count // 2):
        layer = minimal.load(depthwise(number))
        chosen = native.variants(layer, M55, {"direct_quads"}, overlapping=number % 2 > 0)
        jobs.append(Job(chosen, M55, inputs_for(layer)))
    jobs = [job for job in jobs if job.chosen]
    emulated.check_jobs(jobs, batch.run(tmp_path, jobs, bench, quickly))
    assert len(jobs) > 1.35 * count
