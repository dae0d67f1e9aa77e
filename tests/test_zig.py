"""The command with Zig's clang; its code for every layer is for tests/test_every_target.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import FIRST, convgen, convgen_process, generated, message
from convgen.bench.build import toolchain
from toy.bench import build

pytestmark = pytest.mark.emulator


@pytest.mark.parametrize("board", ["cortex-m7", "cortex-m55", "rv32imafc", "rv64imac"])
def test_the_other_cores_run_the_toy(board: str, tmp_path: Path) -> None:
    built = build(tmp_path, "arithmetic.c", board, "qemu-system", tools="zig")
    assert built.run().outputs == build_by_gcc(board, tmp_path / "gcc")


def build_by_gcc(board: str, folder: Path) -> bytes:
    folder.mkdir()
    return build(folder, "arithmetic.c", board, "qemu-system", tools="gcc").run().outputs


def test_library_functions_are_found_and_counted(tmp_path: Path) -> None:
    sizes = build(tmp_path, "arithmetic.c", "cortex-m0", tools="zig").sizes
    assert (sizes.library_bytes or 0) > 100
    assert sizes.stack_bound_bytes is not None


@pytest.mark.parametrize("board", ["cortex-m4", "rv32imc"])
def test_a_call_through_a_pointer_has_no_bound(board: str, tmp_path: Path) -> None:
    assert build(tmp_path, "pointer.c", board, tools="zig").sizes.stack_bound_bytes is None


@pytest.mark.usefixtures("workplace")
def test_the_report_names_compiler_and_flags() -> None:
    report = generated(*FIRST, "--toolchain", "zig", "--emulator", "none")
    assert report["toolchain"]["compiler"].startswith("zig clang ")
    assert report["toolchain"]["flags"][:2] == ["-O3", "--target=arm-none-eabi"]


@pytest.mark.usefixtures("workplace")
def test_user_mode_runs_what_zig_built() -> None:
    assert generated(*FIRST, "--toolchain", "zig", "--emulator", "qemu-user")["verified"]


@pytest.mark.usefixtures("workplace")
def test_the_host_is_refused_in_a_sentence() -> None:
    result = convgen("-t", "host", "--toolchain", "zig", "layer.json")
    assert result.status == 2
    assert message(result) == "--toolchain zig cannot build for host, but gcc can"


@pytest.mark.usefixtures("workplace")
def test_a_missing_package_is_told_with_the_command_that_installs_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'ziglang' "
        "else find(name, *more)\n",
        encoding="utf-8",
    )
    source = str(Path(toolchain.__file__).parents[1])
    result = convgen_process(
        *FIRST, "--toolchain", "zig", environment={"PYTHONPATH": f"{source}:{tmp_path}"}
    )
    assert (result.status, result.stdout) == (4, "")
    assert message(result) == (
        'ziglang is not installed\n  to install it: pip install "convgen[portable]"'
    )
