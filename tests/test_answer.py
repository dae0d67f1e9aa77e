"""The answer on one screen: what somebody at a terminal of 80 or 200 columns reads."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import minimal
from command import Result, convgen, convgen_process, write_spec
from convgen.plans.conv import ALGORITHMS
from convgen.system import streams

pytestmark = [pytest.mark.usefixtures("block"), pytest.mark.emulator]

DIGITS = Path(__file__).parents[1] / "examples" / "digits"
LAYER = ("-t", "cortex-m4", "-b", "64k", "block.json", "-o", "out")
MODEL = ("-t", "cortex-m4", "-b", "64k", DIGITS / "digits.tflite", "-o", "out")
LISTINGS = [
    ("--list-targets",),
    ("--list-algorithms",),
    ("--doctor",),
    ("--list-layers", DIGITS / "digits.tflite"),
]
WIDE = 200
JSON = ("--format", "json")


@pytest.fixture
def block(workplace: None) -> None:
    """A layer with a choice to be made, of numbers that nobody makes up."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 30, (16, 3, 3, 16)).round().clip(-127, 127).astype(np.int8)
    np.savez("block.npz", weights=weights)
    fields = {
        "name": "block",
        "input": {"shape": [8, 8, 16], "dtype": "int8", "scale": 0.04, "zero_point": -128},
        "output": {"scale": 0.08, "zero_point": -128},
        "out_channels": 16,
        "activation": "relu",
        "weights": {"file": "block.npz", "array": "weights", "scale": 0.005},
    }
    write_spec(minimal.made_up(**fields), Path("block.json"))


def shown(columns: int, *arguments: object) -> Result:
    """Run the command for a terminal of so many *columns*; none of its words may be broken."""
    narrow = convgen_process(*arguments, environment={"COLUMNS": str(columns)})
    assert narrow.stderr == ""
    longest = max(map(len, narrow.stdout.split()), default=0)
    assert max(map(len, narrow.stdout.splitlines())) <= max(columns, longest + 4)
    return narrow


def words(result: Result) -> list[str]:
    return result.stdout.replace(" \\\n", " ").split()


@pytest.mark.parametrize("what", [LAYER, MODEL], ids=["layer", "model"])
def test_the_answer_fits_a_screen_and_advises_with_a_command(what: tuple[object, ...]) -> None:
    narrow, wide = shown(80, *what), shown(WIDE, *what)
    assert (narrow.status, wide.status) == (0, 0)
    assert words(narrow) == words(wide)
    assert len(narrow.stdout.splitlines()) <= 20
    assert len(wide.stdout.splitlines()) <= 15
    text = wide.stdout
    assert re.match(r"(block|digits) on cortex-m4\W.*\bverified on \d+ vectors: every ", text)
    assert re.search(r"^Proved against .*--vectors vectors.npz .*np.savez\(", text, re.M)
    assert re.search(
        r"^Built with \S+gcc [\d.]+ -O3; run on qemu-system .*, mps2-an386$", text, re.M
    )
    report = json.loads(Path("out/report.json").read_text())
    assert re.search(rf"^RAM in all +{report['memory']['total']:,}  of 65,536: ", text, re.M)
    assert re.search(rf"^flash in all +{report['flash']['total']:,}  of 1,048,576: ", text, re.M)
    [command] = re.findall(r"\n    (convgen -t cortex-m4 .* --optimize speed)\n", text)
    assert "fewer instructions" in text.partition(command)[0].splitlines()[-2]
    assert report["advice"][0].endswith("`--optimize speed`")


def test_the_table_has_what_is_chosen_fastest_and_smallest_and_all_of_it_on_demand() -> None:
    rows = convgen(*LAYER).stdout.partition("\nalgorithm ")[2].splitlines()[1:]
    labels = [label for row in rows for label in re.findall("chosen|fastest|smallest", row)]
    assert sorted(labels) == ["chosen", "fastest", "smallest"]
    everything = shown(80, *LAYER, "--all").stdout
    assert {line.split()[0] for line in everything.splitlines()} >= {
        algorithm.name for algorithm in ALGORITHMS
    }


def test_all_of_a_model_is_every_operator() -> None:
    report = convgen(*MODEL, *JSON).report
    short, everything = convgen(*MODEL).stdout, convgen(*MODEL, "--all").stdout
    for row in report["operators"]:
        assert re.search(
            rf"^{row['index']}  {row['name']} .* {row['algorithm']} ", everything, re.M
        )
        assert row["algorithm"] not in short
    assert re.search(r"^costliest +conv\d \d+%, ", short, re.M)


def test_a_model_that_is_fast_is_told_what_the_smallest_costs() -> None:
    report = convgen(*MODEL, "--optimize", "speed", *JSON).report
    smallest = convgen(*MODEL, *JSON).report
    first = report["advice"][0]
    assert first.endswith("x the instructions (predicted): `--optimize workspace`")
    saved = int(re.findall("[0-9,]+", first)[0].replace(",", ""))
    between = report["memory"]["total"] - smallest["memory"]["total"]
    assert saved == pytest.approx(between, rel=0.3)


def test_one_is_one(tmp_path: Path) -> None:
    image = np.zeros((1, 8, 8, 16), np.int8)
    np.savez(tmp_path / "one.npz", input=image)
    result = convgen(*LAYER, "--vectors", tmp_path / "one.npz")
    assert "verified on 1 vector: every byte equals" in result.stdout


def test_what_is_compared_is_few_enough_to_choose_from() -> None:
    text = convgen(*LAYER, "--compare").stdout
    report = json.loads(Path("out/report.json").read_text())
    front = [row["algorithm"] for row in report["candidates"] if row.get("pareto")]
    assert 2 <= len(front) <= 8
    marked = re.findall(r"^(\w+) .*Pareto front$", text, re.M)
    assert marked == front
    assert len(text.splitlines()) <= 24


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: str(listing[0]))
def test_listings_cut_nothing_and_are_an_array_for_programs(listing: tuple[object, ...]) -> None:
    narrow, wide = shown(80, *listing), shown(WIDE, *listing)
    assert sorted(words(narrow)) == sorted(words(wide))
    rows = json.loads(convgen(*listing, *JSON).stdout)
    assert isinstance(rows, list)
    for row in rows:
        assert row["name"] in words(narrow)


def test_a_terminal_sees_what_a_pipe_does(tmp_path: Path) -> None:
    """At a real terminal: the lines break at its own width, whatever the environment says."""
    pty = pytest.importorskip("pty")
    controller, terminal = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {"COLUMNS": "", "TERM": "xterm", "NO_COLOR": "1"}
    done = convgen_process("--list-algorithms", environment=environment, stdout=terminal)
    os.close(terminal)
    seen = b""
    try:
        while part := os.read(controller, 65536):
            seen += part
    except OSError:  # all has been read
        pass
    os.close(controller)
    assert done.status == 0
    piped = convgen("--list-algorithms").stdout
    assert seen.decode().split() == piped.split()
    assert 60 < max(map(len, seen.decode().splitlines())) <= 80


def test_a_message_at_a_terminal_is_broken_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    streams.say(f"{'words ' * 30}end\n    short")
    first, *others, last = capsys.readouterr().err.splitlines()
    assert first.startswith("convgen: words")
    assert all(line.startswith("  words") for line in others)
    assert 70 < max(map(len, (first, *others))) <= 80
    assert last == "    short"
