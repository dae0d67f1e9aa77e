"""Twenty real layers of MLPerf Tiny's ResNet8 and DS-CNN, with LiteRT's own outputs.

They live beside the checkout, in ../shared/layers; where that folder is, these tests run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from convgen import cli
from convgen.targets import target

pytestmark = pytest.mark.emulator

MODELS = {"resnet8": 10, "dscnn": 10}
APART = (("cortex-m4", "direct"), ("rv32imc", "im2col"))
IN_ONE_POOL = (("cortex-m4", "im2col"), ("cortex-m0", "direct"), ("rv32imc", "direct"))
EXHAUSTIVE = {board for board, _ in (*APART, *IN_ONE_POOL)}
OTHERS = [
    name for name in target.names() if name not in EXHAUSTIVE and not target.load(name).stand_in
]
USER = [
    name
    for name in target.names()
    if "qemu-user" in target.load(name).emulator and not target.load(name).stand_in
]
PORTABLE = ["cortex-m0", "cortex-m4", "rv32imc"]


def verify(path: Path, out: Path, *options: str) -> dict[str, Any]:
    """Run the command on the layer at *path* with its vectors; return the report."""
    arguments = [*options, "--vectors", str(path / "vectors.npz"), "--out", str(out)]
    assert cli.main([*arguments, str(path / "layer.json")]) == 0
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    assert report["verified"]
    assert report["vectors"] == 2
    assert report["mismatches"] == 0
    memory = report["memory"]
    assert memory["stack"] <= memory["stack_bound"]
    assert memory["heap"] == memory["static"] == 0
    return report


def layer_folders(shared_layers: Path) -> list[Path]:
    found = sorted(path.parent for path in shared_layers.glob("*/layer.json"))
    assert len(found) == sum(MODELS.values())
    return found


def some(shared_layers: Path, number: int, parts: int) -> list[Path]:
    """Return a part of the layers, some of each model, others for each *number*."""
    return layer_folders(shared_layers)[number % parts :: parts]


@pytest.mark.parametrize(("board", "algorithm"), APART)
@pytest.mark.parametrize("model", MODELS)
def test_every_layer_is_bit_exact(
    model: str, board: str, algorithm: str, shared_layers: Path, tmp_path: Path
) -> None:
    for path in layer_folders(shared_layers):
        if path.name.startswith(model):
            report = verify(path, tmp_path / path.name, "-t", board, "--algorithm", algorithm)
            assert report["algorithm"].startswith(algorithm)
            assert report["instructions"] > report["macs"] / 2  # SMLAD multiplies two


@pytest.mark.parametrize(("board", "algorithm"), IN_ONE_POOL)
@pytest.mark.parametrize("model", MODELS)
def test_every_layer_is_bit_exact_in_one_pool(
    model: str, board: str, algorithm: str, shared_layers: Path, tmp_path: Path
) -> None:
    for path in layer_folders(shared_layers):
        if path.name.startswith(model):
            options = ("-t", board, "-b", "1M", "--algorithm", algorithm, "--overlap")
            report = verify(path, tmp_path / path.name, *options)
            saved = report["pool"]["instead_of"] - report["memory"]["pool"]
            assert saved >= 0 if path.name.endswith("_fc") else saved > 0


@pytest.mark.parametrize("board", OTHERS)
def test_some_are_bit_exact_on_every_other_target(
    board: str, shared_layers: Path, tmp_path: Path
) -> None:
    for index, path in enumerate(some(shared_layers, OTHERS.index(board), 5)):
        algorithm = ("direct", "im2col")[index % 2]
        options = ("-t", board, "--algorithm", algorithm, "-b", "1M")
        verify(path, tmp_path / path.name, *options)


@pytest.mark.parametrize("board", USER)
def test_some_are_bit_exact_under_user_mode(
    board: str, shared_layers: Path, tmp_path: Path
) -> None:
    for path in some(shared_layers, USER.index(board), 10):
        options = ("-t", board, "--emulator", "qemu-user", "-b", "1M", "--algorithm", "direct")
        report = verify(path, tmp_path / path.name, *options)
        assert report["emulator"]["kind"] == "qemu-user"
        assert report["instructions"] is None


@pytest.mark.parametrize("board", PORTABLE)
def test_some_are_bit_exact_with_python_packages_alone(
    board: str, shared_layers: Path, tmp_path: Path
) -> None:
    for path in some(shared_layers, PORTABLE.index(board), 10):
        options = ("-t", board, "-b", "1M", "--toolchain", "zig", "--emulator", "unicorn")
        report = verify(path, tmp_path / path.name, *options, "--algorithm", "direct")
        assert report["emulator"]["kind"] == "unicorn"
        assert report["toolchain"]["compiler"].startswith("zig clang ")
