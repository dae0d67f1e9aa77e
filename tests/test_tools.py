"""Messages name the culprit: a tool that is missing, failed or hung, the disk, or the layer."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from command import FIRST, convgen, message, refused, tree
from convgen.bench.run import emulator
from convgen.system import process
from fake_tools import COMPILER, EMULATOR, FOLDER, HANGS, fake, runs

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("workplace", "_fakes_first")]

BEGINS = "printf 'empty_stack=0x%016x\\n' 0 >run.txt"  # what the harness says before the call
GCC = ("--toolchain", "gcc", "--emulator", "none")
QEMU = ("--emulator", "qemu-system")


@pytest.fixture
def _fakes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for tools among the fakes first."""
    monkeypatch.setenv("PATH", str(FOLDER.absolute()), prepend=os.pathsep)


def refused_for(*options: str) -> str:
    """Return the message of exit code 4; no file is left."""
    return refused(4, *FIRST, *options)


FAILURES = {
    "words": ("echo 'internal compiler error' >&2; exit 3", "failed with status 3:\n  internal "),
    "words on stdout": ("echo 'no licence'; exit 1", "failed with status 1:\n  no licence\n"),
    "silent": ("exit 1", "failed with status 1 and said nothing\n"),
    "signal": ("kill -SEGV $$", "was ended by SIGSEGV and said nothing\n"),
    "signal and words": ("echo oops >&2; kill -KILL $$", "was ended by SIGKILL:\n  oops\n"),
    "makes nothing": ("exit 0", "ended with status 0, but did not make verify/"),
    "makes rubbish": (
        'for made; do :; done; echo rubbish >"$made"',
        "ended with status 0, but did not make verify/",
    ),
}


@pytest.mark.parametrize(("does", "expected"), FAILURES.values(), ids=FAILURES)
def test_a_compiler_that_fails_is_there_and_need_not_be_installed(does: str, expected: str) -> None:
    fake(COMPILER, does)
    told = refused_for(*GCC)
    assert told.startswith(f"{COMPILER} {expected}")
    assert f"\n  command: {COMPILER} -std=c99 " in told
    assert "install" not in told


def test_a_compiler_that_hangs_ends_the_run_at_once(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path_factory.mktemp("pids") / "pids"
    monkeypatch.setenv("PIDS", str(pids))
    monkeypatch.setattr(process, "TOOL_S", 1.0)
    fake(COMPILER, HANGS)
    told = refused_for(*GCC)
    assert told.startswith(f"{COMPILER} hung: it was ended after 1 s\n  command: {COMPILER} ")
    assert "install" not in told
    begun = [int(pid) for pid in pids.read_text().split()]
    assert 2 <= len(begun) <= 2 * 2 * (os.cpu_count() or 1)  # two pools' first jobs, a child each
    assert not any(map(runs, begun))


@pytest.mark.parametrize("made", ["not executable", "a folder", "another system's"])
def test_a_compiler_that_cannot_be_started_is_there(
    made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(COMPILER, "exit 0", mode=0o755 if made == "another system's" else 0o644)
    if made == "a folder":
        (FOLDER / COMPILER).unlink()
        (FOLDER / COMPILER).mkdir()
    if made == "another system's":
        (FOLDER / COMPILER).write_text("#!/no/such/interpreter\n")
    monkeypatch.setenv("PATH", str(FOLDER.absolute()))  # not the real one behind it
    told = refused_for(*GCC)
    if made == "another system's":
        program = (FOLDER / COMPILER).absolute()
        assert told.startswith(f"cannot run {program}: {program} is there, but not what it needs")
    else:
        assert told.startswith(f"cannot run {COMPILER}: Permission denied\n  command: {COMPILER} ")
    assert "install" not in told


@pytest.mark.parametrize(
    ("tool", "options"), [(COMPILER, GCC), (EMULATOR, QEMU)], ids=["compiler", "emulator"]
)
@pytest.mark.parametrize(
    ("does", "expected"),
    {
        "fails": ("exit 9", " failed with status 9 and said nothing\n"),
        "hangs": ("sleep 600", " hung: it was ended after 2 s\n"),
    }.values(),
    ids=["fails", "hangs"],
)
def test_a_tool_that_tells_no_version_is_named(
    tool: str, options: tuple[str, ...], does: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "hung" in expected:
        monkeypatch.setattr(process, "VERSION_S", 2.0)
    fake(tool, does, version=False)
    told = refused_for(*options)
    assert f"{tool}{expected}" in told
    assert "install" not in told


RUNS = {
    "hangs before it starts": ("sleep 600", " hung: it was ended after 2 s\n"),
    "fails": ("echo 'no such machine' >&2; exit 1", " failed with status 1:\n  no such machine\n"),
    "is killed": ("kill -KILL $$", " was ended by SIGKILL and said nothing\n"),
    "is killed while the layer runs": (
        f"{BEGINS}; echo oh >&2; kill -ABRT $$",
        " was ended by SIGABRT:\n",
    ),
}


@pytest.mark.parametrize(("does", "expected"), RUNS.values(), ids=RUNS)
def test_an_emulator_that_fails_is_not_blamed_on_the_layer(
    does: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "hung" in expected:
        monkeypatch.setattr(emulator, "SHORTEST_TIMEOUT_S", 2.0)
    fake(EMULATOR, does)
    told = refused_for(*QEMU)
    assert told.startswith(f"{EMULATOR}{expected}")
    assert "install" not in told


def test_a_layer_that_does_not_return_is_named_and_its_files_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(emulator, "SHORTEST_TIMEOUT_S", 5.0)  # far above what BEGINS takes
    fake(EMULATOR, f"{BEGINS}; sleep 600")
    result = convgen(*FIRST, *QEMU)
    assert result.status == 1
    assert "first did not return within 5 s on mps2-an386" in message(result)
    assert "verify/first.elf" in tree(Path("convgen-out/first"))


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_tool_that_prints_without_an_end_is_ended(
    stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MOST_OUTPUT_BYTES", 10**6)
    fake(COMPILER, f"yes hello >&{stream}")
    told = refused_for(*GCC)
    assert told.startswith(
        f"{COMPILER} was ended: it printed more than 1,000,000 bytes:\n  hello\n"
    )
    assert len(told) < 5000


def test_what_a_tool_leaves_running_is_not_waited_for() -> None:
    """It holds the tool's standard output and standard error."""
    script = "echo said; echo told >&2; sleep 600 & echo $! >pid"
    done = process.run(["sh", "-c", script], timeout=500)  # the child takes longer
    left = int(Path("pid").read_text())
    assert runs(left)
    assert (done.status, done.stdout, done.stderr) == (0, "said\n", "told\n")
    os.kill(left, signal.SIGKILL)


def test_all_tools_of_a_run_have_one_allowance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "ALL_S", 1.5)
    fake(COMPILER, "sleep 600")
    told = refused_for(*GCC)
    expected = "was ended: all tools of a run together may take 1.5 s, which are over"
    assert told.startswith(f"{COMPILER} {expected}\n  command: {COMPILER} ")
