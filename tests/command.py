"""Run the command as users do, and look at all it leaves behind: status, both streams, files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from convgen.cli import main

FIRST = ("-t", "cortex-m4", "layer.json")  # where the fixture "workplace" puts a layer
SOURCE = Path(__file__).resolve().parents[1] / "codegen"


@dataclass(frozen=True)
class Result:
    """What one run of the command came to."""

    status: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """The report that ``--format json`` printed."""
        report: dict[str, Any] = json.loads(self.stdout)
        return report


def convgen(*arguments: object) -> Result:
    """Run the command in this process, which is quick."""
    stdout, stderr = StringIO(), StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as leaving:  # --help and --version
            status = int(leaving.code or 0)
    assert "internal error" not in stderr.getvalue()
    return Result(status, stdout.getvalue(), without_progress(stderr.getvalue()))


def convgen_process(
    *arguments: object, environment: Mapping[str, str] | None = None, **more: Any
) -> Result:
    """Run ``python -m convgen``, with *more* for `subprocess.run`."""
    done = subprocess.run(
        [sys.executable, "-m", "convgen", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=more.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
        **more,
    )
    return Result(done.returncode, done.stdout or "", without_progress(done.stderr))


def without_progress(said: str) -> str:
    """Return what was *said* on standard error without what a slow computer is told meanwhile."""
    return re.sub(r"^convgen: .* \(\d+ s\)\n", "", said, flags=re.MULTILINE)


def generated(*arguments: object) -> dict[str, Any]:
    """Run the command, which must succeed without a word on standard error; return its report."""
    result = convgen(*arguments, "--format", "json")
    assert (result.status, result.stderr) == (0, "")
    return result.report


def refused(status: int, *arguments: object) -> str:
    """Run the command, which must fail with *status* and write nothing; return its message."""
    before = tree(Path())
    result = convgen(*arguments)
    assert (result.status, result.stdout) == (status, "")
    assert tree(Path()) == before
    return message(result)


def unfitting(*arguments: object, out: Path) -> str:
    """Run the command, for which nothing fits; return its message. The report says the same."""
    result = convgen(*arguments)
    assert result.status == 3
    said = message(result)
    assert "nothing fits the budget" in result.stdout
    kept = json.loads((out / "report.json").read_text())
    assert (kept["verified"], kept["memory"], kept["failure"]) == (False, None, said)
    assert {path.name for path in out.iterdir()} <= {"report.json", "report.html", "verify"}
    return said


def message(result: Result) -> str:
    """Return what the command said on standard error, without its name in front."""
    assert result.stderr.startswith("convgen: ")
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr
    return result.stderr.removeprefix("convgen: ").rstrip("\n")


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file under *folder* with its content; None stands for a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def write_spec(fields: dict[str, Any], path: Path = Path("layer.json")) -> Path:
    """Write *fields* as a layer spec; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields))
    return path
