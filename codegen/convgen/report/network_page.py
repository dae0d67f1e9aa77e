"""The report on a network for people: the answer on one screen, or all there is to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convgen.report import answer
from convgen.report.answer import TOO_LARGE, Shown
from convgen.report.page import Part, Sentence, Styled, TextTable, printed, sentence
from convgen.report.report import Report
from convgen.system.publishing import PROFILE

COSTLY = 3  # operators that are named in short
CHOSEN = {
    "workspace": "the least RAM",
    "speed": "the fewest instructions that fit",
    "flash": "the least flash",
}
PARTS = {"arena": "arena", "stack": "stack", "static": "static"}


def as_text(report: Report, shown: Shown) -> str:
    """Return the report in short, or with every operator and plan."""
    return printed(*_parts(report, shown))


def _parts(report: Report, shown: Shown) -> Iterator[Part]:
    plans = report["candidates"]
    if report["memory"] is None:
        subject = (Styled(report["model"], "bold"), f" on {report['target']}: ")
        yield from answer.unfit(subject, report)
        yield from [_plans(plans)] if plans else []
        yield f"Written to {shown.out}"
        return
    yield _headline(report)
    yield from answer.scope(report)
    yield from beside(report)
    yield answer.tools(report, everything=shown.everything)
    yield _summary(report, shown)
    yield from answer.warnings(report)
    if shown.everything:
        yield _operators(report)
    outstanding = [row for row in plans if shown.everything or _is_outstanding(row)]
    if len(plans) > 1:
        yield _plans(outstanding)
    if len(outstanding) < len(plans):
        yield f"--all shows {answer.counted(len(plans) - len(outstanding), 'other plan')}"
    yield from answer.advice(report, shown)
    yield from answer.hottest(report, str(shown.out / PROFILE))
    yield f"Written to {shown.out}"


def _headline(report: Report) -> Sentence:
    subject = (Styled(report["model"], "bold"), f" on {report['target']}, ")
    if report["failure"]:
        differs = report.get("first_difference")
        where = "; operator {operator} ({name}) is the first".format(**differs) if differs else ""
        return sentence(*subject, Styled(_word(report), "red"), f": {report['failure']}{where}")
    return answer.headline(subject, report, exact(report))


def _word(report: Report) -> str:
    """Return the word for what is at fault: the outputs, or what they take."""
    over = report["memory"]["total"] > report["budget"]["ram"]
    over = over or report["flash"]["total"] > report["budget"]["flash"]
    return TOO_LARGE if over and not report["mismatches"] else "WRONG"


def exact(report: Report) -> str:
    """Say how equal the outputs are, and to what."""
    how = "every output equals"
    if report["max_abs_error"]:
        how = "no output is more than {max_abs_error:.1e}, of {max_allowed_error:.1e}, from"
        how = how.format(**report)
    return f"{how} {report['compared_with']}"


def beside(report: Report) -> Iterator[str]:
    """Say how outputs compare with ONNX Runtime's, or why that is not known, of its models."""
    found = report.get("onnxruntime")
    if found:
        yield f"ONNX Runtime {found['version']}: {_differing(found)}"
    elif "without_onnxruntime" in report:
        yield f"Not compared with ONNX Runtime: {report['without_onnxruntime']}"


def _differing(found: Report) -> str:
    """Return how many outputs differ, and how far they do."""
    count, outputs = found["differ"], answer.counted(found["outputs"], "output")
    quanta, error = found["max_quanta"], found["max_abs_error"]
    if not count:
        return f"no output differs by more than {error:.1e}" if error else f"0 of {outputs} differ"
    far = [answer.counted(quanta, "quantum").replace("quantums", "quanta")] if quanta else []
    far += [f"{error:.1e}"] if error else []
    most = f", by at most {' or '.join(far)}" if far else ""
    return f"{count:,} of {outputs} {'differs' if count == 1 else 'differ'}{most}"


def _summary(report: Report, how: Shown) -> TextTable:
    shown = answer.facts()
    answer.memory(shown, report, PARTS, peak(report))
    if how.everything:
        answer.stack_bound(shown, report)
    if report["memory"]["state"]:
        shown.add_row("state", f"{report['memory']['state']:,}", "of the arena, from call to call")
    if report["instructions"] is not None:
        shown.add_row("instructions", f"{report['instructions']:,}", work(report))
    if report["unfused"] and how.everything:
        shown.add_row("unfused", *_apart(report["unfused"]))
    answer.cycles_measured(shown, report)
    if "cycles_estimated" in report:
        shown.add_row("estimated cycles", f"{report['cycles_estimated']:,}", "")
    more = "" if how.everything else "; --all shows each"
    shown.add_row("chosen", "", f"{chosen(report)}{more}")
    if costly := _costly(report):
        shown.add_row("costliest", "", costly)
    return shown


def work(report: Report) -> str:
    """Say what its instructions are for."""
    per_mac = report["instructions_per_mac"]
    return f"{per_mac:.2f} per MAC, {report['macs']:,} MACs" if per_mac else ""


def chosen(report: Report) -> str:
    """Say which plan was chosen, and for what."""
    stages = answer.counted(len(report["stages"]), "stage")
    operators = answer.counted(len(report["operators"]), "operator")
    fed = ", fed by rows" if report["feed"] == "rows" else ""
    return f"{CHOSEN[report['optimize']]}: {operators} in {stages}{fed}"


def _costly(report: Report) -> str:
    """Name the operators that take the most instructions, and what share of all."""
    found = {row["name"]: row["instructions"] or 0 for row in report["operators"]}
    most = sorted(found.items(), key=lambda item: -item[1])[:COSTLY]
    whole = report["instructions"]
    return ", ".join(f"{name} {count / whole:.0%}" for name, count in most if whole and count)


def peak(report: Report) -> str:
    """Say where the arena is full."""
    if len(report["stages"]) < 2:
        return ""
    stage = report["stages"][report["peak"]]
    names = [report["operators"][stage[end]]["name"] for end in ("first", "last")]
    return f"; the most in {' to '.join(dict.fromkeys(names))}"


def _apart(unfused: Report) -> tuple[str, str]:
    """Return the instructions of a plan one operator after the other, and how many times those."""
    if unfused["ratio"]:
        return (
            f"{unfused['instructions']:,}",
            f"instructions: row by row {unfused['ratio']:.3f} times",
        )
    ratio = f"instructions (predicted): row by row {unfused['predicted_ratio']:.3f} times"
    return f"~{unfused['predicted_instructions']:,}", ratio


def _operators(report: Report) -> TextTable:
    shown = TextTable()
    shown.add_column("", justify="right")
    for column in ("operator", "kind", "algorithm"):
        shown.add_column(column)
    for column in ("MACs", "instructions", "workspace", "constants"):
        shown.add_column(column, justify="right")
    for row in report["operators"]:
        shown.add_row(
            "" if row["index"] is None else str(row["index"]),
            row["name"],
            row["kind"],
            row["algorithm"],
            f"{row['macs']:,}" if row["macs"] else "",
            _instructions(row),
            f"{row['workspace']:,}" if row["workspace"] else "",
            f"{row['flash_constants']:,}" if row["flash_constants"] else "",
        )
    return shown


def _instructions(row: Report) -> str:
    if row["instructions"] is not None:
        return f"{row['instructions']:,}"
    return f"~{row['predicted_instructions']:,}"


def _is_outstanding(row: Report) -> bool:
    """Whether *row* is one that is chosen from, or says why there are no others."""
    if not row["applicable"]:
        return True
    return bool(row["pareto"] or row["chosen"] or _is_wrong(row))


def _is_wrong(row: Report) -> bool:
    return "measured" in row and not row["measured"]["verified"]


def _plans(rows: Sequence[Report]) -> TextTable:
    shown = TextTable()
    shown.add_column("feed")
    for column in ("stages", "RAM", "arena", "flash", "instructions"):
        shown.add_column(column, justify="right")
    shown.add_column("")
    for row in rows:
        if not row["applicable"]:
            shown.add_row(row["feed"], *[""] * 5, row["reason"])
            continue
        instructions = row.get("measured", {}).get("instructions")
        words = [
            *(["chosen"] if row["chosen"] else []),
            *(["Pareto front"] if row["pareto"] else []),
            *([] if row["fits"] else ["over the budget"]),
            *(["WRONG"] if _is_wrong(row) else []),
        ]
        shown.add_row(
            row["feed"],
            str(row["stages"]),
            f"{row['ram']:,}",
            f"{row['arena']:,}",
            f"{row['flash']:,}",
            f"{instructions:,}" if instructions is not None else "",
            ", ".join(words),
        )
    return shown
