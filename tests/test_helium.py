"""What compilers make of the generated C with Helium: GCC 12 takes some predicates wrongly."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import emulated
import minimal
from convgen.bench.proof.vectors import make_inputs
from convgen.model.ops.conv2d import Conv2d
from convgen.schedule.select import Candidate, survey
from convgen.sources.generate import layer_files
from convgen.targets import target
from random_layers import MIXED, drawn

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
RANDOM_LAYERS = 10
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
    freestanding = ("-std=c99", "-ffreestanding", "-fbuiltin")
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
