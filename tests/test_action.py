"""The action for GitHub: what its YAML says, and its script with the environment it has there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from convgen.choices import MODELS

ROOT = Path(__file__).parents[1]
ACTION = ROOT / "docker" / "action"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SPEC = ROOT / "examples" / "digits" / "conv1" / "layer.json"


def described(path: Path) -> Any:
    """What a YAML file says."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@dataclass
class Runner:
    """A folder in which the script of the action runs as on GitHub."""

    folder: Path
    inputs: dict[str, str] = field(default_factory=dict)

    def run(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run it with these inputs beside the usual ones."""
        given = {"SPEC": str(SPEC), "TARGET": "cortex-m4", "OUT": "out/c"} | inputs
        shim = self.folder / "bin" / "convgen"
        shim.parent.mkdir(exist_ok=True)
        shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m convgen "$@"\n')
        shim.chmod(0o755)
        environment = {
            **os.environ,
            "PATH": f"{shim.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "codegen"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_OUTPUT": str(self.folder / "outputs"),
            **{f"CONVGEN_{name}": value for name, value in given.items()},
        }
        return subprocess.run(
            ["bash", ACTION / "run.sh"], cwd=self.folder, env=environment, check=False,
            capture_output=True, text=True, timeout=200,
        )  # fmt: skip

    @property
    def summary(self) -> str:
        """What the job shows."""
        return (self.folder / "summary.md").read_text(encoding="utf-8")


@pytest.mark.emulator
def test_a_run_and_its_comparison(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    done = runner.run(OPTIONS="--optimize 'spe ed' --seed \"$(touch pwned)\"")
    assert done.returncode == 2
    assert "--optimize: invalid choice: 'spe ed'" in runner.summary
    assert not (tmp_path / "pwned").exists()

    done = runner.run(BUDGET="64k", FLASH="256k")
    assert (done.returncode, done.stderr) == (0, "")
    assert "conv1 on cortex-m4: " in runner.summary
    assert "report=out/c/report.json" in (tmp_path / "outputs").read_text()
    assert (tmp_path / "out" / "c.junit.xml").is_file()

    shutil.copy(tmp_path / "out" / "c" / "report.json", tmp_path / "stored.json")
    limits = {"BASELINE": "stored.json", "FAIL_ON": "instructions:+0%,ram:+0%"}
    assert runner.run(**limits).returncode == 0
    worse = runner.run(**limits, OPTIONS="--algorithm kn2row")
    assert worse.returncode == 1
    assert "instructions: " in worse.stderr
    assert "| `instructions` |" in runner.summary
    assert "- algorithm: " in runner.summary

    short = runner.run(BUDGET="64")
    assert short.returncode == 3


def test_the_action_hands_its_inputs_over_by_name() -> None:
    action = described(ACTION / "action.yml")
    steps = action["runs"]["steps"]
    scripts = [re.search(r"\w+\.sh", step["run"]) for step in steps if "run" in step]
    assert all(found and (ACTION / found[0]).is_file() for found in scripts)
    (environment,) = (step["env"] for step in steps if "env" in step)
    handed = {re.sub(r"\W", "", text.partition(".")[2]) for text in environment.values()}
    assert handed == {name.replace("-", "") for name in action["inputs"]}
    read = set(re.findall(r"CONVGEN_[A-Z_]+", (ACTION / "run.sh").read_text()))
    assert read == set(environment)
    # Text of an input in a command line would be run.
    assert not any("inputs." in step.get("run", "") for step in steps)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_what_ci_runs(path: Path) -> None:
    jobs = described(path)["jobs"]
    commands = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    assert any(".ci/run" in command for command in commands)


def test_the_action_takes_all_that_convgen_does_and_keeps_the_verdict() -> None:
    action = described(ACTION / "action.yml")
    assert all(suffix in action["inputs"]["spec"]["description"] for suffix in (".json", *MODELS))
    (kept,) = (step["with"]["path"] for step in action["runs"]["steps"] if "with" in step)
    assert kept.split("\n")[:2] == ["${{ inputs.out }}", "${{ inputs.out }}.junit.xml"]
    assert "[onnx,portable]" in (ACTION / "install.sh").read_text(encoding="utf-8")


def test_scripts_parse() -> None:
    for script in ACTION.glob("*.sh"):
        subprocess.run(["bash", "-n", script], check=True, timeout=20)
