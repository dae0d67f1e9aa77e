"""What is left of a run that comes to nothing: a table, JSON, and no stale report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cases import CASES
from command import FIRST, Result, convgen, message, tree, write_spec
from convgen.plans.conv import ALGORITHMS

pytestmark = pytest.mark.usefixtures("workplace")

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.tflite"
OUT = Path("out")
RUN = (*FIRST, "-o", OUT)
JSON = ("--format", "json")
NOT_RUN = ("--emulator", "none")


def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OUT / "report.json").read_text())
    return found


def test_nothing_is_compared_for_nothing() -> None:
    """Where nothing fits, and all has been measured, all of it is there."""
    run = (*RUN, "--compare", "--algorithm", "im2col", *NOT_RUN, "-b", 300)
    result = convgen(*run)
    assert result.status == 3
    assert "\nRAM: im2col_p1_w16 needs the least, " in message(result)
    assert result.stdout.startswith("first on cortex-m4: nothing fits the budget\n")
    assert re.search(r"^im2col_p1_w16 .*  smallest$", result.stdout, re.M)
    assert result.stdout.endswith("\nWritten to out\n")
    printed = convgen(*run, *JSON)
    assert (printed.status, printed.stderr) == (3, result.stderr)
    assert printed.report == kept()
    assert printed.report["algorithm"] is None
    rows = {row["algorithm"]: row for row in printed.report["candidates"]}
    assert set(rows) == {algorithm.name for algorithm in ALGORITHMS}
    assert not any(row.get("fits") for row in rows.values())


@pytest.mark.emulator
def test_what_was_measured_is_told_though_nothing_fits() -> None:
    run = (*RUN, "--compare", "--algorithm", "direct", "-b", 380)
    report = convgen(*run, *JSON).report
    assert report["emulator"]["kind"] == "qemu-system"
    rows = [row for row in report["candidates"] if row["algorithm"].startswith("direct")]
    measured = [row["measured"] for row in rows if "measured" in row]
    assert measured
    assert all(each["verified"] and each["instructions"] for each in measured)
    assert f"{measured[0]['instructions']:,}" in convgen(*run, "--all").stdout


@pytest.mark.parametrize("what", [FIRST, ("-t", "cortex-m4", DIGITS)], ids=["layer", "model"])
def test_a_stale_report_does_not_survive_what_does_not_fit(what: tuple[object, ...]) -> None:
    assert convgen(*what, *NOT_RUN, "-o", OUT).status == 0
    sources = {name for name in tree(OUT) if name.endswith((".c", ".h")) and "/" not in name}
    result = convgen(*what, "-o", OUT, "-b", 100, *JSON)
    assert result.status == 3
    assert result.report == kept()
    assert kept()["verified"] is False
    assert sources <= set(tree(OUT)), "C that was generated stays"
    assert convgen(*what, *NOT_RUN, "-o", OUT).status == 0
    assert kept()["failure"] is None


def test_a_stale_report_does_not_survive_a_tool_that_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert convgen(*RUN, *NOT_RUN).status == 0
    monkeypatch.setenv("PATH", "")
    result = convgen(*RUN, "--toolchain", "gcc", *NOT_RUN, *JSON)
    assert result.status == 4
    assert result.report == {
        "convgen": kept_version(), "target": "cortex-m4", "verified": False,
        "failure": message(result),
    }  # fmt: skip
    assert not (OUT / "report.json").exists()
    assert (OUT / "first.c").exists()
    assert convgen(*RUN, "--toolchain", "gcc", *NOT_RUN) == Result(4, "", result.stderr)


def kept_version() -> str:
    return str(convgen("--version", *JSON).report["convgen"])


def test_a_wrong_command_prints_and_changes_nothing() -> None:
    assert convgen(*RUN, *NOT_RUN).status == 0
    before = tree(OUT)
    result = convgen(*RUN, *JSON, "--algorithm", "none_such")
    assert (result.status, result.stdout) == (2, "")
    assert tree(OUT) == before


# --- the schema -----------------------------------------------------------------------------------


def test_the_schema_of_the_report_is_printed(
    report_schema: jsonschema.Draft202012Validator,
) -> None:
    assert convgen("--schema", "report").report == report_schema.schema
    assert convgen("--schema", "spec") == convgen("--schema")
    spec = json.loads(Path("layer.json").read_text())
    assert not report_schema.is_valid(spec)


@pytest.mark.emulator
@pytest.mark.parametrize("what", [("layer.json",), (DIGITS,)], ids=["layer", "model"])
def test_the_schema_has_every_key(
    what: tuple[object, ...], report_schema: jsonschema.Draft202012Validator
) -> None:
    write_spec(CASES["planes"])
    run = ("-t", "cortex-m4", *what, "--profile", "--cycles", "-o", OUT)
    report = convgen(*run, *JSON).report
    closed = jsonschema.Draft202012Validator(without_more(report_schema.schema))
    found = [f"{error.json_path}: {error.message}" for error in closed.iter_errors(report)]
    assert found == []
    spoilt = {**report, "budget": {"ram": "all", "flash": 1}}
    assert not report_schema.is_valid(spoilt)


def without_more(schema: Any) -> Any:
    """Return *schema* that refuses keys it does not name."""
    if isinstance(schema, list):
        return [without_more(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: without_more(value) for key, value in schema.items()}
    return closed | ({"additionalProperties": False} if "properties" in schema else {})


@pytest.mark.parametrize(
    "listing",
    [("--list-targets",), ("--list-algorithms",), ("--doctor",), ("--list-layers", DIGITS)],
)
def test_every_listing_has_json(listing: tuple[object, ...]) -> None:
    rows = json.loads(convgen(*listing, *JSON).stdout)
    assert len(rows) > 3
    assert all(row["name"] for row in rows)


@pytest.mark.emulator
def test_plans_of_a_model_are_measured_though_none_fits() -> None:
    run = ("-t", "cortex-m4", DIGITS, "--compare", "--feed", "whole", "-b", 500, "-o", OUT)
    result = convgen(*run)
    assert result.status == 3
    report = kept()
    assert (report["verified"], report["memory"]) == (False, None)
    assert len(report["candidates"]) > 1
    for row in report["candidates"]:
        assert (row["fits"], row["measured"]["verified"]) == (False, True)
        assert f"{row['measured']['instructions']:,}" in result.stdout
