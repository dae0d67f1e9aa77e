"""A line of the text holds the digest of all others."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from cases import CASES
from command import FIRST, generated, refused
from convgen.choices import PACKAGES
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
@pytest.mark.parametrize("options", [(), *(("--package", kind) for kind in PACKAGES)])
def test_all_that_is_printed_is_told_of_and_can_be_made_again_from_a_clone(
    options: tuple[str, ...],
) -> None:
    """A clone has the C files; the list in ``verify/`` is not committed."""
    run = (*FIRST, "--emulator", "none", "-o", "out", *options)
    generated(*run)
    shutil.rmtree("out/verify")
    printed = [path for path in Path("out").rglob("*") if path.is_file()]
    told = seal.told_by(Path("out/report.json"))
    sealed = {path.relative_to("out").as_posix() for path in printed if seal.is_intact(path)}
    assert {*told, *sealed} == {path.relative_to("out").as_posix() for path in printed}
    assert len(sealed) == 5
    assert "report.html" in told
    report = json.loads(Path("out/report.json").read_text())
    assert report["layer"] == CASES["first"]["name"]
    before = {path.name: path.read_bytes() for path in printed}
    page = Path("out/report.html")
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    generated(*run)
    assert {path.name: path.read_bytes() for path in printed} == before
    assert Path("out", SUMS).exists()


@pytest.mark.parametrize("changed", ["report.html", "first.mk"])
def test_what_was_edited_in_a_clone_is_not_replaced(changed: str) -> None:
    run = (*FIRST, "--emulator", "none", "-o", "out", "--package", "make")
    generated(*run)
    shutil.rmtree("out/verify")
    path = Path("out", changed)
    path.write_text(f"{path.read_text()}# mine\n")
    assert f"{changed} has changed since convgen wrote it" in refused(2, *run)
