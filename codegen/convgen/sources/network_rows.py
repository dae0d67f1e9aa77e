"""A fused stage as C: for each operator a function that goes on by a row, and the loop over all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from textwrap import wrap

from convgen.ctext.literals import ctype
from convgen.model.tensor import Tensor
from convgen.plans.plan import Plan
from convgen.schedule.flow import Flow, Part, Reading, Store
from convgen.schedule.fusion import Fused, sums_name
from convgen.schedule.network import Schedule
from convgen.schedule.parts import accumulates, slices_of
from convgen.sources.shared_kernels import Entry

COUNTERS = {2: "int16_t", 4: "int32_t"}
"""What counters are, by their size."""

LINE = 100  # columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """A variable that points into the arena, and what lies there."""

    declared: str
    offset: int
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A ring at ``offset`` that a row is put into: ``top`` counts with which row it begins.

    ``oldest`` is the first row that is needed yet; ``end`` the one behind the last that is there.
    """

    offset: int
    top: str
    capacity: int
    pitch: int
    oldest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """A function that lets one operator go on, up to ``rows``, which ``counter`` counts.

    It does nothing if one of ``unless`` holds; else it makes room in ``ring`` and does ``call``
    with ``arguments``, in a function ``turn`` of its own if it has one. ``last`` is the row behind
    those of a turn.
    """

    function: str
    turn: str | None
    comment: str
    counter: str
    rows: int
    unless: tuple[str, ...]
    pointers: tuple[Pointer, ...]
    ring: Ring | None
    call: str
    arguments: tuple[str, ...]
    last: str

    @property
    def nothing(self) -> tuple[str, ...]:
        """The conditions under which it does nothing, each a line."""
        done = f"row == {self.rows}"
        whole = " || ".join((done, *self.unless))
        return (whole,) if len(whole) + 12 <= LINE else (done, *self.unless)

    @property
    def called(self) -> tuple[str, ...]:
        """The call, in lines that are not too long."""
        text = ", ".join(self.arguments)
        whole = f"{self.call}({text});"
        if len(whole) + 4 <= LINE:
            return (whole,)
        *others, end = wrap(text, LINE - 10, break_long_words=False, break_on_hyphens=False)
        return f"{self.call}(", *(f"    {line}" for line in others), f"    {end});"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeding:
    """What a caller's row is put into."""

    pointer: Pointer
    counter: str
    pitch: int
    ring: Ring | None
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageText:
    """A fused stage: its counters, and the functions of its operators, the last one first."""

    struct: str
    offset: int
    counter_type: str
    counters: tuple[str, ...]
    comment: str
    advances: tuple[Advance, ...]
    until: tuple[str, ...]
    feeding: Feeding | None

    @property
    def rings(self) -> Iterator[Ring]:
        """The rings that rows are put into."""
        feeding = [] if self.feeding is None else [self.feeding.ring]
        yield from filter(None, (*(advance.ring for advance in self.advances), *feeding))

    @property
    def expressions(self) -> Iterator[str]:
        """The expressions of rows."""
        yield from (ring.oldest for ring in self.rings)
        for advance in self.advances:
            yield from (advance.last, *advance.unless, *advance.arguments)


def helpers(stages: Sequence[StageText]) -> frozenset[str]:
    """Return which of the functions of `parts/ring.c.j2` the text of *stages* calls."""
    expressions = [each for stage in stages for each in stage.expressions]
    keeps = any(True for stage in stages for _ in stage.rings)
    used = {name for name in ("least", "most") if any(f"__{name}(" in e for e in expressions)}
    return frozenset(used | ({"keep", "least"} if keeps else set()))


def stage_text(
    schedule: Schedule, fused: Fused, names: Mapping[str, str], entries: Mapping[str, Entry]
) -> StageText:
    """Return what a fused stage is printed from.

    *names* are those of places in the arena, *entries* what operators are done by.
    """
    return _Writer(schedule, fused, names, entries).text()


@dataclass(frozen=True, slots=True)
class _Writer:
    schedule: Schedule
    fused: Fused
    names: Mapping[str, str]
    entries: Mapping[str, Entry]

    @property
    def flow(self) -> Flow:
        return self.fused.flow

    def _least(self, one: str, other: str) -> str:
        return f"{self.schedule.graph.name}__least({one}, {other})"

    def _most(self, one: str, other: str) -> str:
        return f"{self.schedule.graph.name}__most({one}, {other})"

    def text(self) -> StageText:
        fused, parts = self.fused, self.flow.parts
        fed = [part for part in parts if part.plan is None]
        kept = {store.name for store in self.flow.stores if store.is_kept}
        rings = (self._top(store) for store in fused.rings)
        return StageText(
            struct=f"{self.schedule.graph.name}_rows_{fused.first}",
            offset=self.schedule.arena.offset(fused.counters_name),
            counter_type=COUNTERS[fused.bytes_of_counter],
            counters=(*(self._counter(part) for part in parts if part.rows), *rings),
            comment=f"operators {fused.first} to {fused.last}",
            advances=tuple(
                self._advance(k, part)
                for k, part in reversed([*enumerate(parts)])
                if part.plan and part.rows
            ),
            until=tuple(
                f"at->{self._counter(part)} < {part.rows}" for part in parts if {*part.makes} & kept
            ),
            feeding=self._feeding(fed[0]) if fed else None,
        )

    def _counter(self, part: Part) -> str:
        return self.names[part.makes[0]] if part.plan is None else _own(part).operator.name

    def _top(self, store: Store) -> str:
        return f"{self.names[store.name]}_top"

    def _advance(self, k: int, part: Part) -> Advance:
        plan, counter = _own(part), self._counter(part)
        function = f"{self.schedule.graph.name}_{plan.operator.name}"
        entry = self.entries[function]
        ring = self._ring(part) if part.by_rows else None
        rows = "a row" if part.step == 1 else f"{part.step} rows"
        what = rows if part.by_rows else "a row of its input" if accumulates(plan) else "all of it"
        return Advance(
            function=f"{function}_next",
            turn=f"{function}_turn" if self.schedule.out_of_line[part.number] else None,
            comment=f"Goes on with {plan.operator.name}, by {what}",
            counter=counter,
            rows=part.rows,
            unless=(*self._missing(part), *([self._no_room(part)] if k in self.flow.waits else [])),
            pointers=tuple(self._pointers(part)),
            ring=ring,
            call=f"{entry.function}_rows" if goes_by_rows(part) else entry.function,
            arguments=(*self._arguments(part), *entry.arguments),
            last=self._last(part),
        )

    def _missing(self, part: Part) -> Iterator[str]:
        """Yield conditions under which rows are missing."""
        makers = {tensor: maker for maker in self.flow.parts for tensor in maker.makes}
        for reading in dict.fromkeys(part.readings):
            maker = makers.get(reading.tensor)
            if maker is None:
                continue
            counted = f"at->{self._counter(maker)}"
            if not maker.by_rows or reading.needs_all:
                yield f"{counted} < {maker.rows}"
            else:
                yield f"{counted} < {self._end(reading, part)}"

    def _no_room(self, part: Part) -> str:
        """Return the condition under which there is no room for what *part* makes."""
        store = self.flow.store_of[part.makes[0]]
        return f"{self._last(part)} - {self._oldest(store)} > {store.capacity}"

    def _last(self, part: Part) -> str:
        """Return the row behind those of a turn."""
        return "row + 1" if part.step == 1 else self._least(f"row + {part.step}", str(part.rows))

    def _oldest(self, store: Store) -> str:
        """Return the first row of *store* that is needed yet, as C: none is if nobody reads it."""
        needed = [
            self._first(reading, f"at->{self._counter(self.flow.parts[k])}")
            for k, reading in self.flow.readers(store)
        ] or [str(store.height)]
        *others, oldest = dict.fromkeys(needed)
        for other in others:
            oldest = self._least(other, oldest)
        return oldest

    def _ring(self, part: Part) -> Ring | None:
        """Return the ring that *part* puts rows into, unless they take the place of others."""
        store = self.flow.store_of[part.makes[0]]
        if store.is_whole or store.tensors[0] != part.makes[0]:
            return None
        return Ring(
            offset=self.schedule.arena.offset(store.name),
            top=self._top(store),
            capacity=store.capacity,
            pitch=store.pitch,
            oldest=self._oldest(store),
        )

    def _pointers(self, part: Part) -> Iterator[Pointer]:
        operator, plan = _own(part).operator, _own(part)
        several = len(operator.inputs) > 1
        for n, tensor in enumerate(operator.inputs):
            const = "" if plan.writes_input else "const "
            name = f"input_{n}" if several else "input"
            yield self._pointer(f"{const}{ctype(tensor.dtype)} *const {name}", tensor)
        outputs = operator.outputs
        for n, tensor in enumerate(outputs):
            name = f"output_{n}" if len(outputs) > 1 else "output"
            yield self._pointer(f"{ctype(tensor.dtype)} *const {name}", tensor)
        if plan.workspace:
            own = sums_name(part.number) if accumulates(plan) else self.fused.workspace_name
            yield Pointer(
                declared="void *const workspace",
                offset=self.schedule.arena.offset(own),
                comment=f"{plan.workspace_bytes:,} bytes",
            )

    def _pointer(self, declared: str, tensor: Tensor) -> Pointer:
        store = self.flow.store_of[tensor.name]
        rows = "1 row" if store.capacity == 1 else f"{store.capacity} rows"
        size = f"{rows} of {store.pitch:,} bytes"
        if store.height == 1:
            size = f"{store.pitch:,} bytes"
        what = "" if store.is_whole else "a ring of "
        return Pointer(
            declared=declared,
            offset=self.schedule.arena.offset(store.name) + store.lead(tensor.name),
            comment=f"{self.names[store.name]}: {what}{size}",
        )

    def _arguments(self, part: Part) -> Iterator[str]:
        plan, operator = _own(part), _own(part).operator
        by_rows = goes_by_rows(part)
        several = len(operator.inputs) > 1
        for n, tensor in enumerate(operator.inputs):
            pointer, row = self._input(part, tensor, f"input_{n}" if several else "input")
            yield pointer
            if by_rows:
                yield row
        for n, tensor in enumerate(operator.outputs):
            name = f"output_{n}" if len(operator.outputs) > 1 else "output"
            yield f"{name}{self._output_row(part, tensor)}"
        if by_rows or plan.workspace:
            yield "workspace" if plan.workspace else "0"
        if by_rows:
            yield from self._rows(part)

    def _input(self, part: Part, tensor: Tensor, name: str) -> tuple[str, str]:
        """Return a pointer to *tensor*, and which row of its image lies there."""
        store = self.flow.store_of[tensor.name]
        if store.pitch != self.fused.material.pitch[tensor.name]:  # its rows are apart
            return f"{name}{self._behind(store, tensor)}", "row"
        if store.is_whole:
            return name, "0"
        times = _unit(part)
        return name, f"at->{self._top(store)}" + (f" * {times}" if times > 1 else "")

    def _behind(self, store: Store, tensor: Tensor) -> str:
        """Return how far behind the beginning of a *store* row ``row`` of *tensor* lies."""
        row = "row" if store.is_whole else f"(row - at->{self._top(store)})"
        return f" + {row} * {store.pitch // tensor.elem_bytes}"

    def _output_row(self, part: Part, tensor: Tensor) -> str:
        """Return how far behind the pointer to *tensor* the row is put."""
        store = self.flow.store_of[tensor.name]
        return self._behind(store, tensor) if part.by_rows and part.rows > 1 else ""

    def _rows(self, part: Part) -> tuple[str, str]:
        """Return the first row of a turn, and the one behind its last, as the operator counts."""
        unit = _unit(part)
        if unit > 1:
            return f"row * {unit}", f"(row + 1) * {unit}"
        return "row", self._last(part)

    def _first(self, reading: Reading, row: str) -> str:
        """Return the first row that *row* reads, as C."""
        if reading.needs_all:
            return "0"
        times = row if reading.stride == 1 else f"{row} * {reading.stride}"
        return self._most(f"{times} - {reading.pad}", "0") if reading.pad else times

    def _end(self, reading: Reading, part: Part) -> str:
        """Return the row behind those that a turn reads, as C."""
        start = "row" if part.step == 1 else self._last(part)
        behind = reading.reach - reading.pad - (0 if part.step == 1 else reading.stride)
        times = start if reading.stride == 1 else f"{start} * {reading.stride}"
        end = f"{times} {_plus(behind)}" if behind else times
        highest = (part.rows - 1) * reading.stride - reading.pad + reading.reach
        return self._least(end, str(reading.height)) if highest > reading.height else end

    def _feeding(self, part: Part) -> Feeding:
        store, counter = self.flow.store_of[part.makes[0]], self._counter(part)
        return Feeding(
            pointer=Pointer(
                declared="char *const fed",
                offset=self.schedule.arena.offset(store.name),
                comment=f"{store.capacity} rows of {store.pitch:,} bytes",
            ),
            counter=counter,
            pitch=store.pitch,
            ring=self._ring(part),
            place="end" if store.is_whole else f"(end - at->{self._top(store)})",
        )


def goes_by_rows(part: Part) -> bool:
    """Whether the operator of *part* is printed as the function for some rows."""
    return part.by_rows or (part.plan is not None and accumulates(part.plan) and part.rows > 1)


def by_rows(schedule: Schedule) -> frozenset[int]:
    """Return the numbers of the operators that are printed as functions for some rows."""
    parts = chain.from_iterable(fused.flow.parts for fused in schedule.fused)
    return frozenset(part.number for part in parts if goes_by_rows(part))


def _own(part: Part) -> Plan:
    if part.plan is None:
        raise ValueError("a caller is no operator")
    return part.plan


def _unit(part: Part) -> int:
    """Return how many of the rows that the operator counts make one that is counted."""
    slices = slices_of(_own(part))
    return slices.rows // part.rows if slices else 1


def _plus(value: int) -> str:
    return f"+ {value}" if value >= 0 else f"- {-value}"
