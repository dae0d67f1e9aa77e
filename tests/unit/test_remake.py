from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from cases import CASES
from command import convgen, generated, tree, write_spec
from convgen.sources.remake import quote

NAMES = [
    "layer.json",
    "a b.json",
    "it's $HOME.json",
    "`id` ;&|<>(){}[]~#!.json",
    'quo"te\\.json',
    "line\nbreak\r\t\x1b[31m.json",
    "*",
    "??",
    "ünd…日本.json",
    "not-utf8-\udcff.json",
]


@pytest.mark.parametrize("word", [*NAMES, "*/ #include </etc/passwd>", "/* //", "??/"])
def test_bash_reads_back_what_was_quoted(word: str) -> None:
    quoted = quote(word)
    assert quoted.isascii()
    assert quoted.isprintable()
    assert not re.search(r"\*/|/\*|\?\?/|\\$", quoted)
    bash = shutil.which("bash") or "bash"
    printed = subprocess.run(
        [bash, "-c", f"printf %s {quoted}"], capture_output=True, check=True, timeout=60
    ).stdout
    assert printed == word.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("name", ["*.json", "line\nbreak.json", "-b 1.json"])
@pytest.mark.usefixtures("workplace")
def test_the_command_in_a_file_prints_the_file_again(name: str, tmp_path: Path) -> None:
    write_spec(CASES["deep"], Path(name))
    options = ("--emulator", "none", "-t", "cortex-m4", "-b", "2M", "--seed", "3", "--overlap")
    generated(*options, "-o", tmp_path / "first", f"./{name}")
    text = (tmp_path / "first" / "deep.h").read_text()
    comment = " ".join(line.removeprefix(" *") for line in text.partition("*/")[0].splitlines())
    command = re.search(r"convgen --target .*", comment)
    assert command
    words = subprocess.run(
        [shutil.which("bash") or "bash", "-fc", f"printf '%s\\0' {command.group()}"],
        capture_output=True, check=True, text=True, timeout=60,
    ).stdout.split("\0")[1:-1]  # fmt: skip
    assert "--overlap" in words
    again = convgen(*words, "--emulator", "none", "-o", tmp_path / "again")
    assert (again.status, again.stderr) == (0, "")
    sources = [
        {name: data for name, data in tree(tmp_path / run).items() if re.search(r"\.[ch]$", name)}
        for run in ("first", "again")
    ]
    assert sources[0] == sources[1]


@pytest.mark.usefixtures("workplace")
def test_a_target_file_and_a_folder_are_named_without_their_path(tmp_path: Path) -> None:
    board = Path(__file__).resolve().parents[2] / "targets" / "cortex-m4.toml"
    (tmp_path / "boards").mkdir()
    shutil.copy(board, tmp_path / "boards" / "mine.toml")
    write_spec(CASES["deep"], tmp_path / "specs" / "layer.json")
    options = ("--emulator", "none", "-t", tmp_path / "boards" / "mine.toml", "-o", "out")
    generated(*options, tmp_path / "specs" / "layer.json")
    text = Path("out/deep.c").read_text()
    assert shlex.split(text.partition("convgen --target ")[2].splitlines()[0])[0] == "mine.toml"
    assert str(tmp_path) not in text
