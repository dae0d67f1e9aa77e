"""A signal ends the command at once, whatever it is doing, and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from cases import CASES
from command import FIRST, SOURCE, tree, without_progress, write_spec
from convgen.system import staging
from convgen.system.publishing import SUMS
from fake_tools import COMPILER, EMULATOR, FOLDER, HANGS, fake, runs

pytestmark = [pytest.mark.emulator, pytest.mark.usefixtures("workplace", "own_cache")]

HUNG_S = 500.0  # less than what it would wait for takes: what has not ended by then does not end
SAID = {
    signal.SIGINT: "convgen: interrupted\n",
    signal.SIGTERM: "convgen: ended by SIGTERM\n",
    signal.SIGHUP: "convgen: ended by SIGHUP\n",
    signal.SIGQUIT: "convgen: ended by SIGQUIT\n",
    signal.SIGXCPU: "convgen: ended by SIGXCPU\n",
}
COMMAND = (sys.executable, "-m", "convgen")


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder beside that of the run: for what the fakes tell, and for temporary files."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "tmp").mkdir()
    return folder


@contextmanager
def started(
    outside: Path, *arguments: str, command: Sequence[str] = COMMAND, **more: Any
) -> Iterator[subprocess.Popen[str]]:
    """Run the command with the fakes in front, and *more* for `subprocess.Popen`."""
    environment = {
        "PATH": f"{FOLDER.absolute()}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(SOURCE),
        "PIDS": str(outside / "pids"),
        "TMPDIR": str(outside / "tmp"),
        **more.pop("environment", {}),
    }
    streams = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE) | more
    process = subprocess.Popen(
        [*command, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        text=True,
        **streams,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(there: Callable[[], object]) -> None:
    until = time.monotonic() + HUNG_S
    while not there():
        assert time.monotonic() < until, "the moment to interrupt at did not come"
        time.sleep(0.01)


def ends(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """See *process* end as it should after signal *number*, which it has been sent."""
    stdout, stderr = process.communicate(timeout=HUNG_S)
    said = without_progress(stderr)  # which tells of what takes long here
    assert (process.returncode, stdout, said) == (128 + number, "", SAID[number])


def hung(outside: Path) -> Callable[[], bool]:
    pids = outside / "pids"
    return lambda: pids.exists() and len(pids.read_text().split()) >= 2


def nothing_is_left(outside: Path, before: dict[str, bytes | None]) -> None:
    assert tree(Path()) == before
    assert list((outside / "tmp").iterdir()) == []
    nobody_is_left(outside)


def nobody_is_left(outside: Path) -> None:
    pids = outside / "pids"
    wait_for(lambda: not any(runs(int(pid)) for pid in pids.read_text().split()))


@pytest.mark.parametrize("number", SAID)
def test_a_hung_compiler_and_its_children_are_ended(number: signal.Signals, outside: Path) -> None:
    fake(COMPILER, f"mktemp >/dev/null; {HANGS}")
    before = tree(Path())
    with started(outside, *FIRST, "--emulator", "none", "--compare") as process:
        wait_for(hung(outside))
        process.send_signal(number)
        ends(process, number)
    nothing_is_left(outside, before)


def test_what_runs_is_ended_also_where_the_command_is_killed(outside: Path) -> None:
    """The next run removes the folder that is left."""
    fake(COMPILER, HANGS)
    before = tree(Path())
    with started(outside, *FIRST, "--emulator", "none", "--compare") as process:
        wait_for(hung(outside))
        process.kill()
        process.wait(HUNG_S)
    nobody_is_left(outside)
    staging.sweep(Path().absolute())
    assert tree(Path()) == before


WORKERS = """
import os, time
from pathlib import Path
from measure import in_parallel

def work(number):
    with Path(os.environ["PIDS"]).open("a") as told:
        print(os.getpid(), file=told, flush=True)
    time.sleep(600)

list(in_parallel(work, {"all": range(2)}))
"""


def test_what_measures_beside_a_benchmark_ends_with_it(outside: Path) -> None:
    path = os.pathsep.join(map(str, (SOURCE, SOURCE.parent / "benchmarks")))
    command = (sys.executable, "-c", WORKERS)
    with started(outside, command=command, environment={"PYTHONPATH": path}) as process:
        wait_for(hung(outside))
        process.kill()
        process.wait(HUNG_S)
        nobody_is_left(outside)


@pytest.mark.parametrize("tool", [COMPILER, EMULATOR])
def test_a_tool_that_does_not_tell_its_version_is_ended(tool: str, outside: Path) -> None:
    fake(tool, HANGS, version=False)
    before = tree(Path())
    with started(outside, *FIRST, "--emulator", "qemu-system") as process:
        wait_for(hung(outside))
        process.send_signal(signal.SIGINT)
        ends(process, signal.SIGINT)
    nothing_is_left(outside, before)


def test_a_hung_emulator_is_ended_however_often_it_is_asked_for(outside: Path) -> None:
    fake(EMULATOR, HANGS)
    before = tree(Path())
    with started(outside, *FIRST, "--emulator", "qemu-system") as process:
        wait_for(hung(outside))
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
            time.sleep(0.02)
        ends(process, signal.SIGINT)
    nothing_is_left(outside, before)


def test_imports_are_interrupted(outside: Path) -> None:
    slow = outside / "slow"
    slow.mkdir()
    there = outside / "imports"
    (slow / "numpy.py").write_text(
        f"import pathlib, time\npathlib.Path({str(there)!r}).touch()\ntime.sleep(600)\n"
    )
    first = {"PYTHONPATH": f"{slow}{os.pathsep}{SOURCE}"}
    with started(outside, *FIRST, environment=first) as process:
        wait_for(there.exists)
        process.send_signal(signal.SIGINT)
        ends(process, signal.SIGINT)


def test_an_emulation_in_this_process_is_interrupted(outside: Path) -> None:
    write_spec({**CASES["first"], "input": {"shape": [120, 120, 16], "dtype": "int8"}})
    before = tree(Path())
    (outside / "pids").touch()
    with started(outside, *FIRST, "-b", "8M", "--emulator", "unicorn") as process:
        wait_for(lambda: any(Path().rglob("run.txt")))
        process.send_signal(signal.SIGTERM)
        ends(process, signal.SIGTERM)
    nothing_is_left(outside, before)


def test_nothing_but_python_itself_is_imported_before_an_interrupt_is_quiet(
    outside: Path,
) -> None:
    probe = "import runpy, sys; sys.argv = ['x', '--version']; before = set(sys.modules)\n"
    probe += "import _signal\n"
    probe += "def said(*arguments):\n    print(*sorted(set(sys.modules) - before), flush=True)\n"
    probe += "    sys.stdout.flush()\n    import os\n    os._exit(0)\n"
    probe += "_signal.signal = said\nrunpy.run_module('convgen', run_name='__main__')"
    with started(outside, command=(sys.executable, "-c", probe)) as process:
        loaded = set(process.communicate()[0].split())
    assert loaded <= {"convgen", "convgen.__main__", "_signal", "gc", "__future__"}


LONG_CALL = """
from ctypes import CDLL, create_string_buffer
from convgen.system import interrupt
interrupt.watch()
lock, mutex = CDLL(None).pthread_mutex_lock, create_string_buffer(64)
lock(mutex)
print("there", flush=True)
lock(mutex)
"""


def test_a_call_of_a_library_that_does_not_return_is_interrupted(outside: Path) -> None:
    """No instruction of Python runs in the main thread meanwhile, so no handler would either."""
    with started(outside, command=(sys.executable, "-c", LONG_CALL)) as process:
        assert process.stdout
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGINT)
        ends(process, signal.SIGINT)


def test_nobody_reads_what_it_says(outside: Path) -> None:
    """Standard output and standard error are full."""
    fake(COMPILER, HANGS)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while os.write(writer, bytes(4096)):
            pass
    os.set_blocking(writer, True)
    options = (*FIRST, "--emulator", "none")
    with started(outside, *options, stdout=writer, stderr=writer) as process:
        wait_for(hung(outside))
        process.send_signal(signal.SIGINT)
        assert process.wait(HUNG_S) == 130
    os.close(reader)
    os.close(writer)


IGNORING = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, "-m", "convgen", *sys.argv[1:]])
"""


def test_signals_that_it_is_told_to_ignore_are_ignored(outside: Path) -> None:
    """As nohup tells it, and a shell that starts it in the background."""
    fake(COMPILER, HANGS)
    command = (sys.executable, "-c", IGNORING)
    with started(outside, *FIRST, "--emulator", "none", command=command) as process:
        wait_for(hung(outside))
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        ends(process, signal.SIGTERM)  # which it says of the first that it heeds


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_at_any_moment_of_a_run_there_are_the_old_files_or_the_new(
    number: signal.Signals, outside: Path
) -> None:
    options = ("-o", "out", "--emulator", "none", "--toolchain", "gcc")
    start = time.monotonic()
    with started(outside, *FIRST, *options) as process:
        process.communicate()
    takes = time.monotonic() - start
    for moment in range(4):
        before = tree(Path("out"))
        with started(outside, *FIRST, *options, "--seed", str(moment + 1)) as process:
            time.sleep(takes * (0.4 + moment / 6))
            process.send_signal(number)
            process.communicate(timeout=HUNG_S)
        staging.sweep(Path("out").absolute())  # as the next run does
        assert process.returncode in (0, 128 + number, -number)
        assert process.returncode or tree(Path("out")) != before
        check = ["sha256sum", "--quiet", "--check", SUMS]
        assert subprocess.run(check, cwd="out", check=False).returncode == 0
    assert list((outside / "tmp").iterdir()) == []
