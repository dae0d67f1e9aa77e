"""Damaged inputs of every kind: two minutes in all, with ``--fuzz-seconds N`` so long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import SOURCE
from fuzzing import KINDS

pytestmark = pytest.mark.slow

WORKER = Path(__file__).with_name("fuzzing.py")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_inputs_are_taken_or_refused(kind: str, request: pytest.FixtureRequest) -> None:
    seconds = float(request.config.getoption("--fuzz-seconds")) / len(KINDS)
    seed = str(request.config.getoption("--fuzz-seed"))
    done = subprocess.run(
        [sys.executable, str(WORKER), kind, seed, str(seconds)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=seconds + 200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
