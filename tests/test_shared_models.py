"""Whole models with LiteRT's own outputs.

They live beside the checkout, in ../shared/models; where that folder is, these tests run.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import emulated
from command import convgen
from convgen.bench.trial import attempt
from convgen.formats.tflite import reader
from convgen.model import bounds, passes
from convgen.schedule.network import Planner, unfused
from convgen.schedule.select import Budget

MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/model.tflite"))
HYBRID = "dscnn_f32"
"""Its convolutions round inputs to 8 bits: what is next to a boundary may go either way."""

MOST_CALLS = 10_000  # of functions, for each operator: no loop in Python is over a tensor

pytestmark = pytest.mark.skipif(not FOLDERS, reason="no ../shared/models beside this checkout")


def vectors(folder: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    with np.load(folder / "vectors.npz") as file:
        return file["input"], file["output"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_outputs_are_those_of_litert_before_and_after_rewriting(folder: Path) -> None:
    graph = reader.load(folder / "model.tflite", folder.name).graph
    inputs, right = vectors(folder)
    after, _ = passes.simplified(graph)
    for each in (graph, after):
        [found] = each.compute(inputs)
        [allowed] = bounds.tolerance(each, inputs)
        difference = np.abs(found.astype(np.float64) - right)
        assert found.dtype in (right.dtype, np.float64)
        assert (difference <= allowed).all()
        assert right.dtype == np.float32 or not allowed.any()
        assert difference.max() < (1e-4 if folder.name == HYBRID else 1e-6)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_it_takes_to_read_and_rewrite_a_model_is_bounded_by_its_operators(
    folder: Path,
) -> None:
    with counted_calls() as calls:
        model = reader.load(folder / "model.tflite", folder.name)
        passes.simplified(model.graph)
    assert len(model.entries) == model.entries[-1].index + 1
    assert calls.total() <= MOST_CALLS * len(model.entries)


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Count the calls of functions, whether in Python or in C."""
    calls = Counter[str]()

    def count(_frame: FrameType, event: str, _what: object) -> None:
        calls[event] += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


ANCHORS = MODELS.parent / "model_anchors.json"
FLOAT_INPUTS = ("mcunet_vww",)  # four times what the plans beside the models count
ROW_FED = {"mcunet_vww": 16_720, "micro_speech": 4_003, "rock_paper_scissors": 10_140}
"""Bytes shown to be possible where the caller hands in rows, all of a row at once."""
SMALL_PARTS = {"person_detect": ("cortex-m0", ("-b", "16k", "--flash", "256k"))}
"""Where those of 256 KiB are not what is asked for."""

MOST_PER_MAC = {
    "dscnn": 1.0,
    "mnist_resnet": 0.95,
    "okay_nabu": 1.35,
    "person_detect": 1.1,
    "resnet8": 0.55,
}
"""Instructions on a Cortex-M4, of those that 256 KiB of RAM and 1 MiB of flash allow."""


@pytest.mark.emulator
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_model_on_a_cortex_m4(folder: Path, tmp_path: Path) -> None:
    report = generated(folder, "cortex-m4", tmp_path, "--optimize", "speed", "--flash", "1M")
    most = MOST_PER_MAC.get(folder.name)
    assert most is None or report["instructions_per_mac"] <= most


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("folder", "target"),
    [(folder, ("cortex-m0", "rv32imc")[n % 2]) for n, folder in enumerate(FOLDERS)],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_model_in_the_least_memory(folder: Path, target: str, tmp_path: Path) -> None:
    target, less = SMALL_PARTS.get(folder.name, (target, ()))
    report = generated(folder, target, tmp_path, *less)
    known = json.loads(ANCHORS.read_text())["models"].get(folder.name, {})
    arena, live = report["memory"]["arena"], known.get("live")
    assert live is None or arena <= live, "tensors that are alive at once"
    planned = known.get("planned_fused_whole_row_rings")
    if planned and folder.name not in FLOAT_INPUTS:
        workspace = max(row["workspace"] for row in report["operators"])
        assert arena <= planned * 1.02 + workspace


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["mcunet_vww", "micro_speech", "rock_paper_scissors"])
def test_a_model_that_gets_rows(name: str, tmp_path: Path) -> None:
    report = generated(MODELS / name, "cortex-m4", tmp_path, "--feed", "rows")
    assert report["memory"]["arena"] <= ROW_FED[name] * 1.02
    assert report["feed"] == "rows"


MOST_STACK, MOST_ROW_BY_ROW = 200, 1.05


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["dscnn", "mnist_dw", "person_detect"])
def test_row_by_row_costs_few_instructions_and_little_stack(name: str, tmp_path: Path) -> None:
    graph, _ = passes.simplified(reader.load(MODELS / name / "model.tflite", name).graph)
    inputs, _ = vectors(MODELS / name)
    board = emulated.bench("cortex-m4", inputs, strict_alignment=False)
    room = Budget(ram=2**18, flash=2**20)
    schedule = Planner(graph, board.target).plan("workspace", room)
    assert schedule.fused
    counted = []
    for number, each in enumerate((schedule, unfused(schedule))):
        trial = attempt(each, board, tmp_path / str(number), room.ram, roomy=True)
        assert trial.verified, trial.failure
        assert trial.instructions
        assert trial.stack is not None
        assert trial.stack <= MOST_STACK
        counted.append(trial.instructions)
    assert counted[0] <= MOST_ROW_BY_ROW * counted[1]


MOST_CODE = 8192


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["person_detect", "resnet8"])
def test_code_of_the_least_flash_is_small(name: str, tmp_path: Path) -> None:
    options = ("--optimize", "flash", "--flash", "1M")
    report = generated(MODELS / name, "cortex-m4", tmp_path, *options)
    assert report["flash"]["code"] <= MOST_CODE
    counted = sum(row["instructions"] or 0 for row in report["operators"])
    assert counted in (0, report["instructions"] - (report["instructions_between"] or 0))


def generated(folder: Path, target: str, tmp_path: Path, *options: str) -> dict[str, Any]:
    """Return the report on a model in 256 KiB, run on its own vectors."""
    given = ("--vectors", folder / "vectors.npz", "--format", "json", "-o", tmp_path / "out")
    run = convgen("-t", target, "-b", "256k", *options, *given, folder / "model.tflite")
    assert run.status == 0, run.stderr
    assert run.report["verified"]
    assert run.report["memory"]["heap"] == run.report["memory"]["static"] == 0
    return run.report
