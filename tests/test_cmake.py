"""A project that has its layers and model from the CMake package runs, and is kept up to date."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from command import SOURCE, convgen

PROJECT = Path(__file__).parent / "cmake_project"
DIGITS = SOURCE.parent / "examples" / "digits"
LIBRARIES = {"convgen_conv1", "convgen_conv2", "convgen_digits"}
QEMU = (
    "qemu-system-arm", "-machine", "mps2-an386", "-semihosting-config", "enable=on,target=native",
    "-display", "none", "-monitor", "none", "-serial", "none", "-kernel",
)  # fmt: skip

pytestmark = pytest.mark.slow


def run(*command: str | Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project beside what it names, with a picture for its firmware."""
    folder = tmp_path / "a project"
    shutil.copytree(PROJECT, folder)
    for name in ("conv1", "conv2"):
        shutil.copytree(DIGITS / name, folder / name)
    shutil.copy(DIGITS / "digits.tflite", folder)
    pixels = ", ".join(map(str, picture().ravel().tolist()))
    (folder / "picture.h").write_text(
        f"#include <stdint.h>\nstatic const int8_t picture[] = {{{pixels}}};\n"
    )
    return folder


def picture() -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    return np.asarray(np.load(DIGITS / "conv1" / "vectors.npz")["input"][0], np.int8)


def of_the_model() -> bytes:
    """What TensorFlow Lite makes of the picture."""
    interpreter = Interpreter(model_path=str(DIGITS / "digits.tflite"))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture()[None])
    interpreter.invoke()
    return bytes(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def configure(project: Path, generator: str, *more: str) -> str:
    package = convgen("--cmakedir").stdout.rstrip("\n")
    return run(
        "cmake", "-S", project, "-B", project / "build", "-G", generator,
        f"-DCMAKE_TOOLCHAIN_FILE={project / 'arm.cmake'}", f"-Dconvgen_DIR={package}",
        f"-DCONVGEN_EXECUTABLE={sys.executable};-m;convgen",
        f"-DFIRMWARE={SOURCE.parent / 'firmware'}", "-DCMAKE_BUILD_TYPE=MinSizeRel", *more,
    )  # fmt: skip


def build(project: Path) -> str:
    return run("cmake", "--build", project / "build")


def printed(project: Path) -> list[bytes]:
    """What the firmware prints."""
    build(project)
    return [bytes.fromhex(line) for line in run(*QEMU, project / "build" / "app").split()]


def right() -> list[bytes]:
    """What it should."""
    of_layers: bytes = np.load(DIGITS / "conv2" / "vectors.npz")["output"][0].tobytes()
    return [of_layers, of_the_model()]


@pytest.mark.emulator
def test_a_firmware_of_two_layers_and_a_model(project: Path) -> None:
    said = configure(project, "Ninja")
    sizes = [int(word) for word in said.partition("-- sizes ")[2].split()[:2]]
    assert all(0 < size < 65536 for size in sizes)
    assert printed(project) == right()


@pytest.mark.emulator
def test_a_firmware_of_all_that_one_call_made(project: Path) -> None:
    """One buffer is the workspace of both layers and the arena of the model."""
    specs = [project / name for name in ("conv1/layer.json", "conv2/layer.json", "digits.tflite")]
    out = project / "made"
    options = ("-t", "cortex-m4", "--emulator", "none", "--package", "cmake", "-o", out)
    assert convgen(*options, "--name", "app_layers", "--algorithm", "im2col", *specs).status == 2
    assert convgen(*options, "--name", "app_layers", *specs).status == 0
    configure(project, "Ninja", f"-DTOGETHER={out}")
    assert printed(project) == right()
    header = out / "conv1" / "conv1.h"
    header.write_text(re.sub(r"(_WORKSPACE_BYTES +)", r"\g<1>9", header.read_text()))
    with pytest.raises(AssertionError, match="conv1 has been generated anew"):
        build(project)


def test_what_has_changed_is_generated_again_and_nothing_else(project: Path) -> None:
    configure(project, "Unix Makefiles", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    build(project)
    assert "convgen:" not in build(project)
    commands = json.loads((project / "build" / "compile_commands.json").read_text())
    generated = [step for step in commands if "-O3" in step["command"]]
    assert {Path(step["file"]).parent.name for step in generated} == LIBRARIES
    assert sum(LIBRARIES.isdisjoint(Path(step["file"]).parts) for step in commands) == 3
    assert len(commands) == len(generated) + 3

    header = project / "build" / "convgen_conv1" / "conv1.h"
    with np.load(project / "conv1" / "data.npz") as arrays:
        changed = {name: arrays[name] for name in arrays.files}
    changed["bias"] = changed["bias"] + 1
    np.savez(project / "conv1" / "data.npz", **changed)
    said = build(project)
    assert said.count("convgen: ") == 1
    assert "conv1/layer.json for cortex-m4" in said

    assert (
        configure(project, "Unix Makefiles", "-DMORE=--algorithm;direct_p1").count("convgen: ") == 1
    )
    assert "direct_p1" in header.read_text()
