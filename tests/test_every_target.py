"""Random layers of every algorithm, on every target and by each of its compilers."""

from __future__ import annotations

from pathlib import Path

import pytest

import batch
import emulated
import native
from convgen import target
from convgen.layer import Layer
from random_layers import MIXED, drawn, inputs_for

pytestmark = pytest.mark.emulator

LAYERS = 6
PAIRS = [
    (board, compiler)
    for board in target.names()
    for compiler in ("gcc", "zig")
    if compiler == "gcc" or target.load(board).toolchain.zig
]


def job(layer: Layer, board: target.Target, *, overlapping: bool) -> native.Job:
    """Return every algorithm that can do *layer*, with tensors apart or in one pool."""
    named = [v for v in native.variants(layer, board) if overlapping == (v.pool is not None)]
    return native.Job(named, board, inputs_for(layer))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("board", "compiler"), PAIRS)
def test_random_layers_are_right(board: str, compiler: str, tmp_path: Path) -> None:
    """Other layers on each target, half of them in one pool."""
    number = PAIRS.index((board, compiler))
    layers = drawn(MIXED, LAYERS, number)
    bench = emulated.bench(board, inputs_for(layers[0]), compiler)
    jobs = [job(layer, bench.target, overlapping=i % 2 > 0) for i, layer in enumerate(layers)]
    for done, outputs in zip(jobs, batch.run(tmp_path, jobs, bench), strict=True):
        for variant in done.chosen:
            count = 1 if variant.plan.rounds_coarsely else len(done.inputs)
            found = outputs[variant.label][:count]
            emulated.check(done.layer, done.inputs[:count], found, variant.label)
