"""convgen on a model: budgets, names, the report and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from command import convgen, convgen_process, message, refused
from convgen.sources import network
from tflite_files import File

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.tflite"
ON_M4 = ("--target", "cortex-m4")


@pytest.mark.emulator
def test_the_report_tells_of_operators_places_and_memory(tmp_path: Path) -> None:
    run = convgen(*ON_M4, "--format", "json", "-o", tmp_path / "out", DIGITS)
    assert run.status == 0, run.stderr
    report = run.report
    assert report["model"] == "digits"
    assert report["verified"]
    assert report["mismatches"] == 0
    assert [row["max_abs_error"] for row in report["outputs"]] == [0]
    memory = report["memory"]
    assert memory["total"] == memory["arena"] + memory["stack"] + memory["static"]
    assert memory["stack"] <= memory["stack_bound"]
    assert [row["name"] for row in report["operators"]] == [
        "conv1", "conv2", "conv3", "probabilities",
    ]  # fmt: skip
    assert [row["index"] for row in report["operators"]] == [0, 1, 2, 4]
    counted = [row["instructions"] for row in report["operators"]]
    assert sum(counted) + report["instructions_between"] == report["instructions"]
    assert min(counted) > 100
    ends = [place["offset"] + place["bytes"] for place in report["places"]]
    assert max(ends) <= memory["arena"]
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    header = (tmp_path / "out" / "digits.h").read_text()
    assert f"#define DIGITS_ARENA_BYTES       {memory['arena']}u" in header
    assert "void digits(void *arena);" in header


@pytest.mark.emulator
def test_cycles_of_a_model_that_is_handed_in_by_rows(tmp_path: Path) -> None:
    by_rows = ("--feed", "rows", "--cycles", "--profile", "--format", "json")
    run = convgen(*ON_M4, *by_rows, "-o", tmp_path, DIGITS)
    assert run.status == 0, run.stderr
    report = run.report
    assert report["instructions"] < report["cycles_estimated"] < 2 * report["instructions"]
    assert report["profile"]


@pytest.mark.emulator
def test_a_budget_counts_what_is_measured(tmp_path: Path) -> None:
    first = convgen(*ON_M4, "--format", "json", "-o", tmp_path / "out", DIGITS)
    needs, flash = first.report["memory"]["total"], first.report["flash"]["total"]
    both = ("-b", str(needs), "--flash", str(flash))
    exact = convgen(*ON_M4, *both, "--format", "json", "-o", tmp_path / "exact", DIGITS)
    assert exact.status == 0, exact.stderr
    assert exact.report["instructions"] == first.report["instructions"]
    short = convgen(*ON_M4, "-b", str(needs - 40), "-o", tmp_path / "short", DIGITS)
    assert short.status == 3
    assert f"the budget of {needs - 40:,} is 40 short" in short.stderr
    kept = json.loads((tmp_path / "short" / "report.json").read_text())
    assert (kept["verified"], kept["failure"]) == (False, message(short))
    assert [plan["fits"] for plan in kept["candidates"]] == [False] * len(kept["candidates"])
    assert "over the budget" in short.stdout


@pytest.mark.emulator
def test_less_flash_is_met_or_what_is_named_is_enough(tmp_path: Path) -> None:
    tiny = ("--optimize", "flash", "-o", tmp_path / "out", DIGITS)
    first = convgen(*ON_M4, "--format", "json", *tiny)
    short = convgen(*ON_M4, "--flash", str(first.report["flash"]["total"] - 1), *tiny)
    if short.status == 0:
        return
    named = re.search(r"needs ([\d,]+) bytes of flash; the budget of", short.stderr)
    assert named, short.stderr
    assert convgen(*ON_M4, "--flash", named[1].replace(",", ""), *tiny).status == 0


def test_a_plan_that_was_built_alone_is_not_wrong(tmp_path: Path) -> None:
    xml = tmp_path / "junit.xml"
    only_built = ("--emulator", "none", "--junit", xml, "--all", "-o", tmp_path / "out")
    run = convgen(*ON_M4, *only_built, DIGITS)
    assert (run.status, "WRONG" in run.stdout) == (0, False), run.stdout
    assert ' failures="0" errors="0"' in xml.read_text()
    kept = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [plan for plan in kept["candidates"] if "measured" in plan] == []


@pytest.mark.emulator
def test_comparing_measures_plans_and_marks_those_that_none_beats(tmp_path: Path) -> None:
    run = convgen(*ON_M4, "--compare", "--format", "json", "-o", tmp_path / "out", DIGITS)
    assert run.status == 0, run.stderr
    plans = run.report["candidates"]
    assert len(plans) > 1
    assert all(plan["measured"]["verified"] for plan in plans)
    assert [plan["ram"] for plan in plans] == sorted(plan["ram"] for plan in plans)
    assert sum(plan["chosen"] for plan in plans) == 1
    assert {plan["feed"] for plan in plans} == {"whole", "rows"}
    apart = run.report["unfused"]
    assert apart["ratio"] == round(run.report["instructions"] / apart["instructions"], 4)
    assert apart["instructions"] in [
        plan["measured"]["instructions"] for plan in plans if plan["stages"] == 4
    ]
    front = [plan for plan in plans if plan["pareto"]]
    for need in (lambda plan: plan["ram"], lambda plan: plan["measured"]["instructions"]):
        assert min(map(need, front)) <= 1.1 * min(map(need, plans))


@pytest.mark.emulator
def test_only_the_feed_that_is_named_is_compared(tmp_path: Path) -> None:
    options = ("--compare", "--feed", "rows", "--format", "json", "-o", tmp_path / "out")
    run = convgen(*ON_M4, *options, DIGITS)
    assert run.status == 0, run.stderr
    fed = [plan for plan in run.report["candidates"] if plan["feed"] == "rows"]
    assert len(fed) > 1
    assert run.report["feed"] == "rows"
    assert all(plan["stages"] == 4 for plan in run.report["candidates"] if plan not in fed)


def flat() -> bytes:
    """Return a model whose input is one row."""
    file = File()
    given = file.input((1, 16), q=(0.05, 3))
    output = file.tensor((1, 16), quantised=(1 / 256, -128))
    file.operator("LOGISTIC", [given], [output])
    file.graph.outputs = [output]
    return file.bytes()


@pytest.mark.emulator
def test_an_input_without_rows_has_a_row_that_says_so(tmp_path: Path) -> None:
    model = tmp_path / "flat.tflite"
    model.write_bytes(flat())
    run = convgen(*ON_M4, "--compare", "--format", "json", "-o", tmp_path / "out", model)
    assert run.status == 0, run.stderr
    *plans, last = run.report["candidates"]
    assert all(plan["feed"] == "whole" and plan["applicable"] for plan in plans)
    assert (last["feed"], last["applicable"]) == ("rows", False)
    assert "expected one input with several rows, got 16" in last["reason"]
    text = convgen(*ON_M4, "--compare", "-o", tmp_path / "out", model)
    assert last["reason"] in text.stdout


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("-b", "600"), 3, "bytes of RAM at least, expected at most 600: operators 0 to "),
        (("--flash", "4k"), 3, "bytes of flash at least, expected at most 4,096"),
        (("--algorithm", "direct"), 2, "--algorithm: a network has one for each operator"),
        (("--name", "int"), 2, "--name: expected a name other than a keyword of C or C++"),
        (("--name", "two words"), 2, "--name: expected a C identifier"),
    ],
)
def test_what_cannot_be_is_said_before_any_tool_runs(
    options: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    run = convgen(*ON_M4, *options, "-o", tmp_path / "out", DIGITS)
    assert run.status == code
    assert said in run.stderr
    written = {path.name for path in tmp_path.glob("out/*")}
    assert written == ({"report.html", "report.json", "verify"} if code == 3 else set())


LAYER = DIGITS.with_name("conv1") / "layer.json"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--name", "x", LAYER), "--name: expected a model, a .tflite or .onnx file, got a layer"),
        (("--reference", "tflm", LAYER), "--reference: expected a model, "),
        (("--io", "quantized", LAYER), "--io: expected a model, "),
        (("--feed", "whole", LAYER), "--feed: expected a model, "),
        (("--fusion", "off", LAYER, LAYER), "--fusion: expected a model, "),
        (("--layer", "0", "--feed", "rows", DIGITS), "--feed: expected a model as a whole, got a "),
    ],
)
def test_what_a_layer_would_ignore_is_refused(options: tuple[Any, ...], said: str) -> None:
    assert said in refused(2, *ON_M4, *options)


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("file", "name"),
    [("-x.tflite", "x"), ("we ird*.tflite", "we_ird"), ("stdint.tflite", "stdint_op")],
)
def test_a_name_is_made_of_the_files(file: str, name: str, tmp_path: Path) -> None:
    shutil.copy(DIGITS, tmp_path / file)
    run = convgen_process(*ON_M4, "--emulator", "none", "-o", "out", "--", file, cwd=tmp_path)
    assert run.status == 0, run.stderr
    assert (tmp_path / "out" / f"{name}.h").is_file()


@pytest.mark.emulator
@pytest.mark.parametrize(("spoilt", "behind", "bit"), [("conv2", 0, 64), ("conv3", 8, 0x4000)])
def test_the_first_operator_that_differs_is_named(
    spoilt: str, behind: int, bit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, edits = network.network_files, []

    def edited(*arguments: Any) -> dict[str, str]:
        files = original(*arguments)
        weights = files["digits_weights.c"]
        constant = re.compile(
            rf"(digits__{spoilt}__weights\[\d+\] = \{{\s+(?:-?\w+,\s+){{{behind}}})(-?\w+)"
        )
        files["digits_weights.c"], count = constant.subn(
            lambda found: f"{found[1]}{int(found[2], 0) ^ bit}", weights
        )
        edits.append(count)
        return files

    monkeypatch.setattr(network, "network_files", edited)
    run = convgen(*ON_M4, "--format", "json", "-o", tmp_path / "out", DIGITS)
    assert edits[0] == 1 == max(edits)  # of a network that ends before it there is none
    assert run.status == 1
    assert message(run) == run.report["failure"]
    differs = run.report["first_difference"]
    assert differs["name"] == spoilt
    assert differs["got"] != differs["expected"]
    assert len(differs["index"]) == 3


@pytest.mark.emulator
def test_an_output_of_a_model_that_saturates_is_warned_of(tmp_path: Path) -> None:
    """Its scale is a thousandth of what it should be: right to the byte, and of no use."""
    for scale, warned in ((0.1, 0), (0.0001, 1)):
        file = File()
        given = file.input((1, 8, 8, 16), "int8", (0.05, 3))
        file.graph.outputs = [file.tensor((1, 8, 8, 16), "int8", (scale, 3))]
        file.operator("ADD", [given, given], file.graph.outputs)
        (tmp_path / "sum.tflite").write_bytes(file.bytes())
        run = convgen(*ON_M4, "-o", tmp_path / "out", tmp_path / "sum.tflite")
        assert run.status == 0, run.stderr
        assert run.stdout.count("Warning: ") == warned
    assert "are -128 or 127, the ends of their range: " in run.stdout
    kept = json.loads((tmp_path / "out" / "report.json").read_text())
    assert len(kept["warnings"]) == 1
