"""The public functions: from a path to values, text and a proof."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import assert_type

import pytest

import convgen
from command import SOURCE, generated, tree
from convgen import api
from convgen.bench.run import emulator
from convgen.choices import GOALS
from convgen.schedule.select import Budget
from convgen.system.cache import usual_folder
from convgen.targets.target import Fallback

DIGITS = SOURCE.parent / "examples" / "digits"
COMPILE_ONLY = convgen.RunOptions(emulator="none")
BOARD = convgen.Target.load("cortex-m4")

both = pytest.mark.parametrize("path", [DIGITS / "conv1" / "layer.json", DIGITS / "digits.tflite"])
pytestmark = pytest.mark.usefixtures("workplace")


def planned(path: Path) -> convgen.Planned:
    return convgen.plan(convgen.read(path), BOARD, ram="64k", goal="speed")


@both
@pytest.mark.emulator
def test_what_is_planned_is_printed_and_proved(path: Path) -> None:
    schedule = planned(path)
    outcome = convgen.verify(schedule, out="build")
    assert_type(outcome, convgen.Outcome)
    report = outcome.report
    assert outcome.failure is None
    assert report["verified"]
    assert report["memory"]["total"] <= schedule.ram
    assert 0.5 < report["instructions"] / schedule.instructions < 2
    made = tree(Path("build"))
    assert made["report.json"] == outcome.as_json().encode()
    files = convgen.emit(schedule)
    assert_type(files, dict[str, str])
    assert {name: text.encode() for name, text in files.items()}.items() <= made.items()
    assert f"Written to {outcome.out}" in outcome.as_text()


@both
@pytest.mark.usefixtures("own_cache")
def test_reading_planning_and_printing_write_nothing(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = tree(Path())
    schedule = planned(path)
    assert convgen.emit(schedule) == convgen.emit(schedule) == convgen.emit(planned(path))
    assert tree(Path()) == before
    kept = usual_folder()
    assert kept
    assert not kept.exists()
    assert capfd.readouterr() == ("", "")
    with pytest.raises(FrozenInstanceError):
        schedule.target = BOARD  # type: ignore[misc]


def test_a_layer_is_planned_with_the_algorithm_and_pool_that_are_asked_for() -> None:
    layer = convgen.read("layer.json")
    assert_type(layer, convgen.Operator | convgen.Graph)
    apart = convgen.plan(layer, BOARD, algorithm="direct")
    shared = convgen.plan(layer, BOARD, algorithm="direct", overlap=True)
    assert apart.algorithms == shared.algorithms == ("direct",)
    assert shared.ram < apart.ram
    goals = {goal: convgen.plan(layer, BOARD, goal=goal) for goal in GOALS}
    assert goals["speed"].instructions == min(plan.instructions for plan in goals.values())
    assert goals["flash"].flash == min(plan.flash for plan in goals.values())
    assert goals["workspace"].ram == min(plan.ram for plan in goals.values())


def test_an_operator_of_a_model_is_a_layer() -> None:
    layer = convgen.read(DIGITS / "digits.tflite", layer="0", name="mine")
    assert not isinstance(layer, convgen.Graph)
    assert convgen.plan(layer, BOARD).name == "mine"


@pytest.mark.slow
def test_a_job_is_what_the_command_does() -> None:
    options = ("-t", "cortex-m4", "-b", "64k", "--overlap", "--seed", "3", "--algorithm", "direct")
    generated(*options, "--emulator", "none", "-o", "command", "layer.json")
    job = convgen.Job(
        spec=Path("layer.json"),
        target="cortex-m4",
        out=Path("job"),
        read=convgen.ReadOptions(seed=3),
        plan=convgen.PlanOptions(ram=2**16, algorithm="direct", overlap=True),
        run=convgen.RunOptions(emulator="none", seed=3),
    )
    assert convgen.run(job).failure is None
    assert tree(Path("job")) == tree(Path("command"))


def test_more_measured_than_the_budget_is_a_failure() -> None:
    schedule = planned(Path("layer.json"))
    tight = replace(schedule, budget=Budget(ram=64, flash=2**20))
    outcome = convgen.verify(tight, out="build", options=COMPILE_ONLY)
    assert isinstance(outcome.failure, convgen.NoFitError)
    assert "does not fit the budget: it needs " in str(outcome.failure)
    assert (outcome.report["verified"], outcome.report["failure"]) == (False, str(outcome.failure))
    assert "TOO LARGE: " in outcome.as_text().splitlines()[0]


def test_a_core_that_can_do_less_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = emulator.choose("auto", BOARD)
    less = BOARD.falling_back(Fallback(args=(), flags=(), without=frozenset({"dsp"})))
    other = replace(found, target=less, notes=("it has no DSP",))
    monkeypatch.setattr(emulator, "choose", lambda *_: other)
    with pytest.raises(convgen.ToolError, match="all it has; it has no DSP"):
        convgen.verify(planned(Path("layer.json")), out="build")
    assert not Path("build").exists()


def of_layer(**options: object) -> Callable[[], object]:
    return lambda: convgen.plan(convgen.read("layer.json"), BOARD, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "message", "call"),
    [
        (convgen.SpecError, "none.json: cannot read", lambda: convgen.read("none.json")),
        (convgen.UsageError, "--seed: expected 0 or", lambda: convgen.read("layer.json", seed=-1)),
        (convgen.TargetError, "unknown target", lambda: convgen.Target.load("cortex-m5000")),
        (convgen.NoFitError, "no algorithm fits the budget", of_layer(ram=100)),
        (convgen.NoFitError, "no algorithm fits the budget", of_layer(flash="0k")),
        (convgen.UsageError, "--budget: expected a size such as 64k", of_layer(ram="64q")),
        (convgen.UsageError, "--flash: expected a size such as 64k", of_layer(flash=-1)),
        (convgen.UsageError, "--optimize: expected one of workspace, ", of_layer(goal="fast")),
        (convgen.UsageError, "--algorithm: expected one of ", of_layer(algorithm="quick")),
        (convgen.UsageError, "--emulator: expected one of ",
         lambda: convgen.RunOptions(emulator="gem5")),
        (convgen.UsageError, "--flash-wait-states: expected 0 to 255, got 256",
         lambda: convgen.RunOptions(flash_wait_states=256)),
        (convgen.UsageError, "--algorithm: a network has one for each operator",
         lambda: convgen.plan(convgen.read(DIGITS / "digits.tflite"), BOARD, algorithm="direct")),
        (convgen.NoFitError, "bytes of RAM at least",
         lambda: convgen.plan(convgen.read(DIGITS / "digits.tflite"), BOARD, ram="400")),
    ],
)  # fmt: skip
def test_errors_say_what_was_expected(
    kind: type[convgen.ConvgenError], message: str, call: Callable[[], object]
) -> None:
    with pytest.raises(kind, match=message) as caught:
        call()
    assert caught.value.exit_code > 0


def test_what_the_system_refuses_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("convgen.reading.read", full)
    with pytest.raises(convgen.ToolError, match="No space left on device"):
        convgen.read("layer.json")


def test_every_name_is_there_and_type_checkers_see_it() -> None:
    module = ast.parse((SOURCE / "convgen" / "__init__.py").read_text())
    seen = {
        alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module != "importlib"
        for alias in node.names
    }
    assert seen == set(convgen.__all__) <= set(dir(convgen))
    assert all(getattr(convgen, name).__doc__ for name in convgen.__all__)
    assert all(hasattr(api, name) for name in api.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'pan'"):
        _ = convgen.pan  # type: ignore[attr-defined]


def test_the_package_alone_loads_nothing() -> None:
    probe = "import sys; old = set(sys.modules); import convgen; print(set(sys.modules) - old)"
    done = subprocess.run(
        [sys.executable, "-c", probe],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == "{'convgen'}"


def test_the_command_lists_what_the_functions_know() -> None:
    assert [board.name for board in api.targets()][:2] == ["cortex-m0", "cortex-m0plus"]
    assert "direct" in [algorithm.name for algorithm in api.algorithms()]
    assert "cortex-m4" in api.tools()
    assert "kernel_size" in str(api.schema())
    assert len(api.operators(DIGITS / "digits.tflite").entries) > 3
    assert len(api.extract(DIGITS / "digits.tflite", "out")) > 1
    assert convgen.read("out/00_conv1/layer.json")
