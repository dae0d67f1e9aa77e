"""The report on a network: ``report.json``, and the same figures as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from convgen import __version__
from convgen.bench.blame import Difference
from convgen.bench.operators import Shares
from convgen.bench.trial import Trial
from convgen.choices import Feed
from convgen.report.page import Sentence, Styled, Table, printed, sentence
from convgen.report.report import Report, beats, cycles_of, finite, flash_of, verdict
from convgen.report.verdict import Results
from convgen.schedule.network import Schedule
from convgen.schedule.select import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Plans that were run to be compared.

    ``unfused`` is the one that was chosen, one operator after the other. ``refused`` says why no
    caller can hand in rows.
    """

    trials: tuple[Trial, ...]
    unfused: Trial | None
    refused: str | None


def build(  # noqa: PLR0913 - what was found, by whom
    results: Results,
    budget: Budget,
    tools: Report,
    differs: Difference | None = None,
    shares: Shares | None = None,
    advice: Sequence[str] = (),
    *,
    compared: Compared | None = None,
) -> Report:
    """Return the report of docs/reference.md, every size in bytes.

    *tools* describes target, machine, emulator and toolchain; *differs* is where outputs first do,
    *shares* what each operator takes, *advice* what other options would buy, *compared* what else
    was run.
    """
    chosen, trials = results.chosen, results.trials
    schedule = chosen.schedule
    graph = schedule.graph
    return {
        "convgen": __version__,
        "model": graph.name,
        "target": tools["target"],
        "optimize": schedule.goal,
        **verdict(results),
        **({} if differs is None else {"first_difference": asdict(differs)}),
        "outputs": _outputs(chosen),
        "macs": graph.macs,
        "instructions": chosen.instructions,
        "instructions_per_mac": _per_mac(chosen),
        **cycles_of(chosen),
        "memory": {
            "arena": schedule.arena.bytes,
            "state": schedule.state_bytes,
            "stack": chosen.stack,
            "stack_bound": chosen.stack_bound,
            "heap": chosen.heap,
            "static": chosen.static,
            "total": chosen.ram,
        },
        "flash": flash_of(chosen),
        "budget": {"ram": budget.ram, "flash": budget.flash},
        "operators": [_operator(schedule, number, shares) for number in range(len(schedule.plans))],
        "instructions_between": shares.frame if shares else None,
        "stages": [
            {
                "first": stage[0],
                "last": stage[-1],
                "bytes": schedule.alive(stage),
                **_strips(schedule, stage),
            }
            for stage in schedule.stages
        ],
        "peak": schedule.stages.index(schedule.peak),
        "feed": _feed(schedule),
        "advice": list(advice),
        "places": [
            {
                "what": place.block.what,
                "offset": place.offset,
                "bytes": place.block.bytes,
                "first": place.block.first,
                "last": min(place.block.last, len(schedule.plans) - 1),
            }
            for place in schedule.arena.places
        ],
        "passes": [asdict(each) for each in graph.origin.saved],
        "unfused": _unfused(chosen, compared.unfused if compared else None),
        "candidates": [
            *_candidates(chosen, trials, budget),
            *_refused(compared.refused if compared else None),
        ],
        **({} if chosen.profile is None else {"profile": chosen.profile}),
        "emulator": tools["emulator"],
        "toolchain": tools["toolchain"],
        "io": graph.origin.ends,
        "reference": graph.origin.reference,
    }


def _outputs(chosen: Trial) -> list[Report]:
    """How far each output is from what it should be, and how far it may be."""
    judged = chosen.comparison.each if chosen.comparison else ()
    return [
        {
            "name": tensor.name,
            "mismatches": each.mismatches,
            "max_abs_error": finite(each.max_abs_error),
            "max_allowed_error": finite(each.allowed),
        }
        for tensor, each in zip(chosen.schedule.graph.outputs, judged, strict=False)
    ]


def _feed(schedule: Schedule) -> Feed:
    return "rows" if schedule.rows_fed else "whole"


def _unfused(chosen: Trial, apart: Trial | None) -> Report | None:
    """Return what the same algorithms take one operator after the other, and how that compares.

    None where they go so, or over strips. Measured only if it was run: *apart*.
    """
    schedule = chosen.schedule
    if not schedule.fused or schedule.over_strips:
        return None
    predicted = sum(schedule.instructions_of)
    counted = apart.instructions if apart else None
    ratio = chosen.instructions / counted if chosen.instructions and counted else None
    return {
        "instructions": counted,
        "ratio": None if ratio is None else round(ratio, 4),
        "predicted_instructions": predicted,
        "predicted_ratio": round(schedule.instructions / max(1, predicted), 4),
    }


def _refused(reason: str | None) -> Iterator[Report]:
    """Yield a row for plans that get rows, of which there are none."""
    if reason:
        yield {"feed": "rows", "applicable": False, "reason": reason}


def _strips(schedule: Schedule, stage: range) -> Report:
    """Return over how many strips a *stage* runs, of how many columns, and what these multiply."""
    strips = schedule.strips_of(stage[0])
    if strips is None:
        return {}
    macs = strips.count * sum(schedule.plans[number].operator.macs for number in stage)
    return {"strips": {"count": strips.count, "columns": strips.columns, "macs": macs}}


def _operator(schedule: Schedule, number: int, shares: Shares | None) -> Report:
    plan = schedule.plans[number]
    return {
        "index": schedule.graph.origin.numbers.get(plan.operator.name),
        "kind": plan.operator.kind,
        "name": plan.operator.name,
        "algorithm": plan.algorithm,
        "stage": next(n for n, stage in enumerate(schedule.stages) if number in stage),
        "macs": schedule.graph.operators[number].macs,
        "instructions": shares.operators[number] if shares else None,
        "predicted_instructions": schedule.instructions_of[number],
        "workspace": plan.workspace_bytes,
        "flash_constants": plan.constant_bytes,
        "notes": list(plan.notes),
    }


def _per_mac(trial: Trial) -> float | None:
    macs = trial.schedule.graph.macs
    return round(trial.instructions / macs, 4) if trial.instructions and macs else None


def _candidates(chosen: Trial, trials: Sequence[Trial], budget: Budget) -> list[Report]:
    """Return the plans that were run, from the least RAM to the most."""
    different = {trial.schedule.form: trial for trial in (*trials, chosen)}
    rows = sorted(different.values(), key=lambda trial: (trial.ram, trial.instructions or 0))
    needs = {id(trial): (trial.ram, trial.instructions or 0, trial.flash) for trial in rows}
    return [
        {
            "feed": _feed(trial.schedule),
            "stages": len(trial.schedule.stages),
            "applicable": True,
            "ram": trial.ram,
            "arena": trial.schedule.arena.bytes,
            "flash": trial.flash,
            "flash_constants": trial.sizes.constant_bytes,
            "predicted_instructions": trial.schedule.instructions,
            "measured": {
                "instructions": trial.instructions,
                "stack": trial.stack,
                "flash_code": trial.sizes.code_bytes,
                "flash_constants": trial.sizes.constant_bytes,
                "verified": trial.verified,
            },
            "fits": trial.fits(budget),
            "chosen": trial is chosen,
            "pareto": trial.verified
            and not any(beats(other, needs[id(trial)]) for other in needs.values()),
        }
        for trial in rows
    ]


def as_text(report: Report, out: Path) -> str:
    """Return the summary, the operators and the plans."""
    plans = [_plans(report)] if len(report["candidates"]) > 1 else []
    return printed(
        _headline(report),
        _summary(report),
        _operators(report),
        *plans,
        *report["advice"],
        f"Written to {out}",
    )


def _headline(report: Report) -> Sentence:
    subject = (Styled(report["model"], "bold"), f" on {report['target']}, ")
    if report["failure"]:
        differs = report.get("first_difference")
        where = "; operator {operator} ({name}) is the first".format(**differs) if differs else ""
        return sentence(*subject, Styled("WRONG", "red"), f": {report['failure']}{where}")
    if report["emulator"]["kind"] == "none":
        return sentence(*subject, Styled("generated and compiled, not run", "yellow"))
    exact = "every output equals"
    if report["max_abs_error"]:
        exact = "no output is more than {max_abs_error:.1e}, of {max_allowed_error:.1e}, from"
        exact = exact.format(**report)
    vectors = f" on {report['vectors']} vectors: {exact} {report['compared_with']}"
    return sentence(*subject, Styled("verified", "green"), vectors)


def _summary(report: Report) -> Table:
    shown = Table(show_header=False)
    shown.add_column("what")
    shown.add_column("bytes", justify="right")
    shown.add_column("note")
    memory, flash, budget = report["memory"], report["flash"], report["budget"]
    for part in ("arena", "state", "stack", "heap", "static"):
        if memory[part] is not None:
            shown.add_row(part, f"{memory[part]:,}", _note(report, part))
    shown.add_row("RAM in all", f"{memory['total']:,}", f"of {budget['ram']:,}")
    shown.add_row("code", f"{flash['code']:,}", "")
    shown.add_row("constants", f"{flash['constants']:,}", "")
    shown.add_row("flash in all", f"{flash['total']:,}", f"of {budget['flash']:,}")
    if report["instructions"] is not None:
        per_mac = report["instructions_per_mac"]
        note = f"{per_mac:.2f} per MAC, {report['macs']:,} MACs" if per_mac else ""
        shown.add_row("instructions", f"{report['instructions']:,}", note)
    if report["unfused"]:
        shown.add_row("unfused", *_apart(report["unfused"]))
    if "cycles_estimated" in report:
        shown.add_row("estimated cycles", f"{report['cycles_estimated']:,}", "")
    return shown


def _apart(unfused: Report) -> tuple[str, str]:
    """Return the instructions of a plan one operator after the other, and how many times those."""
    if unfused["ratio"]:
        return (
            f"{unfused['instructions']:,}",
            f"instructions: row by row {unfused['ratio']:.3f} times",
        )
    ratio = f"instructions (predicted): row by row {unfused['predicted_ratio']:.3f} times"
    return f"~{unfused['predicted_instructions']:,}", ratio


def _note(report: Report, part: str) -> str:
    """Return what there is to say about a *part* of the RAM."""
    if part == "stack" and report["memory"]["stack_bound"]:
        return f"compiler's bound {report['memory']['stack_bound']:,}"
    if part == "arena" and len(report["stages"]) > 1:
        peak = report["stages"][report["peak"]]
        names = [report["operators"][peak[end]]["name"] for end in ("first", "last")]
        return f"the most in {' to '.join(dict.fromkeys(names))}"
    return ""


def _operators(report: Report) -> Table:
    shown = Table()
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


def _plans(report: Report) -> Table:
    shown = Table()
    shown.add_column("feed")
    for column in ("stages", "RAM", "arena", "flash", "instructions"):
        shown.add_column(column, justify="right")
    shown.add_column("")
    for row in report["candidates"]:
        if not row["applicable"]:
            shown.add_row(row["feed"], *[""] * 5, row["reason"])
            continue
        instructions = row["measured"]["instructions"]
        words = [
            *(["Pareto front"] if row["pareto"] else []),
            *(["chosen"] if row["chosen"] else []),
            *([] if row["fits"] else ["over the budget"]),
            *([] if row["measured"]["verified"] else ["WRONG"]),
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
