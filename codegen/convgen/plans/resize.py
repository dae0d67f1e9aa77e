"""Images of another height and width: which pixels an output pixel is made of is known beforehand.

Workspace: 0. The rows and columns that are read are in tables, with weights where an output lies
between them. The output is written in order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.arithmetic import of_dtype
from convgen.model.ops.resize import FRACTION, ResizeBilinear, ResizeNearest
from convgen.plans.band import all_rows
from convgen.plans.constant import Constant
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.plans.runs import Ints, distance_above
from convgen.targets.target import Target

UNEVEN = all_rows("from one row to the next the input goes on by no fixed number of rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeSteps:
    """What ``operators/resize_*.c.j2`` print; ``fraction``: bits of int8 weights."""

    in_w: int
    channels: int
    out_h: int
    out_w: int
    has_unaligned: bool
    fraction: int = FRACTION


@dataclass(frozen=True, slots=True, kw_only=True)
class ToNearest:
    """A resizing to the nearest pixel."""

    name: str = "resize_nearest_neighbor"
    family: str = "resize"
    summary: str = "pixel by pixel, from rows and columns of a table: no workspace"

    def plan(self, operator: ResizeNearest, target: Target) -> Plan:
        """Find the pixels."""
        rows, cols = operator.places(0), operator.places(1)
        constants = (_places("rows", rows), _places("columns", cols))
        return _plan(self, operator, target, constants, (rows[:, None], cols))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolating:
    """A bilinear resizing."""

    name: str = "resize_bilinear"
    family: str = "resize"
    summary: str = "between four pixels, by weights of a table: no workspace"

    def plan(self, operator: ResizeBilinear, target: Target) -> Plan:
        """Find the pixels and weights."""
        rows, cols = operator.between(0), operator.between(1)
        constants = (
            _places("rows", _pairs(rows.first, rows.second)),
            _places("columns", _pairs(cols.first, cols.second)),
            _weights(operator, "row_weights", rows.weight),
            _weights(operator, "column_weights", cols.weight),
        )
        first = np.minimum(rows.first, rows.second)[:, None], np.minimum(cols.first, cols.second)
        return _plan(self, operator, target, constants, first)


def _plan(
    algorithm: ToNearest | Interpolating,
    operator: ResizeNearest | ResizeBilinear,
    target: Target,
    constants: tuple[Constant, ...],
    first_read: tuple[Ints, Ints],
) -> Plan:
    """Return the plan of what reads no pixel before the one in row and column *first_read*."""
    out_h, out_w, channels = operator.output.shape
    in_w, elem_bytes = operator.inputs[0].shape[1], operator.output.elem_bytes
    rows, cols = first_read
    pixels = (rows * in_w + cols).reshape(-1)
    above = distance_above(pixels, np.arange(pixels.size)) * channels * elem_bytes
    return Plan(
        variant=algorithm,
        template=f"operators/{algorithm.name}.c.j2",
        operator=operator,
        kernel=OwnSums(name=algorithm.name, description="plain C"),
        output=bounded(operator),
        workspace=(),
        constants=constants,
        steps=ResizeSteps(
            in_w=in_w,
            channels=channels,
            out_h=out_h,
            out_w=out_w,
            has_unaligned=target.has("unaligned"),
        ),
        orders=(),
        decisions=(),
        work=Counter(
            {
                f"{algorithm.name}.elem": operator.output.elems,
                f"{algorithm.name}.pixel": out_h * out_w,
            }
        ),
        above=(above,),
        band=UNEVEN,
    )


def _places(name: str, values: Ints) -> Constant:
    comment = f"the {name} of the input that each of the output's reads"
    return Constant(name=name, values=values.astype(np.uint16), comment=comment)


def _pairs(first: Ints, second: Ints) -> Ints:
    return np.stack([first, second], axis=1)


def _weights(operator: ResizeBilinear, name: str, values: NDArray[Any]) -> Constant:
    """Return what the second pixel counts; the first counts what is left."""
    dtype = of_dtype(operator.dtype).wider
    return Constant(name=name, values=values.astype(dtype), comment="of the second of each pair")


NEAREST = (ToNearest(),)
BILINEAR = (Interpolating(),)
