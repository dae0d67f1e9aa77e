"""The operators of a graph as parts of a stage, and where a stage keeps their tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from convgen.model.geometry import Geometry
from convgen.model.graph import Graph
from convgen.model.operator import Operator, Windowed
from convgen.model.tensor import Tensor
from convgen.plans.band import Band, InputSlices
from convgen.plans.order import StoreOrder
from convgen.plans.plan import Plan
from convgen.schedule.flow import Part, Reading, Store

CALLER = -1  # the number of the part that hands in rows
LEAD_ALIGN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """An operator whose output takes the place of ``tensor``, row by row, ``lead`` bytes below.

    A row takes that of the row ``shift`` before it: of a window the oldest that it reads.
    """

    tensor: str
    lead: int
    shift: int = 0


def slices_of(plan: Plan) -> InputSlices | None:
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
    """What is the same of a graph's operators in whatever stages they are.

    What windows make takes the place of what they read, or with ``apart`` does not.
    """

    def __init__(self, graph: Graph, *, apart: bool = False) -> None:
        """Look at who writes and reads what."""
        self.graph, self.apart = graph, apart
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
        self._last = {name: max(readers, default=-1) for name, readers in self.readers.items()}
        self._last |= dict.fromkeys(self._lasting, len(graph.operators))

    def is_needed_after(self, name: str, end: int) -> bool:
        """Whether a tensor is needed when operator *end* - 1 is done."""
        return self._last[name] >= end

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

        Each of its rows is needed no more behind that of the output, and by nobody else.
        """
        if part.plan is None or not part.by_rows or part.step > 1:
            return None
        for reading in part.readings:
            maker = self.maker.get(reading.tensor, CALLER)
            is_alone = len(self.readers[reading.tensor]) == 1
            lead = self._lead(part.plan, reading) if is_alone else None
            if lead is not None and maker >= first and reading.tensor not in self._lasting:
                return Over(tensor=reading.tensor, lead=lead, shift=reading.pad)
        return None

    def _lead(self, plan: Plan, reading: Reading) -> int | None:
        """Return how far above its output *plan* wants a row of its input, None: somewhere else."""
        output = plan.operator.outputs[0]
        pitch, out_pitch = self.pitch[reading.tensor], self.pitch[output.name]
        if plan.is_elementwise:
            return 0 if reading.is_same_row and pitch == out_pitch else None
        if not isinstance(plan.operator, Windowed):
            return None
        g = plan.operator.geometry
        if not g.is_pointwise and (
            self.apart or reading.stride != 1 or (g.in_h, pitch) != (g.out_h, out_pitch)
        ):
            return None
        leads = (_lead_of_row(g, order) for order in filter(_goes_on, plan.orders))
        lead = next((elems * output.elem_bytes for elems in leads if elems is not None), None)
        if lead is None or (not g.is_pointwise and lead >= pitch):
            return None
        return -(-lead // LEAD_ALIGN) * LEAD_ALIGN

    def stores(self, parts: Sequence[Part], first: int, end: int) -> list[Store]:
        """Return where tensors of operators *first* to *end* - 1 are kept, in the least rings."""
        made = {tensor: part for part in parts for tensor in part.makes}
        read = (reading.tensor for part in parts for reading in part.readings)
        groups: dict[str, tuple[_RowPlace, ...]] = {
            name: (_RowPlace(tensor=name),) for name in dict.fromkeys([*read, *made])
        }
        overs = {
            part.makes[0]: over for part in parts if (over := self._over_in(made, part, first))
        }
        later = {over.tensor: output for output, over in overs.items()}
        for output, over in overs.items():
            if not made[output].is_at_once and self._is_resized(later.get(output), output):
                continue  # it would save as much, and rows that wait need places as far apart
            group = (*(each.over(over) for each in groups[over.tensor]), _RowPlace(tensor=output))
            if self.is_needed_after(output, end) and max(self._excesses(group)):
                continue
            is_at_once = all(made[each.tensor].is_at_once for each in group[1:])
            if not is_at_once and self._is_resized(output, over.tensor):
                continue  # rows that wait would lie in each other
            del groups[over.tensor]
            groups[output] = group
        return [self._store(group, parts, made, end) for group in groups.values()]

    def _over_in(self, made: Mapping[str, Part], part: Part, first: int) -> Over | None:
        """Return the same if the rows of that tensor come one by one."""
        over = self.over(part, first)
        return over if over and made[over.tensor].by_rows and made[over.tensor].step == 1 else None

    def _is_resized(self, tensor: str | None, before: str) -> bool:
        """Whether rows of *tensor*, if there is one, are larger or smaller than those *before*."""
        return tensor is not None and self.pitch[tensor] != self.pitch[before]

    def led(self, store: Store, parts: Sequence[Part]) -> Store | None:
        """Return *store* with the leads that *parts* want, None where they cannot share it."""
        maker = {tensor: part for part in parts for tensor in part.makes}
        group = [_RowPlace(tensor=store.tensors[0])]
        for tensor in store.tensors[1:]:
            over = self.over(maker[tensor], CALLER)
            if over is None:
                return None
            group = [*(each.over(over) for each in group), _RowPlace(tensor=tensor)]
        excesses = self._excesses(group)
        if store.is_kept and max(excesses):
            return None
        return replace(store, leads=tuple(each.lead for each in group), excesses=excesses)

    def _excesses(self, group: Sequence[_RowPlace]) -> tuple[int, ...]:
        """Return how many bytes rows of each in a *group* reach beyond those of the last."""
        pitch = self.pitch[group[-1].tensor]
        return tuple(
            each.shift * pitch + each.lead + self.pitch[each.tensor] - pitch for each in group
        )

    def _store(
        self,
        group: Sequence[_RowPlace],
        parts: Sequence[Part],
        made: Mapping[str, Part],
        end: int,
    ) -> Store:
        tensors = tuple(each.tensor for each in group)
        shifts = {each.tensor: each.shift for each in group}
        height = self.height[tensors[-1]]
        is_given, is_kept = tensors[0] not in made, self.is_needed_after(tensors[-1], end)
        windows = [
            reading.reach + (part.step - 1) * reading.stride - shifts[reading.tensor]
            for part in parts
            for reading in part.readings
            if reading.tensor in tensors
        ]
        steps = [made[t].step if made[t].by_rows else height for t in tensors if t in made]
        is_whole = is_given or is_kept
        return Store(
            tensors=tensors,
            leads=tuple(each.lead for each in group),
            shifts=tuple(each.shift for each in group),
            height=height,
            pitch=self.pitch[tensors[-1]],
            excesses=self._excesses(group),
            capacity=height if is_whole else min(height, max(1, *windows, *steps)),
            is_given=is_given,
            is_kept=is_kept,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowPlace:
    """Where rows of a tensor are: so many rows and bytes behind those that are there last."""

    tensor: str
    lead: int = 0
    shift: int = 0

    def over(self, other: Over) -> _RowPlace:
        """Return the same where one more has taken the place of the last."""
        return replace(self, lead=self.lead + other.lead, shift=self.shift + other.shift)


def _goes_on(order: StoreOrder) -> bool:
    """Whether *order* goes from the first pixel to the last, each read where it is."""
    return not any((order.reverse, order.swap, order.needs_all, order.kept_by))


def _largest_block(order: StoreOrder) -> int:
    return int(np.bincount(order.stored.reshape(-1)).max())


def _lead_of_row(g: Geometry, order: StoreOrder) -> int | None:
    """Return how many elements the oldest row must begin above that of the output, if it can.

    What goes channel by channel finds those of one a whole pixel apart.
    """
    if order.by_channel and (g.in_c != g.out_c or g.in_c % LEAD_ALIGN):
        return None
    if order.by_channel and order.gathers and order.blocks == 1:
        return 0
    return _lead_of_blocks(g, 0 if order.gathers else min(_largest_block(order), g.out_w))


def _lead_of_blocks(g: Geometry, block: int) -> int:
    """Return the same where a row is made in blocks.

    Up to *block* pixels are stored before all of them are read; none where it is 0.
    """
    ends = range(block, g.out_w + 1) if block else range(1, g.out_w)
    unread = (max(0, (end - block) * g.stride_w - g.pad_left) for end in ends)
    leads = (end * g.out_c - col * g.in_c for end, col in zip(ends, unread, strict=True))
    return max((0, *leads))


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
