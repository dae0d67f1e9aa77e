"""The operators of a graph as parts of a stage, and where a stage keeps their tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from convgen.model.graph import Graph
from convgen.model.operator import Operator, Windowed
from convgen.model.tensor import Tensor
from convgen.plans.band import Band, Slices
from convgen.plans.order import StoreOrder
from convgen.plans.plan import Plan
from convgen.schedule.flow import Part, Reading, Store

CALLER = -1  # the number of the part that hands in rows
LEAD_ALIGN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """An operator whose output takes the place of ``tensor``, row by row, ``lead`` bytes below."""

    tensor: str
    lead: int


def slices_of(plan: Plan) -> Slices | None:
    """Return how *plan* cuts its input if it takes that in slices, one after the other."""
    return plan.band.accumulates if isinstance(plan.band, Band) else None


def accumulates(plan: Plan) -> bool:
    """Whether *plan* takes its input in slices."""
    return slices_of(plan) is not None


def rows_of(tensor: Tensor) -> int:
    """Return of how many rows *tensor* is: an image's, else one."""
    return tensor.shape[0] if len(tensor.shape) == 3 else 1


def height_of(graph: Graph, name: str) -> int:
    """Return in how many rows a tensor is kept: of an image as one of its operators sees it."""
    operators = graph.operators
    written = (t for op in operators for t in op.outputs if t.name == name)
    read = (t for op in operators for t in op.inputs if t.name == name)
    return next((rows for t in (*written, *read) if (rows := rows_of(t)) > 1), 1)


class Parts:
    """What is the same of a graph's operators in whatever stages they are."""

    def __init__(self, graph: Graph) -> None:
        """Look at who writes and reads what."""
        self.graph = graph
        tensors = graph.tensors
        self.height = {name: height_of(graph, name) for name in tensors}
        self.pitch = {name: t.bytes // self.height[name] for name, t in tensors.items()}
        self.maker = {t.name: n for n, op in enumerate(graph.operators) for t in op.outputs}
        self.readers: dict[str, list[int]] = {name: [] for name in tensors}
        for number, operator in enumerate(graph.operators):
            for tensor in operator.inputs:
                self.readers[tensor.name].append(number)
        lasting = [tensor.name for tensor in graph.outputs]
        lasting += [n for state in graph.states for n in (state.tensor.name, state.new.name)]
        self._lasting = graph.shared.union(lasting)

    def is_needed_after(self, name: str, end: int) -> bool:
        """Whether a tensor is needed when operator *end* - 1 is done."""
        return name in self._lasting or any(reader >= end for reader in self.readers[name])

    def caller(self, tensor: Tensor) -> Part:
        """Return who hands in the rows of *tensor*."""
        return Part(
            number=CALLER,
            plan=None,
            rows=self.height[tensor.name],
            step=1,
            by_rows=True,
            readings=(),
            makes=(tensor.name,),
        )

    def part(self, number: int, plan: Plan) -> Part:
        """Return operator *number*, done by *plan*."""
        operator = plan.operator
        if plan.is_idle:
            return Part(
                number=number, plan=plan, rows=0, step=1, by_rows=False, readings=(), makes=()
            )
        makes = tuple(tensor.name for tensor in operator.outputs)
        heights = [self.height[tensor.name] for tensor in operator.inputs]
        is_kept_so = all(self.height[t.name] == rows_of(t) for t in operator.outputs)
        if is_kept_so and (readings := _by_rows(plan, heights)):
            rows, step = rows_of(operator.outputs[0]), _band(plan).step
            return Part(
                number=number,
                plan=plan,
                rows=rows,
                step=step,
                by_rows=True,
                readings=readings,
                makes=makes,
            )
        slices, rows, readings = slices_of(plan), 1, _all_of(operator, heights)
        if slices and slices.rows % heights[0] == 0:
            rows, readings = heights[0], (_same_row(operator.inputs[0], heights[0]),)
        return Part(
            number=number,
            plan=plan,
            rows=rows,
            step=1,
            by_rows=False,
            readings=readings,
            makes=makes,
        )

    def over(self, part: Part, first: int) -> Over | None:
        """Return the tensor whose place the output of *part* may take in a stage from *first* on.

        Each of its rows is needed only for the row of the output, and by nobody else.
        """
        if part.plan is None or not part.by_rows or part.step > 1:
            return None
        for reading in part.readings:
            maker = self.maker.get(reading.tensor, CALLER)
            is_alone = len(self.readers[reading.tensor]) == 1
            lead = self._lead(part.plan, reading) if reading.is_same_row and is_alone else None
            if lead is not None and maker >= first and reading.tensor not in self._lasting:
                return Over(tensor=reading.tensor, lead=lead)
        return None

    def _lead(self, plan: Plan, reading: Reading) -> int | None:
        """Return how far above its output *plan* wants a row of its input, None: somewhere else."""
        if plan.is_elementwise:
            same = self.pitch[reading.tensor] == self.pitch[plan.operator.outputs[0].name]
            return 0 if same else None
        if not isinstance(plan.operator, Windowed) or not plan.operator.geometry.is_pointwise:
            return None
        order = next(filter(_goes_on, plan.orders), None)
        if order is None:
            return None
        g, size = plan.operator.geometry, plan.operator.outputs[0].elem_bytes
        block = min(_largest_block(order), g.out_w)
        lead = _lead_of_blocks(g.out_w, g.in_c, g.out_c, 0 if order.gathers else block) * size
        return -(-lead // LEAD_ALIGN) * LEAD_ALIGN

    def stores(self, parts: Sequence[Part], first: int, end: int) -> list[Store]:
        """Return where tensors of operators *first* to *end* - 1 are kept, in the least rings."""
        made = {tensor: part for part in parts for tensor in part.makes}
        read = (reading.tensor for part in parts for reading in part.readings)
        groups: dict[str, tuple[tuple[str, int], ...]] = {
            name: ((name, 0),) for name in dict.fromkeys([*read, *made])
        }
        for part in parts:
            over = self.over(part, first)
            if over is None or made[over.tensor].step > 1 or not made[over.tensor].by_rows:
                continue
            (output,) = part.makes
            below = tuple((name, lead + over.lead) for name, lead in groups[over.tensor])
            if self.is_needed_after(output, end) and self._more((*below, (output, 0))):
                continue
            del groups[over.tensor]
            groups[output] = (*below, (output, 0))
        return [self._store(group, parts, made, end) for group in groups.values()]

    def led(self, store: Store, parts: Sequence[Part]) -> Store | None:
        """Return *store* with the leads that *parts* want, None where they cannot share it."""
        maker = {tensor: part for part in parts for tensor in part.makes}
        leads = [0]
        for tensor in reversed(store.tensors[1:]):
            over = self.over(maker[tensor], CALLER)
            if over is None:
                return None
            leads.append(leads[-1] + over.lead)
        group = list(zip(store.tensors, reversed(leads), strict=True))
        more = self._more(group)
        if store.is_kept and more:
            return None
        return replace(store, leads=tuple(lead for _, lead in group), more=more)

    def _more(self, group: Sequence[tuple[str, int]]) -> int:
        """Return how far rows of a *group* reach beyond those of the last."""
        pitch = self.pitch[group[-1][0]]
        return max(lead + self.pitch[name] - pitch for name, lead in group)

    def _store(
        self,
        group: Sequence[tuple[str, int]],
        parts: Sequence[Part],
        made: Mapping[str, Part],
        end: int,
    ) -> Store:
        tensors = tuple(name for name, _ in group)
        height = self.height[tensors[-1]]
        is_given, is_kept = tensors[0] not in made, self.is_needed_after(tensors[-1], end)
        windows = [
            reading.reach + (part.step - 1) * reading.stride
            for part in parts
            for reading in part.readings
            if reading.tensor in tensors
        ]
        steps = [made[t].step if made[t].by_rows else height for t in tensors if t in made]
        is_whole = is_given or is_kept
        return Store(
            tensors=tensors,
            leads=tuple(lead for _, lead in group),
            height=height,
            pitch=self.pitch[tensors[-1]],
            more=self._more(group),
            capacity=height if is_whole else min(height, max(1, *windows, *steps)),
            is_given=is_given,
            is_kept=is_kept,
        )


def _goes_on(order: StoreOrder) -> bool:
    """Whether *order* goes from the first pixel to the last, whole pixels in their places."""
    odd = (order.reverse, order.swap, order.by_channel, order.needs_all, order.kept_by)
    return not any(odd)


def _largest_block(order: StoreOrder) -> int:
    return int(np.bincount(order.stored.reshape(-1)).max())


def _lead_of_blocks(pixels: int, in_c: int, out_c: int, block: int) -> int:
    """Return how many elements a row must begin above that of the output.

    Blocks of up to *block* pixels are stored before all of them are read; none where it is 0.
    """
    ends = (block, pixels) if block else (1, pixels - 1)
    return max(0, *(end * out_c - (end - block) * in_c for end in ends))


def _band(plan: Plan) -> Band:
    if not isinstance(plan.band, Band):
        raise TypeError(f"{plan.algorithm} has no bands")
    return plan.band


def _by_rows(plan: Plan, heights: Sequence[int]) -> tuple[Reading, ...]:
    """Return what *plan* reads for a row of its output, or nothing where it makes all at once."""
    operator = plan.operator
    if not isinstance(plan.band, Band) or plan.band.accumulates or len(operator.outputs) != 1:
        return ()
    if isinstance(operator, Windowed):
        g = operator.geometry
        reach = (g.k_h - 1) * g.dilation_h + 1
        if heights != [g.in_h] or rows_of(operator.outputs[0]) != g.out_h:
            return ()
        name = operator.inputs[0].name
        return (Reading(tensor=name, height=g.in_h, stride=g.stride_h, pad=g.pad_top, reach=reach),)
    rows = rows_of(operator.outputs[0])
    seen = [rows_of(tensor) for tensor in operator.inputs]
    if rows == 1 or {*heights, *seen} != {rows}:
        return ()
    return tuple(_same_row(tensor, rows) for tensor in operator.inputs)


def _all_of(operator: Operator, heights: Sequence[int]) -> tuple[Reading, ...]:
    return tuple(
        Reading(tensor=tensor.name, height=height, stride=0, pad=0, reach=height)
        for tensor, height in zip(operator.inputs, heights, strict=True)
    )


def _same_row(tensor: Tensor, height: int) -> Reading:
    return Reading(tensor=tensor.name, height=height, stride=1, pad=0, reach=1)
