"""Candidates tried beside each other: the order is the one asked for, and a failure ends it."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import minimal
import trials
from convgen.bench import attempts
from convgen.bench.attempts import Attempts
from convgen.bench.build import toolchain
from convgen.errors import BuildError, ToolError
from convgen.schedule.select import Candidate

CANDIDATES = trials.select(minimal.made_up()).candidates[:6]
LONGEST_FIRST = sorted(CANDIDATES, key=lambda candidate: -candidate.instructions)


def attempts_on(tmp_path: Path, *, model: str | None = None) -> Attempts:
    bench: Any = SimpleNamespace(
        emulator=SimpleNamespace(model=model), machine=None, toolchain=None
    )
    return Attempts(bench, tmp_path, 1000, lambda _: None, roomy=True)


def patched(monkeypatch: pytest.MonkeyPatch, failing: dict[Candidate, Exception]) -> list[str]:
    """Let the first take the longest, and some fail; return the folders, in their order."""
    folders: list[str] = []

    def build(candidate: Candidate, _bench: object, folder: Path, _ram: int) -> object:
        folders.append(folder.name)
        if candidate in failing:
            raise failing[candidate]
        time.sleep(0.02 * (len(CANDIDATES) - CANDIDATES.index(candidate)))
        return trials.built(candidate, stack=100)

    def put_to_test(built: Any, *_: object, **__: object) -> object:
        return trials.tried(built.candidate, instructions=1)

    monkeypatch.setattr(toolchain, "firmware_of", lambda *_: ())
    monkeypatch.setattr(attempts, "build", build)
    monkeypatch.setattr(attempts, "put_to_test", put_to_test)
    return folders


def test_the_order_is_the_one_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing: dict[Candidate, Exception] = {c: BuildError("no") for c in CANDIDATES[2:4]}
    folders = patched(monkeypatch, failing)
    tried = attempts_on(tmp_path)
    tried.all(CANDIDATES)
    assert [t.candidate for t in tried.trials] == [c for c in CANDIDATES if c not in failing]
    assert list(tried.unbuilt) == list(failing)
    assert sorted(folders) == [f"{i}_{c.algorithm}" for i, c in enumerate(CANDIDATES)]


def test_a_tool_that_fails_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    folders = patched(monkeypatch, {LONGEST_FIRST[1]: ToolError("gone")})
    with pytest.raises(ToolError, match="gone"):
        attempts_on(tmp_path).all(CANDIDATES)
    assert len(folders) < len(CANDIDATES)


def test_what_runs_in_this_process_runs_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = patched(monkeypatch, {})
    attempts_on(tmp_path, model="cortex-m3").all(CANDIDATES)
    names = {c: f"{i}_{c.algorithm}" for i, c in enumerate(CANDIDATES)}
    assert folders == [names[candidate] for candidate in LONGEST_FIRST]
