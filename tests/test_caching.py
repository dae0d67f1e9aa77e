"""The cache of the command: the same files with and without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from cases import CASES
from command import FIRST, SOURCE, convgen_process, tree, write_spec
from convgen.system.cache import usual_folder

pytestmark = pytest.mark.usefixtures("workplace", "own_cache")

COMPILED = (*FIRST, "--emulator", "none", "--algorithm", "direct")
HEAVY = {"numpy", "jinja2", "elftools", "pydantic", "rich", "unicorn", "capstone"}


def kept() -> dict[str, bytes | None]:
    folder = usual_folder()
    assert folder
    return tree(folder)


def made(out: str, *options: object) -> dict[str, bytes | None]:
    """Return the files of a run."""
    result = convgen_process(*COMPILED, "-o", out, *options)
    assert (result.status, result.stderr) == (0, "")
    return tree(Path(out))


def test_the_files_are_the_same_from_the_cache() -> None:
    without = made("without", "--no-cache")
    assert not kept()
    first = made("first")
    found = kept()
    assert found
    assert made("second") == first == without
    assert kept() == found


def test_nothing_is_compiled_linked_or_measured_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another budget is another image of the same objects."""
    log = Path("log").absolute()
    for name in ("gcc", "objdump"):
        program = Path("bin", f"arm-none-eabi-{name}")
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f'#!/bin/sh\necho "{name} $@" >>{log}\nexec {which(program.name)} "$@"\n'
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{Path('bin').absolute()}{os.pathsep}{os.environ['PATH']}")

    def begun(*options: object) -> tuple[int, int, int]:
        """Return how many times it was compiled, linked, and measured."""
        log.write_text("")
        assert convgen_process(*COMPILED, *options).status == 0
        commands = log.read_text().splitlines()
        kinds = (" -c ", " -o verify/first.elf", "objdump ")
        compiled, linked, measured = (sum(kind in line for line in commands) for kind in kinds)
        return compiled, linked, measured

    compiled, *others = begun()
    assert (compiled > 3, others) == (True, [1, 1])
    assert begun() == (0, 0, 0)
    assert begun("--budget", 100_000) == (1, 1, 1)
    monkeypatch.setenv("CPATH", str(log.parent))
    assert begun() == (compiled, 1, 0)
    assert begun("--no-cache") == (compiled, 1, 1)


@pytest.mark.emulator
def test_what_is_not_chosen_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice is run each time, and so is all of it with ``--compare`` or without a cache."""
    log = Path("log").absolute()
    program = Path("bin/qemu-system-arm")
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{log}\nexec {which(program.name)} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent.absolute()}{os.pathsep}{os.environ['PATH']}")

    spec = write_spec(CASES["grouped"])

    def runs(*options: object) -> tuple[int, bytes]:
        """Return how many runs there were, and the report."""
        log.write_text("")
        assert convgen_process("-t", "cortex-m4", spec, *options, "-o", "out").status == 0
        return log.read_text().count("-kernel"), Path("out/report.json").read_bytes()

    several, report = runs()
    assert several > 1
    assert runs() == (1, report)
    assert runs("--no-cache") == (several, report)
    compared, _ = runs("--compare")
    assert compared > several
    assert runs("--compare")[0] == compared


def test_a_damaged_cache_is_made_good() -> None:
    first = made("first")
    found = kept()
    folder = usual_folder()
    assert folder
    for name in found:
        (folder / name).write_bytes(b"damaged")
    assert made("second") == first
    assert kept() == found


def test_a_run_does_without_a_cache_that_cannot_be_written() -> None:
    Path("file").write_text("")
    environment = {"XDG_CACHE_HOME": str(Path("file").absolute())}
    assert convgen_process(*COMPILED, environment=environment).status == 0


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_is_printed_at_once_loads_no_large_package(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "convgen", option],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines())
    loaded = {module.partition(".")[0] for module in modules}
    assert "convgen" in loaded
    assert not loaded & HEAVY
