"""A fused stage as C: for each operator a function that goes on by a row, and the loop over all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from textwrap import wrap

from convgen.ctext.literals import ctype
from convgen.model.operator import Operator
from convgen.model.tensor import Tensor
from convgen.plans.plan import Plan
from convgen.schedule.flow import Flow, Part, Reading, Store
from convgen.schedule.fusion import Fused, sums_name
from convgen.schedule.network import Schedule
from convgen.schedule.parts import accumulates, slices_of
from convgen.schedule.strips import ColumnSpan, Strips
from convgen.sources.shared_kernels import KernelEntry

COUNTERS = {2: "int16_t", 4: "int32_t"}
"""What counters are, by their size."""

LINE = 100  # columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """A variable that points into the arena, and what lies there.

    ``strip`` is what is added to the offset, as C, where that is of a strip's columns.
    """

    declared: str
    offset: int
    comment: str
    strip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingRun:
    """Places of a ring from ``first`` up to ``end``, as C, whose rows begin at ``offset``."""

    offset: int
    first: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A ring that a row is put into: ``top`` counts with which row it begins.

    ``runs`` are the rows that are needed yet: one of each form that they are there in.
    """

    top: str
    capacity: int
    pitch: int
    runs: tuple[RingRun, ...]

    @property
    def oldest(self) -> RingRun:
        """What comes to its beginning when there is no room."""
        return self.runs[0]

    @property
    def others(self) -> tuple[RingRun, ...]:
        """What comes behind that."""
        return self.runs[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """A function that lets one operator go on, up to ``rows``, which ``counter`` counts.

    It does nothing if one of ``unless`` holds; else it makes room in ``ring`` and does ``call``
    with ``arguments``, and then what ``finished`` says, in a function ``turn`` of its own if it has
    one. ``last`` is the row behind those of a turn.
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
    finished: tuple[str, ...] = ()

    @property
    def nothing(self) -> tuple[str, ...]:
        """The conditions under which it does nothing, each a line."""
        done = f"row == {self.rows}"
        whole = " || ".join((done, *self.unless))
        return (whole,) if len(whole) + 12 <= LINE else (done, *self.unless)

    @property
    def called(self) -> tuple[str, ...]:
        """The call, in lines that are not too long, and what follows it."""
        return (*_lines(self.call, self.arguments), *self.finished)


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
    """A fused stage: its counters, and the functions of its operators, the last one first.

    ``strips`` is how many times it runs, each from the column on that ``column`` is.
    """

    struct: str
    offset: int
    counter_type: str
    counters: tuple[str, ...]
    comment: str
    advances: tuple[Advance, ...]
    until: tuple[str, ...]
    feeding: Feeding | None
    strips: int = 0
    column: str = ""

    @property
    def rings(self) -> Iterator[Ring]:
        """The rings that rows are put into."""
        feeding = [] if self.feeding is None else [self.feeding.ring]
        yield from filter(None, (*(advance.ring for advance in self.advances), *feeding))

    @property
    def expressions(self) -> Iterator[str]:
        """The expressions of rows."""
        yield from (run.first for ring in self.rings for run in ring.runs)
        for advance in self.advances:
            yield from (advance.last, *advance.unless, *advance.arguments)
        yield self.column


def helpers(stages: Sequence[StageText]) -> frozenset[str]:
    """Return which of the functions of `parts/ring.c.j2` the text of *stages* calls."""
    expressions = [each for stage in stages for each in stage.expressions]
    rings = [ring for stage in stages for ring in stage.rings]
    used = {name for name in ("least", "most") if any(f"__{name}(" in e for e in expressions)}
    used |= {"move", "least"} if rings else set()
    used |= {"cut", "border", "least", "most"} if any(stage.strips for stage in stages) else set()
    return frozenset(used)


def stage_text(
    schedule: Schedule, fused: Fused, names: Mapping[str, str], entries: Mapping[str, KernelEntry]
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
    entries: Mapping[str, KernelEntry]

    @property
    def flow(self) -> Flow:
        return self.fused.flow

    def _least(self, one: str, other: str) -> str:
        return f"{self.schedule.graph.name}__least({one}, {other})"

    def _most(self, one: str, other: str) -> str:
        return f"{self.schedule.graph.name}__most({one}, {other})"

    def text(self) -> StageText:
        fused, parts = self.fused, self.flow.parts
        strips = fused.strips
        fed = [] if strips else [part for part in parts if part.plan is None]
        kept = {store.name for store in self.flow.stores if store.is_kept}
        rings = (self._top(store) for store in fused.rings)
        return StageText(
            struct=f"{self.schedule.graph.name}__rows_{fused.first}",
            offset=self.schedule.arena.offset(fused.counters_name),
            counter_type=COUNTERS[fused.bytes_of_counter],
            counters=(
                *(self._counter(part) for part in parts if part.rows),
                *rings,
                *(["column"] if strips else []),
            ),
            comment=f"operators {fused.first} to {fused.last}",
            advances=tuple(
                self._advance(k, part) if part.plan else self._cutting(k, part)
                for k, part in reversed([*enumerate(parts)])
                if part.rows and part not in fed
            ),
            until=tuple(
                f"at->{self._counter(part)} < {part.rows}" for part in parts if {*part.makes} & kept
            ),
            feeding=self._feeding(fed[0]) if fed else None,
            strips=strips.count if strips else 0,
            column=self._column(strips) if strips else "",
        )

    def _column(self, strips: Strips) -> str:
        """Return with which column a strip begins."""
        start = f"strip * {strips.columns}"
        is_even = strips.width % strips.columns == 0
        return start if is_even else self._least(start, str(strips.last))

    def _counter(self, part: Part) -> str:
        return self.names[part.makes[0]] if part.plan is None else _own(part).operator.name

    def _top(self, store: Store) -> str:
        return f"{self.names[store.name]}_top"

    def _advance(self, k: int, part: Part) -> Advance:
        plan, counter = _own(part), self._counter(part)
        function = f"{self.schedule.graph.name}__{plan.operator.name}"
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
            finished=tuple(self._border(part)),
        )

    def _cutting(self, k: int, part: Part) -> Advance:
        """Return what takes the columns of a strip from a row of a whole tensor."""
        strips, (name,) = self._strips, part.makes
        source = self.schedule.graph.tensors[strips.sources[name]]
        span = strips.spans[name]
        store = self.flow.store_of[name]
        elem = ctype(source.dtype)
        return Advance(
            function=f"{self.schedule.graph.name}__{self.names[name]}_next",
            turn=None,
            comment=f"Takes the columns of a strip from a row of {self.names[source.name]}",
            counter=self._counter(part),
            rows=part.rows,
            unless=(self._no_room(part),) if k in self.flow.waits else (),
            pointers=(
                Pointer(
                    declared=f"const {elem} *const input",
                    offset=self.schedule.arena.offset(source.name),
                    comment=f"{self.names[source.name]}: {part.rows} rows of {span.width} columns",
                ),
                self._pointer(f"{elem} *const output", name),
            ),
            ring=self._ring(part),
            call=f"{self.schedule.graph.name}__cut",
            arguments=(
                f"output{self._behind(store, source)}",
                f"input + row * {span.width * span.pixel // source.elem_bytes}",
                self._first_column(span),
                str(span.columns),
                str(span.width),
                str(span.pixel),
            ),
            last=self._last(part),
            finished=tuple(self._border(part)),
        )

    @property
    def _strips(self) -> Strips:
        if self.fused.strips is None:
            raise ValueError("a stage of whole rows")
        return self.fused.strips

    def _first_column(self, span: ColumnSpan) -> str:
        """Return with which column of a tensor a strip begins, as C."""
        column = "at->column" if span.scale == 1 else f"at->column * {span.scale}"
        return f"{column} {_plus(span.first)}" if span.first else column

    def _border(self, part: Part) -> Iterator[str]:
        """Yield what gives columns of a row that are outside of the image the value of padding."""
        for name in part.makes if self.fused.strips else ():
            span, store = self._strips.spans[name], self.flow.store_of[name]
            if not span.leaves_image(self._strips.last):
                continue
            tensor = self.fused.material.graph.tensors[name]
            arguments = (
                f"output{self._behind(store, tensor)}",
                self._first_column(span),
                str(span.columns),
                str(span.width),
                str(span.pixel),
                str(span.padding),
            )
            yield from _lines(f"{self.schedule.graph.name}__border", arguments)

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
        """Return the first row of *store* that is needed yet, as C: none is if nobody reads it.

        Of rows that others take the place of, those that do so last are the oldest; and what is
        done at once to a row is done to the new one.
        """
        before, last = ((), *self.flow.runs(store))[-2:]
        needed = [
            self._first(reading, f"at->{self._counter(part)}")
            for k, reading in self.flow.readers(store)
            if reading.tensor in (*before[-1:], *last)
            and not ((part := self.flow.parts[k]).is_at_once and {*part.makes} & {*store.tensors})
        ] or [str(store.height)]
        *others, oldest = dict.fromkeys(needed)
        for other in others:
            oldest = self._least(other, oldest)
        return oldest

    def _ring(self, part: Part, row: str = "row") -> Ring | None:
        """Return the ring that *part* puts *row* into, unless that takes the place of another."""
        store = self.flow.store_of[part.makes[0]]
        if store.is_whole or store.tensors[0] != part.makes[0]:
            return None
        return Ring(
            top=self._top(store),
            capacity=store.capacity,
            pitch=store.pitch,
            runs=tuple(self._runs(store, row)),
        )

    def _runs(self, store: Store, row: str) -> Iterator[RingRun]:
        """Yield what *store* keeps as *row* comes into it, from the oldest on."""
        offset, end = self.schedule.arena.offset(store.name), ""
        makers = {tensor: maker for maker in self.flow.parts for tensor in maker.makes}
        for run in reversed(self.flow.runs(store)):
            shift, is_new = store.shift(run[0]), run[0] == store.tensors[0]
            first = self._most(end, str(shift)) if end else self._oldest(store)
            end = row if is_new else f"at->{self._counter(makers[run[0]])}"
            end = f"{end} {_plus(shift)}" if shift else end
            lead = store.place(run[-1])[1]
            yield RingRun(offset=offset + lead, first=first, end=end)

    def _pointers(self, part: Part) -> Iterator[Pointer]:
        operator, plan = _own(part).operator, _own(part)
        several = len(operator.inputs) > 1
        for n, tensor in enumerate(operator.inputs):
            const = "" if plan.writes_input else "const "
            name = f"input_{n}" if several else "input"
            declared = f"{const}{ctype(tensor.dtype)} *const {name}"
            yield self._pointer(declared, tensor.name, self._left_out(operator, tensor))
        outputs = operator.outputs
        for n, tensor in enumerate(outputs):
            name = f"output_{n}" if len(outputs) > 1 else "output"
            yield self._pointer(f"{ctype(tensor.dtype)} *const {name}", tensor.name)
        if plan.workspace:
            own = sums_name(part.number) if accumulates(plan) else self.fused.workspace_name
            yield Pointer(
                declared="void *const workspace",
                offset=self.schedule.arena.offset(own),
                comment=f"{plan.workspace_bytes:,} bytes",
            )

    def _left_out(self, operator: Operator, tensor: Tensor) -> int:
        """Return how many bytes of its rows *operator* does not see."""
        strips = self.fused.strips
        return strips.behind.get((operator.name, tensor.name), 0) if strips else 0

    def _pointer(self, declared: str, tensor: str, left_out: int = 0) -> Pointer:
        store, strips = self.flow.store_of[tensor], self.fused.strips
        rows = "1 row" if store.capacity == 1 else f"{store.capacity} rows"
        size = f"{rows} of {store.pitch:,} bytes"
        if store.height == 1:
            size = f"{store.pitch:,} bytes"
        what = "" if store.is_whole else "a ring of "
        pixel = strips.spans[store.name].pixel if strips and store.is_kept else 0
        return Pointer(
            declared=declared,
            offset=self.schedule.arena.offset(store.name) + store.lead(tensor) + left_out,
            comment=f"{self.names[store.name]}: {what}{size}",
            strip=f" + at->column * {pixel}" if pixel else "",
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
        is_apart = store.pitch != self.fused.material.pitch[tensor.name]
        if is_apart or self._sees_less(tensor):
            return f"{name}{self._behind(store, tensor)}", "row"
        if store.is_whole:
            return name, "0"
        times = _unit(part)
        return name, f"at->{self._top(store)}" + (f" * {times}" if times > 1 else "")

    def _sees_less(self, tensor: Tensor) -> bool:
        """Whether *tensor* is seen with fewer columns than a strip's rows have."""
        strips = self.fused.strips
        return strips is not None and tensor.shape[1] < strips.spans[tensor.name].columns

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
        if reading.pad <= 0:
            return f"{times} {_plus(-reading.pad)}" if reading.pad else times
        return self._most(f"{times} - {reading.pad}", "0")

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
            ring=self._ring(part, "end"),
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


def _lines(function: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """Return a call in lines that are not too long."""
    text = ", ".join(arguments)
    whole = f"{function}({text});"
    if len(whole) + 4 <= LINE:
        return (whole,)
    *others, end = wrap(text, LINE - 10, break_long_words=False, break_on_hyphens=False)
    return f"{function}(", *(f"    {line}" for line in others), f"    {end});"


def _unit(part: Part) -> int:
    """Return how many of the rows that the operator counts make one that is counted."""
    slices = slices_of(_own(part))
    return slices.rows // part.rows if slices else 1


def _plus(value: int) -> str:
    return f"+ {value}" if value >= 0 else f"- {-value}"
