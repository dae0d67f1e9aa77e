"""The folder that a run works in: gone afterwards, whoever else works beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from command import SOURCE
from convgen.errors import UsageError
from convgen.system import staging
from convgen.system.staging import staging_folder

OUT = Path("out")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_everything_temporary_is_in_it_and_gone_with_it() -> None:
    before = tempfile.gettempdir()
    with staging_folder(OUT, ()) as stage:
        assert stage.parent == Path.cwd()
        assert Path(tempfile.gettempdir()).is_relative_to(stage)
        tempfile.mkdtemp()
    assert list(Path().iterdir()) == []
    assert tempfile.gettempdir() == before


def test_runs_side_by_side_leave_each_other_alone() -> None:
    with staging_folder(OUT, ()) as first, staging_folder(OUT, ()) as second:
        with staging_folder(Path("another/out"), ()):
            pass
        assert first.is_dir()
        assert second.is_dir()
    assert list(Path().iterdir()) == []


WORKS_ON = """
import sys, time
from pathlib import Path
from convgen.system.staging import staging_folder
with staging_folder(Path("out"), ()) as stage:
    (stage / "direct").mkdir()
    (stage / "direct" / "first.c").write_text("half of")
    print(stage, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("exists", [False, True])
def test_the_folder_of_a_killed_run_is_removed_by_the_next_and_not_before(exists: bool) -> None:
    if exists:
        OUT.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", WORKS_ON],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout
        its = Path(run.stdout.readline().strip())
        with staging_folder(OUT, ()):
            assert (its / "direct/first.c").exists()
        assert (its / "direct/first.c").exists()
        run.send_signal(signal.SIGKILL)
    with staging_folder(OUT, ()):
        assert not its.exists()


@pytest.mark.parametrize("name", [".convgen-notes", ".convgen-12345678", ".convgen-", "convgen-x"])
def test_what_only_looks_like_one_stays(name: str) -> None:
    mine = Path(name, "mine.txt")
    mine.parent.mkdir()
    mine.write_text("mine")
    with staging_folder(OUT, ()):
        pass
    assert mine.read_text() == "mine"


def test_a_link_to_one_is_not_followed() -> None:
    target = Path("elsewhere/.convgen-abcdefgh")
    target.mkdir(parents=True)
    (target / staging.LOCK).touch()
    Path(".convgen-abcdefgh").symlink_to(target)
    with staging_folder(OUT, ()):
        pass
    assert (target / staging.LOCK).exists()


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), OSError(27, "Too large")]
)
def test_a_full_disk_is_named(error: OSError) -> None:
    with pytest.raises(UsageError) as caught, staging_folder(OUT, ()):
        raise error
    assert str(caught.value) == f"--out: cannot write to {Path.cwd()}: {error.strerror}"


def test_another_error_of_the_system_is_not_blamed_on_the_folder() -> None:
    with pytest.raises(FileNotFoundError), staging_folder(OUT, ()):
        Path("what a tool should have made").read_bytes()
    assert list(Path().iterdir()) == []
