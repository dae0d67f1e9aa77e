"""examples/: every spec is complete, and the digits network works as generated code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytestmark = pytest.mark.emulator

EXAMPLES = Path(__file__).parents[1] / "examples"
DIGITS = EXAMPLES / "digits"
SPECS = sorted(EXAMPLES.rglob("layer.json"))
CHAIN = ("conv1", "conv2", "conv3")
TOOLS = {
    "cortex-m4": ("arm-none-eabi-gcc", "qemu-system-arm"),
    "rv32imc": ("riscv64-unknown-elf-gcc", "qemu-system-riscv32"),
}


def load_spec(path: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(path.read_text())
    return spec


def run_layer(name: str, target: str, images: NDArray[np.int8], folder: Path) -> NDArray[np.int8]:
    """Return what layer *name*, generated for *target*, makes of *images* under QEMU."""
    vectors, out = folder / f"{name}.npz", folder / name
    np.savez(vectors, input=images)
    command = [sys.executable, "-m", "convgen", "--target", target, "--emulator", "qemu-system"]
    command += ["--vectors", str(vectors), "--out", str(out), str(DIGITS / name / "layer.json")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    output = np.fromfile(out / "verify" / "output.bin", np.int8)
    return output.reshape(len(images), *np.load(DIGITS / name / "vectors.npz")["output"].shape[1:])


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name)
def test_spec_comes_with_its_arrays_and_vectors(path: Path) -> None:
    spec = load_spec(path)
    arrays = np.load(path.parent / spec["weights"]["file"])
    vectors = np.load(path.parent / "vectors.npz")
    in_c, out_c = spec["input"]["shape"][2], spec["out_channels"]
    assert spec["name"] == path.parent.name
    assert arrays[spec["weights"]["array"]].shape == (
        out_c, *spec["kernel_size"], in_c // spec["groups"],
    )  # fmt: skip
    assert arrays[spec["bias"]["array"]].shape == (out_c,)
    assert len(spec["weights"]["scale"]) == out_c
    assert list(vectors["input"].shape[1:]) == spec["input"]["shape"]
    assert len(vectors["output"]) == len(vectors["input"])


@pytest.mark.parametrize(("first", "second"), list(pairwise(CHAIN)))
def test_digits_layers_fit_together(first: str, second: str) -> None:
    source = load_spec(DIGITS / second / "layer.json")["input"]
    output = load_spec(DIGITS / first / "layer.json")["output"]
    assert {key: source[key] for key in output} == output
    made = np.load(DIGITS / first / "vectors.npz")["output"]
    assert np.array_equal(made, np.load(DIGITS / second / "vectors.npz")["input"])


def test_the_model_is_what_the_script_writes(tmp_path: Path) -> None:
    script, model = DIGITS / "export.py", tmp_path / "digits.tflite"
    subprocess.run([sys.executable, str(script), str(model)], check=True, timeout=120)
    assert model.read_bytes() == (DIGITS / "digits.tflite").read_bytes()


@pytest.mark.parametrize("target", TOOLS)
def test_digits_are_recognised_by_the_whole_network(target: str, tmp_path: Path) -> None:
    digits = np.load(DIGITS / "digits.npz")
    vectors = tmp_path / "images.npz"
    np.savez(vectors, input=digits["images"].reshape(-1, 8, 8, 1))
    command = [sys.executable, "-m", "convgen", "--target", target, "--emulator", "qemu-system"]
    command += ["--vectors", str(vectors), "--out", str(tmp_path / "out")]
    command.append(str(DIGITS / "digits.tflite"))
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    outputs = np.fromfile(tmp_path / "out" / "verify" / "output.bin", np.int8).reshape(-1, 10)
    right = int((outputs.argmax(axis=1) == digits["labels"]).sum())
    assert right == json.loads((DIGITS / "accuracy.json").read_text())["correct"]["int8"]


@pytest.mark.parametrize("target", TOOLS)
def test_digits_are_recognised(target: str, tmp_path: Path) -> None:
    missing = [tool for tool in TOOLS[target] if shutil.which(tool) is None]
    if missing and not os.environ.get("CONVGEN_REQUIRE_TOOLS"):
        pytest.skip(f"not installed: {', '.join(missing)}")
    digits = np.load(DIGITS / "digits.npz")
    accuracy = json.loads((DIGITS / "accuracy.json").read_text())
    values = digits["images"]
    for name in CHAIN:
        values = run_layer(name, target, values, tmp_path)
        expected = np.load(DIGITS / name / "vectors.npz")["output"]
        assert np.array_equal(values[: len(expected)], expected)
    correct = int(np.sum(values.reshape(len(values), -1).argmax(axis=1) == digits["labels"]))
    assert (len(values), correct) == (accuracy["images"], accuracy["correct"]["int8"])
    assert correct >= 0.95 * len(values)
