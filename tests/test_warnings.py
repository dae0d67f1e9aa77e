"""Generated C has nothing that a compiler would warn of, on any core and in any shape.

Files are compiled to objects: much of what GCC warns of it sees only while it optimises.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import batch
import minimal
import native
from convgen import target, toolchain
from convgen.compilers import LAYER_OPTIMIZATION
from convgen.resources import data_dir
from random_layers import MIXED, drawn, inputs_for

pytestmark = pytest.mark.slow

BOARDS = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m33", "cortex-m55", "rv32imc")
PAIRS = [(board, compiler) for board in BOARDS for compiler in ("gcc", "zig")]


def shape(size: list[int], outputs: int, kernel: Any, padding: str) -> dict[str, Any]:
    return minimal.made_up(
        input={"shape": size, "dtype": "int8"},
        out_channels=outputs,
        kernel_size=kernel,
        padding=padding,
    )


WARNED_OF = (
    shape([10, 12, 1], 8, [2, 5], "same"),  # a patch was written beyond its end, GCC thought
    shape([1, 8, 4], 8, 3, "same"),  # no output row is without padding
    shape([28, 28, 1], 8, 3, "valid"),  # every tile of Winograd lies inside the image
)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("board", "compiler"), PAIRS)
def test_no_compiler_has_anything_to_warn_of(
    board: str, compiler: str, warned_layers: int, tmp_path: Path
) -> None:
    """Other layers for each compiler and core, half of them in one pool."""
    described = target.load(board)
    number = PAIRS.index((board, compiler))
    layers = [minimal.load(fields) for fields in WARNED_OF]
    layers += drawn(MIXED, warned_layers // len(PAIRS) - len(layers), 1000 + number)
    jobs = []
    for i, layer in enumerate(layers):
        named = replace(layer, name=f"layer{i}")
        chosen = [v for v in native.variants(named, described) if (v.pool is not None) == (i % 2)]
        jobs.append(native.Job(chosen, described, inputs_for(named, count=1)))
    sources = batch.write(tmp_path, jobs)
    assert len(sources) > 10 * len(layers)
    built = toolchain.find(compiler, described)
    command = [*built.compile, *built.language, *built.target_flags, *LAYER_OPTIMIZATION]
    headers = ["-idirafter", str(data_dir("firmware"))]
    batch.checked([*command, *native.WARNINGS, *headers, "-c", *sources], tmp_path)
