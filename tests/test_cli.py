"""What the command promises when it can do its work: options, report, streams and files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import jsonschema
import numpy as np
import pytest

from cases import CASES
from command import (
    FIRST,
    Result,
    convgen,
    convgen_process,
    generated,
    message,
    refused,
    tree,
    write_spec,
)
from contract import REPORT, applicable, missing
from convgen import __version__, jobs
from convgen.cli import build_parser
from convgen.plans import registry
from convgen.plans.conv import ALGORITHMS
from convgen.resources import data_dir
from convgen.system.publishing import SUMS
from convgen.targets import target

SPECS = Path(__file__).parent / "specs"

pytestmark = pytest.mark.usefixtures("workplace")


# --- what there is ------------------------------------------------------------------------------


def test_the_version_is_printed() -> None:
    assert convgen("--version") == Result(0, f"convgen {__version__}\n", "")
    assert convgen("--version", "--format", "json").report == {"convgen": __version__}


def test_help_names_every_option_and_every_exit_code() -> None:
    result = convgen("--help")
    assert (result.status, result.stderr) == (0, "")
    options = re.findall(r"--[a-z-]+", build_parser().format_usage())
    assert {"--target", "--overlap"} & set(options) == {"--overlap"}  # the usage shows -t
    assert all(result.stdout.count(option) > 1 for option in options)
    for code in ("0 verified", "1 wrong", "2 bad input", "3 nothing fits", "4 a tool is missing"):
        assert code in result.stdout


def test_the_targets_are_listed() -> None:
    """Each core with its chips below it."""
    known = [*target.names(), *target.chips()]
    lines = convgen("--list-targets").stdout.splitlines()
    assert lines[0].split() == ["target", "RAM", "flash", "what", "it", "is"]
    names = [word for line in lines for word in line.split()[:1] if word in known]
    assert sorted(names) == sorted(known)
    core = ""
    for name in names:
        core = name if name in target.names() else core
        assert target.load(name).core in (core, target.load(core).core)


def test_a_program_reads_of_each_chip_its_core_and_memory() -> None:
    rows = {
        row["name"]: row for row in json.loads(convgen("--list-targets", "--format", "json").stdout)
    }
    chip = rows["stm32f407"]
    assert (chip["core"], chip["is_chip"], chip["ram"], chip["flash"]) == (
        "cortex-m4", True, 128 * 1024, 2**20,
    )  # fmt: skip
    assert {region["name"] for region in chip["regions"]} == {"flash", "sram1", "sram2", "ccm"}
    assert rows["cortex-m4"]["core"] == "cortex-m4"


@pytest.mark.emulator
def test_a_layer_of_digits_runs_in_two_kilobytes(tmp_path: Path) -> None:
    """On a chip whose core no emulator has, and which has no multiplication."""
    out = tmp_path / "out"
    spec = str(data_dir("targets").parent / "examples" / "digits" / "conv3" / "layer.json")
    said = convgen("-t", "ch32v003", "--out", str(out), spec)
    assert (said.status, said.stderr) == (0, "")
    report = json.loads((out / "report.json").read_text())
    assert (report["verified"], report["budget"]) == (True, {"ram": 2048, "flash": 16384})
    assert report["memory"]["total"] <= 2048
    where = "no emulator has RV32EC: verified on RV32IMAC, which has every instruction of the code"
    assert where in report["emulator"]["notes"]
    assert where in " ".join(said.stdout.split())


@pytest.mark.emulator
def test_a_chip_is_the_budget_and_its_core_runs_the_layer(tmp_path: Path) -> None:
    out = tmp_path / "out"
    spec = str(data_dir("targets").parent / "examples" / "digits" / "conv3" / "layer.json")
    said = convgen("-t", "stm32f103", "--cycles", "--out", str(out), spec)
    assert (said.status, said.stderr) == (0, "")
    report = json.loads((out / "report.json").read_text())
    assert (report["target"], report["verified"]) == ("stm32f103", True)
    assert report["budget"] == {"ram": 20 * 1024, "flash": 64 * 1024}
    where = "verified on Cortex-M3, the core of stm32f103, not on the chip"
    assert where in report["emulator"]["notes"]
    assert where in " ".join(said.stdout.split())
    assert "bits of code waits 2," in str(report["cycles_model"])


def test_the_algorithms_are_listed() -> None:
    assert first_words(convgen("--list-algorithms")) == [a.name for a in registry.every()]


def first_words(result: Result) -> list[str]:
    assert (result.status, result.stderr) == (0, "")
    rows = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
    assert all(description for _, description in rows)
    return [name for name, _ in rows]


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    printed = json.loads(convgen("--schema").stdout)
    jsonschema.Draft202012Validator.check_schema(printed)
    return jsonschema.Draft202012Validator(printed)


@pytest.mark.parametrize("path", sorted((SPECS / "good").glob("*.json")), ids=lambda p: p.stem)
def test_the_schema_accepts_a_good_spec(
    path: Path, schema: jsonschema.Draft202012Validator
) -> None:
    schema.validate(json.loads(path.read_text()))


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("empty-object", {""}),
        ("not-an-object", {""}),
        ("unknown-fields", {"", "input"}),
        ("weights-from-two-sources", {"weights"}),
        ("zero-and-negative-sizes", {"input.shape.0", "out_channels", "groups"}),
        ("wrong-types", {"name", "op", "input.shape", "input.dtype", "padding", "activation"}),
    ],
)
def test_the_schema_places_the_problems_of_a_bad_spec(
    name: str, places: set[str], schema: jsonschema.Draft202012Validator
) -> None:
    problems = schema.iter_errors(json.loads((SPECS / "bad" / f"{name}.json").read_text()))
    assert places <= {".".join(map(str, problem.absolute_path)) for problem in problems}


# --- the report ---------------------------------------------------------------------------------


@pytest.mark.emulator
def test_a_verified_layer_has_the_whole_report() -> None:
    report = generated(*FIRST)
    assert missing(report | {"candidates": applicable(report)}, REPORT) == []
    expected = {
        "convgen": __version__, "layer": "first", "target": "cortex-m4", "dtype": "int8",
        "optimize": "workspace", "synthetic_weights": True, "verified": True, "mismatches": 0,
        "max_abs_error": 0, "macs": 6 * 7 * 6 * 27,
    }  # fmt: skip
    assert report.items() >= expected.items()
    assert report["memory"].items() >= {"input": 126, "output": 252, "heap": 0, "static": 0}.items()
    assert report["budget"] == {"ram": 256 * 1024, "flash": 1024 * 1024}
    assert report["emulator"].items() >= {"kind": "qemu-system", "machine": "mps2-an386"}.items()
    assert re.fullmatch(r"arm-none-eabi-gcc \d+\.\d+\.\d+", report["toolchain"]["compiler"])


@pytest.mark.emulator
def test_the_numbers_of_the_report_add_up() -> None:
    report = generated(*FIRST)
    memory, flash = report["memory"], report["flash"]
    assert memory["total"] == sum(
        memory[part] for part in ("input", "output", "workspace", "stack", "static")
    )
    assert 0 < memory["stack"] <= memory["stack_bound"]
    assert flash["total"] == flash["code"] + flash["constants"]
    assert report["instructions_per_mac"] == pytest.approx(
        report["instructions"] / report["macs"], abs=1e-4
    )


@pytest.mark.emulator
def test_json_prints_the_report_that_is_written_and_nothing_else() -> None:
    result = convgen(*FIRST, "--format", "json")
    assert result == Result(0, Path("convgen-out/first/report.json").read_text(), "")


@pytest.mark.emulator
def test_a_float32_layer_reports_its_error() -> None:
    write_spec(CASES["real"])
    report = generated(*FIRST)
    assert missing(report | {"candidates": applicable(report)}, REPORT) == []
    assert report["dtype"] == "float32"
    assert 0 < report["max_abs_error"] < 1e-3


def test_what_cannot_do_the_layer_says_why_in_the_report() -> None:
    write_spec(CASES["pointwise"])
    rows = generated(*FIRST, "--emulator", "none")["candidates"]
    rejected = [row for row in rows if not row["applicable"]]
    assert {row["algorithm"] for row in rows} == {a.name for a in ALGORITHMS}
    assert {row["algorithm"] for row in rejected} >= {"im2col_p4"}
    assert all(row.keys() == {"algorithm", "applicable", "reason"} for row in rejected)
    assert all(row["reason"] for row in rejected)


def test_text_in_a_pipe_is_plain() -> None:
    result = convgen_process(*FIRST)
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout.isascii()
    assert result.stdout.replace("\n", "").isprintable()
    assert not re.search(r"[|+]|---|[ \t]$", result.stdout, flags=re.MULTILINE)


@pytest.mark.emulator
def test_text_says_what_the_report_says() -> None:
    text = convgen(*FIRST).stdout
    report = json.loads(Path("convgen-out/first/report.json").read_text())
    verdict = f"verified on {report['vectors']} vectors: every byte equals TensorFlow Lite's "
    assert text.startswith(f"first on cortex-m4: {report['algorithm']}, {verdict}")
    memory, candidates = report["memory"], report["candidates"]
    parts = f"input 126, output 252, workspace {memory['workspace']}, stack {memory['stack']}"
    assert re.search(rf"^RAM in all +{memory['total']:,}  of 262,144: {parts}$", text, re.M)
    assert re.search(rf"^instructions +{report['instructions']:,}  .* per MAC", text, re.M)
    assert "synthetic: made up from the seed" in text
    assert text.endswith("\nWritten to convgen-out/first\n")
    assert any(row["algorithm"] not in text for row in candidates)
    everything = convgen(*FIRST, "--all").stdout
    assert all(f"\n{row['algorithm']}  " in everything for row in candidates)
    assert all(row.get("reason", "") in everything for row in candidates)


# --- streams and files --------------------------------------------------------------------------


@pytest.fixture
def gone() -> Iterator[IO[str]]:
    """A pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        yield pipe


@pytest.mark.parametrize("options", [["--schema"], FIRST], ids=["schema", "text"])
def test_a_reader_that_leaves_early_is_no_error(options: Sequence[str], gone: IO[str]) -> None:
    assert convgen_process(*options, stdout=gone) == Result(0, "", "")


def test_a_reader_that_leaves_early_changes_no_verdict(gone: IO[str]) -> None:
    wrong = np.zeros((6, 7, 6), np.int8)
    np.savez("vectors.npz", input=np.zeros((6, 7, 3), np.int8), output=wrong)
    result = convgen_process(*FIRST, "--vectors", "vectors.npz", stdout=gone)
    assert result.status == 1
    assert "; vector 0, row 0, column 0, channel 0: the spec gives " in message(result)


def test_an_interrupt_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convgen.bench.build.toolchain.link", interrupted)
    assert refused(130, *FIRST) == "interrupted"


def test_files_go_where_they_are_wanted(tmp_path: Path) -> None:
    generated(*FIRST, "--emulator", "none")
    generated(*FIRST, "--emulator", "none", "-o", "some where/ünder")
    assert tree(Path("convgen-out/first")) == tree(Path("some where/ünder"))
    assert {path.name for path in tmp_path.iterdir()} == {
        "layer.json", "convgen-out", "some where",
    }  # fmt: skip


def test_a_second_run_replaces_its_own_files_and_keeps_others() -> None:
    generated(*FIRST, "--emulator", "none", "--algorithm", "im2col_p1", "-o", "out")
    first = tree(Path("out"))
    Path("out/Makefile").write_text("mine")
    generated(*FIRST, "--emulator", "none", "--algorithm", "direct", "-o", "out")
    second = tree(Path("out"))
    assert second.pop("Makefile") == b"mine"
    assert second.keys() == first.keys()
    assert second["first.c"] != first["first.c"]


@pytest.mark.emulator
@pytest.mark.parametrize("options", [(), ("--emulator", "none", "--toolchain", "zig")])
def test_every_file_that_is_written_was_looked_for_before_the_work(options: Sequence[str]) -> None:
    generated(*FIRST, *options, "-o", "out")
    written = {name for name, content in tree(Path("out")).items() if content is not None}
    looked_for = {*jobs.file_names("first"), SUMS}
    assert written <= looked_for


def test_a_failed_run_keeps_the_files_of_the_one_before() -> None:
    generated(*FIRST, "--emulator", "none")
    before = tree(Path("convgen-out"))
    refused(2, *FIRST, "--algorithm", "none_such")
    assert tree(Path("convgen-out")) == before
