"""The report on a layer: ``report.json``."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from convgen import __version__
from convgen.bench.trial import Trial, too_large
from convgen.errors import BuildError
from convgen.model.operator import input_bytes, output_bytes, tensor_bytes
from convgen.report import doubts
from convgen.report.advice import advise
from convgen.report.front import front
from convgen.report.verdict import Results, scope
from convgen.schedule.select import Budget, Candidate, Selection
from convgen.system import seal
from convgen.targets.target import Machine

Report = dict[str, Any]


def build(selection: Selection, results: Results, tools: Report) -> Report:
    """Return the report of docs/reference.md, every size in bytes.

    *tools* describes target, machine, emulator and toolchain.
    """
    chosen, trials = results.chosen, results.trials
    operator, budget = chosen.candidate.plan.operator, selection.budget
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
        "candidates": candidates(
            selection, trials, results.unbuilt, tools["machine"], compared=results.compared
        ),
        "warnings": doubts.warnings(chosen),
        "advice": advise(selection, trials, chosen),
        **({} if chosen.profile is None else {"profile": chosen.profile}),
        "emulator": tools["emulator"],
        "toolchain": tools["toolchain"],
    }


def candidates(
    selection: Selection,
    trials: Sequence[Trial],
    unbuilt: Mapping[Candidate, BuildError],
    machine: Machine,
    *,
    compared: bool,
) -> list[Report]:
    """Return a row for every algorithm: what can do the layer from the least memory on, the rest.

    *trials* and *unbuilt* are what came of those that were tried.
    """
    tried = {trial.candidate: trial for trial in trials}
    outstanding = _outstanding(trials, selection.budget) if compared else None
    return [
        *(
            _candidate(c, tried.get(c), selection.budget, machine, outstanding)
            | _unbuilt(unbuilt.get(c))
            for c in sorted(selection.candidates, key=_by_memory)
        ),
        *(
            {"algorithm": r.algorithm, "applicable": False, "reason": r.reason}
            for r in selection.rejected
        ),
    ]


def _by_memory(candidate: Candidate) -> tuple[int, int]:
    return candidate.ram_without_stack, candidate.instructions


def pareto_front(trials: Sequence[Trial], budget: Budget) -> set[Trial]:
    """Return which of *trials* a person would choose from: right ones that fit, or all if none do.

    Less of RAM, instructions or flash is what they are chosen for.
    """
    right = [trial for trial in trials if trial.verified]
    among = [trial for trial in right if trial.fits(budget)] or right
    return front({trial: (trial.ram, trial.instructions or 0, trial.flash) for trial in among})


def _outstanding(trials: Sequence[Trial], budget: Budget) -> set[Trial]:
    """Return the front of what asks nothing of the caller: that is no price in bytes."""
    return pareto_front([trial for trial in trials if trial.candidate.asks is None], budget)


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
        "scope": scope(trial),
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
    """Cycles that a board counted, and estimated ones with what they assume: what was asked for."""
    counted = {"cycles_measured": trial.cycles_measured} if trial.on_board else {}
    return {**counted, **_estimated_cycles(trial)}


def _estimated_cycles(trial: Trial) -> Report:
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
    outstanding: Collection[Trial] | None,
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
        row["measured"] = measured(trial)
        if trial.cycles:
            row["measured"]["cycles_estimated"] = trial.cycles.cycles
        if outstanding is not None:
            row["pareto"] = trial in outstanding
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


def measured(trial: Trial) -> Report:
    """Return what the run of a candidate or plan has measured."""
    return {
        "instructions": trial.instructions,
        "stack": trial.stack,
        "flash_code": trial.sizes.code_bytes,
        "flash_constants": trial.sizes.constant_bytes,
        "verified": trial.verified,
    }


def _unbuilt(error: BuildError | None) -> Report:
    """What is said of a candidate that does not build, and nothing of one that does."""
    return {} if error is None else {"builds": False, "failure": error.summary}


def as_json(report: Report) -> str:
    """Return the text of ``report.json``."""
    text = json.dumps({**report, seal.KEY: seal.UNSEALED}, indent=2, allow_nan=False)
    return seal.sealed(f"{text}\n")
