"""The report on a layer for people: the answer on one screen, or all there is to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convgen.report import answer
from convgen.report.advice import WORTHWHILE
from convgen.report.answer import Shown
from convgen.report.page import Part, Sentence, Styled, TextTable, printed, sentence
from convgen.report.report import Report
from convgen.schedule.select import SAME_BYTES
from convgen.system.publishing import PROFILE, REPORT

FAULTS = ("WRONG", "DISAGREES", "INCOMPLETE")  # the gravest first
COUNTED = ("workspace", "RAM", "flash", "instructions")
PARTS = {part: part for part in ("input", "output", "pool", "workspace", "stack", "static")}


def as_text(report: Report, shown: Shown) -> str:
    """Return the report in short, or with every candidate."""
    return printed(*_parts(report, shown))


def _parts(report: Report, shown: Shown) -> Iterator[Part]:
    if report["algorithm"] is None:
        layer = Styled(report["layer"], "bold")
        yield from answer.unfit((layer, f" on {report['target']}: "), report)
    else:
        yield from _choice(report, shown)
    able = [row for row in report["candidates"] if row["applicable"]]
    rows = report["candidates"] if shown.everything else _outstanding(able, report)
    yield _candidates(rows, report)
    if len(rows) < len(report["candidates"]):
        fits = sum(row["fits"] for row in able)
        yield f"{fits} of {answer.counted(len(able), 'candidate')} fit; --all shows every one"
    yield from answer.advice(report, shown)
    yield from answer.hottest(report, str(shown.out / PROFILE))
    yield f"Written to {shown.out}"


def _choice(report: Report, shown: Shown) -> Iterator[Part]:
    """Yield what there is to say of what was chosen."""
    yield _headline(report)
    yield from answer.scope(report)
    yield answer.tools(report, everything=shown.everything)
    yield _summary(report, shown)
    yield from report["notes"]
    yield from answer.warnings(report)


def _headline(report: Report) -> Sentence:
    layer = Styled(report["layer"], "bold")
    subject = (layer, f" on {report['target']}: {report['algorithm']}, ")
    if report["failure"]:
        return sentence(*subject, Styled(_word(report), "red"), f": {report['failure']}")
    return answer.headline(subject, report, exact(report))


def exact(report: Report) -> str:
    """Say how equal the outputs are, and to what."""
    how = "every byte equals" if report["dtype"] != "float32" else "within the float32 bound of"
    return f"{how} {report['compared_with']}{_untried(report)}"


def _untried(report: Report) -> str:
    """Say how many channels no made-up vector brought to both sides of a rounding boundary."""
    found = report.get("coverage")
    if found is None or not found["made_up"]:
        return ""
    left = found["channels"] - found["constant"] - found["tried"]
    if not left:
        return ""
    channels = answer.counted(found["channels"], "output channel")
    return f"; on {left:,} of {channels} an error of one in the sum may not have shown"


def _word(report: Report) -> str:
    """Return the word for what is at fault: the gravest of all candidates, else the memory."""
    faults = {_fault(row) for row in report["candidates"] if "failure" in row}
    return min(faults, key=FAULTS.index, default=answer.TOO_LARGE)


def _fault(row: Report) -> str:
    wrong, disagreeing, unbuilt = FAULTS
    if not row.get("builds", True):
        return unbuilt
    return disagreeing if row["disagrees"] else wrong


def _summary(report: Report, how: Shown) -> TextTable:
    shown = answer.facts()
    answer.memory(shown, report, PARTS, _pool_note(report))
    if how.everything:
        answer.stack_bound(shown, report)
    if report["instructions"] is not None:
        shown.add_row("instructions", f"{report['instructions']:,}", work(report))
    answer.cycles_measured(shown, report)
    if "cycles_estimated" in report:
        shown.add_row("estimated cycles", f"{report['cycles_estimated']:,}", _cycles_note(report))
    return shown


def _pool_note(report: Report) -> str:
    if "pool" not in report:
        return ""
    return f"; a pool instead of {report['pool']['instead_of']:,}: the output overwrites the input"


def _cycles_note(report: Report) -> str:
    rate = _rate(report, report["cycles_estimated"])
    return f"{rate}; {report['cycles_model'].partition(':')[0]}, see cycles_model in {REPORT}"


def _rate(report: Report, count: int) -> str:
    """Say how many there are for each MAC; for each output, of what has no MACs."""
    unit = "MAC" if report["macs"] else "output"
    return f"{count / (report['macs'] or report['output_elements']):.2f} per {unit}"


def work(report: Report) -> str:
    """Say what its instructions are for."""
    macs = f", {report['macs']:,} MACs" if report["macs"] else ""
    return f"{_rate(report, report['instructions'])}{macs}"


def _outstanding(able: Sequence[Report], report: Report) -> list[Report]:
    """Return the rows that a choice is made between, and those that went wrong."""
    labels = _labels(able, report)
    return [
        row for row in able if row["algorithm"] in labels or row.get("pareto") or "failure" in row
    ]


def _labels(able: Sequence[Report], report: Report) -> dict[str, list[str]]:
    """Return what each algorithm excels in, of those that fit; of all, where none does.

    Where less is only predicted the chosen one is as good, unless the difference is worth a word.
    """
    free = [row for row in able if "asks" not in row and "failure" not in row]
    among = [row for row in free if row["fits"]] or free
    labels = {row["algorithm"]: ["chosen"] for row in able if _is_chosen(row, report)}
    if among:
        fastest = min(among, key=lambda row: (_count(row), row["ram"]))
        smallest = min(among, key=lambda row: (row["ram"], _count(row)))
        for row in among:
            if _is_chosen(row, report):
                measured = "measured" in fastest
                if _count(row) <= _count(fastest) * (1 if measured else WORTHWHILE):
                    fastest = row
                if row["ram"] <= smallest["ram"] + SAME_BYTES:
                    smallest = row
        labels.setdefault(fastest["algorithm"], []).append("fastest")
        labels.setdefault(smallest["algorithm"], []).append("smallest")
    return labels


def _is_chosen(row: Report, report: Report) -> bool:
    return bool(row["algorithm"] == report["algorithm"])


def _candidates(rows: Sequence[Report], report: Report) -> TextTable:
    shown = TextTable()
    shown.add_column("algorithm")
    counted = (*COUNTED, "cycles") if any(map(_row_cycles, rows)) else COUNTED
    for column in counted:
        shown.add_column(column, justify="right")
    shown.add_column("")
    labels = _labels([row for row in report["candidates"] if row["applicable"]], report)
    for row in rows:
        if row["applicable"]:
            figures = {
                "workspace": f"{row['workspace']:,}",
                "RAM": f"{row['ram']:,}",
                "flash": f"{row['flash']:,}",
                "instructions": _instructions(row),
                "cycles": _row_cycles(row),
            }
            words = [*labels.get(row["algorithm"], ()), *_words(row, report)]
            shown.add_row(
                row["algorithm"], *(figures[column] for column in counted), ", ".join(words)
            )
        else:
            reason = f"no: {row['reason']}"
            shown.add_row(row["algorithm"], *("" for _ in counted), reason)
    return shown


def _row_cycles(row: Report) -> str:
    estimated = row.get("measured", {}).get("cycles_estimated")
    return f"{estimated:,}" if estimated is not None else ""


def _count(row: Report) -> int:
    """Return its instructions, predicted where nobody counted."""
    measured = row.get("measured", {}).get("instructions")
    return int(row["predicted_instructions"] if measured is None else measured)


def _instructions(row: Report) -> str:
    measured = row.get("measured", {}).get("instructions")
    return f"{measured:,}" if measured is not None else f"~{row['predicted_instructions']:,}"


def _words(row: Report, report: Report) -> Iterator[str]:
    if row.get("pareto"):
        yield "Pareto front"
    if not row["fits"] and report["algorithm"]:  # else none does
        yield "over the budget"
    if not row.get("builds", True):
        yield f"does not build: {row['failure']}"
    elif "failure" in row:
        yield _fault(row)
    if "not_measured" in row:
        yield row["not_measured"]
    if "asks" in row:
        yield row["asks"]
