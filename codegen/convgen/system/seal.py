"""Text that tells whether it has been changed: one line of it holds the digest of all others.

Text of a kind that has no room for such a line is told of by another that has: the report.

So what was printed can be told from what was edited wherever it has been since: without the list of
what convgen wrote, in a clone on another computer, with the line ends of another system.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from convgen.system import files
from convgen.system.files import Unreadable

LINE = "sha256 of the other lines"
KEY = "sha256_of_the_other_lines"  # the same in JSON
UNSEALED = "0" * 64
"""What stands for the digest until `sealed` writes it."""
MOST_BYTES = 2**28  # far above any text that is printed
_TOLD = re.compile(r"^ \* sha256 of (\S+): ([0-9a-f]{64})\n", re.MULTILINE)
_SEAL = re.compile(rf'^(?: \* {LINE}: |  "{KEY}": ")([0-9a-f]{{64}})"?,?\n', re.MULTILINE)


def sealed(text: str) -> str:
    """Return *text* with the digest in the one line that has a place for it."""
    [line] = _SEAL.finditer(text)
    return text[: line.start(1)] + _digest(text, line) + text[line.end(1) :]


def is_intact(path: Path) -> bool | None:
    """Whether the file *path* is as `sealed` made it; None if there is no one line to tell."""
    return _is_intact(_text(path))


def told_of(folder: Path, names: Iterable[str]) -> list[dict[str, str]]:
    """Return name and digest of those files in *folder* that have no line to tell."""
    found = [(name, digest(folder / name)) for name in names if is_intact(folder / name) is None]
    return [{"name": name, "sha256": each} for name, each in found if each]


def lines(told: Iterable[Mapping[str, str]]) -> list[str]:
    """Return what a comment says of what `told_of` found."""
    return [f"sha256 of {each['name']}: {each['sha256']}" for each in told]


def told_by(*paths: Path) -> dict[str, str]:
    """Return the digests that intact ones of *paths* tell: reports, as *files*, and comments."""
    told: dict[str, str] = {}
    for path in paths:
        text = _text(path)
        if text and _is_intact(text):
            told |= {**_told_in_json(text), **dict(_TOLD.findall(text))}
    return told


def _told_in_json(text: str) -> dict[str, str]:
    try:
        return {each["name"]: each["sha256"] for each in json.loads(text).get("files", [])}
    except (ValueError, AttributeError, TypeError, KeyError):  # sealed by somebody else
        return {}


def digest(path: Path) -> str | None:
    """Return the digest of a text, whatever its line ends; None if it is none."""
    text = _text(path)
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def _text(path: Path) -> str | None:
    try:
        return files.read(path, MOST_BYTES).decode("utf-8").replace("\r\n", "\n")
    except (Unreadable, UnicodeDecodeError):
        return None


def _is_intact(text: str | None) -> bool | None:
    lines = [] if text is None else list(_SEAL.finditer(text))
    return lines[0][1] == _digest(text or "", lines[0]) if len(lines) == 1 else None


def _digest(text: str, line: re.Match[str]) -> str:
    """Return the digest of *text* without its *line*."""
    return hashlib.sha256((text[: line.start()] + text[line.end() :]).encode()).hexdigest()
