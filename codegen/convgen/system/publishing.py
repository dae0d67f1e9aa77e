"""Results appear as a whole: the files of the run before, or those of this one, never some of each.

A folder's files cannot all be replaced in one step, and the folder itself is the user's. So all old
files are moved out before the first new one is moved in: in between nothing compiles, rather than
something mixed. The moves are written down before the first; if the process is killed amid them,
the next run goes on where it was (`finish`). If a move fails, all are undone.

What convgen wrote is listed in ``verify/SHA256SUMS``, in the format of ``sha256sum --check``, and
what is printed also tells by itself, or the report of it, whether it is unchanged (`seal`): the
list may be gone.
Nothing else is ever replaced or removed, nor a file that has changed since.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from convgen.errors import UsageError
from convgen.system import files, interrupt, portability, seal
from convgen.system.files import Unreadable

REPORT = "report.json"
PAGE = "report.html"
"""Beside it, for a browser."""
PROFILE = "profile.txt"
"""Beside it, where a profile was asked for: every line and what it takes."""
SHARED = "_shared.h"
"""Ends the header of what several layers share, which may tell of files as a report does."""
VERIFY = "verify"
SUMS = f"{VERIFY}/SHA256SUMS"
RUN_FILES = (f"{VERIFY}/output.bin", f"{VERIFY}/run.txt")
"""What the image writes anew whenever it is run: they may have changed."""
JOURNAL, OLD, NEW = "journal.json", "old", "new"  # in the staging folder
WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
MOST_SUMS_BYTES = 2**20
LOCKED_S = 5.0  # far above what any moves take
SHOWN = 5  # obstacles, of which there may be many

Sums = dict[str, str]
Moves = list[tuple[Path, Path]]


def check(out: Path, names: Iterable[str]) -> None:
    """Raise `UsageError` if *names* cannot be written in *out* without a loss to the user."""
    if os.path.lexists(out):
        with _locked(out):
            known = (*_sums(out), *_told(out))
            _refuse(out, _obstacles(out, {*names, SUMS, *_replaceable(known)}))


def publish(made: Path, out: Path) -> None:
    """Move the files of *made*, a folder inside the staging folder, into *out*.

    Those of the run before go, but not the C files of other layers. UsageError if that cannot be
    done; then all is as it was.
    """
    out = out.absolute()
    names = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    try:
        if not os.path.lexists(out):
            _write_sums(made, names, {})
            out.parent.mkdir(parents=True, exist_ok=True)
            with interrupt.whole():
                if _is_renamed(made, out):
                    return
        with _locked(out):
            _replace(made, out, names)
    except OSError as error:
        raise UsageError(
            f"--out: cannot write to {error.filename or out}: {error.strerror}"
        ) from None


def _is_renamed(made: Path, out: Path) -> bool:
    """Whether *made* could become *out*, since there was none: another run may have been faster."""
    try:
        made.rename(out)
    except OSError:
        if out.is_dir():
            return False
        raise
    return True


def is_unfinished(stage: Path) -> bool:
    """Whether files of the user's folder are in *stage*, from where they could not be moved."""
    return (stage / JOURNAL).exists()


def finish(stage: Path) -> None:
    """Go on with the moves that a killed run had begun in the parent of *stage*, if it had.

    Raises UsageError.
    """
    if not is_unfinished(stage):
        return
    journal = stage / JOURNAL
    out = stage.parent
    with _locked(out), interrupt.whole():
        try:
            moves = _Journal.read(journal)
            _refuse(out, moves.obstacles(out, stage))
            _make(moves.pending(out, stage))
            journal.unlink()
        except (OSError, ValueError) as error:
            raise UsageError(
                f"--out: cannot complete {out}, which a killed run left without all of its files; "
                f"they are in {stage}: {error}"
            ) from None


# --- what is whose --------------------------------------------------------------------------------


def _sums(out: Path) -> Sums:
    """Return the digest of each file that convgen wrote in *out*; none if a line is odd."""
    try:
        lines = files.read(out / SUMS, MOST_SUMS_BYTES).decode("ascii").splitlines()
    except (Unreadable, ValueError):
        return {}
    found = [re.fullmatch(r"([0-9a-f]{64})  (\S+)", line) for line in lines]
    if not all(match and _is_inside(match[2]) for match in found):
        return {}
    return {match[2]: match[1] for match in found if match}


def _told(out: Path) -> Sums:
    """Return the digests of what has no line of its own to tell that it is convgen's."""
    return seal.told_by(out / REPORT, *sorted(out.glob(f"*{SHARED}")))


def _is_inside(name: object) -> bool:
    if not isinstance(name, str):
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _replaceable(known: Iterable[str]) -> set[str]:
    """Return what no longer holds once there is another run's: all but the C of other layers."""
    return {
        name for name in known if name in (REPORT, PAGE, PROFILE) or name.startswith(f"{VERIFY}/")
    }


def _write_sums(made: Path, names: Iterable[str], others: Mapping[str, str]) -> None:
    sums = {**others, **{name: _digest(made / name) for name in names if name != SUMS}}
    lines = [f"{sums[name]}  {name}\n" for name in sorted(sums)]
    (made / SUMS).parent.mkdir(exist_ok=True)
    (made / SUMS).write_text("".join(lines), encoding="ascii", newline="\n")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse(out: Path, obstacles: Sequence[str]) -> None:
    if obstacles:
        more = len(obstacles) - SHOWN
        lines = [*obstacles[:SHOWN], *([f"and {more} more"] if more > 0 else [])]
        raise UsageError(
            f"--out: {out} holds what would be lost; move it away or choose another folder:"
            + "".join(f"\n  {line}" for line in lines)
        )


def _obstacles(out: Path, names: Iterable[str]) -> list[str]:
    """Say of everything under one of *names* in *out* why it may not be replaced."""
    known, told = _sums(out), _told(out)
    found = [_file_obstacle(out, name, known, told) for name in sorted(names)]
    return _folder_obstacles(out, names) or [obstacle for obstacle in found if obstacle]


def _folder_obstacles(out: Path, names: Iterable[str]) -> list[str]:
    """Say of every folder that *names* are in why nothing can be written there."""
    folders = {parent for name in names for parent in (out / name).parents} - {*out.parents}
    found = [_folder_obstacle(folder) for folder in sorted(folders)]
    found += [f"{f} leads elsewhere" for f in sorted(folders - {out}) if f.is_symlink()]
    return [obstacle for obstacle in found if obstacle]


def _folder_obstacle(folder: Path) -> str | None:
    """Say why nothing can be written to *folder*, which is or belongs to where the results go."""
    if not os.path.lexists(folder):
        return None
    if not folder.is_dir():
        return f"{folder} is not a folder"
    if not (os.access(folder, os.W_OK | os.X_OK) and folder.stat().st_mode & WRITABLE):
        return f"{folder} is write-protected"
    return None


def _file_obstacle(out: Path, name: str, known: Sums, told: Mapping[str, str]) -> str | None:
    path = out / name
    if not os.path.lexists(path):
        return None
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode):
        return f"{path} is not a file that convgen wrote"
    is_listed = name in known or (name == SUMS and bool(known))
    is_intact = None if name.startswith(f"{VERIFY}/") else seal.is_intact(path)
    if name in told:
        is_intact = seal.digest(path) == told[name]
    if not is_listed and is_intact is None:
        return f"{path} is not in {SUMS}, the list of what convgen wrote"
    if not mode & WRITABLE:
        return f"{path} is write-protected"
    if is_intact or (is_listed and name in (SUMS, *RUN_FILES)):
        return None
    return _change(path, known.get(name))


def _change(path: Path, digest: str | None) -> str | None:
    try:
        is_same = _digest(path) == digest
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return None if is_same else f"{path} has changed since convgen wrote it"


# --- the moves ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Journal:
    """What is to be moved: first ``old``, then ``new``, each in its order."""

    old: tuple[str, ...]
    new: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> _Journal:
        """Read what `write` wrote; ValueError if anybody else did."""
        content = json.loads(path.read_text(encoding="ascii"))
        match content:
            case {"old": [*old], "new": [*new]} if all(map(_is_inside, (*old, *new))):
                return cls(old=tuple(old), new=tuple(new))
        raise ValueError("no lists of names")

    def write(self, path: Path) -> None:
        """Write it in one step."""
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps({"old": self.old, "new": self.new}), encoding="ascii")
        draft.rename(path)

    def pending(self, out: Path, stage: Path) -> Moves:
        """Return the moves that have not been made yet."""
        new = [name for name in self.new if os.path.lexists(stage / NEW / name)]
        old = [] if len(new) < len(self.new) else self.left(out, stage)
        return [
            *((out / name, stage / OLD / name) for name in old),
            *((stage / NEW / name, out / name) for name in new),
        ]

    def left(self, out: Path, stage: Path) -> list[str]:
        """Return the old files that are not out yet."""
        return [
            name
            for name in self.old
            if os.path.lexists(out / name) and not os.path.lexists(stage / OLD / name)
        ]

    def obstacles(self, out: Path, stage: Path) -> list[str]:
        """Say what has been put in the way since the moves began."""
        moves = self.pending(out, stage)
        leaving = {source for source, _ in moves}
        known = _sums(out) or _sums(stage / OLD)
        told = _told(out) or _told(stage / OLD)
        changed = [
            _file_obstacle(out, name, known, told) for name in self.old if out / name in leaving
        ]
        return [
            *_folder_obstacles(out, (*self.old, *self.new)),
            *(obstacle for obstacle in changed if obstacle),
            *(
                f"{target} was made after a run was killed, which will put its own there"
                for _, target in moves
                if os.path.lexists(target) and target not in leaving
            ),
        ]


def _replace(made: Path, out: Path, names: set[str]) -> None:
    """Move old files out and those of *made* in, in such an order that nothing mixed compiles."""
    known, told = _sums(out), _told(out)
    there = {name for name in (*known, *told, *names, SUMS) if os.path.lexists(out / name)}
    leaving = there & (_replaceable((*known, *told)) | names | {SUMS})
    _write_sums(made, names, {name: known[name] for name in there - leaving if name in known})
    names = names | {SUMS}
    _refuse(out, _obstacles(out, leaving | names))
    stage = made.parent
    if stage.parent != out:
        with interrupt.whole():
            interrupt.folders.add(str(out / stage.name))
            stage = stage.rename(out / stage.name)
    journal = _Journal(
        old=tuple(sorted(leaving, key=_turn)), new=tuple(sorted(names, key=_turn, reverse=True))
    )
    with interrupt.whole():
        (stage / made.name).rename(stage / NEW)
        journal.write(stage / JOURNAL)
        try:
            _make(journal.pending(out, stage))
        finally:
            if not journal.pending(out, stage) or len(journal.left(out, stage)) == len(journal.old):
                (stage / JOURNAL).unlink()
    for folder in sorted({(out / name).parent for name in leaving}, reverse=True):
        if folder != out:
            with suppress(OSError):  # there is something in it
                folder.rmdir()


def _turn(name: str) -> tuple[int, str]:
    """Order files as they leave; they come in the other way round.

    Where there is a report, all is there; where there is a header, there is its source.
    """
    if name == REPORT:
        return 0, name
    if name.startswith(f"{VERIFY}/"):
        return 1, name
    return (2 if name.endswith(".h") else 3), name


def _make(moves: Moves) -> None:
    """Make all of *moves*, or none of them: then the OSError is raised that ended them."""
    made: Moves = []
    try:
        for source, target in moves:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
            made.append((source, target))
    except BaseException:
        for source, target in reversed(made):
            target.rename(source)
        raise


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Let nobody else publish in *out* meanwhile, where the file system has locks.

    Who keeps the lock for longer does not publish: ``flock DIR convgen --out DIR`` does so.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            until = time.monotonic() + LOCKED_S
            while (folder := portability.lock(out)) is None and time.monotonic() < until:
                time.sleep(0.005)
            if folder is not None:
                stack.callback(os.close, folder)
        yield
