"""``--compare`` on real layers: every algorithm that can do them, measured and right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from convgen import cli
from convgen.plans.conv import ALGORITHMS

pytestmark = pytest.mark.emulator

Row = dict[str, Any]

FAMILY = {algorithm.name: algorithm.family for algorithm in ALGORITHMS}
FAMILIES = set(FAMILY.values())
ABLE = {
    "resnet8_04_conv": FAMILIES,
    "dscnn_00_conv": FAMILIES - {"winograd"},
    "dscnn_01_dw": {"direct", "im2col", "indirect", "mec"},
    "dscnn_02_conv": FAMILIES - {"mec", "winograd"},
}


@pytest.mark.parametrize(
    ("name", "board"),
    [
        ("resnet8_04_conv", "cortex-m4"),
        ("dscnn_00_conv", "cortex-m0"),
        ("dscnn_01_dw", "cortex-m4"),
        ("dscnn_02_conv", "rv32imc"),
    ],
)
def test_every_algorithm_is_measured_right_and_as_predicted(
    name: str, board: str, shared_layers: Path, tmp_path: Path
) -> None:
    spec, vectors = (str(shared_layers / name / file) for file in ("layer.json", "vectors.npz"))
    out = tmp_path / "out"
    options = ("-t", board, "--budget", "1M", "--compare", "-o", str(out), "--vectors", vectors)
    assert cli.main([*options, spec]) == 0
    report = json.loads((out / "report.json").read_text())
    assert {row["algorithm"] for row in report["candidates"]} == set(FAMILY)
    assert all(row["reason"] for row in report["candidates"] if not row["applicable"])
    rows = [row for row in report["candidates"] if row["applicable"]]
    assert {FAMILY[row["algorithm"]] for row in rows} == ABLE[name]
    assert all(row["measured"]["verified"] for row in rows)
    check_order(rows)
    check_front(rows)
    check_sizes(rows, tensors=report["memory"]["input"] + report["memory"]["output"])
    check_instructions(rows)
    assert report["algorithm"] not in {row["algorithm"] for row in rows if "asks" in row}


def check_order(rows: list[Row]) -> None:
    assert [row["workspace"] for row in rows] == sorted(row["workspace"] for row in rows)


def check_front(rows: list[Row]) -> None:
    """Whatever is chosen from all, something on the Pareto front is nearly as good or better."""
    free = [row for row in rows if "asks" not in row and row["fits"]]
    front = [row for row in rows if row["pareto"]]
    assert all(row in free for row in front)
    assert len(front) <= 10
    for row in free:
        assert any(is_as_good(marked, row) for marked in front)
    for marked in front:
        others = [other for other in front if other is not marked]
        assert not any(beats(other, marked) for other in others)


def is_as_good(other: Row, row: Row) -> bool:
    return all(a <= 1.1 * b for a, b in zip(needs(other), needs(row), strict=True))


def beats(other: Row, row: Row) -> bool:
    pairs = list(zip(needs(other), needs(row), strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def needs(row: Row) -> tuple[int, int, int]:
    return row["ram"], row["measured"]["instructions"], row["flash"]


def check_sizes(rows: list[Row], tensors: int) -> None:
    """Predicted exactly."""
    for row in rows:
        measured = row["measured"]
        assert row["flash_constants"] == measured["flash_constants"]
        assert row["ram"] == tensors + row["workspace"] + measured["stack"]


def check_instructions(rows: list[Row]) -> None:
    """All but one in ten within 15 %; the predicted best costs at most 5 % more than the best."""
    errors = {
        row["algorithm"]: row["predicted_instructions"] / row["measured"]["instructions"] - 1
        for row in rows
    }
    far = {name: error for name, error in errors.items() if abs(error) > 0.15}
    assert len(far) <= max(1, len(rows) // 10), far
    able = [row for row in rows if "asks" not in row]
    choice = min(able, key=lambda row: row["predicted_instructions"])
    best = min(row["measured"]["instructions"] for row in able)
    assert choice["measured"]["instructions"] <= 1.05 * best
