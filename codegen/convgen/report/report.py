"""The report: ``report.json``, and the same figures as a table for people."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from convgen import __version__
from convgen.bench.trial import Trial, too_large
from convgen.errors import BuildError
from convgen.model.operator import input_bytes, output_bytes, tensor_bytes
from convgen.report import doubts
from convgen.report.advice import advise
from convgen.report.page import Sentence, Styled, Table, printed, sentence
from convgen.report.verdict import Results
from convgen.schedule.select import Budget, Candidate, Selection
from convgen.system import seal
from convgen.system.publishing import REPORT
from convgen.targets.target import Machine

Report = dict[str, Any]
FAULTS = ("WRONG", "DISAGREES", "INCOMPLETE")  # the gravest first
COUNTED = ("workspace", "RAM", "flash", "instructions")


def build(selection: Selection, results: Results, tools: Report) -> Report:
    """Return the report of docs/reference.md, every size in bytes.

    *tools* describes target, machine, emulator and toolchain.
    """
    chosen, trials = results.chosen, results.trials
    operator, budget = chosen.candidate.plan.operator, selection.budget
    tried = {trial.candidate: trial for trial in trials}
    front = pareto_front(trials) if results.compared else set()
    return {
        "convgen": __version__,
        "layer": operator.name,
        "target": tools["target"],
        "dtype": operator.dtype,
        "algorithm": chosen.candidate.algorithm,
        "optimize": selection.goal,
        "synthetic_weights": operator.synthetic,
        **verdict(results),
        **_coverage(chosen),
        **_disagreement(chosen),
        "macs": operator.macs,
        "output_elements": sum(tensor.elems for tensor in operator.outputs),
        "instructions": chosen.instructions,
        "instructions_per_mac": _per_mac(chosen),
        **cycles_of(chosen),
        **_asks(chosen),
        "notes": list(chosen.candidate.plan.notes),
        "memory": _memory(chosen),
        **_pool(chosen),
        "flash": flash_of(chosen),
        "budget": {"ram": budget.ram, "flash": budget.flash},
        "candidates": [
            *(
                _candidate(c, tried.get(c), budget, tools["machine"], front)
                | _unbuilt(results.unbuilt.get(c))
                for c in sorted(selection.candidates, key=_by_memory)
            ),
            *(
                {"algorithm": r.algorithm, "applicable": False, "reason": r.reason}
                for r in selection.rejected
            ),
        ],
        "warnings": doubts.warnings(chosen),
        "advice": advise(selection, trials, chosen),
        **({} if chosen.profile is None else {"profile": chosen.profile}),
        "emulator": tools["emulator"],
        "toolchain": tools["toolchain"],
    }


def _by_memory(candidate: Candidate) -> tuple[int, int]:
    return candidate.ram_without_stack, candidate.instructions


def pareto_front(trials: Sequence[Trial]) -> set[Candidate]:
    """Return the right ones that no other beats in workspace, instructions or flash.

    To beat is to need less of one of them and no more of any, nor to ask of the caller what the
    other does not: that is no price in bytes or instructions.
    """
    needs = {
        trial.candidate: (
            trial.candidate.ram_without_stack,
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
            beats(others, mine) and (other.asks is None or candidate.asks is not None)
            for other, others in needs.items()
        )
    }


def beats(other: tuple[int, ...], mine: tuple[int, ...]) -> bool:
    """Whether *other* needs less of something than *mine*, and no more of anything."""
    return other != mine and all(a <= b for a, b in zip(other, mine, strict=True))


def verdict(results: Results) -> Report:
    """Return whether all is well: of the chosen one's figures; another's failure spoils all."""
    trial, failure = results.chosen, results.failure
    comparison = trial.comparison
    return {
        "verified": trial.verified and failure is None,
        "vectors": trial.vectors,
        "compared_with": trial.compared_with,
        "mismatches": comparison.mismatches if comparison else None,
        "max_abs_error": finite(comparison.max_abs_error) if comparison else None,
        "max_allowed_error": finite(comparison.allowed) if comparison else None,
        "failure": None if failure is None else str(failure),
    }


def _coverage(trial: Trial) -> Report:
    """How much of each channel's rounding the inputs tried, of an int8 layer that was run."""
    given = trial.given
    if given is None or given.coverage is None:
        return {}
    return {"coverage": {"made_up": given.made_up, **asdict(given.coverage)}}


def _disagreement(trial: Trial) -> Report:
    """How the outputs of ``--vectors`` differ from those of the spec, if they do."""
    found = trial.given.disagreement if trial.given else None
    if found is None:
        return {}
    return {
        "disagreement": {
            "sentence": found.sentence,
            "code_is_right": trial.disagrees,
            "cause": found.cause,
            "explanations": list(found.explanations),
            "differing": found.differing,
            "max_abs_error": finite(found.max_abs_error),
        }
    }


def _asks(trial: Trial) -> Report:
    """What the algorithm asks of its caller beside memory, if it asks anything."""
    asks = trial.candidate.asks
    if asks is None:
        return {}
    init = trial.run.init_instructions if trial.run else None
    return {"asks": asks, **({} if init is None else {"init_instructions": init})}


def finite(value: float) -> float | None:
    """Return *value* as JSON can say it: integers as such, no infinities."""
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value


def _per_mac(trial: Trial) -> float | None:
    macs = trial.candidate.plan.operator.macs
    if trial.instructions is None or not macs:
        return None
    return round(trial.instructions / macs, 4)


def flash_of(trial: Trial) -> Report:
    """Return what it takes of flash, in bytes."""
    return {
        "code": trial.sizes.code_bytes,
        "constants": trial.sizes.constant_bytes,
        "total": trial.flash,
        "library": trial.sizes.library_bytes,
    }


def cycles_of(trial: Trial) -> Report:
    """Estimated cycles and what they assume, if they were asked for."""
    if trial.cycles is None:
        return {}
    return {"cycles_estimated": trial.cycles.cycles, "cycles_model": trial.cycles.model}


def _memory(trial: Trial) -> Report:
    operator = trial.candidate.plan.operator
    pool = trial.candidate.pool
    tensors = (
        {"pool": pool.bytes}
        if pool
        else {"input": input_bytes(operator), "output": output_bytes(operator)}
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


def _pool(trial: Trial) -> Report:
    """Where input and output lie in their pool, if they share one."""
    pool = trial.candidate.pool
    if pool is None:
        return {}
    apart = tensor_bytes(trial.candidate.plan.operator)
    return {"pool": {**asdict(pool), "instead_of": apart}}


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
        **({"pool": candidate.pool.bytes} if candidate.pool else {}),
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
        if trial.cycles:
            row["measured"]["cycles_estimated"] = trial.cycles.cycles
        if front:
            row["pareto"] = candidate in front
    if trial and trial.failure:
        row["failure"] = trial.failure
        row["disagrees"] = trial.disagrees
    if candidate.asks:
        row["asks"] = candidate.asks
    if candidate.plan.notes:
        row["notes"] = list(candidate.plan.notes)
    problem = too_large(candidate, machine)
    if problem:
        row["not_measured"] = problem
    return row


def _unbuilt(error: BuildError | None) -> Report:
    """What is said of a candidate that does not build, and nothing of one that does."""
    return {} if error is None else {"builds": False, "failure": error.summary}


def as_json(report: Report) -> str:
    """Return the text of ``report.json``."""
    text = json.dumps({**report, seal.KEY: seal.UNSEALED}, indent=2, allow_nan=False)
    return seal.sealed(f"{text}\n")


def as_text(report: Report, out: Path) -> str:
    """Return the summary and the candidates."""
    words = (*report["notes"], *(f"Warning: {warning}" for warning in report["warnings"]))
    sentences = (*report["advice"], f"Written to {out}")
    return printed(_headline(report), _summary(report), *words, _candidates(report), *sentences)


def _headline(report: Report) -> Sentence:
    layer = Styled(report["layer"], "bold")
    subject = (layer, f" on {report['target']}: {report['algorithm']}, ")
    if report["failure"]:
        return sentence(*subject, Styled(_word(report), "red"), f": {report['failure']}")
    if report["emulator"]["kind"] == "none":
        return sentence(*subject, Styled("generated and compiled, not run", "yellow"))
    exact = "every byte equals" if report["dtype"] == "int8" else "within the float32 bound of"
    found = f"{exact} {report['compared_with']}{_untried(report)}"
    vectors = f" on {report['vectors']} vectors: {found}"
    return sentence(*subject, Styled("verified", "green"), vectors)


def _untried(report: Report) -> str:
    """Say how many channels no made-up vector brought to both sides of a rounding boundary."""
    found = report.get("coverage")
    if found is None or not found["made_up"]:
        return ""
    left = found["channels"] - found["constant"] - found["tried"]
    if not left:
        return ""
    return (
        f"; on {left:,} of {found['channels']:,} output channels an error of one in the sum may "
        "not have shown"
    )


def _word(report: Report) -> str:
    """Return the word for what is at fault: the gravest of all candidates."""
    faults = {_fault(row) for row in report["candidates"] if "failure" in row}
    return min(faults, key=FAULTS.index)


def _fault(row: Report) -> str:
    wrong, disagreeing, unbuilt = FAULTS
    if not row.get("builds", True):
        return unbuilt
    return disagreeing if row["disagrees"] else wrong


def _summary(report: Report) -> Table:
    shown = Table(show_header=False)
    shown.add_column("what")
    shown.add_column("bytes", justify="right")
    shown.add_column("note")
    memory, flash = report["memory"], report["flash"]
    for part in ("input", "output", "pool", "workspace", "stack", "heap", "static"):
        if memory.get(part) is not None:
            shown.add_row(part, f"{memory[part]:,}", _part_note(part, report))
    shown.add_row("RAM in all", f"{memory['total']:,}", f"of {report['budget']['ram']:,}")
    shown.add_row("code", f"{flash['code']:,}", "")
    shown.add_row("constants", f"{flash['constants']:,}", _synthetic_note(report))
    shown.add_row("flash in all", f"{flash['total']:,}", f"of {report['budget']['flash']:,}")
    if report["instructions"] is not None:
        note = f"{_rate(report, report['instructions'])}{_macs_note(report)}"
        shown.add_row("instructions", f"{report['instructions']:,}", note)
    if "cycles_estimated" in report:
        shown.add_row("estimated cycles", f"{report['cycles_estimated']:,}", _cycles_note(report))
    return shown


def _part_note(part: str, report: Report) -> str:
    if part == "pool":
        return f"instead of {report['pool']['instead_of']:,}: the output overwrites the input"
    if part == "stack" and report["memory"]["stack_bound"] is not None:
        return f"compiler's bound {report['memory']['stack_bound']:,}"
    return ""


def _cycles_note(report: Report) -> str:
    rate = _rate(report, report["cycles_estimated"])
    return f"{rate}; {report['cycles_model'].partition(':')[0]}, see cycles_model in {REPORT}"


def _rate(report: Report, count: int) -> str:
    """Say how many there are for each MAC; for each output, of what has no MACs."""
    unit = "MAC" if report["macs"] else "output"
    return f"{count / (report['macs'] or report['output_elements']):.2f} per {unit}"


def _macs_note(report: Report) -> str:
    return f", {report['macs']:,} MACs" if report["macs"] else ""


def _synthetic_note(report: Report) -> str:
    return "synthetic: made up from the seed" if report["synthetic_weights"] else ""


def _candidates(report: Report) -> Table:
    shown = Table()
    shown.add_column("algorithm")
    counted = (*COUNTED, "cycles") if _has_cycles(report) else COUNTED
    for column in counted:
        shown.add_column(column, justify="right")
    shown.add_column("")
    for row in report["candidates"]:
        if row["applicable"]:
            figures = {
                "workspace": f"{row['workspace']:,}",
                "RAM": f"{row['ram']:,}",
                "flash": f"{row['flash']:,}",
                "instructions": _instructions(row),
                "cycles": _row_cycles(row),
            }
            words = _verdict_words(row, report)
            shown.add_row(row["algorithm"], *(figures[column] for column in counted), words)
        else:
            reason = f"no: {row['reason']}"
            shown.add_row(row["algorithm"], *("" for _ in counted), reason)
    return shown


def _has_cycles(report: Report) -> bool:
    return any(map(_row_cycles, report["candidates"]))


def _row_cycles(row: Report) -> str:
    estimated = row.get("measured", {}).get("cycles_estimated")
    return f"{estimated:,}" if estimated is not None else ""


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
    if not row.get("builds", True):
        words.append(f"does not build: {row['failure']}")
    elif "failure" in row:
        words.append(_fault(row))
    if "not_measured" in row:
        words.append(row["not_measured"])
    if "asks" in row:
        words.append(row["asks"])
    return ", ".join(words)
