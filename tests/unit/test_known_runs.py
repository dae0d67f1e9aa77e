"""Runs recalled from the cache: of what is the same, and never in place of the choice's own."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import minimal
import trials
from convgen.bench import attempts
from convgen.bench.attempts import Attempts
from convgen.bench.build.layout import Call, Layout
from convgen.bench.build.toolchain import Image
from convgen.bench.run import emulator, known
from convgen.bench.run.emulator import Emulator, Run
from convgen.bench.trial import Trial
from convgen.schedule.select import Candidate
from convgen.system import cache
from convgen.targets import target

BOARD = target.load("cortex-m4")
GAVE = Run(
    outputs=b"\x01\x02",
    instructions=(5, 6),
    stack_bytes=40,
    heap_bytes=0,
    init_instructions=7,
    notes=("a note",),
)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The inputs of each run that took place."""
    inputs: list[bytes] = []

    def run(_emulator: Emulator, _image: Image, given: bytes, **_: Any) -> Run:
        inputs.append(given)
        return GAVE

    monkeypatch.setattr(emulator, "run", run)
    return inputs


def emulated(folder: Path) -> Emulator:
    """Return an emulator that is a file in *folder*, of a machine with memory of its own."""
    program = folder / "emulator"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    machine = BOARD.preferred_machine
    return Emulator(
        kind="qemu-system",
        machine=machine,
        machine_name=machine.machine,
        version="1",
        command=(str(program),),
        target=BOARD,
    )


def image(folder: Path, content: bytes = b"elf") -> Image:
    """Return an image with one byte in and one out."""
    elf = folder / "layer.elf"
    elf.write_bytes(content)
    call = Call(name="stem", sources=(), inputs=(1,), outputs=(1,))
    layout = Layout(zones=(), arena_bytes=0, align=1, static_bytes=0)
    return replace(trials.NOWHERE, call=call, layout=layout, elf=elf)


def run(
    emulated: Emulator, image: Image, inputs: bytes = b"ab", expected_instructions: float = 10
) -> Run:
    return known.run(emulated, image, inputs, expected_instructions=expected_instructions)


def test_an_emulator_that_was_installed_anew_runs_again(tmp_path: Path, ran: list[bytes]) -> None:
    board, elf = emulated(tmp_path), image(tmp_path)
    with cache.kept_in(tmp_path / "cache"):
        for seconds in (1, 2, 1):
            os.utime(board.command[0], (seconds, seconds))
            run(board, elf)
    assert len(ran) == 2


def test_a_run_is_told_from_others_by_all_that_decides_it(
    tmp_path: Path, ran: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    board, elf = emulated(tmp_path), image(tmp_path)
    machine = board.machine.model_copy(update={"args": ("-other",)})
    with cache.kept_in(tmp_path / "cache"):
        run(board, elf)
        again = run(board, elf)
        assert (len(ran), again) == (1, replace(GAVE, recalled=True))
        assert known.same(again, GAVE)
        run(board, elf, b"cd")
        run(board, elf, expected_instructions=11)
        run(board, replace(elf, layout=replace(elf.layout, arena_bytes=4)))
        run(replace(board, version="2"), elf)
        run(replace(board, machine=machine), elf)
        run(board, image(tmp_path, b"other"))
        monkeypatch.setenv("QEMU_CPU", "other")
        run(board, image(tmp_path))
    assert len(ran) == 8


def test_nothing_is_recalled_without_a_cache_or_of_this_computer(
    tmp_path: Path, ran: list[bytes]
) -> None:
    board, elf = emulated(tmp_path), image(tmp_path)
    hosted = replace(board, machine=board.machine.model_copy(update={"memory": None}))
    for _ in range(2):
        run(board, elf)
        with cache.kept_in(tmp_path / "cache"):
            run(hosted, elf)
    assert len(ran) == 4
    assert not (tmp_path / "cache").exists()


def test_outputs_that_take_long_to_read_are_not_kept(
    tmp_path: Path, ran: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "MOST_BYTES", 1)
    with cache.kept_in(tmp_path / "cache"):
        run(emulated(tmp_path), image(tmp_path))
    assert not (tmp_path / "cache").exists()


def test_what_is_damaged_is_run_again(tmp_path: Path, ran: list[bytes]) -> None:
    board, elf = emulated(tmp_path), image(tmp_path)
    with cache.kept_in(tmp_path / "cache"):
        run(board, elf)
        [kept] = (tmp_path / "cache").iterdir()
        kept.write_bytes(kept.read_bytes()[:-1])
        assert not run(board, elf).recalled
        assert run(board, elf).recalled
    assert len(ran) == 2


def test_many_may_recall_the_same(tmp_path: Path, ran: list[bytes]) -> None:
    board, elf = emulated(tmp_path), image(tmp_path)
    with cache.kept_in(tmp_path / "cache"), ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: run(board, elf), range(40)))
    assert all(known.same(each, GAVE) for each in found)
    assert len(list((tmp_path / "cache").iterdir())) == 1


SELECTION = trials.select(minimal.made_up())
CHOSEN, OTHER = SELECTION.candidates[:2]


def settled(
    monkeypatch: pytest.MonkeyPatch, before: dict[Candidate, int], now: dict[Candidate, int]
) -> tuple[Trial | None, list[tuple[Candidate, bool]]]:
    """Choose the fastest of two, which took so many instructions *before*, and take so many *now*.

    Return the choice, and what was run, with whether to recall it would have done.
    """
    runs: list[tuple[Candidate, bool]] = []

    def put_to_test(built: Any, *_: object, recall: bool, **__: object) -> Trial:
        runs.append((built.candidate, recall))
        trial = trials.tried(
            built.candidate, instructions=(before if recall else now)[built.candidate]
        )
        assert trial.run
        return replace(trial, run=replace(trial.run, recalled=recall))

    monkeypatch.setattr(attempts, "build", lambda c, *_: trials.built(c, stack=100))
    monkeypatch.setattr(attempts, "put_to_test", put_to_test)
    bench: Any = None
    tried = Attempts(bench, Path(), 1000, lambda _: None, roomy=False, recall=True)

    def fastest() -> Trial | None:
        found = [trial for c in (CHOSEN, OTHER) if (trial := tried(c))]
        return min(found, key=lambda trial: trial.instructions or 0)

    return tried.settled(fastest), runs


def test_only_the_choice_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, runs = settled(monkeypatch, {CHOSEN: 5, OTHER: 6}, {CHOSEN: 5})
    assert chosen
    assert chosen.run == trials.tried(CHOSEN, instructions=5).run
    assert chosen.candidate is CHOSEN
    assert runs == [(CHOSEN, True), (OTHER, True), (CHOSEN, False)]


def test_where_the_choice_is_not_what_it_was_nothing_is_recalled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen, runs = settled(monkeypatch, {CHOSEN: 5, OTHER: 6}, {CHOSEN: 9, OTHER: 8})
    assert chosen
    assert chosen.candidate is OTHER
    assert chosen.run == trials.tried(OTHER, instructions=8).run
    assert runs[2:] == [(CHOSEN, False), (OTHER, False)]
