"""A candidate that does not build is left out and told of; a tool that is broken ends the run."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from command import FIRST, convgen, generated, message, refused, tree
from convgen.bench.build.toolchain import Image
from convgen.bench.run import emulator
from convgen.bench.run.emulator import Emulator, Run

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("workplace")]

COMPILER = "arm-none-eabi-gcc"
SCRIPT = """#!/bin/sh
case "$*" in
{pattern}) if [ "{algorithms}" = all ] || grep -qsE "Algorithm  ({algorithms})(:|$)" first.c; then
        echo "first.c: In function 'first':" >&2
        echo "first.c:7:9: error: this compiler does not like it" >&2
        exit 1
    fi ;;
esac
exec {compiler} "$@"
"""
COMPILING, LINKING, FIRMWARE = '*" -c first.c "*', '*" -o verify/first.elf"*', '*" -c verify/"*'
SAID = f"{COMPILER} failed with status 1: first.c:7:9: error: this compiler does not like it"


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Spoil:
    return Spoil(monkeypatch)


class Spoil:
    """Puts a compiler on the PATH that fails for some algorithms."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, *algorithms: str, when: str = COMPILING) -> None:
        script = SCRIPT.format(
            pattern=when, algorithms="|".join(algorithms), compiler=shutil.which(COMPILER)
        )
        Path("bin").mkdir()
        (Path("bin") / COMPILER).write_text(script)
        (Path("bin") / COMPILER).chmod(0o755)
        self._monkeypatch.setenv(
            "PATH", f"{Path('bin').absolute()}{os.pathsep}{os.environ['PATH']}"
        )


@pytest.mark.parametrize("when", [COMPILING, LINKING])
def test_the_next_candidate_is_tried(when: str, spoil: Spoil) -> None:
    usual = generated(*FIRST, "-o", "usual")["algorithm"]
    spoil(usual, when=when)
    report = generated(*FIRST)
    assert report["verified"]
    assert report["failure"] is None
    assert report["algorithm"] != usual
    (row,) = [row for row in report["candidates"] if row["algorithm"] == usual]
    assert row["failure"] == SAID
    assert row["builds"] is False
    assert "measured" not in row
    assert f"does not build: {SAID}" in convgen(*FIRST).stdout


def test_a_comparison_goes_on_and_ends_with_4(spoil: Spoil) -> None:
    spoil("direct_w16", "im2col_p1", "mec")
    result = convgen(*FIRST, "--compare", "--format", "json")
    said = f"direct_w16, im2col_p1 and mec do not build; direct_w16: {SAID}"
    assert (result.status, message(result)) == (4, said)
    assert (result.report["verified"], result.report["failure"]) == (False, said)
    rows = {row["algorithm"]: row for row in result.report["candidates"] if row["applicable"]}
    failed = {name for name, row in rows.items() if "failure" in row}
    assert failed == {name for name, row in rows.items() if "measured" not in row}
    assert failed == {"direct_w16", "im2col_p1", "mec"}
    assert rows[result.report["algorithm"]]["measured"]["verified"]
    assert Path("convgen-out/first/report.json").exists()


def test_the_text_of_a_comparison_names_what_does_not_build(spoil: Spoil) -> None:
    spoil("mec")
    headline = convgen(*FIRST, "--compare").stdout.splitlines()[0]
    assert re.fullmatch(
        rf"first on cortex-m4: \w+, INCOMPLETE: mec does not build: {re.escape(SAID)}", headline
    )


@pytest.fixture
def miscalculate(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have some algorithms' first output byte change on its way out of the emulator."""
    run = emulator.run

    def change(*algorithms: str) -> None:
        def run_and_change(which: Emulator, image: Image, *rest: Any, **more: Any) -> Run:
            done = run(which, image, *rest, **more)
            if image.objects.folder.name.partition("_")[2] not in algorithms:
                return done
            return replace(done, outputs=bytes([done.outputs[0] ^ 1]) + done.outputs[1:])

        monkeypatch.setattr(emulator, "run", run_and_change)

    return change


def test_wrong_outputs_count_before_builds_that_fail(
    spoil: Spoil, miscalculate: Callable[..., None]
) -> None:
    spoil("im2col_p1")
    miscalculate("im2col_full")
    result = convgen(*FIRST, "--compare", "--algorithm", "im2col", "--format", "json")
    assert (result.status, message(result)) == (1, result.report["failure"])
    assert re.match(r"im2col_full is wrong: vector 0, row 0, column 0, channel 0", message(result))


def test_every_wrong_candidate_of_a_comparison_is_named(miscalculate: Callable[..., None]) -> None:
    miscalculate("im2col_full", "im2col_p1")
    options = (*FIRST, "--compare", "--algorithm", "im2col")
    result = convgen(*options, "--format", "json")
    assert (result.status, result.report["verified"]) == (1, False)
    assert message(result) == result.report["failure"]
    named = r"(im2col_full|im2col_p1) and (im2col_full|im2col_p1) are wrong; \1: vector 0, row 0, "
    assert re.match(named, message(result))
    rows = {row["algorithm"]: row for row in result.report["candidates"] if "measured" in row}
    wrong = {name for name, row in rows.items() if not row["measured"]["verified"]}
    assert wrong == {name for name, row in rows.items() if "failure" in row}
    assert wrong == {"im2col_full", "im2col_p1"}
    text = convgen(*options).stdout
    assert re.search(r": im2col_\w+, WRONG: im2col_\w+ and im2col_\w+ are wrong; ", text)
    assert len(re.findall(r"^im2col_.*WRONG$", text, re.MULTILINE)) == 2


def test_where_none_builds_the_first_says_why(spoil: Spoil) -> None:
    spoil("all")
    said = refused(4, *FIRST)
    assert said.startswith(f"{COMPILER} failed with status 1:\n")
    assert "first.c:7:9: error: this compiler does not like it" in said
    assert f"command: {COMPILER} -std=c99" in said
    assert "convgen-out" not in tree(Path())


def test_firmware_that_does_not_compile_is_the_tools_fault(spoil: Spoil) -> None:
    spoil("all", when=FIRMWARE)
    assert "-c verify/firmware/" in refused(4, "-t", "cortex-m7", "layer.json", "--compare")
