"""Predicted instructions: counted work times coefficients fitted per ISA class.

The coefficients are data, ``targets/cost/<isa>.toml``, written by ``benchmarks/fit_cost.py`` from
measured runs: one table per arithmetic (``int8``, ``float32``, ``soft_float32``) whose keys are the
units of work that `Plan.work` counts. Compilers turn the same lines into other code in other
surroundings, so a key may be of one family of algorithms: ``mec/dot_4x4.step``. What has no price
costs what something more general does (`GENERAL`), a block of sums what its loads and products do:
``dot.step_load``.

Units of other operators are in ``targets/cost/operators/<isa>.toml``, by
``benchmarks/fit_operators.py``, those of what takes its input in slices in
``targets/cost/accumulating/<isa>.toml``, by ``benchmarks/fit_accumulating.py``. A table that is
``like = "armv7-m"`` has that class's but for what it has of its own.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convgen.errors import TargetError
from convgen.model.operator import Operator, is_exact
from convgen.plans.kernels.portable import LANES
from convgen.plans.plan import Plan
from convgen.resources import data_dir
from convgen.system import cache
from convgen.targets.target import Target

_BLOCK = re.compile(r"(\w+)_(\d+)x(\d+)\.(\w+)")
"""A step of a block: the kernel, pixels, channels, the loop."""

_KEPT = "_kept"
"""How loops are called of which the weights are kept in registers."""

_OF_ALL = r"call|loop|rows\.run|taps\.run|row|shifts|twice|lt|gt"
"""What takes as long in each kernel for inputs of int16."""

GENERAL = (
    (re.compile(r"\.(whole|lone|strided)_"), "."),
    (re.compile(r"\.kept_elem$"), ".elem"),
    (re.compile(r"^mec\.word$"), "mec.elem"),
    (re.compile(r"\.known$"), ""),
    (re.compile(r"\.constant$"), ""),
    (re.compile(r"^(dot|lanes)(_ptr|16)\."), r"\1."),
    (re.compile(r"^smlad_nibbles_"), "smlad_"),
    (re.compile(rf"^(smlal?d|lanes)_int16(_wide)?(?=_\d\.({_OF_ALL})$)"), "int16"),
    (re.compile(r"(?<=int16)_wide(?=_\d\.block$)"), ""),
    (re.compile(r"(?<=int16)(.*)\.tail$"), r"\1.group"),
    (re.compile(r"\.inlined_once_kept_"), ".inlined_once_"),
    (re.compile(r"\.inlined_kept_"), ".inlined_flat_"),
    (re.compile(r"\.((inlined_)?)once_"), r".\1flat_"),
    (re.compile(r"\.inlined_flat_"), ".inlined_unrolled_"),
    (re.compile(r"\.inlined_"), "."),
    (re.compile(r"\.flat_"), ".unrolled_"),
)
"""What costs as much as something more general unless it has a price, from the most special on."""


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
        """Return the instructions of one call. Raises TargetError."""
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
    return sum(count * prices[name] for name, count in priced(prices, family, unit).items())


def priced(prices: Container[str], family: str, unit: str) -> dict[str, int]:
    """Return whose *prices* make up that of *unit*, and how often each; KeyError without any."""
    for name in (f"{family}/{unit}", *general_names(unit)):
        if name in prices:
            return {name: 1}
    parts = block_parts(unit)
    if not parts:
        raise KeyError(unit)
    found: dict[str, int] = {}
    for part, count in parts.items():
        found |= dict.fromkeys(priced(prices, family, part), count)
    return found


def general_names(unit: str) -> list[str]:
    """Return the names under which *unit* may have a price: its own, then ever more general ones.

    >>> general_names("dot_ptr.inlined_run")
    ['dot_ptr.inlined_run', 'dot.inlined_run', 'dot.run']
    >>> general_names("output.single.constant.known")
    ['output.single.constant.known', 'output.single.constant', 'output.single']
    """
    names = [unit]
    for special, general in GENERAL:
        name = special.sub(general, names[-1])
        if name != names[-1]:
            names.append(name)
    return names


def block_parts(unit: str) -> dict[str, int]:
    """Return what a step of a block of sums consists of; nothing of another unit.

    Weights that are kept in registers are not loaded.

    >>> block_parts("dot_2x4.step")
    {'dot.step_load': 6, 'dot.step_mac': 8}
    >>> block_parts("dot_2x4.inlined_kept")
    {'dot.inlined_kept_load': 2, 'dot.inlined_kept_mac': 8}
    """
    block = _BLOCK.fullmatch(unit)
    if not block:
        return {}
    kernel, pixels, channels, loop = block[1], int(block[2]), int(block[3]), block[4]
    products = pixels * channels
    loads = products if kernel in LANES.names else pixels
    if not loop.endswith(_KEPT):
        loads += channels
    return {f"{kernel}.{loop}_load": loads, f"{kernel}.{loop}_mac": products}


def cost_model(operator: Operator, target: Target) -> CostModel:
    """Return the model of *operator*'s arithmetic on *target*. Raises TargetError."""
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


@functools.cache
def _tables(isa: str) -> dict[str, CostModel]:
    path = _folder() / f"{isa}.toml"
    try:
        tables = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml")))
        raise TargetError(f"cpu.isa: expected one of {known}, got {isa!r}") from None
    return {
        name: CostModel(source=f"targets/cost/{path.name}: {name}", **_joined(table, isa, name))
        for name, table in tables.items()
    }


def _joined(table: Mapping[str, Any], isa: str, name: str) -> dict[str, Any]:
    """Return a *table* of convolutions with what the others have of the same arithmetic."""
    joined = whole(_folder(), table, name)
    for folder in (_folder() / "operators", _folder() / "accumulating"):
        joined = _over(joined, whole(folder, _read(folder, isa)[name], name))
    return joined


def whole(folder: Path, table: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a *table* with what the one of the ISA class that it is ``like`` has more.

    That class's least stack is none of it: what takes more than it might not be tried.
    """
    own = {section: values for section, values in table.items() if section != "like"}
    if "like" not in table:
        return own
    like = whole(folder, _read(folder, table["like"])[name], name)
    return _over({**like, "least_stack_bytes": {}}, own)


def _over(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of both, of what both have the value of the *second*."""
    sections = dict.fromkeys((*first, *second))
    return {section: {**first.get(section, {}), **second.get(section, {})} for section in sections}


def _read(folder: Path, isa: str) -> dict[str, Any]:
    return _parsed((folder / f"{isa}.toml").read_text(encoding="utf-8"))


def _parsed(text: str) -> dict[str, Any]:
    """Return the tables of a file, from the cache: TOML takes Python long to read."""
    return cache.value(cache.key("prices", text), lambda: tomllib.loads(text))


def _folder() -> Path:
    return data_dir("targets") / "cost"
