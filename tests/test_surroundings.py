"""Odd surroundings: files that never end, streams that are closed, places that are not there.

Whatever they are, the command ends with a code of docs/reference.md and one sentence.
"""

from __future__ import annotations

import os
import resource
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import minimal
from command import FIRST, convgen, convgen_process, message, refused, write_spec
from convgen import cli
from convgen.bench.build import toolchain
from convgen.resources import data_dir
from convgen.targets import target

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("workplace")]

NONE = (*FIRST, "--emulator", "none")
M4 = (data_dir("targets") / "cortex-m4.toml").read_text(encoding="utf-8")
LIST = "--list-targets"


# --- files that are none ------------------------------------------------------------------------


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


def link_to_a_pipe(path: Path) -> None:
    os.mkfifo("pipe")
    path.symlink_to("pipe")


NO_FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "pipe": (os.mkfifo, "not a regular file"),
    "link to a pipe": (link_to_a_pipe, "not a regular file"),
    "link to zeros": (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    "link to noise": (lambda path: path.symlink_to("/dev/urandom"), "not a regular file"),
    "folder": (Path.mkdir, "not a regular file"),
    "socket": (a_socket, "No such device or address"),
    "link in a loop": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic"),
}


@pytest.mark.parametrize(("make", "why"), NO_FILES.values(), ids=NO_FILES)
@pytest.mark.parametrize("what", ["spec", "target", "vectors"])
def test_what_is_no_file_is_neither_waited_for_nor_read(
    make: Callable[[Path], Any], why: str, what: str
) -> None:
    name = {"spec": "none.json", "target": "none.toml", "vectors": "none.npz"}[what]
    make(Path(name))
    arguments: dict[str, tuple[str, ...]] = {
        "spec": ("-t", "cortex-m4", name),
        "target": ("-t", name, "layer.json"),
        "vectors": (*FIRST, "--vectors", name),
    }
    assert why in refused(2, *arguments[what])


@pytest.mark.parametrize("make", [make for make, _ in NO_FILES.values()], ids=NO_FILES)
def test_an_array_that_is_no_file_is_refused(make: Callable[[Path], Any]) -> None:
    make(Path("none.npz"))
    write_spec(minimal.inline(weights={"file": "none.npz", "array": "w", "scale": 1}))
    assert refused(2, *FIRST).startswith("weights.file: expected ")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", "/proc/self/mem", "a\0b", "x" * 300])
def test_a_path_that_leads_to_no_file_is_refused(path: str) -> None:
    refused(2, "-t", "cortex-m4", path)
    refused(2, "-t", f"{path}.toml", "layer.json")
    refused(2, *FIRST, "--vectors", path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = " + "[\n" * 20_000, "expected tables a few levels deep, got too many"),
        ("a = " + "{b = " * 800, "expected tables a few levels deep, got too many"),
        (f"{'a.' * 2_000}a = 1", "expected tables a few levels deep, got too many"),
        ("a = " + "1" * 5000, "expected numbers of a sane length, got a longer one"),
        ("a = 0x" + "1" * 5000, "expected numbers of a sane length, got a longer one"),
        (f"{'a.' * 20_000}a = 1", "expected lines of at most 8192 characters"),
        ("a = 1\n" * 20_000, "cannot be read: longer than 65536 bytes"),
        ("a = 1\na = 2", "not TOML: Cannot overwrite a value"),
        ("".join(f"a{i} = 1\n" for i in range(1000)), "... and "),
    ],
    ids=[
        "lists",
        "tables",
        "keys",
        "digits",
        "hex-digits",
        "long-key",
        "long",
        "twice",
        "problems",
    ],
)
def test_a_target_file_out_of_all_proportion_is_refused(text: str, why: str) -> None:
    Path("board.toml").write_text(text)
    said = refused(2, "-t", "board.toml", "layer.json")
    assert why in said
    assert len(said) < 3000


@pytest.mark.parametrize("digits", ["9" * 4300, "9" * 5000, "0" * 5000 + "q", "\u0661\u0662"])
@pytest.mark.parametrize("option", ["-b", "--flash", "--seed", "--flash-wait-states"])
def test_a_number_out_of_all_proportion_is_refused(option: str, digits: str) -> None:
    for number in (digits, f"-{digits}", f"{digits}k"):
        said = refused(2, *FIRST, f"{option}={number}")
        assert "expected" in said
        assert len(said) < 300


@pytest.mark.parametrize(
    "option", ["--target", "--out", "--vectors", "--algorithm", "--budget", "--flash", "--seed"]
)
def test_an_empty_value_is_not_taken_for_none_given(option: str) -> None:
    assert refused(2, *NONE, option, "") == f"{option}: expected a value, got an empty one"


def test_an_empty_path_of_a_spec_is_refused() -> None:
    assert refused(2, "-t", "cortex-m4", "") == "SPEC: expected a value, got an empty one"


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff"])
def test_an_empty_spec_is_called_so(text: str) -> None:
    Path("empty.json").write_text(text, encoding="utf-8")
    said = refused(2, "-t", "cortex-m4", "empty.json")
    assert said == "the spec: expected JSON, got an empty file"


# --- streams ------------------------------------------------------------------------------------


def closing(*streams: int) -> Callable[[], None]:
    return lambda: list(map(os.close, streams)).clear()


@pytest.mark.parametrize("arguments", [NONE, ("--version",)], ids=str)
def test_a_closed_standard_output_is_refused_before_any_work(arguments: tuple[str, ...]) -> None:
    result = convgen_process(*arguments, preexec_fn=closing(1))
    assert message(result) == "cannot write to standard output: it is closed"
    assert result.status == 2
    assert not Path("convgen-out").exists()


def test_other_streams_may_be_closed() -> None:
    result = convgen_process(*NONE, preexec_fn=closing(0, 2))
    assert (result.status, result.stderr) == (0, "")
    assert "generated and compiled, not run" in result.stdout


def test_nobody_needs_to_hear_a_message() -> None:
    assert convgen_process(preexec_fn=closing(0, 1, 2)).status == 2
    with Path("/dev/full").open("w") as full:
        result = convgen_process("nothing", preexec_fn=lambda: os.dup2(full.fileno(), 2) and None)
    assert (result.status, result.stderr) == (2, "")


@pytest.mark.parametrize("option", ["--version", "--help", LIST])
def test_a_full_disk_behind_any_result_is_reported(option: str) -> None:
    with Path("/dev/full").open("w") as full:
        result = convgen_process(option, stdout=full)
    assert message(result) == "cannot write to standard output: No space left on device"
    assert result.status == 2


ENCODINGS = [
    {"PYTHONIOENCODING": "ascii:strict"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


@pytest.mark.parametrize("environment", ENCODINGS, ids=str)
def test_a_path_need_not_be_in_the_encoding_of_a_terminal(environment: dict[str, str]) -> None:
    name = b"\xc3\xbc\xff\xfe"  # as UTF-8, and as nothing
    result = convgen_process(*NONE, "-o", os.fsdecode(name), environment=environment)
    assert (result.status, result.stderr) == (0, "")
    assert os.path.isdir(name)  # noqa: PTH112 - the name is bytes


def test_what_a_message_quotes_is_printable_and_short() -> None:
    evil = "\x1b]0;title\x07\x1b[2J\u202e\ud800\n" + "x" * 300_000
    said = refused(2, "-t", "cortex-m4", evil)
    assert len(said) < 30_000
    assert said.replace("\n", "").isprintable()
    assert "\x1b" not in refused(2, "-t", "\x1b[31mred", "layer.json")
    assert "\x1b" not in refused(2, *FIRST, "\x1b[31mred")


# --- where to write -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("x" * 300, "File name too long"),
        ("a/" * 3000, "--out: cannot write to "),
        ("loop/x", "Too many levels of symbolic links"),
        ("loop", "--out: "),
        ("file/x", "expected a folder, but "),
        ("/proc/x", "--out: cannot write to /proc"),
        ("a\0b", "--out: expected a path, got 'a\\x00b'"),
        ("\ud800", "--out: expected a path, got '\\ud800'"),
    ],
    ids=["long", "deep", "below-loop", "loop", "file", "proc", "nul", "surrogate"],
)
def test_a_place_where_nothing_can_be_written_is_refused(out: str, said: str) -> None:
    Path("loop").symlink_to("loop")
    Path("file").write_text("mine")
    result = convgen(*NONE, "-o", out)
    assert (result.status, result.stdout) == (2, "")
    assert said in message(result)


def test_a_current_folder_that_is_gone_is_refused() -> None:
    spec = Path("layer.json").absolute()
    Path("gone").mkdir()
    os.chdir("gone")
    Path("../gone").rmdir()
    result = convgen("-t", "cortex-m4", "--emulator", "none", spec)
    assert result.status == 2
    assert message(result) == "--out: the current folder has been removed"


# --- the environment ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "", "TMPDIR": "/nowhere", "LANG": "\x1b", "COLUMNS": "x", "TERM": "\x07"},
        {"HOME": "/dev/null", "COLUMNS": "-1", "NO_COLOR": "", "FORCE_COLOR": "1"},
        {"PYTHONSAFEPATH": "1", "PYTHONHASHSEED": "7", "CONVGEN_": "y", "CONVGEN_DEBUG": ""},
    ],
    ids=lambda environment: next(iter(environment)),
)
def test_an_odd_environment_changes_nothing(environment: dict[str, str]) -> None:
    result = convgen_process(*NONE, environment=environment)
    assert (result.status, result.stderr) == (0, "")


def test_without_a_path_to_programs_the_compiler_is_missing() -> None:
    result = convgen_process(*NONE, "--toolchain", "gcc", environment={"PATH": ""})
    assert result.status == 4
    assert "arm-none-eabi-gcc" in message(result)


def test_without_a_temporary_folder_the_system_is_to_blame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_usable(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/nowhere']")

    monkeypatch.setattr("convgen.cli._dispatch", none_usable)
    assert refused(4, *NONE) == (
        "the system refused: No usable temporary directory found in ['/nowhere']"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "not enough memory on this computer"),
        (ModuleNotFoundError("No module named 'rich'"), "a part of convgen is missing, reinstall"),
        (RuntimeError("can't start new thread"), "no thread can be started: not enough memory"),
        (OSError(24, "Too many open files", "x\x1b.c"), "Too many open files: x\\x1b.c"),
    ],
    ids=["memory", "module", "thread", "files"],
)
def test_what_is_foreseeable_is_no_internal_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fails(_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "_dispatch", fails)
    assert said in refused(4, *FIRST)


@pytest.mark.parametrize("kib", [60_000, 120_000, 200_000])
def test_too_little_address_space_is_said_before_a_library_fails(kib: int) -> None:
    limit = (1024 * kib, 1024 * kib)
    result = convgen_process(
        *NONE, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit)
    )
    assert (result.status, result.stdout) == (4, "")
    assert message(result) == "not enough memory on this computer: expected 256 MiB"
    assert not Path("convgen-out").exists()


# --- programs that behave oddly -----------------------------------------------------------------


def a_program(name: str, script: str) -> Path:
    path = Path(name).absolute()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize("script", ["exit 0", "head -c 300000 /dev/zero", "printf '\\033[2J 1'"])
def test_a_compiler_need_not_say_its_version(script: str) -> None:
    program = a_program("mute", script)
    found = toolchain._version((str(program), "-dumpfullversion"), "")
    assert found == "of unknown version"


def test_an_emulator_need_not_say_its_version() -> None:
    a_program("mute", "exit 0")
    machine = (data_dir("targets") / "machines" / "mps2-an386.toml").read_text(encoding="utf-8")
    Path("mute.toml").write_text(
        machine.replace('program = "qemu-system-arm"', f'program = "{Path.cwd()}/mute"')
    )
    Path("board.toml").write_text(M4.replace('"mps2-an386"', '"mute.toml"', 1))
    result = convgen("-t", "board.toml", "layer.json")
    assert result.status == 4
    assert "mps2-an386 ended with status 0 and did not run first" in message(result)


# --- target files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ('*/ __asm__(\\".incbin \\\\\\"/etc/passwd\\\\\\"\\"); /*', "* / __asm__"),
        ("[red]x[/red] ??/", "[red]x[/red] ?? /"),
        ("ends in \\\\", "ends in"),
    ],
)
def test_the_name_of_a_target_stays_inside_its_comment(name: str, printed: str) -> None:
    Path("board.toml").write_text(f'name = "{name}"\n{M4}')
    result = convgen("-t", "board.toml", "--emulator", "none", "layer.json")
    assert result.status == 0, result.stderr
    for suffix in ("first.c", "first.h", "first_weights.c", "first_weights.h"):
        text = (Path("convgen-out/first") / suffix).read_text()
        comment, _, code = text.partition(" */\n")
        assert printed in comment
        assert "incbin" not in code
        assert comment.count("*/") == 0
    assert target.load("board.toml").name in result.stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[cpu]", 'name = "a\\nb"\n[cpu]', "name: expected text of one line"),
        ("[cpu]", 'name = ""\n[cpu]', "name: expected a name of at most 60 characters, got 0"),
        ("[cpu]", f'name = "{"x" * 61}"\n[cpu]', "name: expected a name of at most 60"),
        ('"-mthumb"', '"a\\u0000b"', "flags.1: expected text of one line"),
        ("registers = 13", "registers = 1000000", "cpu.registers: expected less than or equal"),
        ('ram = "256k"', f"ram = {2**70}", "memory.ram: expected"),
    ],
)  # fmt: skip
def test_what_a_target_file_says_is_checked(old: str, new: str, said: str) -> None:
    Path("board.toml").write_text(M4.replace(old, new, 1))
    assert said in refused(2, "-t", "board.toml", "layer.json")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"semihosting.c"', '"../semihosting.c"', "expected a source in firmware/"),
        ('"semihosting.c"', '"/etc/passwd"', "expected a source in firmware/"),
        ('"semihosting.c"', '"none.c"', "expected a source in firmware/"),
        ('"semihosting.c"', '"a/b.c"', "expected a source in firmware/"),
        ('"8/5"', '"1e999999999"', "expected text of a fraction, such as 8/5"),
        ('"8/5"', '"1/0"', "expected text of a fraction, such as 8/5"),
        ("origin = 0x00000000", "origin = -1", "origin: expected greater than or equal to 0"),
    ],
)
def test_what_a_machine_file_says_is_checked(old: str, new: str, said: str) -> None:
    machine = (data_dir("targets") / "machines" / "mps2-an386.toml").read_text(encoding="utf-8")
    assert old in machine
    Path("own.toml").write_text(machine.replace(old, new, 1))
    Path("board.toml").write_text(M4.replace('"mps2-an386"', '"own.toml"', 1))
    assert said in refused(2, "-t", "board.toml", "layer.json")
