"""The answer on one screen: what a layer and a network have in common of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from convgen.report.page import Command, Part, Sentence, Styled, TextTable, sentence
from convgen.report.report import Report

_OPTION = re.compile(r"(?P<said>.*): `(?P<option>--.*)`")
TOO_LARGE = "TOO LARGE"
HOTTEST = 5  # functions that are shown of a profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How a report is shown: where its files are, ``everything`` or the answer alone.

    ``command`` is what was typed, None: it was not.
    """

    out: Path
    everything: bool = False
    command: str | None = None


def counted(number: int, noun: str) -> str:
    """Return so many of a *noun*."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def headline(subject: Sequence[str | Styled], report: Report, exact: str) -> Sentence:
    """Return the verdict on *subject* where nothing has failed; *exact* says how equal it is."""
    if report["emulator"]["kind"] == "none":
        return sentence(*subject, Styled("generated and compiled, not run", "yellow"))
    vectors = f" on {counted(report['vectors'], 'vector')}: {exact}"
    return sentence(*subject, Styled("verified", "green"), vectors)


def unfit(subject: Sequence[str | Styled], report: Report) -> Iterator[Part]:
    """Yield what there is to say where nothing fits, above what was tried."""
    yield sentence(*subject, Styled("nothing fits the budget", "red"))
    if report["toolchain"]:
        yield tools(report, everything=False)


def scope(report: Report) -> list[str]:
    """Return the sentence that says of what a verdict is true, if it needs one."""
    return [report["scope"]] if report["scope"] else []


def warnings(report: Report) -> list[Sentence]:
    """Return what looks wrong."""
    return [sentence(Styled("Warning: ", "yellow"), said) for said in report["warnings"]]


def facts() -> TextTable:
    """Return the table that `tools`, `memory` and others add a row to."""
    shown = TextTable(show_header=False)
    shown.add_column("what")
    shown.add_column("number", justify="right")
    shown.add_column("note")
    return shown


def tools(report: Report, *, everything: bool) -> str:
    """Say what built it and what ran it; *everything*: with all flags."""
    toolchain, emulator = report["toolchain"], report["emulator"]
    flags = [flag for flag in toolchain["flags"] if everything or flag.startswith("-O")]
    built = f"Built with {' '.join([toolchain['compiler'], *flags])}"
    if emulator["kind"] == "none":
        return built
    ran = f"run on {emulator['kind']} {emulator['version']}, {emulator['machine']}"
    return "; ".join([f"{built}; {ran}", *emulator["notes"]])


def memory(shown: TextTable, report: Report, parts: Mapping[str, str], more: str = "") -> None:
    """Add what it takes of RAM and flash; *parts* of the RAM by key, as they are called."""
    ram, flash, budget = report["memory"], report["flash"], report["budget"]
    inside = f"{ram_parts(report, parts)}{more}"
    shown.add_row("RAM in all", f"{ram['total']:,}", f"of {budget['ram']:,}: {inside}")
    inside = flash_parts(report)
    shown.add_row("flash in all", f"{flash['total']:,}", f"of {budget['flash']:,}: {inside}")


def ram_parts(report: Report, parts: Mapping[str, str]) -> str:
    """Return what the RAM is taken by, of *parts* by key, as they are called."""
    ram = report["memory"]
    return _sum({name: ram[key] for key, name in parts.items() if ram.get(key)})


def flash_parts(report: Report) -> str:
    """Return what the flash is taken by."""
    return _sum({key: report["flash"][key] for key in ("code", "constants")})


def stack_bound(shown: TextTable, report: Report) -> None:
    """Add the compiler's bound, if it has one."""
    bound = report["memory"]["stack_bound"]
    if bound is not None:
        shown.add_row("stack", f"{bound:,}", "the compiler's bound")


def cycles_measured(shown: TextTable, report: Report) -> None:
    """Add the cycles that a board counted, if it has a counter."""
    if report.get("cycles_measured") is not None:
        shown.add_row("cycles", f"{report['cycles_measured']:,}", "measured on the board")


def _sum(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size:,}" for name, size in sizes.items())


def advice(report: Report, shown: Shown) -> Iterator[Part]:
    """Yield the sentences; of the first the command that does it, where one is known."""
    for number, said in enumerate(report["advice"]):
        found = _OPTION.fullmatch(said)
        if number or not found or not shown.command:
            yield said
        else:
            yield f"{found['said']}:"
            yield Command(f"{shown.command} {found['option']}")


def hottest(report: Report, listing: str) -> Iterator[Part]:
    """Yield the functions that take the most, if the report has a profile."""
    functions = report.get("profile", {}).get("functions", [])
    if not functions:
        return
    shown = TextTable()
    shown.add_column("instructions", justify="right")
    shown.add_column("share", justify="right")
    shown.add_column("function")
    for function in functions[:HOTTEST]:
        shown.add_row(f"{function['instructions']:,}", f"{function['share']:.1%}", function["name"])
    yield shown
    others = len(functions) - HOTTEST
    more = f"{counted(others, 'more function')}, and each" if others > 0 else "Each"
    yield f"{more} line beside what it takes: {listing}"
