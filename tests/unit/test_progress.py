"""What is told meanwhile where there is no terminal: a line now and then, with how far it is."""

from __future__ import annotations

import re
import threading
import time
from contextlib import redirect_stderr
from io import StringIO

import pytest

from command import FIRST
from convgen import cli, progress

HUNG_S = 300.0


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.01)


@pytest.mark.usefixtures("_often")
def test_the_latest_is_told_again_and_again() -> None:
    until = time.monotonic() + HUNG_S
    with redirect_stderr(StringIO()) as said, progress.progress() as say:
        say("one")
        say("two")
        while said.getvalue().count("\n") < 4 and time.monotonic() < until:
            time.sleep(0.005)
    lines = said.getvalue().splitlines()
    assert len(lines) >= 4
    assert all(re.fullmatch(r"convgen: two \(\d+ s\)", line) for line in lines[-3:])
    assert threading.active_count() == 1


def test_what_is_quick_is_not_told_of() -> None:
    with redirect_stderr(StringIO()) as said, progress.progress() as say:
        say("one")
    assert said.getvalue() == ""


@pytest.mark.usefixtures("_often")
def test_where_no_thread_can_be_started_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with redirect_stderr(StringIO()) as said, progress.progress() as say:
        say("one")
    assert said.getvalue() == ""


@pytest.mark.usefixtures("_often", "workplace", "own_cache")
def test_a_comparison_says_how_many_of_how_many() -> None:
    with redirect_stderr(StringIO()) as said:
        status = cli.main([*FIRST, "--compare", "--algorithm", "im2col", "--emulator", "none"])
    assert status == 0
    told = r"^convgen: [1-9]/[2-9] im2col\w*: generating, compiling \(\d+ s\)$"
    assert re.search(told, said.getvalue(), re.MULTILINE)
