"""LSTM: for each row the sums of all gates, then each unit by itself, in its states' places.

Workspace: a sum for each unit of each gate, and of integers an int16. Both products are slices of
one fully connected layer (`convgen.plans.accumulating.connected`): the row, and what is hidden.
Functions of integers are gemmlowp's, of 16 bits, step by step; those of float32 are by a polynomial
as in `convgen.plans.pointwise`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.float_lstm import FloatLstm
from convgen.model.ops.lstm import GATES, FixedLstm, Lstm
from convgen.plans.accumulating.connected import GROUP, SliceProducts, SliceSteps, products
from convgen.plans.band import all_rows
from convgen.plans.buffers import buffer
from convgen.plans.constant import Constant
from convgen.plans.conv.base import folded_bias, sum_buffer
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.plans.scaling import Rescaled
from convgen.targets.target import Target

IN_ORDER = all_rows("what is hidden behind a row is needed for the next")
FUNCTIONS = 5  # of each unit
OF_A_FUNCTION = 4  # outputs whose instructions one of integers takes, about


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmSteps:
    """What ``operators/lstm.c.j2`` prints, around the ``products`` of gates.

    In the fully connected layer what is hidden begins at element ``hidden`` of ``depth``. A cell
    stays within ``clip`` if that is not 0. One of int16 has ``cell_bits`` of integers, and products
    of gates are divided by two to the power of ``made``.
    """

    products: SliceSteps
    steps: int
    row: int
    units: int
    gates: int
    hidden: int
    depth: int
    clip: float
    cell_bits: int = 0
    made: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAfterRow:
    """The one way to do an LSTM of integers."""

    name: str = "lstm"
    family: str = "lstm"
    summary: str = "the sums of all gates for a row, then each unit by itself"

    def plan(self, operator: FixedLstm, target: Target) -> Plan:
        """Keep both products of a gate apart until they are of one scale."""
        both = _joined(operator, GROUP)
        found, gates = products(both, target, 2), both.geometry.out_c
        multiplier, shift = operator.rescale
        rescaled = Rescaled(
            multiplier=multiplier, shift=shift, zero_point=operator.inputs[1].zero_point
        )
        functions = FUNCTIONS * OF_A_FUNCTION * operator.output.shape[1]
        return _plan(
            self,
            operator,
            found,
            output=rescaled.by(None),
            workspace=(
                sum_buffer("partial", both, found.sums),
                buffer("gates", "int16", gates),
            ),
            constants=(found.weights, *_constants(operator)),
            steps=_steps(
                operator, both, found, cell_bits=operator.cell_bits, made=15 + operator.cell_bits
            ),
            work=_work(operator, found.work + Counter({"slice.output": 2 * gates + functions})),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatRowAfterRow:
    """The one way to do an LSTM of float32."""

    name: str = "float_lstm"
    family: str = "lstm"
    summary: str = "the sums of all gates for a row, then each unit by itself"

    def plan(self, operator: FloatLstm, target: Target) -> Plan:
        """Add both products of a gate up."""
        both = _joined(operator, 1)
        found, units = products(both, target, 2), operator.output.shape[1]
        functions = Counter({"pointwise.logistic": 3 * units, "pointwise.tanh": 2 * units})
        return _plan(
            self,
            operator,
            found,
            output=bounded(operator),
            workspace=(sum_buffer("gates", both, found.sums),),
            constants=(found.weights, folded_bias(both)),
            steps=_steps(operator, both, found),
            work=_work(operator, found.work + functions),
        )


def _plan(
    algorithm: RowAfterRow | FloatRowAfterRow,
    operator: FixedLstm | FloatLstm,
    found: SliceProducts,
    **rest: Any,
) -> Plan:
    """Return the plan of products *found* so, but for the *rest* of it."""
    return Plan(
        variant=algorithm,
        template=f"operators/{algorithm.name}.c.j2",
        operator=operator,
        kernel=found.kernel,
        orders=(),
        decisions=(),
        band=IN_ORDER,
        own_assembly=found.assembly,
        notes=found.notes,
        **rest,
    )


def _steps(operator: Lstm, both: Conv2d, found: SliceProducts, **cell: int) -> LstmSteps:
    row, units = operator.inputs[0].shape[1], operator.output.shape[1]
    return LstmSteps(
        products=replace(found.steps, finishes=False),
        steps=operator.steps,
        row=row,
        units=units,
        gates=len(GATES),
        hidden=both.geometry.in_elems - units,
        depth=both.geometry.in_elems,
        clip=operator.clip,
        **cell,
    )


def _joined(operator: Lstm, group: int) -> Conv2d:
    """Return one layer of both products, whose second begins where a *group* of elements does."""
    one, two = operator.arriving, operator.recurring
    row, units = one.geometry.in_elems, two.geometry.in_elems
    hidden = -(-row // group) * group
    weights = np.pad(one.weights, ((0, 0), (0, 0), (0, 0), (0, hidden - row)))
    geometry = replace(one.geometry, in_c=hidden + units)
    joined = np.concatenate([weights, two.weights], axis=3)
    return replace(one, geometry=geometry, weights=joined)


def _constants(operator: FixedLstm) -> tuple[Constant, ...]:
    layers = {"arriving": operator.arriving, "recurring": operator.recurring}
    found = []
    for name, layer in layers.items():
        q = layer.quantization
        if q is None:
            raise AssertionError("integers have scales")
        first = slice(None, None, layer.geometry.out_c // len(GATES))
        scales = np.stack([q.multiplier[first], q.shift[first]], axis=1).astype(np.int32)
        starts = replace(folded_bias(layer), name=f"{name}_bias")
        comment = "[gate]: Q31 multiplier, shift to the left"
        found += [starts, Constant(name=f"{name}_scales", values=scales.ravel(), comment=comment)]
    return tuple(found)


def _work(operator: Lstm, of_step: Counter[str]) -> Counter[str]:
    """Count two slices and what else there is in a step, for every step."""
    step = of_step + Counter({"slice.call": 2})
    return Counter({unit: operator.steps * count for unit, count in step.items()})


VARIANTS = (RowAfterRow(),)
OF_FLOATS = (FloatRowAfterRow(),)
