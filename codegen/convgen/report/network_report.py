"""The report on a network: ``report.json``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from convgen import __version__
from convgen.bench.blame import Difference
from convgen.bench.operators import Shares
from convgen.bench.proof.onnx_runtime import Beside
from convgen.bench.trial import Trial
from convgen.choices import Feed
from convgen.report import doubts
from convgen.report.report import (
    Report,
    cycles_of,
    finite,
    flash_of,
    measured,
    pareto_front,
    verdict,
)
from convgen.report.verdict import Results
from convgen.schedule.arena import Place
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
    beside: Beside | str | None = None,
) -> Report:
    """Return the report of docs/reference.md, every size in bytes.

    *tools* describes target, machine, emulator and toolchain; *differs* is where outputs first do,
    *shares* what each operator takes, *advice* what other options would buy, *compared* what else
    was run, *beside* how outputs compare with ONNX Runtime's, or why that is not known.
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
        **_beside(beside),
        "macs": graph.macs,
        "instructions": chosen.instructions,
        "instructions_per_mac": _per_mac(chosen),
        **cycles_of(chosen),
        "memory": _memory(chosen),
        "flash": flash_of(chosen),
        "budget": {"ram": budget.ram, "flash": budget.flash},
        "operators": [_operator(schedule, number, shares) for number in range(len(schedule.plans))],
        "instructions_between": shares.frame if shares else None,
        "stages": [_stage(schedule, stage) for stage in schedule.stages],
        "peak": schedule.stages.index(schedule.peak),
        "feed": _feed(schedule),
        "warnings": doubts.of_network(chosen),
        "advice": list(advice),
        "places": [_place(schedule, place) for place in schedule.arena.places],
        "passes": [asdict(each) for each in graph.origin.saved],
        "unfused": _unfused(chosen, compared.unfused if compared else None),
        "candidates": [
            *candidates(chosen, trials, budget),
            *_refused(compared.refused if compared else None),
        ],
        **({} if chosen.profile is None else {"profile": chosen.profile}),
        "emulator": tools["emulator"],
        "toolchain": tools["toolchain"],
        "io": graph.origin.ends,
        "reference": graph.origin.reference,
    }


def _memory(chosen: Trial) -> Report:
    schedule = chosen.schedule
    return {
        "arena": schedule.arena.bytes,
        "state": schedule.state_bytes,
        "stack": chosen.stack,
        "stack_bound": chosen.stack_bound,
        "heap": chosen.heap,
        "static": chosen.static,
        "total": chosen.ram,
    }


def _stage(schedule: Schedule, stage: range) -> Report:
    return {
        "first": stage[0],
        "last": stage[-1],
        "bytes": schedule.alive(stage),
        **_strips(schedule, stage),
    }


def _place(schedule: Schedule, place: Place) -> Report:
    return {
        "what": place.block.what,
        "offset": place.offset,
        "bytes": place.block.bytes,
        "first": place.block.first,
        "last": min(place.block.last, len(schedule.plans) - 1),
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


def _beside(found: Beside | str | None) -> Report:
    """How outputs compare with ONNX Runtime's; nothing where it could not read the model."""
    if found is None:
        return {}
    if isinstance(found, str):
        return {"onnxruntime": None, "without_onnxruntime": found}
    error = found.max_abs_error
    return {
        "onnxruntime": {
            **asdict(found),
            "max_abs_error": None if error is None else finite(error),
        }
    }


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


def candidates(chosen: Trial | None, trials: Sequence[Trial], budget: Budget) -> list[Report]:
    """Return the plans that were built, from the least RAM to the most."""
    every = [*trials, *([chosen] if chosen else [])]
    different = {trial.schedule.form: trial for trial in every}
    rows = sorted(different.values(), key=lambda trial: (trial.ram, trial.instructions or 0))
    outstanding = pareto_front(rows, budget)
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
            **({"measured": measured(trial)} if trial.run else {}),
            "fits": trial.fits(budget),
            "chosen": trial is chosen,
            "pareto": trial in outstanding,
        }
        for trial in rows
    ]
