"""LSTM: for each row the sums of all gates, then each unit by itself, in its states' places.

Workspace: a sum and an int16 for each unit of each gate. Both products are slices of one fully
connected layer (`convgen.plans.accumulating.connected`): the row, and what is hidden. Functions of
gates are gemmlowp's, of 16 bits, step by step.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.lstm import GATES, Lstm
from convgen.plans.accumulating.connected import GROUP, SliceSteps, products
from convgen.plans.band import all_rows
from convgen.plans.buffers import buffer
from convgen.plans.constant import Constant
from convgen.plans.conv.base import folded_bias, sum_buffer
from convgen.plans.plan import Plan
from convgen.plans.scaling import Rescaled
from convgen.targets.target import Target

IN_ORDER = all_rows("what is hidden behind a row is needed for the next")
FUNCTIONS = 5  # of each unit and step
OF_A_FUNCTION = 4  # outputs whose instructions it takes, about


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmSteps:
    """What ``operators/lstm.c.j2`` prints, around the ``products`` of gates.

    In the fully connected layer what is hidden begins at element ``hidden`` of ``depth``. A cell
    has ``cell_bits`` of integers, and stays within ``clip`` if that is not 0; products of gates are
    divided by two to the power of ``made``.
    """

    products: SliceSteps
    steps: int
    row: int
    units: int
    gates: int
    hidden: int
    depth: int
    cell_bits: int
    made: int
    clip: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAfterRow:
    """The one way to do an LSTM."""

    name: str = "lstm"
    family: str = "lstm"
    summary: str = "the sums of all gates for a row, then each unit by itself"

    def plan(self, operator: Lstm, target: Target) -> Plan:
        """Multiply as a fully connected layer does whose input comes in two slices."""
        both, hidden = _joined(operator)
        found = products(both, target, 2)
        multiplier, shift = operator.rescale
        rescaled = Rescaled(
            multiplier=multiplier, shift=shift, zero_point=operator.inputs[1].zero_point
        )
        row, units = operator.inputs[0].shape[1], operator.output.shape[1]
        return Plan(
            variant=self,
            template="operators/lstm.c.j2",
            operator=operator,
            kernel=found.kernel,
            output=rescaled.by(None),
            workspace=(
                sum_buffer("partial", both, found.sums),
                buffer("gates", "int16", len(GATES) * units),
            ),
            constants=(found.weights, *_constants(operator)),
            steps=LstmSteps(
                products=replace(found.steps, finishes=False),
                steps=operator.steps,
                row=row,
                units=units,
                gates=len(GATES),
                hidden=hidden,
                depth=both.geometry.in_elems,
                cell_bits=operator.cell_bits,
                made=15 + operator.cell_bits,
                clip=operator.clip,
            ),
            orders=(),
            decisions=(),
            work=_work(operator, found.work),
            band=IN_ORDER,
            own_assembly=found.assembly,
            notes=found.notes,
        )


def _joined(operator: Lstm) -> tuple[Conv2d, int]:
    """Return one layer of both products, and where the second begins: where groups do."""
    one, two = operator.arriving, operator.recurring
    row, units = one.geometry.in_elems, two.geometry.in_elems
    hidden = -(-row // GROUP) * GROUP
    weights = np.pad(one.weights, ((0, 0), (0, 0), (0, 0), (0, hidden - row)))
    geometry = replace(one.geometry, in_c=hidden + units)
    joined = np.concatenate([weights, two.weights], axis=3)
    return replace(one, geometry=geometry, weights=joined), hidden


def _constants(operator: Lstm) -> tuple[Constant, ...]:
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


def _work(operator: Lstm, products: Counter[str]) -> Counter[str]:
    """Count it as so many slices, and the outputs that take as long as what is done with gates."""
    found = Counter({unit: operator.steps * count for unit, count in products.items()})
    sums = 2 * operator.arriving.geometry.out_c
    functions = FUNCTIONS * OF_A_FUNCTION * operator.output.shape[1]
    found["slice.call"] += 2 * operator.steps
    found["slice.output"] += operator.steps * (sums + functions)
    return found


VARIANTS = (RowAfterRow(),)
