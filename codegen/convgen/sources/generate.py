"""A plan as C: the files a firmware engineer takes."""

from __future__ import annotations

from typing import Any

from convgen.ctext.literals import ctype, macro
from convgen.model.arithmetic import of_dtype
from convgen.model.operator import Windowed
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.transposed_conv2d import TransposedConv2d
from convgen.plans.constant import Constant
from convgen.plans.kernels import instruction_set
from convgen.plans.plan import Plan
from convgen.refusal import Refusal
from convgen.schedule.overlap import Pool
from convgen.sources import words
from convgen.sources.interface import (
    caller_contract,
    header_macros,
    parameters,
    promised,
    rows_contract,
    rows_parameters,
)
from convgen.sources.remake import Remake
from convgen.sources.render import render_text
from convgen.sources.rows import Rows
from convgen.system import seal
from convgen.targets.target import Target


def layer_files(
    plan: Plan,
    target: Target,
    pool: Pool | None,
    remake: Remake | None = None,
    *,
    by_rows: bool = False,
) -> dict[str, str]:
    """Print the layer: ``{file name: text}`` of its header, source and constants.

    With *remake* each file names the command that prints it again. With *by_rows* the function
    is ``NAME_rows``, which makes a band of output rows; ValueError where the plan has none.
    """
    name = plan.operator.name
    context = _context(plan, target, pool, remake) | _rows_context(plan, pool, by_rows=by_rows)
    templates = ("layer.h.j2", plan.template, "weights.h.j2", "weights.c.j2")
    texts = (seal.sealed(render_text(template, **context)) for template in templates)
    return dict(zip(file_names(name), texts, strict=True))


def file_names(layer: str) -> tuple[str, ...]:
    """Return the names of all files of *layer*."""
    return tuple(f"{layer}{end}" for end in (".h", ".c", "_weights.h", "_weights.c"))


def source_names(layer: str) -> tuple[str, ...]:
    """Return the files of *layer* that are compiled."""
    return tuple(name for name in file_names(layer) if name.endswith(".c"))


def _rows_context(plan: Plan, pool: Pool | None, *, by_rows: bool) -> dict[str, Any]:
    if not by_rows:
        return {
            "by_rows": False,
            "rows": rows_of(plan),
            "parameters": parameters(plan, pool),
        }
    if pool is not None:
        raise ValueError(f"{plan.algorithm} makes no bands in a pool")
    return rows_context(plan)


def rows_context(plan: Plan) -> dict[str, Any]:
    """Return what the function for some rows is printed from. ValueError where there is none."""
    band = plan.band
    if isinstance(band, Refusal):
        raise ValueError(f"{plan.algorithm} {band.reason}")
    return {
        "by_rows": True,
        "rows": rows_of(plan, by_rows=True),
        "parameters": rows_parameters(plan),
        "steps": plan.steps if band.steps is None else band.steps,
        "kernel": plan.kernel if band.kernel is None else band.kernel,
        "contract": rows_contract(plan, band),
    }


def _context(
    plan: Plan, target: Target, pool: Pool | None, remake: Remake | None
) -> dict[str, Any]:
    operator = plan.operator
    return operator_context(plan, target, operator.name) | {
        "pool": pool,
        "network": False,
        "takes_workspace": True,
        "assembly": plan.assembly,
        "out_of_line": plan.kernel.out_of_line,
        "description": words.description(plan),
        "inside": [*words.inside(plan, target), "", *words.decisions(plan, pool)],
        "constants": constants(plan, operator.name),
        "constants_title": [
            f"{operator.name}: constants",
            *((words.SYNTHETIC,) if operator.synthetic else ()),
        ],
        "seal": f"{seal.LINE}: {seal.UNSEALED}",
        "command": remake.command(plan, pool) if remake else None,
        "macros": promised(macro(operator.name), header_macros(plan, pool)),
        "contract": caller_contract(plan, pool),
    }


def rows_of(plan: Plan, *, by_rows: bool = False) -> Rows:
    """Return which rows the function of *plan* makes, in the direction of its order."""
    return Rows(by_rows=by_rows, backwards=bool(plan.orders) and plan.order.reverse)


def operator_context(plan: Plan, target: Target, name: str) -> dict[str, Any]:
    """Return what the functions of *plan* are printed from; *name* is the prefix of symbols."""
    operator = plan.operator
    elem, arithmetic = ctype(operator.dtype), of_dtype(operator.dtype)
    context = {
        "plan": plan,
        "operator": operator,
        "kernel": plan.kernel,
        "steps": plan.steps,
        "name": name,
        "elem": elem,
        "arithmetic": arithmetic,
        "sum": ctype(arithmetic.sums),
        "input_type": f"{'' if plan.writes_input else 'const '}{elem} *",
        "target": target,
        "isa": instruction_set(target),
    }
    if isinstance(operator, Windowed):
        context["geometry"] = operator.geometry
    if isinstance(operator, Conv2d):
        context["layer"] = operator
    if isinstance(operator, Conv2d | TransposedConv2d):
        context["sum"] = ctype(operator.sums_dtype)
    return context


def constants(plan: Plan, name: str) -> list[tuple[str, Constant]]:
    """Return the constants of *plan*, each behind its symbol."""
    return [(f"{name}__{constant.name}", constant) for constant in plan.constants]
