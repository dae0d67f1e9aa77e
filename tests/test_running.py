"""How generated code is run and judged: emulators, test vectors, missing tools."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from command import FIRST, SOURCE, convgen, convgen_process, generated, message, tree
from convgen.system import seal

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("workplace")]


def test_without_an_emulator_everything_is_there_but_the_proof() -> None:
    report = generated(*FIRST, "--emulator", "none")
    assert not report["verified"]
    assert (report["vectors"], report["instructions"]) == (0, None)
    assert report["emulator"]["kind"] == "none"
    written = tree(Path("convgen-out/first"))
    assert {"first.c", "first.h", "first_weights.c", "first_weights.h", "report.json"} < set(
        written
    )
    assert {"verify/first.elf", "verify/first.map"} < set(written)
    assert "verify/output.bin" not in written


def test_user_mode_verifies_and_counts_no_instructions() -> None:
    report = generated(*FIRST, "--emulator", "qemu-user")
    assert report["verified"]
    assert report["emulator"]["kind"] == "qemu-user"
    assert (report["instructions"], report["instructions_per_mac"]) == (None, None)
    assert report["memory"]["stack"] > 0


def test_a_core_in_this_process_verifies_and_counts_as_the_board_does() -> None:
    here, there = (
        generated(*FIRST, "--emulator", kind, "-o", kind) for kind in ("unicorn", "qemu-system")
    )
    assert here.pop("emulator")["machine"] == "CORTEX_M4"
    assert there.pop("emulator")["machine"] == "mps2-an386"
    # The page names the emulator, and its digest is in the report.
    for key in (seal.KEY, "files"):
        assert here.pop(key) != there.pop(key)
    assert here == there
    for name in ("first.elf", "input.bin", "output.bin", "run.txt"):
        assert (Path("unicorn/verify") / name).exists()
    assert (
        Path("unicorn/verify/first.elf").read_bytes()
        == Path("qemu-system/verify/first.elf").read_bytes()
    )


def vectors(path: str, change: Callable[[np.ndarray], None] | None) -> None:
    """Write vectors for the case "first": made-up inputs, and the outputs after *change*."""
    generated(*FIRST, "-o", "made")
    images = np.fromfile("made/verify/input.bin", np.int8).reshape(-1, 6, 7, 3)
    outputs = np.fromfile("made/verify/output.bin", np.int8).reshape(-1, 6, 7, 6)
    if change is None:
        np.savez(path, input=images)
    else:
        change(outputs)
        np.savez(path, input=images, output=outputs)


def test_vectors_without_outputs_are_held_against_the_reference() -> None:
    vectors("vectors.npz", None)
    report = generated(*FIRST, "--vectors", "vectors.npz")
    assert (report["verified"], report["mismatches"]) == (True, 0)
    assert report["vectors"] == len(np.load("vectors.npz")["input"])


def test_vectors_with_the_right_outputs_are_reproduced() -> None:
    vectors("vectors.npz", lambda outputs: None)
    report = generated(*FIRST, "--vectors", "vectors.npz")
    assert (report["verified"], report["mismatches"]) == (True, 0)
    assert report["vectors"] == len(np.load("vectors.npz")["input"])


def test_one_image_needs_no_batch_dimension() -> None:
    np.savez("vectors.npz", input=np.ones((6, 7, 3), np.int8))
    assert generated(*FIRST, "--vectors", "vectors.npz")["vectors"] == 1


def test_one_wrong_byte_is_found_and_placed() -> None:
    def spoil(outputs: np.ndarray) -> None:
        outputs[1, 2, 3, 4] ^= 1

    vectors("vectors.npz", spoil)
    result = convgen(*FIRST, "--vectors", "vectors.npz", "--format", "json")
    assert result.status == 1
    assert re.fullmatch(
        r"the code does what the spec says, but the spec and --vectors disagree: 1 of [\d,]+ "
        r"outputs differ, by at most 1; vector 1, row 2, column 3, channel 4: the spec gives "
        r"-?\d+, --vectors has -?\d+\. All differences are 1, as between roundings, but no "
        r"rounding tried gives them",
        message(result),
    )
    assert (result.report["verified"], result.report["mismatches"]) == (False, 1)


def test_vectors_for_weights_in_another_order_blame_no_algorithm() -> None:
    layer = {
        "name": "first",
        "op": "conv2d",
        "input": {"shape": [6, 7, 3], "dtype": "int8", "scale": 0.02, "zero_point": -3},
        "output": {"scale": 0.5, "zero_point": 5},
        "out_channels": 3,
        "kernel_size": 3,
        "padding": "valid",
        "weights": {"file": "weights.npy", "scale": 0.01},
    }
    Path("layer.json").write_text(json.dumps(layer))
    weights = np.random.default_rng(0).integers(-127, 128, (3, 3, 3, 3)).astype(np.int8)
    np.save("weights.npy", weights)
    report = generated(*FIRST)
    doubt = "; weights of [3, 3, 3, 3] are read as OHWI, and may be OIHW"
    assert report["scope"].endswith(doubt)
    assert doubt in convgen(*FIRST).stdout
    images = np.fromfile("convgen-out/first/verify/input.bin", np.int8).reshape(-1, 6, 7, 3)
    outputs = np.fromfile("convgen-out/first/verify/output.bin", np.int8).reshape(-1, 4, 5, 3)
    np.savez("vectors.npz", input=images, output=outputs)
    assert generated(*FIRST, "--vectors", "vectors.npz")["warnings"] == []
    np.save("weights.npy", np.ascontiguousarray(weights.transpose(0, 3, 1, 2)))
    result = convgen(*FIRST, "--vectors", "vectors.npz")
    assert result.status == 1
    assert result.stdout.startswith("first on cortex-m4: ")
    assert ", DISAGREES: the code does what the spec says, but" in result.stdout
    assert message(result).startswith("the code does what the spec says, but the spec and ")
    assert message(result).endswith("With weights as OIHW the expected outputs come out")


# --- tools ----------------------------------------------------------------------------------------


def path_with(*tools: str, **scripts: str) -> dict[str, str]:
    """Return an environment in which there are only *tools*, and shell scripts by their names."""
    folder = Path("bin").absolute()
    folder.mkdir()
    for tool in tools:
        (folder / tool).symlink_to(shutil.which(tool) or f"{tool}, which is missing")
    for name, script in scripts.items():
        (folder / name.replace("_", "-")).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name.replace("_", "-")).chmod(0o755)
    return {"PATH": str(folder)}


def without_unicorn() -> dict[str, str]:
    """Return an environment in which the package unicorn cannot be imported."""
    folder = Path("broken").absolute()
    folder.mkdir()
    (folder / "unicorn.py").write_text("raise ImportError('not here')\n")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{SOURCE}"}


@pytest.mark.parametrize(
    ("board", "compiler", "package"),
    [
        ("cortex-m4", "arm-none-eabi-gcc", "gcc-arm-none-eabi"),
        ("rv32imc", "riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"),
        ("host", "gcc", "gcc"),
    ],
)
def test_a_missing_compiler_is_named_with_its_package(
    board: str, compiler: str, package: str
) -> None:
    environment = path_with()
    before = tree(Path())
    result = convgen_process(
        "-t", board, "--toolchain", "gcc", "layer.json", environment=environment
    )
    assert (result.status, result.stdout) == (4, "")
    assert message(result) == (
        f"cannot run {compiler}: No such file or directory\n"
        f"  command: {compiler} -dumpfullversion\n"
        f"  to install it: apt-get install {package}"
    )
    assert tree(Path()) == before


@pytest.mark.parametrize(
    ("board", "compiler", "packages"),
    [
        (
            "cortex-m4", "arm-none-eabi-gcc",
            {"qemu-system-arm": "qemu-system-arm", "qemu-arm": "qemu-user"},
        ),
        (
            "rv32imc", "riscv64-unknown-elf-gcc",
            {"qemu-system-riscv32": "qemu-system-misc", "qemu-riscv32": "qemu-user"},
        ),
    ],
)  # fmt: skip
def test_missing_emulators_are_named_with_their_packages(
    board: str, compiler: str, packages: dict[str, str]
) -> None:
    environment = path_with(compiler) | without_unicorn()
    result = convgen_process("-t", board, "layer.json", environment=environment)
    assert (result.status, result.stdout) == (4, "")
    system, user = (
        f"cannot run {emulator}: No such file or directory\n"
        f"  command: {emulator} --version\n"
        f"  to install it: apt-get install {package}"
        for emulator, package in packages.items()
    )
    in_process = (
        "cannot load the Python package unicorn, which runs images in this process: not here\n"
        '  to install it: pip install "convgen[portable]"'
    )
    assert message(result) == f"{system}\n{in_process}\n{user}"


def test_the_next_emulator_stands_in_for_a_missing_one() -> None:
    tools = (f"arm-none-eabi-{tool}" for tool in ("gcc", "as", "ld", "objdump"))
    environment = path_with(*tools, "qemu-arm")
    for kind, more in (("unicorn", {}), ("qemu-user", without_unicorn())):
        result = convgen_process(*FIRST, "--format", "json", environment=environment | more)
        assert (result.status, result.stderr) == (0, "")
        assert result.report["verified"]
        assert result.report["emulator"]["kind"] == kind


def test_a_compiler_that_fails_is_quoted() -> None:
    environment = path_with(
        arm_none_eabi_gcc='test "$1" = -dumpfullversion && echo 12.2.1 && exit\n'
        "echo 'internal compiler error' >&2; exit 3"
    )
    before = tree(Path())
    result = convgen_process(*FIRST, "--emulator", "none", environment=environment)
    assert (result.status, result.stdout) == (4, "")
    assert message(result).startswith(
        "arm-none-eabi-gcc failed with status 3:\n  internal compiler error\n"
        "  command: arm-none-eabi-gcc -std=c99 "
    )
    assert tree(Path()) == before
