"""Random networks: what is generated gives the reference's bytes, in memory that it shares.

On emulated boards between guard zones, natively under sanitizers, each in an arena of exactly the
bytes that the header promises.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import network_program
import random_layers
import random_rows
from convgen.bench.proof import vectors
from convgen.bench.proof.vectors import Vectors
from convgen.bench.trial import attempt, split_outputs
from convgen.choices import GOALS
from convgen.ctext import identifiers
from convgen.ctext.identifiers import INFIX
from convgen.ctext.literals import macro
from convgen.formats.tflite.scene import identifier
from convgen.model.graph import Graph
from convgen.model.ops.move import Slice
from convgen.model.tensor import DType, Tensor
from convgen.model.whole import Whole
from convgen.schedule.network import Planner, Schedule
from convgen.schedule.parts import height_of
from convgen.schedule.select import Budget
from convgen.sources.generate import layer_files
from convgen.sources.network import network_files
from convgen.targets import target
from convgen.targets.target import Target
from emulated import bench
from native import played_here
from planned import planned as planned_layer
from random_layers import Kind
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
EMULATED_STAGES = [
    *(("cortex-m4", "auto", number, "int8") for number in range(1000, 1006)),
    *(("cortex-m4", "zig", number, "int8") for number in (1006, 1007)),
    *(("cortex-m0", "auto", number, "int8") for number in range(1008, 1011)),
    *(("rv32imc", "auto", number, "int8") for number in (1011, 1012, 1019)),
    ("cortex-m4", "auto", 1000, "float32"),
    ("rv32imc", "auto", 1001, "float32"),
]
NATIVE = 24
STAGES = {
    "cortex-m4": range(2000, 2030),
    "cortex-m0": range(2030, 2040),
    "rv32imc": range(2040, 2050),
}
WHOLE = """get(arena + {0}_INPUT_OFFSET, {0}_INPUT_BYTES);
        {1}(arena);"""
ROW_BY_ROW = """int done = 0;
        {1}_begin(arena);
        for (int left = {2}; left > 0; --left) {{
            void *row = malloc({0}_ROW_BYTES);
            get(row, {0}_ROW_BYTES);
            done = {1}_push_row(arena, row);
            free(row);
        }}
        if (!done) exit(8);"""
ROW_BY_ROW += network_program.ROW_TOO_MANY
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


@pytest.mark.slow
def test_random_networks_under_sanitizers(tmp_path: Path) -> None:
    board = played_here(target.load("cortex-m4"))
    networks = [in_its_place(), *(draw(number) for number in range(100, 99 + NATIVE))]
    under_sanitizers(tmp_path, [planned(g, board, n) for n, g in enumerate(networks)], board)


def in_its_place() -> Graph:
    """Return a network whose output lies in its input: nothing is to be done."""
    image = Tensor(name="image", shape=(4, 3, 2), dtype="int8", scale=0.05)
    rows = replace(image, name="rows", shape=(2, 3, 2))
    taken = Slice(name="rows", inputs=(image,), output=rows, begin=(1, 0, 0), strides=(1, 1, 1))
    return Graph(name="idle", operators=(taken,), inputs=(image,), outputs=(rows,))


@pytest.mark.slow
@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m0", "rv32imc"])
def test_random_stages_under_sanitizers(board: str, tmp_path: Path) -> None:
    """Fused wherever they may be, some with windows beyond the image, many fed by rows."""
    here = played_here(target.load(board))
    networks = [random_rows.draw(number) for number in STAGES[board]]
    under_sanitizers(tmp_path, [in_stages(graph, here) for graph in networks], here)


@pytest.mark.emulator
@pytest.mark.parametrize(("board", "compiler", "number", "dtype"), EMULATED_STAGES)
def test_random_stages_on_a_board(
    board: str, compiler: str, number: int, dtype: DType, tmp_path: Path
) -> None:
    graph = random_rows.draw(number, dtype)
    given = vectors.made_up(Whole(graph), number)
    tried = replace(bench(board, *given.inputs, compiler=compiler), vectors=given)
    trial = attempt(in_stages(graph, tried.target), tried, tmp_path / "trial", ROOM.ram, roomy=True)
    assert trial.verified, trial.failure
    assert trial.heap == trial.static == 0


def in_stages(graph: Graph, board: Target) -> Schedule:
    """Return a schedule of *graph* in stages, one in two fed by rows if it can be."""
    rng = random.Random(graph.name)  # noqa: S311
    has_rows = height_of(graph, graph.inputs[0].name) > 1
    return random_rows.cut(
        graph, board, rng, "rows" if has_rows and rng.random() < 0.5 else "whole"
    )


@pytest.mark.parametrize("in_one_unit", [False, True], ids=["linked", "included"])
def test_a_model_beside_layers_and_models_named_like_its_symbols(
    in_one_unit: bool, tmp_path: Path
) -> None:
    """Beside ``net`` a ``net_conv`` and so on: all its symbols, with one underscore."""
    board = played_here(target.load("cortex-m4"))
    net = Planner(odd_names(random_rows.draw(2010)), board, feed="rows").plan("workspace", ROOM)
    text = "\n".join(network_files(net, board).values())
    alike = {name.replace(INFIX, "_") for name in re.findall(r"\bnet__\w+", text)}
    free = sorted(name for name in alike if identifiers.objection(name) is None)
    assert {"net_least", "net_conv_2"} <= {*free}
    assert any(name.endswith("_next") for name in free)
    assert not {"net_begin", "net_init", "net_push_row"} & {*free}
    layer = replace(random_layers.drawn((Kind("int8"),), 1, 0)[0], name="layer")
    every = len(free) // 6
    for name in free[::every]:
        plan = planned_layer("direct", replace(layer, name=name), board)
        for file, content in layer_files(plan, board, None).items():
            (tmp_path / file).write_text(content)
    others = [planned(replace(draw(3), name=name), board, 0) for name in free[1::every]]
    under_sanitizers(tmp_path, [net, *others], board, in_one_unit=in_one_unit)


def odd_names(graph: Graph) -> Graph:
    """Return *graph* as ``net``, with operators called like what models have beside these."""
    taken: set[str] = set()
    odd = ["least", "keep", "init", "begin", "push_row", "rows_0", "Conv", "conv", "conv_next"]
    names = [identifier(name, taken) for name in (*odd, *["memory"] * len(graph.operators))]
    operators = tuple(
        replace(operator, name=name)  # type: ignore[type-var]
        for operator, name in zip(graph.operators, names, strict=False)
    )
    return replace(graph, name="net", operators=operators)


def under_sanitizers(
    tmp_path: Path, schedules: Sequence[Schedule], board: Target, *, in_one_unit: bool = False
) -> None:
    """Compile all for this computer, run each in a block of its arena and compare."""
    networks = [schedule.graph for schedule in schedules]
    given = {graph.name: vectors.made_up(Whole(graph), 1) for graph in networks}
    stdin = b"".join(each.tobytes() for each in given.values())
    left = network_program.run(tmp_path, schedules, board, run_of, stdin, in_one_unit=in_one_unit)
    for graph in networks:
        raw, left = taken(left, graph, given[graph.name])
        for got, wanted in zip(raw, graph.compute(*given[graph.name].inputs), strict=True):
            np.testing.assert_array_equal(got, wanted, err_msg=graph.name)


def taken(output: bytes, graph: Graph, given: Vectors) -> tuple[tuple[np.ndarray, ...], bytes]:
    """Return the outputs of *graph*, and what is left of *output*."""
    size = given.count * sum(tensor.bytes for tensor in graph.outputs)
    return split_outputs(Whole(graph), output[:size]), output[size:]


def run_of(schedule: Schedule) -> str:
    """Return the lines that run a network, in a block of exactly its arena."""
    graph = schedule.graph
    prefix = macro(graph.name)
    how = ROW_BY_ROW if schedule.rows_fed else WHOLE
    given = how.format(prefix, graph.name, schedule.rows_fed)
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
        {given}
{writes}
        free(arena);
    }}"""
