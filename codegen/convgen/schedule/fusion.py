"""A stage of operators as parts that run row by row, and what memory it takes.

Row-fed: where the first tensor comes row by row from the caller, it is a ring like the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from convgen.model.graph import Graph
from convgen.model.operator import Windowed
from convgen.model.tensor import Tensor
from convgen.plans.band import Band, Slices
from convgen.plans.plan import Plan
from convgen.schedule.arena import ALIGN, Arena, Block, Gaps, Overlap, arrange
from convgen.schedule.flow import Flow, Part, Reading, Store, settle

PER_TURN = 60  # instructions, beside those of the operator
PER_BYTE_MOVED = 0.4

CALLER = -1  # the number of the part that hands in rows
MOST_SMALL = 2**15 - 1  # of a counter of two bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Fused:
    """Operators ``first`` to ``last`` in one stage.

    ``workspace`` are the bytes that its operators use one after the other.
    """

    first: int
    last: int
    flow: Flow
    workspace: int

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What it needs in the arena beside the tensors around it."""
        rings = [
            self._block(store.name, store.bytes)
            for store in self.flow.stores
            if not (store.is_given or store.is_kept)
        ]
        sums = [
            self._block(sums_name(part.number), part.plan.workspace_bytes)
            for part in self.flow.parts
            if part.plan and accumulates(part.plan)
        ]
        own = [self._block(self.workspace_name, self.workspace)] if self.workspace else []
        return (*rings, *sums, *own, self._block(self.counters_name, self.counter_bytes))

    def _block(self, what: str, size: int) -> Block:
        return Block(what=what, bytes=size, first=self.first, last=self.last)

    @property
    def workspace_name(self) -> str:
        """What the workspace is called in the arena."""
        return f"workspace from operator {self.first} on"

    @property
    def counters_name(self) -> str:
        """What the counters are called in the arena."""
        return f"rows from operator {self.first} on"

    @property
    def rings(self) -> tuple[Store, ...]:
        """The stores in which rows change their places."""
        return tuple(store for store in self.flow.stores if not store.is_whole)

    @property
    def counter_bytes(self) -> int:
        """The size of all counters: how far each part is, and what each ring begins with."""
        return self.bytes_of_counter * (len(self.flow.parts) + len(self.rings))

    @property
    def bytes_of_counter(self) -> int:
        """The size of one."""
        most = max(part.rows for part in self.flow.parts)
        return 2 if most <= MOST_SMALL else 4

    @property
    def end(self) -> int:
        """The turn behind the last."""
        return len(self.flow.turns)

    @cached_property
    def _layouts(self) -> dict[str, _Layout]:
        """When the rows of each block are needed."""
        found = {
            store.name: _Layout(store.pitch, *self.flow.times[store.name])
            for store in self.flow.stores
        }
        always = (np.array([-1]), np.array([self.end]))
        others = (block for block in self.blocks if block.what not in found)
        return found | {block.what: _Layout(block.bytes, *always) for block in others}

    @cached_property
    def overlaps(self) -> tuple[Overlap, ...]:
        """How blocks of which at least one is this stage's alone may share bytes."""
        layouts, given, kept = self._layouts, self._given, self._kept
        pairs = (
            (one, other)
            for one, other in combinations(layouts, 2)
            if not {one, other} <= given and not {one, other} <= kept
        )
        return tuple(
            Overlap(input=one, output=other, gaps=gaps_between(layouts[one], layouts[other]))
            for one, other in pairs
        )

    @property
    def _given(self) -> set[str]:
        return {store.name for store in self.flow.stores if store.is_given}

    @property
    def _kept(self) -> set[str]:
        return {store.name for store in self.flow.stores if store.is_kept}

    @cached_property
    def around(self) -> tuple[Block, ...]:
        """The tensors that are there before or afterwards."""
        return tuple(
            self._block(store.name, store.height * store.pitch)
            for store in self.flow.stores
            if store.is_given or store.is_kept
        )

    @property
    def least(self) -> int:
        """The bytes that no placement goes below."""
        fixed = sum(block.room for block in self.blocks if block.what not in self.flow.times)
        return self.flow.most_alive + fixed

    @cached_property
    def alone(self) -> Arena:
        """It and the tensors around it, placed without looking far."""
        blocks = (*self.around, *self.blocks)
        return arrange(blocks, self.overlaps, self.least, tries=FEW_TRIES)

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Of its operators."""
        return tuple(part.plan for part in self.flow.parts if part.plan)

    def by(self, plans: Sequence[Plan]) -> Fused:
        """Return the same done by other *plans*, which go by as many rows."""
        of_number = dict(zip(range(self.first, self.last + 1), plans, strict=True))
        parts = tuple(replace(part, plan=of_number.get(part.number)) for part in self.flow.parts)
        return replace(self, flow=replace(self.flow, parts=parts), workspace=shared(plans))

    def up_to(self, graph: Graph) -> Fused:
        """Return what it is if *graph* ends behind one of its operators."""
        end, kept = len(graph.operators), {tensor.name for tensor in graph.outputs}
        parts = [part for part in self.flow.parts if part.number < end]
        there = {name for part in parts for name in part.makes}
        there |= {reading.tensor for part in parts for reading in part.readings}
        held = (
            replace(store, tensors=tuple(name for name in store.tensors if name in there))
            for store in self.flow.stores
        )
        stores = [
            replace(store, capacity=store.height, is_kept=True) if store.name in kept else store
            for store in held
            if store.tensors
        ]
        return replace(self, last=end - 1, flow=settle(parts, stores))

    @property
    def also(self) -> dict[str, str]:
        """The place of each tensor in whose place another is later, by that one's name."""
        return {name: store.name for store in self.flow.stores for name in store.tensors[:-1]}

    @cached_property
    def overhead(self) -> int:
        """Predicted instructions beside those of the operators."""
        return int(PER_TURN * len(self.flow.turns) + PER_BYTE_MOVED * self.flow.moved)


FEW_TRIES = 60


def slices_of(plan: Plan) -> Slices | None:
    """Return how *plan* cuts its input if it takes that in slices, one after the other."""
    return plan.band.accumulates if isinstance(plan.band, Band) else None


def accumulates(plan: Plan) -> bool:
    """Whether *plan* takes its input in slices."""
    return slices_of(plan) is not None


def sums_name(number: int) -> str:
    """Return what the sums of operator *number* are called in the arena."""
    return f"sums of operator {number}"


def fused(graph: Graph, first: int, plans: Sequence[Plan], *, fed: Sequence[Tensor] = ()) -> Fused:
    """Put the operators from *first* on, which go by *plans*, into one stage.

    *fed* are inputs of the graph that come row by row.
    """
    end = first + len(plans)
    parts = _parts(graph, first, plans, fed)
    flow = settle(parts, _stores(graph, first, end, parts))
    return Fused(first=first, last=end - 1, flow=flow, workspace=shared(plans))


def shared(plans: Sequence[Plan]) -> int:
    """Return the bytes of workspace that *plans* use one after the other."""
    return max((p.workspace_bytes for p in plans if not accumulates(p)), default=0)


def least_of(graph: Graph, first: int, plans: Sequence[Plan], fed: Sequence[Tensor]) -> int:
    """Return about the fewest bytes that `fused` could need of an arena, without playing it."""
    end = first + len(plans)
    parts = _parts(graph, first, plans, fed)
    stores = _stores(graph, first, end, parts)
    rings = [store.bytes for store in stores if not store.is_whole]
    whole = [store.bytes for store in stores if store.is_whole]
    return max(sum(rings), *whole) + shared(plans)


def _parts(graph: Graph, first: int, plans: Sequence[Plan], fed: Sequence[Tensor]) -> list[Part]:
    return [
        *(_caller(tensor, height_of(graph, tensor.name)) for tensor in fed),
        *(_part(graph, first + n, plan) for n, plan in enumerate(plans)),
    ]


def rows_of(tensor: Tensor) -> int:
    """Return of how many rows *tensor* is: an image's, else one."""
    return tensor.shape[0] if len(tensor.shape) == 3 else 1


def height_of(graph: Graph, name: str) -> int:
    """Return in how many rows a tensor is kept: of an image as one of its operators sees it."""
    operators = graph.operators
    written = (t for op in operators for t in op.outputs if t.name == name)
    read = (t for op in operators for t in op.inputs if t.name == name)
    return next((rows for t in (*written, *read) if (rows := rows_of(t)) > 1), 1)


def _caller(tensor: Tensor, height: int) -> Part:
    return Part(
        number=CALLER,
        plan=None,
        rows=height,
        step=1,
        by_rows=True,
        readings=(),
        makes=(tensor.name,),
    )


def _part(graph: Graph, number: int, plan: Plan) -> Part:
    operator = plan.operator
    makes = tuple(tensor.name for tensor in operator.outputs)
    heights = [height_of(graph, tensor.name) for tensor in operator.inputs]
    if readings := _by_rows(plan, heights):
        return Part(
            number=number,
            plan=plan,
            rows=rows_of(operator.outputs[0]),
            step=_band(plan).step,
            by_rows=True,
            readings=readings,
            makes=makes,
        )
    slices = slices_of(plan)
    if slices and slices.rows % heights[0] == 0:
        return Part(
            number=number,
            plan=plan,
            rows=heights[0],
            step=1,
            by_rows=False,
            readings=(_same_row(operator.inputs[0], heights[0]),),
            makes=makes,
        )
    readings = tuple(
        Reading(tensor=tensor.name, height=height, stride=0, pad=0, reach=height)
        for tensor, height in zip(operator.inputs, heights, strict=True)
    )
    return Part(
        number=number, plan=plan, rows=1, step=1, by_rows=False, readings=readings, makes=makes
    )


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


def _same_row(tensor: Tensor, height: int) -> Reading:
    return Reading(tensor=tensor.name, height=height, stride=1, pad=0, reach=1)


def _stores(graph: Graph, first: int, end: int, parts: Sequence[Part]) -> list[Store]:
    """Return where the tensors of operators *first* to *end* - 1 are kept, in the least rings.

    An elementwise operator writes over an input that nobody else reads.
    """
    after = {tensor.name for op in graph.operators[end:] for tensor in op.inputs}
    after |= {tensor.name for tensor in graph.outputs}
    after |= {name for state in graph.states for name in (state.tensor.name, state.new.name)}
    made = {tensor: part for part in parts for tensor in part.makes}
    names = dict.fromkeys(
        [*(r.tensor for part in parts for r in part.readings), *made],
    )
    group: dict[str, tuple[str, ...]] = {name: (name,) for name in names}
    for part in parts:
        over = _in_place(part, parts, made, after, graph)
        if over:
            (output,) = part.makes
            group[output] = (*group.pop(over), output)
    return [_store(graph, tensors, parts, made, after) for tensors in group.values()]


def _in_place(
    part: Part,
    parts: Sequence[Part],
    made: Mapping[str, Part],
    after: set[str],
    graph: Graph,
) -> str | None:
    """Return the input whose place the output of *part* may take, if there is one."""
    if not (part.plan and part.plan.is_elementwise and part.by_rows and part.step == 1):
        return None
    pitch = _pitch(graph, part.makes[0])
    for reading in part.readings:
        maker = made.get(reading.tensor)
        readers = sum(r.tensor == reading.tensor for each in parts for r in each.readings)
        if (
            maker is not None
            and maker.plan is not None
            and maker.by_rows
            and readers == 1
            and reading.tensor not in after
            and _pitch(graph, reading.tensor) == pitch
        ):
            return reading.tensor
    return None


def _pitch(graph: Graph, name: str) -> int:
    return graph.tensors[name].bytes // height_of(graph, name)


def _store(
    graph: Graph,
    tensors: tuple[str, ...],
    parts: Sequence[Part],
    made: Mapping[str, Part],
    after: set[str],
) -> Store:
    height = height_of(graph, tensors[-1])
    is_given, is_kept = tensors[0] not in made, tensors[-1] in after
    windows = [
        reading.reach + (part.step - 1) * reading.stride
        for part in parts
        for reading in part.readings
        if reading.tensor in tensors
    ]
    steps = [made[name].step if made[name].by_rows else height for name in tensors if name in made]
    is_whole = is_given or is_kept
    return Store(
        tensors=tensors,
        height=height,
        pitch=_pitch(graph, tensors[-1]),
        capacity=height if is_whole else min(height, max(1, *windows, *steps)),
        is_given=is_given,
        is_kept=is_kept,
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """Slots of ``pitch`` bytes: from which turn on, and up to which, each is needed."""

    pitch: int
    born: NDArray[np.int64]
    dead: NDArray[np.int64]


def gaps_between(one: _Layout, other: _Layout) -> Gaps:
    """Return how far *one* may not begin above *other*: no slots needed at once share bytes."""
    meet = (one.born[:, None] <= other.dead) & (other.born <= one.dead[:, None])
    i, j = np.nonzero(meet)
    least = (j * other.pitch - (i + 1) * one.pitch) // ALIGN * ALIGN
    most = -(-((j + 1) * other.pitch - i * one.pitch) // ALIGN) * ALIGN
    return _union(zip(least.tolist(), most.tolist(), strict=True))


def _union(intervals: Iterator[tuple[int, int]]) -> Gaps:
    """Join open intervals that have points in common."""
    found: list[tuple[int, int]] = []
    for least, most in sorted(set(intervals)):
        if found and least < found[-1][1]:
            found[-1] = (found[-1][0], max(most, found[-1][1]))
        else:
            found.append((least, most))
    return tuple(found)
