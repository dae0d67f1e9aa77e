"""Results replace those of the run before as a whole, and nothing of the user's ever."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from command import SOURCE, tree
from convgen.errors import UsageError
from convgen.system import publishing, seal
from convgen.system.staging import staging_folder

WITH_TESTS = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), *sys.path])}
CHECK = ["sha256sum", "--quiet", "--check", publishing.SUMS]
C_FILES = ("first.h", "first.c", "first_weights.h", "first_weights.c")
NAMES = (*C_FILES, "report.json", "verify/first.elf", "verify/run.txt")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(version: str, names: tuple[str, ...] = NAMES, out: Path = Path("out")) -> None:
    """Do what a run does that makes *names*, each with *version* in it."""
    with staging_folder(out, names) as stage:
        made = stage / "direct"
        for name in names:
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text(version)
        publishing.publish(made, out)


def versions(out: Path = Path("out")) -> dict[str, str]:
    """Return what is in each file of *out* but the list of files."""
    return {
        name: content.decode()
        for name, content in tree(out).items()
        if content is not None and name != publishing.SUMS and not name.startswith(".convgen-")
    }


def whole(version: str, names: tuple[str, ...] = NAMES) -> dict[str, str]:
    return dict.fromkeys(sorted(names), version)


def refused(names: tuple[str, ...] = NAMES) -> str:
    """Return why a run is refused before it begins; nothing has changed then."""
    before = tree(Path())
    with pytest.raises(UsageError) as caught, staging_folder(Path("out"), names):
        pytest.fail("work was begun")
    assert tree(Path()) == before
    head, *found = str(caught.value).splitlines()
    expected = "holds what would be lost; move it away or choose another folder:"
    assert head == f"--out: {Path('out').absolute()} {expected}"
    return "\n".join(found).replace(f"{Path('out').absolute()}/", "")


# --- what is replaced and removed -----------------------------------------------------------------


def test_the_files_written_are_listed_as_sha256sum_does() -> None:
    run("a")
    done = subprocess.run(["sha256sum", "--check", publishing.SUMS], cwd="out", capture_output=True)
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [f"{name}: OK" for name in sorted(NAMES)]


def test_a_run_replaces_the_files_of_the_one_before() -> None:
    run("a")
    run("b")
    assert versions() == whole("b")
    assert list(Path().glob(".convgen-*")) == list(Path("out").glob(".convgen-*")) == []


def test_what_only_the_run_before_wrote_goes() -> None:
    run("a", (*NAMES, "verify/firmware/old.c"))
    run("b")
    assert versions() == whole("b")
    assert not Path("out/verify/firmware").exists()


def test_the_c_files_of_other_layers_stay_and_can_be_replaced_later() -> None:
    second = tuple(name.replace("first", "second") for name in NAMES)
    run("a")
    run("b", second)
    assert versions() == whole("b", second) | whole("a", C_FILES)
    run("c")
    assert versions() == whole("c") | whole("b", second[: len(C_FILES)])


@pytest.mark.parametrize("place", ["notes.txt", "verify/notes.txt", "verify/mine/x", "mine/x"])
def test_files_of_the_user_stay(place: str) -> None:
    run("a")
    mine = Path("out", place)
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    run("b")
    assert versions() == whole("b") | {place: "mine"}


def test_what_a_run_of_the_image_writes_may_have_changed() -> None:
    run("a")
    Path("out/verify/run.txt").write_text("run again")
    run("b")
    assert versions() == whole("b")


def test_a_file_that_the_user_removed_comes_back() -> None:
    run("a")
    Path("out/first.c").unlink()
    run("b")
    assert versions() == whole("b")


# --- what is in the way ---------------------------------------------------------------------------


def put_a_folder(place: Path) -> None:
    (place / "with").mkdir(parents=True)
    (place / "with" / "something").write_text("mine")


def put_a_link(place: Path) -> None:
    Path("elsewhere").write_text("mine")
    place.symlink_to(Path("elsewhere").absolute())


PUTS: dict[str, Callable[[Path], None]] = {
    "folder": put_a_folder,
    "link": put_a_link,
    "pipe": os.mkfifo,
}


@pytest.mark.parametrize("name", ["first.c", "report.json", "verify/run.txt"])
@pytest.mark.parametrize("put", PUTS)
@pytest.mark.parametrize("after_a_run", [False, True])
def test_what_is_no_file_is_refused(name: str, put: str, after_a_run: bool) -> None:
    if after_a_run:
        run("a")
        Path("out", name).unlink()
    Path("out", name).parent.mkdir(parents=True, exist_ok=True)
    PUTS[put](Path("out", name))
    assert refused() == f"  {name} is not a file that convgen wrote"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_convgen_did_not_write_is_refused(name: str) -> None:
    Path("out/verify").mkdir(parents=True)
    Path("out", name).write_text("mine")
    assert refused() == f"  {name} is not in verify/SHA256SUMS, the list of what convgen wrote"


@pytest.mark.parametrize("name", [n for n in NAMES if n != "verify/run.txt"])
def test_a_file_that_the_user_changed_is_refused(name: str) -> None:
    run("a")
    Path("out", name).write_text("mine")
    assert refused() == f"  {name} has changed since convgen wrote it"


def test_a_changed_file_that_would_only_be_removed_is_refused() -> None:
    run("a", (*NAMES, "verify/old.elf"))
    Path("out/verify/old.elf").write_text("mine")
    assert refused() == "  verify/old.elf has changed since convgen wrote it"


def test_a_protected_file_is_refused() -> None:
    run("a")
    Path("out/first.h").chmod(0o444)
    assert refused() == "  first.h is write-protected"


@pytest.mark.parametrize("folder", ["", "/verify"])
def test_a_protected_folder_is_refused(folder: str) -> None:
    run("a")
    place = Path(f"out{folder}")
    place.chmod(0o555)
    assert refused() == f"  {place.absolute()} is write-protected".replace(
        f"{Path('out').absolute()}/", ""
    )
    place.chmod(0o755)


def test_a_verify_that_is_a_file_or_leads_elsewhere_is_refused() -> None:
    Path("out").mkdir()
    Path("out/verify").write_text("mine")
    assert refused() == "  verify is not a folder"
    Path("out/verify").unlink()
    Path("elsewhere").mkdir()
    Path("out/verify").symlink_to(Path("elsewhere").absolute())
    assert refused() == "  verify leads elsewhere"


@pytest.mark.parametrize("line", ["?", f"{'0' * 64}  ../first.c", f"{'0' * 64}  /etc/passwd"])
def test_a_list_that_convgen_did_not_write_makes_nothing_its_own(line: str) -> None:
    run("a")
    with Path("out", publishing.SUMS).open("a") as sums:
        sums.write(f"{line}\n")
    assert "  first.c is not in verify/SHA256SUMS, the" in refused()


def test_a_list_that_is_a_pipe_is_not_waited_for() -> None:
    Path("out/verify").mkdir(parents=True)
    os.mkfifo("out/verify/SHA256SUMS")
    assert refused() == "  verify/SHA256SUMS is not a file that convgen wrote"


def test_many_things_in_the_way_are_not_all_shown() -> None:
    Path("out").mkdir()
    many = tuple(f"layer{number}.c" for number in range(9))
    for name in many:
        Path("out", name).write_text("mine")
    lines = refused(many).splitlines()
    assert (len(lines), lines[-1]) == (6, "  and 4 more")


def test_what_comes_in_the_way_during_the_work_is_refused_too() -> None:
    run("a")
    with staging_folder(Path("out"), NAMES) as stage:
        made = stage / "direct"
        made.mkdir()
        (made / "first.c").write_text("b")
        Path("out/first.c").write_text("mine")
        with pytest.raises(UsageError, match=r"first\.c has changed"):
            publishing.publish(made, Path("out"))
    assert versions() == whole("a") | {"first.c": "mine"}


# --- without the list ---------------------------------------------------------------------------

PRINTED = (*C_FILES, "report.json")


def printed(version: str) -> str:
    return f"/*\n * {seal.LINE}: {seal.UNSEALED}\n */\nint {version};\n"


def run_printed(version: str) -> None:
    """Do what a run does, with text that tells whether it has been changed."""
    with staging_folder(Path("out"), NAMES) as stage:
        made = stage / "direct"
        (made / "verify").mkdir(parents=True)
        for name in NAMES:
            text = seal.sealed(printed(version)) if name in PRINTED else version
            (made / name).write_text(text)
        publishing.publish(made, Path("out"))


def is_of(version: str) -> bool:
    """Whether all is of the run that printed *version*, and listed."""
    texts = versions()
    check = subprocess.run(CHECK, cwd="out")
    return check.returncode == 0 and all(f"int {version};" in texts[name] for name in PRINTED)


@pytest.mark.parametrize("left", [PRINTED, C_FILES, ("first.c",)], ids=str)
def test_printed_files_are_replaced_though_the_list_is_gone(left: tuple[str, ...]) -> None:
    run_printed("a")
    shutil.rmtree("out/verify")
    for name in {*PRINTED} - {*left}:
        Path("out", name).unlink()
    run_printed("b")
    assert is_of("b")


def test_printed_files_are_replaced_by_the_line_ends_of_another_system() -> None:
    run_printed("a")
    shutil.rmtree("out/verify")
    for name in PRINTED:
        text = Path("out", name).read_bytes()
        Path("out", name).write_bytes(text.replace(b"\n", b"\r\n"))
    run_printed("b")
    assert is_of("b")


def test_printed_files_of_another_run_than_the_list_is_of_are_replaced() -> None:
    """As after a pull of what a colleague has generated, where ``verify/`` is not committed."""
    run_printed("a")
    Path("out/first.c").write_text(seal.sealed(printed("theirs")))
    run_printed("b")
    assert is_of("b")


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "\n",
        lambda text: text.replace("int a", "int b"),
        lambda text: text.replace(": ", ": 0")[: len(text)],
        lambda text: text.replace("\n", "\n\n", 1),
    ],
)
def test_a_printed_file_that_was_edited_is_refused(name: str, change: Callable[[str], str]) -> None:
    run_printed("a")
    shutil.rmtree("out/verify")
    path = Path("out", name)
    path.write_text(change(path.read_text()))
    assert refused() in (
        f"  {name} has changed since convgen wrote it",
        f"  {name} is not in verify/SHA256SUMS, the list of what convgen wrote",
    )


def test_what_is_left_of_verify_without_the_list_is_refused() -> None:
    run_printed("a")
    Path("out", publishing.SUMS).unlink()
    lines = [line.split()[0] for line in refused().splitlines()]
    assert lines == ["verify/first.elf", "verify/run.txt"]


# --- all or nothing -------------------------------------------------------------------------------


def test_a_move_that_fails_undoes_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename
    run("a")
    before = tree(Path())
    messages = []
    for fails_at in range(100):
        renames = iter(range(100))

        def renamed(
            self: Path, target: Path, at: int = fails_at, n: Iterator[int] = renames
        ) -> Path:
            if next(n) == at:
                raise PermissionError(13, "Permission denied", str(self))
            return rename(self, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", renamed)
            try:
                run("b")
                break
            except UsageError as error:
                messages.append(str(error))
        assert tree(Path()) == before
    assert len(messages) >= 2 * len(NAMES)
    assert all(message.startswith("--out: cannot write to ") for message in messages)
    assert versions() == whole("b")


KILLED = """
import json, os, signal, sys
from itertools import count
from pathlib import Path
import test_publishing as t
from convgen.system import staging

def killed(at, names):
    calls = count()
    def dying(call):
        def wrapped(*arguments, **more):
            if next(calls) == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)
        return wrapped
    child = os.fork()
    if child == 0:
        for name in ("rename", "replace", "unlink", "mkdir", "rmdir"):
            setattr(os, name, dying(getattr(os, name)))
        t.run("b", names)
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0

exists, names = json.loads(sys.argv[1])
states = []
for at in count():
    place = Path(str(at))
    place.mkdir()
    os.chdir(place)
    if exists:
        t.run("a")
        Path("out/notes").write_text("mine")
    was_killed = killed(at, tuple(names))
    during = t.versions() if Path("out").exists() else {}
    staging.sweep(Path.cwd())
    staging.sweep(Path("out").absolute())
    after = t.versions() if Path("out").exists() else {}
    left = [str(path) for path in Path().rglob(".convgen-*")]
    states.append([was_killed, during, after, left])
    os.chdir("..")
    if not was_killed:
        break
print(json.dumps(states))
"""


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("name", ["first", "second"])
def test_a_run_killed_at_any_step_leaves_the_old_or_the_new(exists: bool, name: str) -> None:
    """SIGKILL before every call that changes a folder, then what the next run does first."""
    names = tuple(n.replace("first", name) for n in NAMES)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, json.dumps([exists, names])],
        env=WITH_TESTS,
        capture_output=True,
        check=True,
    )
    states = json.loads(done.stdout)
    old = whole("a") | {"notes": "mine"} if exists else {}
    kept = old if name == "second" else {k: v for k, v in old.items() if k == "notes"}
    kept = {k: v for k, v in kept.items() if k == "notes" or k in C_FILES}
    new = whole("b", names) | kept
    assert len(states) > (30 if exists else 10)
    for was_killed, during, after, left in states:
        own = {k: v for k, v in during.items() if k in names}
        assert len(set(own.values())) <= 1, "files of two runs"
        if f"{name}.h" in own:
            assert {n for n in names if n.endswith((".c", ".h"))} <= own.keys(), "it may compile"
        if "report.json" in during:
            assert during in (old, new)
        assert after in (old, new)
        assert left == []
        assert was_killed or after == new
    assert {json.dumps(after, sort_keys=True) for _, _, after, _ in states} == {
        json.dumps(state, sort_keys=True) for state in (old, new)
    }


def test_a_folder_that_another_run_made_meanwhile_is_replaced_as_any_other() -> None:
    with staging_folder(Path("out"), NAMES) as stage:
        run("a")
        made = stage / "direct"
        for name in NAMES:
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text("b")
        publishing.publish(made, Path("out"))
    assert versions() == whole("b")
    assert [path.name for path in Path().rglob(".convgen-*")] == []


TOGETHER = """
import os, sys
from pathlib import Path
import test_publishing as t

children = []
for child in range(4):
    if not (pid := os.fork()):
        for turn in range(8):
            t.run(f"{child}.{turn}")
        os._exit(0)
    children.append(pid)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in children))
"""


def test_runs_into_one_folder_at_the_same_time_do_not_mix() -> None:
    done = subprocess.run([sys.executable, "-c", TOGETHER], env=WITH_TESTS, check=False)
    assert done.returncode == 0
    assert versions() == whole(Path("out/first.c").read_text())
    assert subprocess.run(CHECK, cwd="out", check=False).returncode == 0
    assert [path.name for path in Path().rglob(".convgen-*")] == []


def killed_amid_the_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the folder as a process does that ended between the old files and the new ones."""

    def moved_out(moves: publishing.Moves) -> None:
        for source, target in moves:
            if source.is_relative_to(Path("out").absolute() / "first.c"):
                raise SystemExit
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "_make", moved_out)
        with pytest.raises(SystemExit):
            run("b")


def test_the_next_run_completes_what_a_killed_one_began_even_if_it_fails_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("a")
    killed_amid_the_moves(monkeypatch)
    assert "first.h" not in versions()
    with pytest.raises(ZeroDivisionError), staging_folder(Path("out"), NAMES):
        raise ZeroDivisionError
    assert versions() == whole("b")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"old": [1], "new": []}', '{"old": ["../a"], "new": []}']
)
def test_a_journal_that_convgen_did_not_write_moves_nothing(text: str) -> None:
    run("a")
    Path("a").write_text("mine")
    stage = Path("out/.convgen-abcdefgh")
    stage.mkdir()
    (stage / "lock").touch()
    (stage / publishing.JOURNAL).write_text(text)
    with pytest.raises(UsageError, match=r"--out: cannot complete .*; they are in "):
        run("b")
    assert versions() == whole("a")
    assert Path("a").read_text() == "mine"


def test_a_lock_that_the_user_holds_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "LOCKED_S", 0.1)
    run("a")
    folder = os.open("out", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    run("b")
    os.close(folder)
    assert versions() == whole("b")


@pytest.mark.parametrize("name", ["first.c", "first.h"])
def test_what_the_user_did_since_a_killed_run_is_not_lost(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("a")
    killed_amid_the_moves(monkeypatch)
    Path("out", name).write_text("mine")
    assert name in refused()
    assert Path("out", name).read_text() == "mine"
    Path("out", name).rename("kept")
    with staging_folder(Path("out"), NAMES):
        pass
    assert versions() == whole("b")
