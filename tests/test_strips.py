"""Stages over strips of columns: the last resort, exact, and said to be what they are."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

import random_rows
from byte_simulator import FaultError, play
from command import convgen
from convgen.bench.proof import vectors
from convgen.bench.trial import attempt
from convgen.errors import NoFitError
from convgen.formats.tflite import reader
from convgen.model.graph import Graph
from convgen.model.whole import Whole
from convgen.schedule.network import Planner, Schedule
from convgen.schedule.select import Budget
from convgen.schedule.strips import narrowed, widths
from convgen.sources import network
from convgen.sources.network_rows import StageText
from convgen.targets import target
from convgen.targets.target import Target
from emulated import bench
from native import played_here
from test_networks import under_sanitizers
from tflite_files import litert
from wide_models import residual

FLASH = 2**20
MANY = 35  # stages over strips
NUMBERS = range(200)

M4 = target.load("cortex-m4")


def over_strips(graph: Graph, board: Target) -> Schedule:
    """Return *graph* in stages cut at random, of which all that can run over strips."""
    rng = random.Random(graph.name)  # noqa: S311
    return random_rows.cut(graph, board, rng, strips=True)


def strips_of(schedule: Schedule) -> int:
    return sum(stage.strips is not None for stage in schedule.fused)


@cache
def some() -> tuple[Schedule, ...]:
    """Return random networks with strips."""
    drawn = (over_strips(random_rows.draw(number), M4) for number in NUMBERS)
    return tuple(schedule for schedule in drawn if strips_of(schedule))


@cache
def wide(width: int) -> Graph:
    """Return a model of long rows."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"wide{width}.tflite"
        path.write_bytes(residual(9, width).content())
        return reader.load(path, path.stem).graph


def least(graph: Graph, board: Target, ram: int = 2**20) -> Schedule:
    return Planner(graph, board).plan("workspace", Budget(ram=ram, flash=FLASH))


def tight(graph: Graph, board: Target) -> Schedule:
    """Return the plan in nine tenths of what whole rows take."""
    found = least(graph, board, least(graph, board).ram * 9 // 10)
    assert strips_of(found)
    return found


def is_found(schedule: Schedule, change: Callable[[StageText], StageText]) -> bool:
    try:
        play(schedule, change)
    except FaultError:
        return True
    return False


def without_borders(text: StageText) -> StageText:
    return replace(text, advances=tuple(replace(each, finished=()) for each in text.advances))


def a_column_off(text: StageText) -> StageText:
    return replace(text, column=f"{text.column} + 1" if text.strips else "")


@pytest.mark.slow
def test_random_networks() -> None:
    assert sum(map(strips_of, some())) >= MANY
    for schedule in some():
        play(schedule)


@pytest.mark.slow
def test_random_networks_spoilt() -> None:
    """A column off, or without what fills columns outside of the image, some byte is wrong."""
    assert all(is_found(schedule, a_column_off) for schedule in some())
    spoilt = [is_found(schedule, without_borders) for schedule in some()]
    assert sum(spoilt) >= MANY // 4  # the others have no windows beyond the image


@pytest.mark.parametrize("width", [64, 37])
def test_a_model_of_long_rows(width: int) -> None:
    schedule = tight(wide(width), M4)
    play(schedule)
    assert is_found(schedule, without_borders)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("board", "few", "width"), [("cortex-m4", 9, 50), ("cortex-m0", 3, 37), ("rv32imc", 3, 64)]
)
def test_under_sanitizers(board: str, few: int, width: int, tmp_path: Path) -> None:
    here = played_here(target.load(board))
    drawn = [over_strips(schedule.graph, here) for schedule in some()[:few]]
    under_sanitizers(tmp_path, [*drawn, tight(wide(width), here)], here)


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("board", "compiler", "width"),
    [
        ("cortex-m4", "auto", 50),
        ("cortex-m4", "zig", 37),
        ("cortex-m0", "auto", 37),
        ("rv32imc", "auto", 64),
        ("cortex-m55", "auto", 50),
    ],
)
def test_on_a_board(board: str, compiler: str, width: int, tmp_path: Path) -> None:
    graph = wide(width)
    given = vectors.made_up(Whole(graph), width)
    tried = replace(bench(board, *given.inputs, compiler=compiler), vectors=given)
    schedule = tight(graph, tried.target)
    trial = attempt(schedule, tried, tmp_path / "trial", 2**18, roomy=True)
    assert trial.verified, trial.failure
    assert trial.heap == trial.static == 0


def test_strips_are_the_last_resort() -> None:
    graph = wide(64)
    whole = least(graph, M4)
    assert not strips_of(whole)
    assert not strips_of(least(graph, M4, whole.ram))
    narrow = tight(graph, M4)
    assert narrow.ram <= whole.ram * 9 // 10
    with pytest.raises(NoFitError) as refused:
        least(graph, M4, 2 * graph.inputs[0].bytes - 100)
    needed = int(str(refused.value).split("about ")[1].split()[0].replace(",", ""))
    assert needed < narrow.ram
    assert strips_of(least(graph, M4, needed + 64))


def test_of_what_fits_the_widest_strips_are_taken() -> None:
    graph = wide(64)
    most = least(graph, M4).ram
    rams = range(most * 85 // 100, most, most // 30)
    strips = [each.strips for ram in rams for each in least(graph, M4, ram).fused if each.strips]
    columns = [each.columns for each in strips]
    assert columns == sorted(columns)
    assert columns[0] < columns[-1]


@pytest.fixture
def tight_run(tmp_path: Path) -> tuple[object, ...]:
    """Return the arguments with which a model runs over strips against LiteRT's outputs."""
    made = residual(9, 48)
    inputs = made.inputs(3)
    path, golden = tmp_path / "wide.tflite", tmp_path / "vectors.npz"
    path.write_bytes(made.content())
    (outputs,) = litert(path.read_bytes(), inputs)
    np.savez(golden, input=inputs[:, 0], output=outputs.reshape(3, 9, 48, 4))
    budget = least(wide(48), M4).ram * 9 // 10
    run = ("-t", "cortex-m4", "-b", budget, path, "-o", tmp_path / "out", "--vectors", golden)
    return (*run, "--format", "json")


@pytest.mark.emulator
def test_the_command_says_what_strips_cost(tight_run: tuple[object, ...], tmp_path: Path) -> None:
    done = convgen(*tight_run)
    assert done.status == 0, done.stderr
    report = done.report
    assert report["verified"]
    assert report["memory"]["total"] <= report["budget"]["ram"]
    [stage] = [stage for stage in report["stages"] if "strips" in stage]
    operators = report["operators"][stage["first"] : stage["last"] + 1]
    assert sum(operator["macs"] for operator in report["operators"]) == report["macs"]
    assert sum(operator["macs"] for operator in operators) < stage["strips"]["macs"]
    assert any("strips of" in line for line in report["advice"])
    assert any("nothing twice in about" in line for line in report["advice"])
    text = (tmp_path / "out" / "wide.c").read_text()
    assert f"for (int32_t strip = 0; strip < {stage['strips']['count']}; ++strip)" in text


@pytest.mark.emulator
def test_the_last_operator_stands_for_a_stage_over_strips(
    tight_run: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its ends such a stage makes no tensor that could be looked at."""
    original = network.network_files
    first = re.compile(r"(\[\d+\] = \{\s+)(-?\w+)")

    def edited(*arguments: Any) -> dict[str, str]:
        files = original(*arguments)
        weights = files["wide_weights.c"]
        files["wide_weights.c"] = first.sub(lambda m: f"{m[1]}{int(m[2], 0) ^ 0x4040}", weights, 1)
        return files

    monkeypatch.setattr(network, "network_files", edited)
    done = convgen(*tight_run)
    assert done.status == 1
    [stage] = [stage for stage in done.report["stages"] if "strips" in stage]
    assert stage["first"] == 0
    wrong = done.report["operators"][stage["last"]]["name"]
    assert done.report["first_difference"]["name"] == wrong


def test_widths_are_those_of_halves_quarters_and_so_on() -> None:
    assert list(widths(12)) == [6, 4, 3, 2, 1]
    assert list(widths(1)) == []
    assert list(widths(2)) == [1]


def test_spans_grow_by_what_windows_reach() -> None:
    graph = wide(64)
    operators = graph.operators
    made = narrowed(graph, 0, 3, 16)
    assert made is not None
    narrow, strips = made
    (source,) = strips.sources
    first, depthwise, last = (operator.outputs[0].name for operator in operators[:3])
    seen = {name: (strips.spans[name].first, strips.spans[name].columns) for name in strips.spans}
    assert seen == {last: (0, 16), depthwise: (0, 16), first: (-2, 20), source: (-2, 20)}
    assert [op.outputs[0].shape[1] for op in narrow.operators[:3]] == [20, 16, 16]
    assert narrow.operators[3:] == operators[3:]


def test_a_way_around_is_seen_by_both() -> None:
    """An addition reads fewer columns of what a window reads too: it leaves the others out."""
    graph = wide(64)
    made = narrowed(graph, 3, 7, 16)
    assert made is not None
    _, strips = made
    (source,) = strips.sources
    assert strips.behind == {(graph.operators[6].name, source): 4}
