"""Tables for people: plain text has what rich would print, in the same columns."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table as Drawn

from convgen.report.page import Styled, Table, printed, sentence

ROWS = (("a", "1,234", ""), ("[bold]", "5", "of two words"), ("längere 日本", "", "x"))


def table(*, show_header: bool = True) -> Table:
    made = Table(show_header=show_header)
    made.add_column("name")
    made.add_column("bytes", justify="right")
    made.add_column("")
    for row in ROWS:
        made.add_row(*row)
    return made


def by_rich(*, show_header: bool) -> str:
    drawn = Drawn(box=None, pad_edge=False, show_header=show_header)
    drawn.add_column("name")
    drawn.add_column("bytes", justify="right")
    drawn.add_column("")
    for row in ROWS:
        drawn.add_row(*(cell.replace("[", r"\[") for cell in row))
    file = StringIO()
    Console(file=file, width=200).print(drawn)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


@pytest.mark.parametrize("show_header", [True, False])
def test_what_is_piped_has_the_columns_of_rich(show_header: bool) -> None:
    assert printed(table(show_header=show_header)) == by_rich(show_header=show_header)


def test_what_is_piped_has_no_colours() -> None:
    assert printed(sentence("[a] is ", Styled("wrong", "red")), "b") == "[a] is wrong\nb\n"


def test_a_terminal_has_colours_and_every_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = printed(table(), sentence("[a] is ", Styled("wrong", "red")))
    assert "\x1b[31mwrong\x1b[0m" in shown
    assert "[a] is " in shown
    assert all(cell in shown for row in ROWS for cell in row)
