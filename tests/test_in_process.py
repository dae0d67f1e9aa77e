"""A core in this process against a board: the same ELF, the same bytes, the same counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import minimal
from cases import CASES
from command import write_spec
from convgen.bench.build import toolchain
from convgen.bench.build.layout import Call
from convgen.bench.build.toolchain import Image
from convgen.bench.code.machine_code import Code
from convgen.bench.proof import vectors
from convgen.bench.proof.vectors import Vectors
from convgen.bench.run import emulator
from convgen.bench.run.emulator import Emulator, Run
from convgen.bench.trial import Bench, attempt
from convgen.schedule import select
from convgen.targets import target
from toy.bench import INPUT, TOY, build

pytestmark = pytest.mark.emulator

BOARDS = ["cortex-m0", "cortex-m4", "rv32imc"]
OTHERS = [
    "cortex-m0plus",
    "cortex-m3",
    "cortex-m7",
    "cortex-m33",
    "rv32imac",
    "rv32imafc",
    "rv64imac",
]
COUNTED = [name for name in CASES if name != "small"]
REAL = ["dscnn_00_conv", "resnet8_07_conv", "dscnn_01_dw"]
LONG = Call(name="toy", sources=("long.S",), inputs=(2,), outputs=(1,), tensor_align=2)


def on_both(
    path: Path, board: str, folder: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str = ""
) -> tuple[Run, Run]:
    """Build a layer for a board; run the image there, and in this process."""
    chosen = target.load(board)
    layer = minimal.read(path, allow_outside=False, seed=0)
    there, here = (emulator.choose(kind, chosen) for kind in ("qemu-system", "unicorn"))
    bench = Bench(
        target=chosen,
        machine=there.machine,
        toolchain=toolchain.find("auto", chosen),
        emulator=there,
        vectors=Vectors(inputs=(vectors.make_inputs(layer, 0),)),
    )
    candidates = select.preference(select.survey(layer, chosen, overlap=False)[0], "speed")
    candidate = next(c for c in candidates if c.algorithm.startswith(algorithm))
    runs: list[Run] = []
    original = emulator.run

    def run(_: Emulator, image: Image, inputs: bytes, *, expected_instructions: float) -> Run:
        runs[:] = [
            original(which, image, inputs, expected_instructions=expected_instructions)
            for which in (there, here)
        ]
        return runs[0]

    monkeypatch.setattr(emulator, "run", run)
    assert attempt(candidate, bench, folder, 2**19, roomy=True).verified
    there_run, here_run = runs
    return there_run, here_run


def assert_equal(there: Run, here: Run) -> None:
    assert there.instructions
    assert here.blocks
    assert replace(here, blocks=None, owned=(), notes=()) == there


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", COUNTED)
def test_the_counts_are_those_of_the_board(
    name: str, board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_spec(CASES[name], tmp_path / "layer.json")
    assert_equal(*on_both(path, board, tmp_path / "out", monkeypatch))


@pytest.mark.parametrize("board", OTHERS)
def test_the_counts_of_other_cores_are_those_of_their_boards(
    board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "real"):
        path = write_spec(CASES[name], tmp_path / f"{name}.json")
        with monkeypatch.context() as patch:
            assert_equal(*on_both(path, board, tmp_path / name, patch))


def test_an_init_function_is_counted_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_spec(CASES["first"], tmp_path / "layer.json")
    there, here = on_both(path, "cortex-m4", tmp_path / "out", monkeypatch, "indirect_init")
    assert there.init_instructions
    assert_equal(there, here)


@pytest.mark.parametrize(("name", "board"), [*zip(REAL, BOARDS, strict=True)])
def test_the_counts_of_real_layers_are_those_of_the_board(
    name: str, board: str, shared_layers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shared_layers / name / "layer.json"
    assert_equal(*on_both(path, board, tmp_path / "out", monkeypatch))


@pytest.mark.parametrize("board", ["cortex-m4", "rv32imc"])
def test_a_stretch_longer_than_any_block_is_counted(tmp_path: Path, board: str) -> None:
    run = build(tmp_path, "long.S", board, "unicorn", call=LONG).run(INPUT[:4])
    assert run.instructions == (5001, 5001)


def test_a_store_in_an_it_block_leaves_no_condition(tmp_path: Path) -> None:
    call = replace(TOY, outputs=(1,))
    run = build(tmp_path, "conditional.S", "cortex-m4", "unicorn", call=call).run()
    assert run.instructions == (9,)
    assert run.outputs[0] == 8


@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m4", "rv32imc", "rv64imac"])
@pytest.mark.parametrize("source", ["scale.c", "arithmetic.c"])
def test_the_blocks_add_up_to_the_instructions(tmp_path: Path, source: str, board: str) -> None:
    built = build(tmp_path, source, board, "unicorn")
    run = built.run(INPUT + INPUT)
    assert run.blocks
    assert run.instructions
    code = Code(built.image.elf, built.emulator.target.cpu)
    ran = sum(times * len(code.instructions(block)) for block, times in run.blocks.items())
    assert ran == sum(run.instructions)
