"""Layers built by Zig's clang: every family of kernels, each core, proven under QEMU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import emulated
from cases import CASES
from command import FIRST, convgen, convgen_process, generated, message
from convgen import spec, target, toolchain
from convgen.select import survey
from convgen.trial import attempt
from convgen.vectors import make_inputs
from toy.bench import build

pytestmark = pytest.mark.emulator

ARM = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m33")
BOARDS = (*ARM, "rv32imc")
# A layer, and algorithms that between them hold every kernel for it; what a core has not is left.
LAYERS = {
    "deep": (
        "direct", "direct_w16", "im2col_p1_w16", "im2col_p2", "im2col_p2_wide", "kn2row_aa",
        "indirect_init", "mec_ring", "winograd_2x2_t1", "winograd_4x4_t2_ram",
    ),
    "planes": ("direct_planes",),
    "real": ("direct", "winograd_2x2_t1"),
}  # fmt: skip


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("case", LAYERS)
def test_kernels_are_right_and_their_stack_is_bounded(
    case: str, board: str, tmp_path: Path
) -> None:
    path = tmp_path / "layer.json"
    path.write_text(json.dumps(CASES[case]), encoding="utf-8")
    layer, described = spec.load(path, allow_outside=False, seed=0), target.load(board)
    bench = emulated.bench(board, make_inputs(layer, seed=0, count=1), "zig")
    tried = 0
    for candidate in survey(layer, described, overlap=False)[0]:
        if candidate.algorithm in LAYERS[case]:
            folder = tmp_path / candidate.algorithm
            trial = attempt(candidate, bench, folder, described.memory.ram, roomy=True)
            assert trial.verified, trial.failure
            assert trial.stack is not None
            assert trial.stack_bound is not None
            assert trial.stack <= trial.stack_bound
            tried += 1
    assert tried


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
