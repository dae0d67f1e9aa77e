"""The report as a page: what it shows is what report.json says, in a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from command import convgen
from convgen.report.html import as_html

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits"
MOST_BYTES = 300_000

ACT = """
<script>
"use strict";
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
</script>
"""
"""Put before everything: what goes wrong is heard."""

CLICK = """
<script>
"use strict";
const buttons = [...document.querySelectorAll("th button")];
const heading = buttons.find((button) => button.textContent === "HEADING");
heading.click();
const first = heading.closest("table").tBodies[0].rows[0].cells[0].textContent;
heading.click();
const last = heading.closest("table").tBodies[0].rows[0].cells[0].textContent;
// The event itself: a page in the background gets none of a focus.
document.querySelector("svg [tabindex='0']").dispatchEvent(new Event("focus"));
const told = document.querySelector("#tip:not([hidden])");
const shown = told ? told.textContent : "";
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
document.body.dataset.found = JSON.stringify({errors, first, last, shown, wide});
</script>
"""
"""Put behind everything: what a person does."""


class Texts(HTMLParser):
    """The cells of all tables, and what nothing must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.loaded: list[str] = []
        self.words: list[str] = []
        self._is_in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._is_in_cell = True
            self.rows[-1].append("")
        names = ("src", "href", "srcset", "action", "data")
        self.loaded += [value or "" for name, value in attrs if name in names]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._is_in_cell = False

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._is_in_cell:
            self.rows[-1][-1] += data.strip()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of a layer whose candidates were compared, and of a model with its profile."""
    found = {"layer": DIGITS / "conv1" / "layer.json", "model": DIGITS / "digits.tflite"}
    folders = {kind: tmp_path_factory.mktemp(kind) / "out" for kind in found}
    for kind, spec in found.items():
        options = ("--compare",) if kind == "layer" else ("--profile",)
        done = convgen("-t", "cortex-m4", "-b", "64k", *options, "-o", folders[kind], spec)
        assert done.status == 0, done.stderr
    return folders


def read(folder: Path) -> tuple[dict[str, Any], str]:
    """The report in *folder* and its page."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    return json.loads((folder / "report.json").read_text()), page


@pytest.mark.emulator
def test_figures_are_those_of_the_report(reports: dict[str, Path]) -> None:
    for folder in reports.values():
        report, page = read(folder)
        assert len(page) < MOST_BYTES
        texts = Texts(page)
        assert texts.loaded == []
        words = " ".join(" ".join(texts.words).split())
        for figure in (report["memory"]["total"], report["flash"]["total"], report["instructions"]):
            assert f"{figure:,}" in words
        said = " ".join("".join(texts.words).split())
        assert all(advice.replace("`", "") in said for advice in report["advice"])
        commands = re.findall(r"`(.+?)`", "".join(report["advice"]))
        assert {f"<code>{command}</code>" in page for command in commands} == {True}
        rows = {row[0]: row for row in texts.rows}
        for row in report["candidates"]:
            if "algorithm" in row and row["applicable"]:
                measured = row["measured"]["instructions"]
                assert rows[row["algorithm"]][4] == f"{measured:,}"
        for each in report.get("operators", ()):
            (found,) = (row for row in texts.rows if each["name"] in row)
            assert found[-1] == f"{each['instructions']:,}"
        places = len(report.get("places", ()))
        assert page.count("<rect ") == places
        if "layer" in report:
            named = re.findall(r'<text class="name"[^>]*>([^<]*)<', page)
            front = {row["algorithm"] for row in report["candidates"] if row.get("pareto")}
            assert named[0] == report["algorithm"]
            assert set(named[1:]) <= front


def test_it_says_what_a_terminal_is_told(tmp_path: Path) -> None:
    spec = DIGITS / "conv1" / "layer.json"
    options = ("-t", "cortex-m4", "--emulator", "none", "-o", tmp_path / "out", "--format", "json")
    report = convgen(*options, spec).report
    assert 'open">generated and compiled, not run</p>' in as_html(report, tmp_path)
    run = {"emulator": {"kind": "q", "version": "1", "machine": "m", "notes": []}, "vectors": 1}
    real = report | run | {"verified": True, "dtype": "float32", "compared_with": "the reference"}
    page = as_html(real | {"macs": 0, "instructions": 2048}, tmp_path)
    assert "verified on 1 vector: within the float32 bound of the reference" in page
    assert "2.00 per output" in page
    assert "None" not in page


def test_nothing_in_a_report_is_taken_for_markup(tmp_path: Path) -> None:
    hostile = "\"><script>alert(1)</script>'&"
    made = convgen("-t", "cortex-m4", "--emulator", "none", "-o", tmp_path / "out",
                   "--format", "json", DIGITS / "digits.tflite")  # fmt: skip
    report = made.report
    report |= {"model": hostile, "warnings": [hostile], "advice": [hostile], "failure": hostile}
    report["operators"][0]["name"] = report["places"][0]["what"] = hostile
    page = as_html(report, tmp_path)
    assert page.count("<script>") == 1
    assert "alert(1)</script>" not in page
    assert hostile in " ".join(Texts(page).words)


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("kind", "heading", "tip"), [("layer", "flash", "bytes of RAM"), ("model", "MACs", "bytes at")]
)
@pytest.mark.parametrize("width", [400, 1400])
def test_a_browser_sorts_and_tells(
    reports: dict[str, Path], kind: str, heading: str, tip: str, width: int, tmp_path: Path
) -> None:
    browser = shutil.which("chromium")
    if browser is None and not os.environ.get("CONVGEN_REQUIRE_TOOLS"):
        pytest.skip("not installed: chromium")
    report, page = read(reports[kind])
    path = tmp_path / "page.html"
    path.write_text(f"{ACT}{page}{CLICK.replace('HEADING', heading)}", encoding="utf-8")
    command = [
        str(browser), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
        f"--user-data-dir={tmp_path / 'browser'}", f"--window-size={width},900", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    (said,) = re.findall(r'data-found="([^"]*)"', done.stdout)
    found = json.loads(said.replace("&quot;", '"').replace("&amp;", "&"))
    assert found["errors"] == []
    assert not found["wide"]
    assert tip in found["shown"]
    if kind == "layer":
        rows = [row for row in report["candidates"] if row["applicable"]]
        sizes = {row["algorithm"]: row["flash"] for row in rows}
    else:
        sizes = {str(n): each["macs"] for n, each in enumerate(report["operators"])}
    assert sizes[found["first"]] == min(sizes.values())
    assert sizes[found["last"]] == max(sizes.values())
