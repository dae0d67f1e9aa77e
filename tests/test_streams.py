"""Random streaming networks: each call gives the reference's bytes, whatever was called before.

On emulated boards between guard zones, natively under sanitizers, each in an arena of exactly the
bytes that the header promises, of which only the state is left alone between calls.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import network_program
from convgen.bench.proof.vectors import Vectors
from convgen.bench.trial import attempt, split_outputs
from convgen.choices import GOALS, Feed
from convgen.ctext.literals import macro
from convgen.model.graph import Graph
from convgen.model.tensor import DType
from convgen.model.whole import Whole
from convgen.schedule.network import Planner, Schedule
from convgen.schedule.select import Budget
from convgen.targets import target
from convgen.targets.target import Target
from emulated import bench
from native import played_here
from random_streams import STEPS, draw, settled

EMULATED: list[tuple[str, int, DType]] = [
    *(("cortex-m4", number, "int8") for number in range(3)),
    ("cortex-m4", 5, "float32"),
    *(("cortex-m0", number, "int8") for number in range(6, 8)),
    *(("rv32imc", number, "int8") for number in range(9, 11)),
]
NATIVE = 30
ROOM = Budget(ram=2**19, flash=2**20)


def planned(graph: Graph, board: Target, number: int, feed: Feed) -> Schedule:
    return Planner(graph, board, feed=feed).plan(GOALS[number % len(GOALS)], ROOM)


def feed_of(graph: Graph, number: int) -> Feed:
    """Return how every other network is fed that has rows."""
    return "rows" if number % 2 and graph.inputs[0].shape[0] > 1 else "whole"


@pytest.mark.emulator
@pytest.mark.parametrize(("board", "number", "dtype"), EMULATED)
def test_a_random_stream_on_a_board(board: str, number: int, dtype: DType, tmp_path: Path) -> None:
    drawn, given = draw(number, dtype)
    graph = settled(drawn)
    vectors = Vectors(inputs=(given,))
    tried = replace(bench(board, given), vectors=vectors)
    schedule = planned(graph, tried.target, number, feed_of(graph, number))
    trial = attempt(schedule, tried, tmp_path / "trial", ROOM.ram, roomy=True)
    assert trial.verified, trial.failure
    assert trial.heap == 0


@pytest.mark.slow
def test_random_streams_under_sanitizers(tmp_path: Path) -> None:
    board = played_here(target.load("cortex-m4"))
    schedules, inputs = [], b""
    wanted = []
    for number in range(100, 100 + NATIVE):
        drawn, given = draw(number)
        graph = replace(settled(drawn), name=f"stream{number}")
        schedules.append(planned(graph, board, number, feed_of(graph, number)))
        inputs += given.tobytes()
        wanted.append(drawn.compute(given))
    left = network_program.run(tmp_path, schedules, board, run_of, inputs)
    for schedule, expected in zip(schedules, wanted, strict=True):
        size = STEPS * sum(tensor.bytes for tensor in schedule.graph.outputs)
        for got, right in zip(
            split_outputs(Whole(schedule.graph), left[:size]), expected, strict=True
        ):
            np.testing.assert_array_equal(got, right, err_msg=schedule.graph.name)
        left = left[size:]


def run_of(schedule: Schedule) -> str:
    """Return the lines that run a network; what is no state is overwritten before each call."""
    graph = schedule.graph
    prefix, name = macro(graph.name), graph.name
    outputs = ["OUTPUT"] if len(graph.outputs) == 1 else ["OUTPUT_0", "OUTPUT_1"]
    writes = "\n".join(
        f"        fwrite(arena + {prefix}_{each}_OFFSET, 1, {prefix}_{each}_BYTES, stdout);"
        for each in outputs
    )
    call = f"""        get(arena + {prefix}_INPUT_OFFSET, {prefix}_INPUT_BYTES);
        {name}(arena);"""
    if schedule.rows_fed:
        call = f"""        signed char row[{prefix}_ROW_BYTES];
        {name}_begin(arena);
        for (int k = 0; k < {schedule.rows_fed}; k++) {{
            get((char *)row, sizeof row);
            if ({name}_push_row(arena, row) != (k == {schedule.rows_fed - 1})) exit(7);
        }}{network_program.ROW_TOO_MANY.format(prefix, name)}"""
    return f"""
    {{
        char *arena = malloc({prefix}_ARENA_BYTES);
        memset(arena, 0x5A, {prefix}_ARENA_BYTES);
        {name}_init(arena);
        for (int i = 0; i < {STEPS}; i++) {{
            for (size_t k = 0; k < {prefix}_ARENA_BYTES; k++) {{
                if (k >= {prefix}_STATE_OFFSET + {prefix}_STATE_BYTES) arena[k] = (char)(i + 1);
            }}
{call}
{writes}
        }}
        free(arena);
    }}"""
