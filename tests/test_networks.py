"""Random networks: what is generated gives the reference's bytes, in memory that it shares.

On emulated boards between guard zones, natively under sanitizers, each in an arena of exactly the
bytes that the header promises.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convgen.bench.proof import vectors
from convgen.bench.proof.vectors import Vectors
from convgen.bench.trial import attempt, split_outputs
from convgen.choices import GOALS
from convgen.ctext.literals import macro
from convgen.model.graph import Graph
from convgen.model.tensor import DType
from convgen.model.whole import Whole
from convgen.schedule.network import Planner, Schedule
from convgen.schedule.select import Budget
from convgen.sources.network import network_files
from convgen.targets import target
from convgen.targets.target import Target
from emulated import bench
from native import EXPLAIN, SANITIZE, WARNINGS, played_here
from random_networks import draw

EMULATED = [
    *(("cortex-m4", "auto", number, "int8") for number in range(9)),
    *(("cortex-m4", "zig", number, "int8") for number in (9, 10)),
    *(("cortex-m0", "auto", number, "int8") for number in range(11, 14)),
    *(("rv32imc", "auto", number, "int8") for number in range(14, 17)),
    ("cortex-m55", "auto", 17, "int8"),
    ("cortex-m4", "auto", 0, "float32"),
    ("rv32imc", "auto", 1, "float32"),
]
NATIVE = 24
ROOM = Budget(ram=2**19, flash=2**20)


def planned(graph: Graph, board: Target, number: int) -> Schedule:
    return Planner(graph, board).plan(GOALS[number % len(GOALS)], ROOM)


@pytest.mark.emulator
@pytest.mark.parametrize(("board", "compiler", "number", "dtype"), EMULATED)
def test_a_random_network_on_a_board(
    board: str, compiler: str, number: int, dtype: DType, tmp_path: Path
) -> None:
    graph = draw(number, dtype)
    given = vectors.made_up(Whole(graph), number)
    tried = replace(bench(board, *given.inputs, compiler=compiler), vectors=given)
    schedule = planned(graph, tried.target, number)
    trial = attempt(schedule, tried, tmp_path / "trial", ROOM.ram, roomy=True)
    assert trial.verified, trial.failure
    assert trial.heap == 0


def test_random_networks_under_sanitizers(tmp_path: Path) -> None:
    board = played_here(target.load("cortex-m4"))
    networks = [draw(number) for number in range(100, 100 + NATIVE)]
    given = {graph.name: vectors.made_up(Whole(graph), 1) for graph in networks}
    for number, graph in enumerate(networks):
        for name, text in network_files(planned(graph, board, number), board).items():
            (tmp_path / name).write_text(text)
    (tmp_path / "main.c").write_text(main_of(networks))
    flags = [*WARNINGS, *SANITIZE, EXPLAIN, "-std=c99", "-O0"]
    sources = sorted(path.name for path in tmp_path.glob("*.c"))
    subprocess.run(["gcc", *flags, *sources, "-o", "main"], check=True, cwd=tmp_path)
    stdin = b"".join(each.tobytes() for each in given.values())
    run = subprocess.run(["./main"], input=stdin, capture_output=True, check=True, cwd=tmp_path)
    for graph in networks:
        raw, run.stdout = taken(run.stdout, graph, given[graph.name])
        for got, wanted in zip(raw, graph.compute(*given[graph.name].inputs), strict=True):
            np.testing.assert_array_equal(got, wanted, err_msg=graph.name)


def taken(output: bytes, graph: Graph, given: Vectors) -> tuple[tuple[np.ndarray, ...], bytes]:
    """Return the outputs of *graph*, and what is left of *output*."""
    size = given.count * sum(tensor.bytes for tensor in graph.outputs)
    return split_outputs(Whole(graph), output[:size]), output[size:]


def main_of(networks: Iterable[Graph]) -> str:
    """Return a program that runs each network on three inputs, one network after the other."""
    networks = list(networks)
    includes = "\n".join(f'#include "{graph.name}.h"' for graph in networks)
    runs = "\n".join(run_of(graph) for graph in networks)
    return f"""#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{includes}

static void get(char *to, size_t bytes)
{{
    if (fread(to, 1, bytes, stdin) != bytes) exit(9);
}}

int main(void)
{{
{runs}
    return 0;
}}
"""


def run_of(graph: Graph) -> str:
    """Return the lines that run *graph*, in a block of exactly its arena."""
    prefix = macro(graph.name)
    several = len(graph.outputs) > 1
    outputs = [f"OUTPUT_{n}" for n in range(len(graph.outputs))] if several else ["OUTPUT"]
    writes = "\n".join(
        f"        fwrite(arena + {prefix}_{name}_OFFSET, 1, {prefix}_{name}_BYTES, stdout);"
        for name in outputs
    )
    return f"""
    for (int i = 0; i < 3; i++) {{
        char *arena = malloc({prefix}_ARENA_BYTES);
        memset(arena, 0x5A + i, {prefix}_ARENA_BYTES);
        get(arena + {prefix}_INPUT_OFFSET, {prefix}_INPUT_BYTES);
        {graph.name}(arena);
{writes}
        free(arena);
    }}"""
