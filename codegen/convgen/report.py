"""The report: ``report.json``, and the same figures as a table for people."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from convgen import __version__
from convgen.advice import advise
from convgen.select import Budget, Candidate, Selection
from convgen.target import Machine
from convgen.trial import Trial, too_large

Report = dict[str, Any]
PIPED_WIDTH = 1000  # so wide that every row of a table stays one line


def build(
    selection: Selection, trials: Sequence[Trial], chosen: Trial, tools: Report, *, compared: bool
) -> Report:
    """Return the report of docs/reference.md, every size in bytes.

    *trials* holds what was built, *compared* all that could be; *tools* describes target, machine,
    emulator and toolchain.
    """
    layer, budget = chosen.candidate.plan.layer, selection.budget
    tried = {trial.candidate: trial for trial in trials}
    front = pareto_front(trials) if compared else set()
    return {
        "convgen": __version__,
        "layer": layer.name,
        "target": tools["target"],
        "dtype": layer.dtype,
        "algorithm": chosen.candidate.algorithm,
        "optimize": selection.goal,
        "synthetic_weights": layer.synthetic,
        **_verdict(chosen),
        "macs": layer.geometry.macs,
        "instructions": chosen.instructions,
        "instructions_per_mac": _per_mac(chosen),
        **_asks(chosen),
        "memory": _memory(chosen),
        "flash": {
            "code": chosen.sizes.code_bytes,
            "constants": chosen.sizes.constant_bytes,
            "total": chosen.flash,
            "library": chosen.sizes.library_bytes,
        },
        "budget": {"ram": budget.ram, "flash": budget.flash},
        "candidates": [
            *(
                _candidate(c, tried.get(c), budget, tools["machine"], front)
                for c in sorted(selection.candidates, key=_by_workspace)
            ),
            *(
                {"algorithm": r.algorithm, "applicable": False, "reason": r.reason}
                for r in selection.rejected
            ),
        ],
        "advice": advise(selection, trials, chosen),
        "emulator": tools["emulator"],
        "toolchain": tools["toolchain"],
    }


def _by_workspace(candidate: Candidate) -> tuple[int, int]:
    return candidate.plan.workspace_bytes, candidate.instructions


def pareto_front(trials: Sequence[Trial]) -> set[Candidate]:
    """Return the right ones that no other beats in workspace, instructions or flash.

    To beat is to need less of one of them and no more of any, nor to ask of the caller what the
    other does not: that is no price in bytes or instructions.
    """
    needs = {
        trial.candidate: (
            trial.candidate.plan.workspace_bytes,
            trial.instructions or 0,
            trial.flash,
        )
        for trial in trials
        if trial.verified
    }
    return {
        candidate
        for candidate, mine in needs.items()
        if not any(
            _beats(others, mine) and (other.asks is None or candidate.asks is not None)
            for other, others in needs.items()
        )
    }


def _beats(other: tuple[int, ...], mine: tuple[int, ...]) -> bool:
    return other != mine and all(a <= b for a, b in zip(other, mine, strict=True))


def _verdict(trial: Trial) -> Report:
    comparison = trial.comparison
    return {
        "verified": trial.verified,
        "vectors": trial.vectors,
        "compared_with": trial.compared_with,
        "mismatches": comparison.mismatches if comparison else None,
        "max_abs_error": _finite(comparison.max_abs_error) if comparison else None,
        "failure": trial.failure,
    }


def _asks(trial: Trial) -> Report:
    """What the algorithm asks of its caller beside memory, if it asks anything."""
    asks = trial.candidate.asks
    if asks is None:
        return {}
    init = trial.run.init_instructions if trial.run else None
    return {"asks": asks, **({} if init is None else {"init_instructions": init})}


def _finite(value: float) -> float | None:
    """Return *value* as JSON can say it: integers as such, no infinities."""
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value


def _per_mac(trial: Trial) -> float | None:
    if trial.instructions is None:
        return None
    return round(trial.instructions / trial.candidate.plan.layer.geometry.macs, 4)


def _memory(trial: Trial) -> Report:
    layer = trial.candidate.plan.layer
    pool = trial.candidate.pool
    tensors = (
        {"pool": pool.bytes} if pool else {"input": layer.input_bytes, "output": layer.output_bytes}
    )
    return {
        **tensors,
        "workspace": trial.candidate.plan.workspace_bytes,
        "stack": trial.stack,
        "stack_bound": trial.stack_bound,
        "heap": trial.heap,
        "static": trial.static,
        "total": trial.ram,
    }


def _candidate(
    candidate: Candidate,
    trial: Trial | None,
    budget: Budget,
    machine: Machine,
    front: Collection[Candidate],
) -> Report:
    row: Report = {
        "algorithm": candidate.algorithm,
        "applicable": True,
        "fits": trial.fits(budget) if trial else candidate.fits(budget),
        "workspace": candidate.plan.workspace_bytes,
        "ram": trial.ram if trial else candidate.ram,
        "flash": trial.flash if trial else candidate.flash,
        "flash_constants": candidate.plan.constant_bytes,
        "predicted_instructions": candidate.instructions,
    }
    if trial and trial.run:
        row["measured"] = {
            "instructions": trial.instructions,
            "stack": trial.stack,
            "flash_code": trial.sizes.code_bytes,
            "flash_constants": trial.sizes.constant_bytes,
            "verified": trial.verified,
        }
        if front:
            row["pareto"] = candidate in front
    if candidate.asks:
        row["asks"] = candidate.asks
    problem = too_large(candidate, machine)
    if problem:
        row["not_measured"] = problem
    return row


def as_json(report: Report) -> str:
    """Return the text of ``report.json``."""
    return json.dumps(report, indent=2, allow_nan=False) + "\n"


def as_text(report: Report, out: Path) -> str:
    """Return the summary and the candidates: coloured for a terminal, plain when piped."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(
        width=None if terminal else PIPED_WIDTH, highlight=False, soft_wrap=not terminal
    )
    with console.capture() as text:
        console.print(_headline(report))
        console.print(_summary(report))
        console.print(_candidates(report))
        for sentence in report["advice"]:
            console.print(sentence, markup=False)
        console.print(f"Written to {out}", markup=False)
    return "".join(f"{line.rstrip()}\n" for line in text.get().splitlines())


def _headline(report: Report) -> str:
    from rich.markup import escape

    subject = f"[bold]{report['layer']}[/] on {escape(report['target'])}: {report['algorithm']}"
    if report["emulator"]["kind"] == "none":
        return f"{subject}, [yellow]generated and compiled, not run[/]"
    if not report["verified"]:
        return f"{subject}, [red]WRONG[/]: {escape(report['failure'])}"
    exact = "every byte equals" if report["dtype"] == "int8" else "within the float32 bound of"
    return (
        f"{subject}, [green]verified[/] on {report['vectors']} vectors: "
        f"{exact} {report['compared_with']}"
    )


def _table() -> Any:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False)


def _summary(report: Report) -> Any:
    table = _table()
    table.show_header = False
    table.add_column("what")
    table.add_column("bytes", justify="right")
    table.add_column("note")
    memory, flash = report["memory"], report["flash"]
    for part in ("input", "output", "pool", "workspace", "stack", "heap", "static"):
        if memory.get(part) is not None:
            table.add_row(part, f"{memory[part]:,}", _part_note(part, report))
    table.add_row("RAM in all", f"{memory['total']:,}", f"of {report['budget']['ram']:,}")
    table.add_row("code", f"{flash['code']:,}", "")
    table.add_row("constants", f"{flash['constants']:,}", _synthetic_note(report))
    table.add_row("flash in all", f"{flash['total']:,}", f"of {report['budget']['flash']:,}")
    if report["instructions"] is not None:
        per_mac = f"{report['instructions_per_mac']:.2f} per MAC, {report['macs']:,} MACs"
        table.add_row("instructions", f"{report['instructions']:,}", per_mac)
    return table


def _part_note(part: str, report: Report) -> str:
    if part == "stack" and report["memory"]["stack_bound"] is not None:
        return f"compiler's bound {report['memory']['stack_bound']:,}"
    return ""


def _synthetic_note(report: Report) -> str:
    return "synthetic: made up from the seed" if report["synthetic_weights"] else ""


def _candidates(report: Report) -> Any:
    from rich.markup import escape

    table = _table()
    table.add_column("algorithm")
    for column in ("workspace", "RAM", "flash", "instructions"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in report["candidates"]:
        if row["applicable"]:
            table.add_row(
                row["algorithm"],
                f"{row['workspace']:,}",
                f"{row['ram']:,}",
                f"{row['flash']:,}",
                _instructions(row),
                _verdict_words(row, report),
            )
        else:
            table.add_row(row["algorithm"], "", "", "", "", f"no: {escape(row['reason'])}")
    return table


def _instructions(row: Report) -> str:
    measured = row.get("measured", {}).get("instructions")
    return f"{measured:,}" if measured is not None else f"~{row['predicted_instructions']:,}"


def _verdict_words(row: Report, report: Report) -> str:
    words = []
    if row.get("pareto"):
        words.append("Pareto front")
    if row["algorithm"] == report["algorithm"]:
        words.append("chosen")
    if not row["fits"]:
        words.append("over the budget")
    if row.get("measured", {}).get("verified") is False:
        words.append("WRONG")
    if "not_measured" in row:
        words.append(row["not_measured"])
    if "asks" in row:
        words.append(row["asks"])
    return ", ".join(words)
