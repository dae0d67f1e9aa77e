"""Tables and sentences for people: whole words and names, whatever the width."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from convgen.report.page import Command, Part, Sentence, Styled, TextTable, plain, printed, sentence

ROWS = (("a", "1,234", ""), ("[bold]", "5", "of two words"), ("längere 日本", "", "x"))


def table(rows: Sequence[tuple[str, ...]] = ROWS, *, show_header: bool = True) -> TextTable:
    made = TextTable(show_header=show_header)
    made.add_column("name")
    made.add_column("bytes", justify="right")
    made.add_column("")
    for row in rows:
        made.add_row(*row)
    return made


@pytest.fixture(autouse=True)
def _a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def in_columns(monkeypatch: pytest.MonkeyPatch, width: int, *parts: Part) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    return printed(*parts).splitlines()


def test_what_is_piped_is_in_columns_of_one_width() -> None:
    assert printed(table()).splitlines() == [
        "name          bytes",
        "a             1,234",
        "[bold]            5  of two words",
        "längere 日本         x",
    ]
    assert printed(table(show_header=False)) == printed(table()).partition("\n")[2]


def test_a_pipe_has_long_lines_and_no_colours() -> None:
    long = "word " * 100
    said = sentence("[a] is ", Styled("wrong", "red"))
    assert printed(said, long, Command("x --y")) == f"[a] is wrong\n{long.rstrip()}\n    x --y\n"


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("parts", [
    (sentence(*("one ", Styled("two-three ", "red")) * 30),),
    (table((("a_name_of_forty_letters_" * 2, "1,234", "sentence of words " * 9), *ROWS)),),
    (table([("name", "1", "")]), Command("convgen " + "--option value " * 9)),
])  # fmt: skip
def test_no_word_is_cut_and_none_is_lost(
    width: int, parts: tuple[Sentence | TextTable | Command, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = in_columns(monkeypatch, width, *parts)
    words = " ".join(lines).replace(" \\ ", " ").split()
    assert words == plain(*parts).split()
    assert max(map(len, lines)) <= max(width, 4 + max(map(len, words)))
    if width == 200:
        assert len(lines) <= len(plain(*parts).splitlines()) + 2


def test_a_sentence_in_a_row_goes_on_below_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("name", "1,234", "as many words as go on in a second line"), ("b", "5", "")]
    assert in_columns(monkeypatch, 44, table(rows, show_header=False)) == [
        "name  1,234  as many words as go on in a",
        "             second line",
        "b         5",
    ]


def test_a_sentence_is_below_its_row_where_it_takes_no_more_lines_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = in_columns(monkeypatch, 60, table([("x" * 40, "1", "--emulator qemu: rv64")]))
    assert lines[1:] == [f"{'x' * 40}      1", "    --emulator qemu: rv64"]
    sentence = "words that fill more than one line below the row, and a few beside it"
    lines = in_columns(monkeypatch, 70, table([("x" * 40, "1", sentence)]))
    assert lines[1] == f"{'x' * 40}      1"
    lines = in_columns(
        monkeypatch, 44, table([("x", "1", "long enough for two lines in this place")])
    )
    assert lines[1] == "x         1  long enough for two lines in"


def test_a_command_can_be_typed_as_it_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = in_columns(monkeypatch, 40, Command("convgen --target cortex-m4 --optimize speed x"))
    assert lines == ["    convgen --target cortex-m4 \\", "    --optimize speed x"]


def test_a_terminal_has_colours_and_every_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = printed(table(), sentence("[a] is ", Styled("wrong", "red")))
    assert "\x1b[31mwrong\x1b[0m" in shown
    assert "[a] is " in shown
    assert all(cell in shown for row in ROWS for cell in row)
