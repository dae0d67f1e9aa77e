"""Instructions shared out among functions and lines, and the listing of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cases import CASES
from command import convgen, generated, write_spec
from convgen.bench.code.machine_code import Instruction
from convgen.bench.code.profile import Extent, Owners, Places, SourceLine, described
from convgen.report import listing

pytestmark = pytest.mark.emulator

PLACES = Places(
    functions=Owners([
        Extent(start=0x100, end=0x108, owner="stem"),
        Extent(start=0x108, end=0x10C, owner="stem_walk"),
        Extent(start=0x200, end=0x204, owner="__aeabi_lmul"),
    ]),
    lines=Owners([
        Extent(start=0x100, end=0x104, owner=SourceLine("stem.c", 7)),
        Extent(start=0x104, end=0x106, owner=SourceLine("stem.c", 9)),
    ]),
    own=range(0x100, 0x10C),
)  # fmt: skip


def executed(**times: int) -> dict[Instruction, int]:
    """Instructions of two bytes: their addresses, how often each was executed."""
    return {
        Instruction(address=int(at[1:], 16), bytes=2, text="nop"): count
        for at, count in times.items()
    }


EXECUTED = executed(x100=2, x102=20, x104=10, x106=2, x108=60, x10a=100, x200=6)


def test_functions_come_by_their_share_and_lines_by_their_number() -> None:
    found = described(EXECUTED, PLACES, calls=2)
    functions = [{k: v for k, v in f.items() if k != "assembly"} for f in found["functions"]]
    assert functions == [
        {"name": "stem_walk", "instructions": 80, "share": 0.8},
        {"name": "stem", "instructions": 17, "share": 0.17},
        {"name": "__aeabi_lmul", "instructions": 3, "share": 0.03},
    ]
    assert found["lines"] == [
        {"file": "stem.c", "line": 7, "instructions": 11, "share": 0.11},
        {"file": "stem.c", "line": 9, "instructions": 5, "share": 0.05},
    ]


def test_assembly_of_the_layer_is_listed_by_instruction() -> None:
    stem_walk, stem, library = described(EXECUTED, PLACES, calls=2)["functions"]
    assert stem_walk["assembly"] == [
        {"address": 0x108, "text": "nop", "instructions": 30, "share": 0.3},
        {"address": 0x10A, "text": "nop", "instructions": 50, "share": 0.5},
    ]
    assert "assembly" not in stem, "one of its instructions has no line, but it is C"
    assert "assembly" not in library


def test_code_that_nobody_owns_is_counted() -> None:
    found = described(executed(x300=1), PLACES, calls=1)
    assert [(f["name"], f["share"]) for f in found["functions"]] == [("?", 1)]


def test_of_several_names_for_an_address_one_owns_it() -> None:
    owners = Owners([Extent(start=0, end=4, owner="a"), Extent(start=0, end=4, owner="b")])
    assert [owners.of(address) for address in (-1, 0, 3, 4)] == [None, "a", "a", None]


def line(number: int, instructions: int) -> dict[str, Any]:
    return {"file": "stem.c", "line": number, "instructions": instructions, "share": 0.1}


def test_long_gaps_of_the_source_are_left_out() -> None:
    source = [f"line {number}" for number in range(1, 21)]
    rows = listing.annotated([line(9, 1), line(12, 3), line(20, 2)], source)
    assert [(place, text) for _, place, text in rows] == [
        ("9", "line 9"), ("10", "line 10"), ("11", "line 11"), ("12", "line 12"),
        ("", "..."),
        ("20", "line 20"),
    ]  # fmt: skip


def test_the_listing_shows_the_source_and_marks_what_is_hot(tmp_path: Path) -> None:
    (tmp_path / "stem.c").write_text("int a;\n    b[0] = 1;\nint c;\n", encoding="utf-8")
    walk = {"address": 0x108, "text": "smlad r0, r1, r2, r3", "instructions": 60, "share": 0.6}
    profile = {
        "functions": [
            {"name": "stem_walk", "instructions": 60, "share": 0.6, "assembly": [walk]},
            {"name": "stem", "instructions": 1040, "share": 0.4},
        ],
        "lines": [line(1, 40), line(2, 1000)],
    }
    assert listing.as_text(profile, tmp_path).splitlines() == [
        "instructions  share  function",
        "          60  60.0%  stem_walk",
        "       1,040  40.0%  stem",
        "",
        "instructions  share        stem.c",
        "          40  10.0%     1  int a;",
        "       1,000  10.0%  *  2      b[0] = 1;",
        "",
        "instructions  share          stem_walk",
        "          60  60.0%  *  108  smlad r0, r1, r2, r3",
    ]


def test_what_is_hardly_executed_is_left_out_of_a_short_listing(tmp_path: Path) -> None:
    (tmp_path / "stem.c").write_text("int a;\n    b[0] = 1;\nint c;\n", encoding="utf-8")
    cold = {"address": 0x108, "text": "smlad r0, r1, r2, r3", "instructions": 1, "share": 0.001}
    profile = {
        "functions": [
            {"name": "stem", "instructions": 1040, "share": 0.98, "assembly": [cold]},
            {"name": "stem_walk", "instructions": 1, "share": 0.001, "assembly": [cold]},
        ],
        "lines": [line(1, 1) | {"share": 0.001}, line(2, 1000)],
    }
    assert listing.as_text(listing.warm(profile, 0.01), tmp_path).splitlines() == [
        "instructions  share  function",
        "       1,040  98.0%  stem",
        "",
        "instructions  share        stem.c",
        "       1,000  10.0%  *  2      b[0] = 1;",
    ]
    assert len(profile["lines"]) == 2


# The command


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(("board", "library"), [("cortex-m0", True), ("rv32imc", False)])
def test_every_instruction_has_its_function(board: str, library: bool) -> None:
    report = generated("-t", board, "layer.json", "--profile", "--algorithm", "direct")
    functions, lines = report["profile"]["functions"], report["profile"]["lines"]
    names = {function["name"] for function in functions}
    assert "first" in names
    assert ("__aeabi_lmul" in names) == library
    counted = sum(function["instructions"] for function in functions)
    assert counted == pytest.approx(report["instructions"], rel=0.02), "of the mean, not the most"
    assert sum(function["share"] for function in functions) == pytest.approx(1, abs=1e-3)
    assert 0.5 < sum(found["share"] for found in lines) <= 1.001
    assert {found["file"] for found in lines} <= {"first.c", "first_weights.c"}


@pytest.mark.usefixtures("workplace")
def test_the_hottest_functions_are_shown_and_the_listing_is_a_file() -> None:
    write_spec(CASES["planes"])
    options = ("-t", "cortex-m4", "layer.json", "--algorithm", "direct_planes", "-o", "out")
    result = convgen(*options, "--profile")
    assert result.status == 0
    assert re.search(
        r"^instructions +share  function\n +[\d,]+ +[\d.]+%  planes__walk$", result.stdout, re.M
    )
    assert len(result.stdout.splitlines()) < 24
    assert "Each line beside what it takes: out/profile.txt\n" in result.stdout
    text = Path("out/profile.txt").read_text()
    assert "planes__walk(input, output" in text
    assert "smlad" in text
    assert "profile.txt" in Path("out/verify/SHA256SUMS").read_text()
    assert convgen(*options).status == 0
    assert not Path("out/profile.txt").exists()
