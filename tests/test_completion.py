"""``--completion``: what a shell then offers."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from command import convgen, message
from convgen import api
from convgen.choices import GOALS
from convgen.cli import build_parser
from convgen.targets import target


def offered(script: str, *words: str) -> list[str]:
    """Return what bash offers for the last of *words*."""
    line = " ".join(map(shlex.quote, ("convgen", *words)))
    ask = f"""{script}
        COMP_WORDS=({line}); COMP_CWORD={len(words)}; COMPREPLY=()
        $(complete -p convgen | sed 's/.*-F \\([^ ]*\\).*/\\1/') convgen
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    command = ["bash", "--norc", "-c", ask]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [word.strip() for word in run.stdout.split()]


def test_bash_completes_options_and_what_they_may_be() -> None:
    script = convgen("--completion", "bash").stdout
    options = set(re.findall(r"--[a-z-]+", build_parser().format_help()))
    assert set(offered(script, "--")) >= options
    assert offered(script, "--optimize", "") == list(GOALS)
    assert offered(script, "-t", "cortex-m3") == ["cortex-m3", "cortex-m33"]
    assert set(offered(script, "--target", "")) == {board.name for board in api.targets()}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_every_option(shell: str) -> None:
    script = convgen("--completion", shell).stdout
    assert "wait-states" in script
    assert "cortex-m55" in script


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("convgen.extras.import_module", missing)
    result = convgen("--completion", "bash")
    assert (result.status, result.stdout) == (4, "")
    assert 'pip install "convgen[completion]"' in message(result)


def test_the_help_has_examples_that_are_commands() -> None:
    text = convgen("--help").stdout
    examples = re.findall(r"^  (convgen .*?)(?:  .*)?$", text.partition("examples:")[2], re.M)
    assert len(examples) == 3
    for example in examples:
        found = build_parser().parse_args(shlex.split(example)[1:])
        assert Path(*found.specs).suffix in (".json", ".tflite")
        assert found.target in target.names()
    assert max(map(len, text.partition("examples:")[2].splitlines())) <= 80
