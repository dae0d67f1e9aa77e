"""Predicted instructions: counted work times coefficients fitted per ISA class.

The coefficients are data, ``targets/cost/<isa>.toml``, written by ``benchmarks/fit_cost.py`` from
measured runs: one table per arithmetic (``int8``, ``float32``, ``soft_float32``) whose keys are the
units of work that `Plan.work` counts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from convgen.errors import TargetError
from convgen.layer import Layer
from convgen.plan import Plan
from convgen.resources import data_dir
from convgen.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """Instructions per unit of work, and the code and stack bytes of a typical layer."""

    instructions: Mapping[str, float]
    code_bytes: int
    stack_bytes: int

    def predict(self, plan: Plan) -> int:
        """Return the instructions of one call."""
        return round(sum(count * self.instructions[unit] for unit, count in plan.work.items()))


def cost_model(layer: Layer, target: Target) -> CostModel:
    """Return the model of *layer*'s arithmetic on *target*."""
    tables = _tables(target.cpu.isa)
    return tables[arithmetic(layer, target)]


def arithmetic(layer: Layer, target: Target) -> str:
    """Return the name of the cost table that fits."""
    if layer.dtype == "int8":
        return "int8"
    return "float32" if target.has("fpu") else "soft_float32"


@cache
def _tables(isa: str) -> dict[str, CostModel]:
    path = data_dir("targets") / "cost" / f"{isa}.toml"
    try:
        tables = tomllib.loads(path.read_text())
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml")))
        raise TargetError(f"cpu.isa: expected one of {known}, got {isa!r}") from None
    return {
        name: CostModel(
            instructions=table["instructions"],
            code_bytes=table["code_bytes"],
            stack_bytes=table["stack_bytes"],
        )
        for name, table in tables.items()
    }
