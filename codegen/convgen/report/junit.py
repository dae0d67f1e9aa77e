"""The verdict as JUnit's XML, which CI servers read: a test case for each candidate that ran."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convgen.errors import ConvgenError, ExitCode, UsageError
from convgen.printable import LINE, word
from convgen.system import files

BEGIN = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites'
"""Of every file that this writes, and only of these is one replaced."""

KINDS = {ExitCode.WRONG_OUTPUT: "failure", ExitCode.NO_FIT: "failure"}
"""What a test case has by an exit code; of the others it is an error."""

GROUPS = ("memory", "flash", "budget", "onnxruntime")
"""What of a report is several figures."""

Verdict = tuple[str, Mapping[str, Any] | None, ConvgenError | None]
"""What a layer or model is called, what its run reports if it got so far, what it ended with."""


@dataclass(frozen=True, slots=True)
class Junit:
    """A file of verdicts. Raises UsageError.

    Nothing is lost to the user: only a file that this wrote is ever replaced.
    """

    path: Path

    def __post_init__(self) -> None:
        """Refuse a place where no file can be written, or another is."""
        shown = word(str(self.path), LINE)
        if not self.path.parent.is_dir():
            raise UsageError(f"--junit: {shown}: expected a file in a folder that is there")
        if not self.path.exists():
            return
        try:
            with files.opened(self.path) as file:
                is_own = file.read(len(BEGIN)) == BEGIN.encode()
        except files.Unreadable as reason:
            raise UsageError(f"--junit: {shown}: {reason}") from None
        if not is_own:
            raise UsageError(f"--junit: {shown} is no JUnit file; remove it or name another")

    def write(self, *verdicts: Verdict) -> None:
        """Write them, a suite for each."""
        try:
            files.write(self.path, as_xml(verdicts).encode())
        except OSError as error:
            shown = word(str(self.path), LINE)
            raise UsageError(f"--junit: cannot write {shown}: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class Case:
    """A test case: what was tried, and what went wrong."""

    name: str
    problem: str | None = None
    kind: str = "failure"


def as_xml(verdicts: Iterable[Verdict]) -> str:
    """Return the text of the file."""
    suites = ET.Element("testsuites")
    suites.extend(map(_suite, verdicts))
    ET.indent(suites)
    head, _, _ = BEGIN.partition("\n")
    return f"{head}\n{ET.tostring(suites, 'unicode')}\n"


def _suite(verdict: Verdict) -> ET.Element:
    name, report, failure = verdict
    cases = [_verdict(failure), *(_candidates(report) if report else ())]
    problems = [case.kind for case in cases if case.problem]
    suite = ET.Element(
        "testsuite",
        name=_printable(name),
        tests=str(len(cases)),
        failures=str(problems.count("failure")),
        errors=str(problems.count("error")),
    )
    if report:
        properties = ET.SubElement(suite, "properties")
        for key, value in _figures(report):
            ET.SubElement(properties, "property", name=key, value=value)
    for case in cases:
        element = ET.SubElement(suite, "testcase", classname=_printable(name), name=case.name)
        if case.problem:
            problem = _printable(case.problem)
            ET.SubElement(element, case.kind, message=problem.partition("\n")[0]).text = problem
    return suite


def _verdict(failure: ConvgenError | None) -> Case:
    if failure is None:
        return Case("verdict")
    return Case("verdict", str(failure), KINDS.get(failure.exit_code, "error"))


def _candidates(report: Mapping[str, Any]) -> Iterator[Case]:
    for number, row in enumerate(report.get("candidates", ())):
        measured = row.get("measured")
        if measured:
            name = row.get("algorithm") or f"plan {number} of {row.get('arena', 0):,} bytes"
            wrong = None if measured["verified"] else row.get("failure") or "its output is wrong"
            yield Case(_printable(name), wrong)


def _figures(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the figures of the report, by their paths, as JSON has them."""
    for key, value in report.items():
        within = value if key in GROUPS and isinstance(value, dict) else {}
        figures = {key: value} | {f"{key}.{inner}": each for inner, each in within.items()}
        for name, figure in figures.items():
            if isinstance(figure, str):
                yield _printable(name), _printable(figure)
            elif isinstance(figure, int | float):
                yield _printable(name), json.dumps(figure)


def _printable(text: str) -> str:
    """Return *text* without what XML has no way to say."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
