"""The report where nothing was chosen: nothing fits the budget, and what was tried meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convgen import __version__
from convgen.bench.trial import Trial
from convgen.errors import BuildError, NoFitError
from convgen.model.graph import Graph
from convgen.report import report
from convgen.report.report import Report
from convgen.schedule.select import Budget, Candidate, Selection

NOTHING: Report = {
    "verified": False,
    "vectors": 0,
    "compared_with": None,
    "mismatches": None,
    "max_abs_error": None,
    "max_allowed_error": None,
    "scope": None,
    "instructions": None,
    "instructions_per_mac": None,
    "memory": None,
    "flash": None,
    "warnings": [],
    "advice": [],
}
"""What is not known of anything that was not chosen."""


def of_layer(
    selection: Selection,
    trials: Sequence[Trial],
    unbuilt: Mapping[Candidate, BuildError],
    tools: Report,
    failure: NoFitError,
    *,
    compared: bool,
) -> Report:
    """Return the report on a layer; *trials* and *unbuilt* are what came of those tried."""
    operator = selection.candidates[0].plan.operator
    return {
        "convgen": __version__,
        "layer": operator.name,
        "target": tools["target"],
        "dtype": operator.dtype,
        "algorithm": None,
        "optimize": selection.goal,
        "synthetic_weights": operator.synthetic,
        **NOTHING,
        "failure": str(failure),
        "macs": operator.macs,
        "output_elements": sum(tensor.elems for tensor in operator.outputs),
        "notes": [],
        "budget": {"ram": selection.budget.ram, "flash": selection.budget.flash},
        "candidates": report.candidates(
            selection, trials, unbuilt, tools["machine"], compared=compared
        ),
        "emulator": tools["emulator"],
        "toolchain": tools["toolchain"],
    }


def of_network(
    graph: Graph, goal: str, budget: Budget, trials: Sequence[Trial], tools: Report, failure: str
) -> Report:
    """Return the report on a network; *trials* are the plans that were tried."""
    from convgen.report import network_report  # which a layer has no use for

    return {
        "convgen": __version__,
        "model": graph.name,
        "target": tools["target"],
        "optimize": goal,
        **NOTHING,
        "failure": failure,
        "outputs": [],
        "macs": graph.macs,
        "budget": {"ram": budget.ram, "flash": budget.flash},
        "operators": [],
        "stages": [],
        "places": [],
        "candidates": network_report.candidates(None, trials, budget),
        "emulator": tools["emulator"],
        "toolchain": tools["toolchain"],
        "io": graph.origin.ends,
        "reference": graph.origin.reference,
    }
