"""Two reports compared, and the verdict as CI reads it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from command import Result, convgen, message
from convgen.report import junit
from convgen.report.diff import METRICS, Diff, Limit
from minimal import report

DIGITS = Path(__file__).parents[1] / "examples" / "digits"
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., Result]:
    """Compare a report with one in which something is changed."""

    def compare(change: Change, *options: object) -> Result:
        old, new = report(), report()
        change(new)
        for name, each in (("old", old), ("new", new)):
            (tmp_path / name).write_text(json.dumps(each))
        return convgen("--diff", tmp_path / "old", tmp_path / "new", *options)

    return compare


def nothing(_: dict[str, Any]) -> None:
    """Change nothing."""


def more_ram(found: dict[str, Any]) -> None:
    """Grow the arena by 7 of 700 bytes, and the first operator by 10 of 1000 instructions."""
    found["memory"] |= {"arena": 607, "total": 707}
    found["instructions"] = 1010
    found["operators"][0]["instructions"] = 910


def suite_of(path: Path) -> ET.Element:
    """The test suite in a file of JUnit's."""
    (suite,) = ET.parse(path).getroot()  # noqa: S314 - our own
    return suite


def test_what_is_the_same_passes_every_limit(compared: Callable[..., Result]) -> None:
    done = compared(nothing, "--fail-on", "ram:+0%,flash:+0,instructions:+0.0%")
    assert (done.status, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ("ram:+0%", ["ram"]),
        ("ram:+1%,instructions:+1%", []),
        ("ram:+0.9%,instructions:+0.9%", ["ram", "instructions"]),
        ("arena:+6,stack:+0", ["arena"]),
        ("arena:+7", []),
        (" ram:+7 , instructions:+9 ", ["instructions"]),
    ],
)
def test_a_limit_is_held(compared: Callable[..., Result], limits: str, named: list[str]) -> None:
    done = compared(more_ram, "--fail-on", limits)
    assert done.status == (1 if named else 0)
    lines = done.stderr.removeprefix("convgen: ").splitlines()
    assert [line.strip().partition(":")[0] for line in lines] == named


def test_less_is_never_worse() -> None:
    for limit in (Limit("ram", more=0), Limit("ram", percent=0.0)):
        assert limit.holds(100, 99)
        assert limit.holds(100, 100)
        assert not limit.holds(100, 101)
        assert not limit.holds(0, 1)


def test_what_is_no_longer_verified_is_worse(compared: Callable[..., Result]) -> None:
    done = compared(lambda new: new.update(verified=False), "--fail-on", "ram:+10%")
    assert done.status == 1
    assert "verified: the old report is, the new one is not" in done.stderr
    assert "verified: true -> false" in done.stdout


def test_the_tables_have_figures_and_operators(compared: Callable[..., Result]) -> None:
    text = compared(more_ram).stdout
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()}
    assert rows["ram"] == ["700", "707", "+7", "+1.00%"]
    assert rows["conv"] == ["900", "910", "+10", "+1.11%"]
    assert "softmax" not in rows
    found = json.loads(compared(more_ram, "--format", "json", "--fail-on", "ram:+3").stdout)
    assert {"what": "arena", "old": 600, "new": 607} in found["figures"]
    assert found["operators"] == [{"what": "conv", "old": 900, "new": 910}]
    assert len(found["regressions"]) == 1


def test_an_operator_done_otherwise_is_told(compared: Callable[..., Result]) -> None:
    def otherwise(new: dict[str, Any]) -> None:
        new["operators"][0]["algorithm"] = "im2col_p1"

    told = {"what": "algorithm of conv", "old": "direct", "new": "im2col_p1"}
    assert json.loads(compared(otherwise, "--format", "json").stdout)["said"] == [told]

    said = ("algorithm of [x](y)", "im2col_p1", "direct")
    found = Diff(said=(said,), figures=(), operators=(), regressions=())
    assert r"- algorithm of \[x\]\(y\): `im2col_p1` → `direct`" in found.as_markdown()


def test_markdown_cannot_be_broken_out_of(compared: Callable[..., Result]) -> None:
    def rename(new: dict[str, Any]) -> None:
        new.update(model="a`|b\n<c>")
        new["operators"][0] |= {"name": "x|`y\n", "instructions": 1}

    text = compared(rename, "--format", "markdown").stdout
    assert "- model: `kws` → `a'\\|b\\n<c>`" in text.splitlines()
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert "| `ram` | 700 | 700 | +0 | +0.00% |" in tables
    assert any(line.startswith("| `x\\|'y\\n` |") for line in tables)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fail-on", "ram"), "expected limits such as ram:+0%"),
        (("--fail-on", "ram:+0%,"), "got ''"),
        (("--fail-on", "ram:5%"), "got 'ram:5%'"),
        (("--fail-on", "size:+5%"), "--fail-on: expected one of ram, "),
        (("--fail-on", "cycles:+5%"), "cycles: both reports have no such figure"),
    ],
)
def test_a_limit_that_says_nothing_is_refused(
    compared: Callable[..., Result], options: tuple[str, ...], said: str
) -> None:
    done = compared(nothing, *options)
    assert done.status == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"target": "x"}', "[" * 100_000, '{"model":"a","target":1}']
)
def test_what_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text(json.dumps(report()))
    bad.write_text(content)
    for pair in ((good, bad), (bad, good)):
        done = convgen("--diff", *pair)
        assert done.status == 2
        assert done.stdout == ""
        assert "bad: expected a report.json that convgen wrote" in done.stderr


def test_a_figure_that_is_none_is_refused(tmp_path: Path) -> None:
    path, good = tmp_path / "report", tmp_path / "good"
    good.write_text(json.dumps(report()))
    for figure in ("many", True, 2.5, -1, 10**400):
        path.write_text(json.dumps(report(instructions=figure)))
        for pair in ((path, good), (good, path)):
            assert convgen("--diff", *pair, "--fail-on", "instructions:+2%").status == 2
    assert "cannot be read" in convgen("--diff", tmp_path, path).stderr
    assert "cannot be read" in convgen("--diff", tmp_path / "none", path).stderr


def test_a_figure_of_one_report_alone_has_no_limit(compared: Callable[..., Result]) -> None:
    done = compared(lambda new: new.update(instructions=None), "--fail-on", "instructions:+2%")
    assert done.status == 2
    assert "instructions: one of the reports has no such figure" in done.stderr


def test_figures_of_a_verdict_are_those_of_json() -> None:
    described = report(instructions=None, synthetic_weights=False, budget={"ram": None})
    suites = ET.fromstring(junit.as_xml([("kws", described, None)]))  # noqa: S314 - our own
    found = {each.get("name"): each.get("value") for each in suites.iter("property")}
    assert (found["verified"], found["synthetic_weights"]) == ("true", "false")
    assert found["memory.total"] == "700"
    assert not {"instructions", "budget.ram"} & found.keys()


def test_options_of_a_comparison_alone() -> None:
    for options in (("--fail-on", "ram:+0%"), ("--format", "markdown")):
        assert "expected with --diff only" in convgen(*options, "layer.json").stderr


@pytest.mark.emulator
def test_reports_and_verdicts_of_real_runs(tmp_path: Path) -> None:
    xml, on_m4 = tmp_path / "junit.xml", ("-t", "cortex-m4", "--junit", tmp_path / "junit.xml")
    least = convgen(*on_m4, "-o", tmp_path / "least", DIGITS / "digits.tflite")
    assert least.status == 0, least.stderr
    suite = suite_of(xml)
    counts = [suite.get(key) for key in ("tests", "failures", "errors")]
    assert counts == ["2", "0", "0"]
    (read,) = JUnitXml.fromfile(str(xml))
    assert next((case.name, case.result) for case in read) == ("verdict", [])
    assert len(list(read)) == read.tests == 2
    sizes = {each.get("name"): each.get("value") for each in suite.iter("property")}
    kept = json.loads((tmp_path / "least" / "report.json").read_text())
    assert sizes["memory.total"] == str(kept["memory"]["total"])

    fast = ("--optimize", "speed", "-o", tmp_path / "fast", DIGITS / "digits.tflite")
    assert convgen(*on_m4, *fast).status == 0
    reports = (tmp_path / name / "report.json" for name in ("least", "fast"))
    done = convgen("--diff", *reports, "--fail-on", "ram:+0%,instructions:+0%")
    assert done.status == 1
    assert "ram: " in done.stderr
    assert "instructions: " not in done.stderr
    assert "optimize: workspace -> speed" in done.stdout

    short = convgen(*on_m4, "-b", "200", "-o", tmp_path / "none", DIGITS / "digits.tflite")
    assert short.status == 3
    suite = suite_of(xml)
    assert suite.get("failures") == "1"
    (problem,) = suite.iter("failure")
    assert str(problem.get("message")) in short.stderr


def test_a_verdict_replaces_nothing_of_the_users(tmp_path: Path) -> None:
    spec = DIGITS / "conv1" / "layer.json"
    mine = tmp_path / "mine.xml"
    mine.write_text("<project/>")
    for path in (mine, tmp_path, tmp_path / "no" / "junit.xml"):
        assert "--junit: " in message(convgen("-t", "cortex-m4", "--junit", path, spec))
    assert mine.read_text() == "<project/>"
    assert [each.name for each in tmp_path.iterdir()] == ["mine.xml"]


def test_bad_input_is_an_error_of_the_verdict(tmp_path: Path) -> None:
    spec, xml = tmp_path / "layer.json", tmp_path / "junit.xml"
    spec.write_text('{"op": "con\x1bv"}')
    assert convgen("-t", "cortex-m4", "--junit", xml, spec).status == 2
    suite = suite_of(xml)
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")


def test_every_metric_is_a_key_of_the_report() -> None:
    from convgen import api

    text = json.dumps(api.schema("report"))
    assert all(f'"{path[-1]}"' in text for path in METRICS.values())
