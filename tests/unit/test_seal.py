"""A line of the text holds the digest of all others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from cases import CASES
from command import FIRST, generated
from convgen.system import seal
from convgen.system.publishing import SUMS

pytestmark = pytest.mark.usefixtures("workplace")


def test_the_digest_is_that_of_the_other_lines() -> None:
    text = seal.sealed(f"/*\n * {seal.LINE}: {seal.UNSEALED}\n */\n")
    assert hashlib.sha256(b"/*\n */\n").hexdigest() in text.splitlines()[1]


@pytest.mark.parametrize("text", ["", "int a;\n", f" * {seal.LINE}: {seal.UNSEALED}\n" * 2])
def test_a_text_without_one_place_for_it_tells_nothing(text: str) -> None:
    Path("file").write_text(text)
    assert seal.is_intact(Path("file")) is None
    with pytest.raises(ValueError, match="values to unpack"):
        seal.sealed(text)


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_what_is_no_text_tells_nothing(content: bytes | None) -> None:
    if content:
        Path("file").write_bytes(content)
    assert seal.is_intact(Path("file")) is None


@pytest.mark.emulator
def test_all_that_is_printed_is_sealed_and_can_be_made_again_from_a_clone() -> None:
    """A clone has the C files; the list in ``verify/`` is not committed."""
    generated(*FIRST, "--emulator", "none", "-o", "out")
    printed = [path for path in Path("out").iterdir() if path.is_file()]
    assert len(printed) == 5
    assert all(map(seal.is_intact, printed))
    report = json.loads(Path("out/report.json").read_text())
    assert report["layer"] == CASES["first"]["name"]
    for path in Path("out/verify").rglob("*"):
        if path.is_file():
            path.unlink()
    before = {path.name: path.read_bytes() for path in printed}
    generated(*FIRST, "--emulator", "none", "-o", "out")
    assert {path.name: path.read_bytes() for path in printed} == before
    assert Path("out", SUMS).exists()
