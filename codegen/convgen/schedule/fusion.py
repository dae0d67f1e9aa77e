"""A stage of operators as parts that run row by row, and what memory it takes.

Row-fed: where the first tensor comes row by row from the caller, it is a ring like the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from convgen.model.graph import Graph
from convgen.model.tensor import Tensor
from convgen.plans.plan import Plan
from convgen.schedule.arena import ALIGN, Arena, Block, Gaps, Overlap, arrange
from convgen.schedule.flow import Flow, Store, settle
from convgen.schedule.parts import CALLER, Parts, accumulates
from convgen.schedule.strips import Strips

PER_TURN = 60  # instructions, beside those of the operator
PER_BYTE_MOVED = 0.4
PER_BYTE_CUT = 1.0  # of a strip's columns
FEW_TRIES = 60

MOST_SMALL = 2**15 - 1  # of a counter of two bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Fused:
    """Operators ``first`` to ``last`` in one stage.

    ``material`` is what is known of the graph's operators, ``workspace`` the bytes that those of
    the stage use one after the other. By ``strips`` it runs once for each: ``material`` and
    ``flow`` are those of one.
    """

    first: int
    last: int
    material: Parts
    flow: Flow
    workspace: int
    strips: Strips | None = None

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
        counters = self._block(self.counters_name, self.counter_bytes)
        if self._is_fed:  # a row too many must find that all is there
            counters = replace(counters, last=len(self.material.graph.operators))
        return (*rings, *sums, *own, counters)

    def _block(self, what: str, size: int) -> Block:
        return Block(what=what, bytes=size, first=self.first, last=self.last)

    @property
    def _is_fed(self) -> bool:
        """Whether a caller hands in rows."""
        return not self.strips and any(part.plan is None for part in self.flow.parts)

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
    def slides(self) -> bool:
        """Whether rows take the place of others that a window reads."""
        return any(store.shift_of_new for store in self.rings)

    @property
    def counter_bytes(self) -> int:
        """The size of all counters: how far each part is, and what each ring begins with.

        And with which column a strip does.
        """
        counted = len(self.flow.parts) + len(self.rings) + (1 if self.strips else 0)
        return self.bytes_of_counter * counted

    @property
    def bytes_of_counter(self) -> int:
        """The size of one."""
        columns = self.strips.width if self.strips else 0
        most = max(columns, *(part.rows for part in self.flow.parts))
        return 2 if most <= MOST_SMALL else 4

    @cached_property
    def turns(self) -> Mapping[int, int]:
        """How many turns each operator has."""
        of_strip = Counter(self.flow.parts[turn.part].number for turn in self.flow.turns)
        strips = self.strips.count if self.strips else 1
        return {number: strips * turns for number, turns in of_strip.items()}

    @property
    def end(self) -> int:
        """The turn behind the last."""
        return len(self.flow.turns)

    @cached_property
    def _layouts(self) -> dict[str, _Layout]:
        """When the rows of each block are needed."""
        found = {
            store.name: _Layout(*store.extents, *self.flow.times[store.name])
            for store in self.flow.stores
        }
        always = (np.array([-1]), np.array([self.end]))
        others = (block for block in self.blocks if block.what not in found)
        return found | {
            block.what: _Layout(np.array([0]), np.array([block.bytes]), *always) for block in others
        }

    @cached_property
    def overlaps(self) -> tuple[Overlap, ...]:
        """How blocks of which at least one is this stage's alone may share bytes."""
        layouts, given, kept = self._layouts, self._given, self._kept
        if self.strips:  # what is there before or afterwards is needed by all of them
            layouts = {what: each for what, each in layouts.items() if what not in given | kept}
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
        sources = self.strips.sources.values() if self.strips else ()
        tensors = self.material.graph.tensors
        return (
            *(self._block(name, tensors[name].bytes) for name in sources),
            *(
                self._block(store.name, store.height * store.pitch)
                for store in self.flow.stores
                if store.is_given or store.is_kept
            ),
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

    def by(self, plans: Sequence[Plan]) -> Fused | None:
        """Return the same done by other *plans*, which go by as many rows.

        None where one of them cannot write where its input was.
        """
        of_number = dict(zip(range(self.first, self.last + 1), plans, strict=True))
        parts = tuple(replace(part, plan=of_number.get(part.number)) for part in self.flow.parts)
        found = [self.material.led(store, parts) for store in self.flow.stores]
        stores = tuple(store for store in found if store)
        if len(stores) < len(found):
            return None
        flow = replace(self.flow, parts=parts, stores=stores)
        return replace(self, flow=flow, workspace=shared(plans))

    @property
    def own_bytes(self) -> int:
        """The bytes of all that is this stage's alone."""
        return sum(block.room for block in self.blocks)

    def up_to(self, graph: Graph) -> Fused:
        """Return what it is if *graph* ends behind one of its operators."""
        end, kept = len(graph.operators), {tensor.name for tensor in graph.outputs}
        parts = [part for part in self.flow.parts if part.number < end]
        there = {name for part in parts for name in part.makes}
        there |= {reading.tensor for part in parts for reading in part.readings}
        held = [
            store.of_first(count)
            for store in self.flow.stores
            if (count := sum(name in there for name in store.tensors))
        ]
        stores = [
            each
            for store in held
            for each in (self._whole(store) if store.name in kept else (store,))
        ]
        return replace(self, last=end - 1, flow=settle(parts, stores))

    def _whole(self, store: Store) -> tuple[Store, ...]:
        """Return *store* with a place for every row of its last tensor: of that alone, if need be.

        Those before it, whose rows are not where its rows are, stay in what they were in.
        """
        *before, last = store.tensors
        pitch, lead = self.material.pitch[last], store.lead(last)
        whole = replace(store, pitch=pitch, capacity=store.height, is_kept=True)
        if (lead, store.more) == (0, 0) and pitch == store.pitch:
            return (whole,)
        own = replace(whole, tensors=(last,), leads=(0,), shifts=(0,), excesses=(0,))
        return (replace(store.of_first(len(before)), is_kept=False), own) if before else (own,)

    @property
    def also(self) -> dict[str, str]:
        """The place of each tensor in whose place another is later, by that one's name."""
        return {name: store.name for store in self.flow.stores for name in store.tensors[:-1]}

    @cached_property
    def overhead(self) -> int:
        """Predicted instructions beside those of the operators."""
        moved = PER_BYTE_MOVED * self.flow.moved
        if not self.strips:
            return int(PER_TURN * len(self.flow.turns) + moved)
        cut = (part.makes[0] for part in self.flow.parts if part.number == CALLER)
        moved += PER_BYTE_CUT * sum(self.material.graph.tensors[name].bytes for name in cut)
        return int(self.strips.count * (PER_TURN * len(self.flow.turns) + moved))


def sums_name(number: int) -> str:
    """Return what the sums of operator *number* are called in the arena."""
    return f"sums of operator {number}"


def fused(
    material: Parts,
    first: int,
    plans: Sequence[Plan],
    *,
    fed: Sequence[Tensor] = (),
    strips: Strips | None = None,
) -> Fused:
    """Put the operators from *first* on, which go by *plans*, into one stage.

    *fed* are inputs of the graph that come row by row. With *strips* these are the columns that one
    begins with, and *material* is of the graph as one has it.
    """
    end = first + len(plans)
    parts = [
        *(material.caller(tensor) for tensor in fed),
        *(material.part(first + n, plan) for n, plan in enumerate(plans)),
    ]
    stores = material.stores(parts, first, end)
    if strips:
        stores = [_of_whole_rows(store, strips) if store.is_kept else store for store in stores]
    return Fused(
        first=first,
        last=end - 1,
        material=material,
        flow=settle(parts, stores),
        workspace=shared(plans),
        strips=strips,
    )


def _of_whole_rows(store: Store, strips: Strips) -> Store:
    """Return *store*, where rows of a strip are, as the place for the rows of all strips."""
    return replace(store, pitch=store.pitch // strips.columns * strips.width)


def shared(plans: Sequence[Plan]) -> int:
    """Return the bytes of workspace that *plans* use one after the other."""
    return max((p.workspace_bytes for p in plans if not accumulates(p)), default=0)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Stretches of bytes: from which turn on, and up to which, each is needed."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    born: NDArray[np.int64]
    dead: NDArray[np.int64]


def gaps_between(one: _Layout, other: _Layout) -> Gaps:
    """Return how far *one* may not begin above *other*: none needed at once share bytes."""
    meet = (one.born[:, None] <= other.dead) & (other.born <= one.dead[:, None])
    i, j = np.nonzero(meet)
    least = (other.start[j] - one.end[i]) // ALIGN * ALIGN
    most = -(-(other.end[j] - one.start[i]) // ALIGN) * ALIGN
    return _union(zip(least.tolist(), most.tolist(), strict=True))


def _union(intervals: Iterable[tuple[int, int]]) -> Gaps:
    """Join open intervals that have points in common."""
    found: list[tuple[int, int]] = []
    for least, most in sorted(set(intervals)):
        if found and least < found[-1][1]:
            found[-1] = (found[-1][0], max(most, found[-1][1]))
        else:
            found.append((least, most))
    return tuple(found)
