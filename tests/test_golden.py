"""The generated text of a few small layers, as files a person can read and review.

Files show what none before them does (`golden_texts.py`); ``digests`` has one of each whole text. A
change of the text fails here; `make golden` writes the new text for review.
"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from convgen.targets import target
from golden_texts import NETWORKS, TARGET, expected_files, generated, pattern, shown, texts

GOLDEN = Path(__file__).parent / "golden"
DIGESTS = "digests"
MOST_BYTES = 178_000  # about a fifth of the texts in full
LEFT_OUT = re.compile(r"\.\.\. (\d+) lines")
FILES = [f"{name}{suffix}" for name in expected_files() for suffix in (".c", ".h")]


@pytest.mark.parametrize("name", [*FILES, DIGESTS])
def test_the_text_is_the_golden_text(name: str, update_golden: bool) -> None:
    golden, text = GOLDEN / name, digests() if name == DIGESTS else shown()[name]
    if update_golden:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text)
    assert golden.is_file(), f"{golden} is missing; run `make golden` and review the diff"
    assert text == golden.read_text(), f"{golden} is stale; run `make golden` and review the diff"


def digests() -> str:
    """Return a line for each file: what is left out of it is nowhere else, and must not change."""
    return "".join(
        f"{sha256(text.encode()).hexdigest()[:16]}  {name}\n" for name, text in texts().items()
    )


def test_no_golden_file_is_an_orphan() -> None:
    found = {str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*") if path.is_file()}
    assert found == {*FILES, DIGESTS}


def test_files_are_few_enough_to_be_read() -> None:
    assert sum(path.stat().st_size for path in GOLDEN.rglob("*") if path.is_file()) <= MOST_BYTES


def test_every_line_is_shown_the_first_time_that_it_is_printed() -> None:
    """What is left out is in a file before or above, and as long as is said."""
    seen: set[str] = set()
    for path, text in texts().items():
        case, at = expected_files()[path[:-2]][0], 0
        lines = text.splitlines()
        patterns = [pattern(line, case) for line in lines]
        for line in shown()[path].splitlines():
            if left := LEFT_OUT.fullmatch(line):
                assert set(patterns[at : at + int(left[1])]) <= seen, path
                at += int(left[1])
            else:
                assert line == lines[at], path
                seen.add(patterns[at])
                at += 1
        assert at == len(lines), path


@pytest.mark.parametrize("name", [name for name in expected_files() if name not in NETWORKS])
def test_every_macro_has_the_name_of_its_layer_and_a_use(name: str) -> None:
    """A firmware's macros stay what they are: the sources end none either."""
    layer = expected_files()[name][0].upper()
    for suffix, own in ((".h", rf"{layer}_[A-Z]\w*|CONVGEN_{layer}_H"), (".c", rf"{layer}__\w+")):
        text = texts()[f"{name}{suffix}"]
        macros = re.findall(r"^\s*#\s*define\s+(\w+)", text, re.MULTILINE)
        assert macros
        assert [macro for macro in macros if not re.fullmatch(own, macro)] == []
        assert "#undef" not in text
        if suffix == ".c":
            uses = re.sub(r"#define \w+|/\*.*?\*/", "", text, flags=re.DOTALL)
            assert [m for m in macros if not re.search(rf"\b{m}\b", uses)] == []


def test_the_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    board = target.load(TARGET)
    one, other = (
        generated("first", "direct", board, folder, overlap=False) for folder in (first, second)
    )
    assert one == other
