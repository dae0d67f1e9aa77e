"""Predicted instructions: counted work times coefficients fitted per ISA class.

The coefficients are data, ``targets/cost/<isa>.toml``, written by ``benchmarks/fit_cost.py`` from
measured runs: one table per arithmetic (``int8``, ``float32``, ``soft_float32``) whose keys are the
units of work that `Plan.work` counts. Compilers turn the same lines into other code in other
surroundings, so a key may be of one family of algorithms: ``mec/dot_4x4.step``.

Units of other operators are in ``targets/cost/operators/<isa>.toml``, by
``benchmarks/fit_operators.py``. A table that is only ``like = "armv7-m"`` is that class's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from convgen.errors import TargetError
from convgen.model.operator import Operator, is_exact
from convgen.plans.plan import Plan
from convgen.resources import data_dir
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """Instructions per unit of work; code (median) and stack (most) bytes of each algorithm.

    ``least_stack_bytes`` is what next to none takes less of, where it is known: of ``direct`` in
    C, and of ``direct/assembly``.
    ``source`` is the file and the table in it.
    """

    source: str
    instructions: Mapping[str, float]
    code_bytes: Mapping[str, int]
    stack_bytes: Mapping[str, int]
    least_stack_bytes: Mapping[str, int] = field(default_factory=dict)

    def predict(self, plan: Plan) -> int:
        """Return the instructions of one call."""
        try:
            return round(
                sum(
                    count * price(self.instructions, plan.family, unit)
                    for unit, count in plan.work.items()
                )
            )
        except KeyError as missing:
            raise TargetError(
                f"{self.source}: no price for {missing}; benchmarks/README.md tells how to fit it"
            ) from None

    def code(self, algorithm: str) -> int:
        """Return the bytes of code to expect, of an algorithm never measured as the largest."""
        return self.code_bytes.get(algorithm, max(self.code_bytes.values()))

    def stack(self, algorithm: str) -> int:
        """Return the bytes of stack to expect, of an algorithm never measured as the largest."""
        return self.stack_bytes.get(algorithm, max(self.stack_bytes.values()))

    def least_stack(self, plan: Plan) -> int:
        """Return the bytes of stack that *plan* hardly takes less than; 0 if never measured."""
        return self.least_stack_bytes.get(stack_key(plan), 0)


def stack_key(plan: Plan) -> str:
    """Return how the stack of *plan* is called: assembly saves registers where C may not."""
    return f"{plan.algorithm}/assembly" if plan.sums_in_assembly else plan.algorithm


def price(prices: Mapping[str, float], family: str, unit: str) -> float:
    """Return the instructions of *unit* in the code of *family*, or as most have it."""
    own = prices.get(f"{family}/{unit}")
    return prices[unit] if own is None else own


def cost_model(operator: Operator, target: Target) -> CostModel:
    """Return the model of *operator*'s arithmetic on *target*."""
    tables, name = _tables(target.cpu.isa), arithmetic(operator, target)
    if name not in tables:
        raise TargetError(
            f"{target.name}: targets/cost/{target.cpu.isa}.toml: expected a table {name!r}, "
            f"got {', '.join(tables)}"
        )
    return tables[name]


def arithmetic(operator: Operator, target: Target) -> str:
    """Return the name of the cost table that fits."""
    if is_exact(operator):
        return "int8"
    return "float32" if target.has("fpu") else "soft_float32"


@cache
def _tables(isa: str) -> dict[str, CostModel]:
    path = _folder() / f"{isa}.toml"
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml")))
        raise TargetError(f"cpu.isa: expected one of {known}, got {isa!r}") from None
    return {
        name: CostModel(source=f"targets/cost/{path.name}: {name}", **_joined(table, isa, name))
        for name, table in tables.items()
    }


def _joined(table: Mapping[str, Mapping[str, Any]], isa: str, name: str) -> dict[str, Any]:
    """Return a *table* of convolutions with what the operators' has of the same arithmetic."""
    more = _of_operators(isa, name)
    return {section: {**table.get(section, {}), **more[section]} for section in more}


def _of_operators(isa: str, name: str) -> dict[str, dict[str, Any]]:
    text = (_folder() / "operators" / f"{isa}.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)[name]
    return _of_operators(table["like"], name) if "like" in table else table


def _folder() -> Path:
    return data_dir("targets") / "cost"
