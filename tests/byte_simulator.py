"""Plays a schedule in one array whose every byte knows what it holds: which byte of which tensor.

Fused stages are played from the text that is printed of them: its conditions, pointers and
arguments are evaluated, so that what the planner believes about their order is not asked. What an
operator reads is looked up tap by tap. A read of another byte than the one that belongs there, a
write outside its place and a stage that stands still are each a FaultError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import CodeType, SimpleNamespace
from typing import Any

import numpy as np

from convgen.model.operator import Operator, Windowed
from convgen.model.tensor import Tensor
from convgen.plans.plan import Plan
from convgen.schedule.flow import Part
from convgen.schedule.fusion import Fused, sums_name
from convgen.schedule.network import Schedule
from convgen.schedule.overlap import Pool
from convgen.schedule.parts import accumulates, slices_of
from convgen.schedule.stages import workspace_name
from convgen.schedule.strips import Strips
from convgen.sources.network_rows import Advance, Ring, StageText, goes_by_rows, stage_text
from convgen.sources.shared_kernels import KernelEntry
from pool_simulator import survives

UNWRITTEN, CLOBBERED, PADDING = -1, -2, -3
SHIFT = 40  # a byte's owner is above so many bits, its number in it below

Change = Callable[[StageText], StageText]


class FaultError(AssertionError):
    """What is generated would read or write what it must not, or never end."""


def play(schedule: Schedule, change: Change = lambda text: text) -> None:
    """Play one call of *schedule*, each stage's text after a *change*. Raises FaultError."""
    _Player(schedule, change).call()


@dataclass
class _Memory:
    """The arena: of each byte which one it is."""

    schedule: Schedule
    numbers: dict[str, int] = field(default_factory=dict)
    alike: dict[str, tuple[str, int]] = field(default_factory=dict)  # what is the same bytes

    def __post_init__(self) -> None:
        self.places = {p.block.what: p for p in self.schedule.arena.all}
        self.bytes = np.full(self.schedule.arena.bytes, UNWRITTEN)

    def tags(self, owner: str, first: int, last: int) -> np.ndarray:
        while owner in self.alike:
            owner, behind = self.alike[owner]
            first, last = first + behind, last + behind
        number = self.numbers.setdefault(owner, len(self.numbers) + 1)
        tags: np.ndarray = (number << SHIFT) + np.arange(first, last)
        return tags

    def offset(self, place: str) -> int:
        return self.places[place].offset

    def inside(self, place: str, at: int, size: int) -> slice:
        """Return the bytes from *at* on, which must be inside of *place*, and that of the arena."""
        start, room = self.offset(place), self.places[place].block.bytes
        if size and not (start <= at and at + size <= start + room):
            raise FaultError(f"{place}: {at} to {at + size} is not in {start} to {start + room}")
        if size and not 0 <= at <= at + size <= len(self.bytes):
            raise FaultError(f"{place}: {at} to {at + size} is not in the arena")
        return slice(at, at + size)

    def write(self, place: str, owner: str, at: int, first: int, last: int) -> None:
        """Write bytes *first* to *last* - 1 of *owner*, which is kept in *place*."""
        self.alike.pop(owner, None)
        self.put(place, at, self.tags(owner, first, last))

    def read(self, place: str, owner: str, at: int, first: int, last: int) -> None:
        self.expect(place, owner, at, self.tags(owner, first, last))

    def put(self, place: str, at: int, tags: np.ndarray) -> None:
        self.bytes[self.inside(place, at, len(tags))] = tags

    def expect(self, place: str, owner: str, at: int, tags: np.ndarray) -> None:
        found = self.bytes[self.inside(place, at, len(tags))]
        wrong = np.flatnonzero(found != tags)
        if wrong.size:
            holds, wanted = (self.named(each[wrong[0]]) for each in (found, tags))
            raise FaultError(f"{owner}: {holds} is where {wanted} should be")

    def clobber(self, place: str, size: int) -> None:
        self.bytes[self.inside(place, self.offset(place), size)] = CLOBBERED

    def move(self, place: str, start: int, source: int, size: int) -> None:
        moved = self.bytes[self.inside(place, source, size)].copy()
        if (moved == UNWRITTEN).any():
            raise FaultError(f"{place}: bytes that nobody has written are moved")
        self.bytes[self.inside(place, start, size)] = moved

    def whole(self, how: Callable[..., None], tensor: Tensor, place: str | None = None) -> None:
        """Read or write all of *tensor* as *how* does."""
        place = place or tensor.name
        how(place, tensor.name, self.offset(place), 0, tensor.bytes)

    def named(self, tag: int) -> str:
        if tag < 0:
            return {CLOBBERED: "garbage", UNWRITTEN: "nothing yet", PADDING: "padding"}[tag]
        names = {number: owner for owner, number in self.numbers.items()}
        return f"byte {tag & ((1 << SHIFT) - 1)} of {names[tag >> SHIFT]}"


@dataclass(frozen=True)
class _Pointer:
    """A place, an address, and the size of what is pointed to."""

    place: str
    at: int
    unit: int

    def __add__(self, elems: int) -> _Pointer:
        return _Pointer(self.place, self.at + elems * self.unit, self.unit)


class _Player:
    def __init__(self, schedule: Schedule, change: Change) -> None:
        self.schedule, self.change = schedule, change
        self.memory = _Memory(schedule)
        self.names = {p.block.what: f"p{n}" for n, p in enumerate(schedule.arena.all)}

    def call(self) -> None:
        schedule, memory = self.schedule, self.memory
        for state in schedule.graph.states:
            memory.whole(memory.write, state.tensor)
        if not schedule.rows_fed:
            for tensor in schedule.graph.inputs:
                memory.whole(memory.write, tensor)
        fused = {stage.first: stage for stage in schedule.fused}
        fed: list[_Stage] = []
        for stage in schedule.stages:
            if stage.start in fused:
                played = _Stage(self, fused[stage.start])
                played.run()
                fed += [played] if played.text.feeding else []
            else:
                self.alone(schedule.plans[stage.start], stage.start)
        for tensor in (*schedule.graph.outputs, *(s.tensor for s in schedule.graph.states)):
            memory.whole(memory.read, tensor)
        for each in fed:  # a caller who hands in one more row is told that all is there
            each.read_counters()

    def alone(self, plan: Plan, number: int) -> None:
        """An operator by itself: its output may overlap inputs as its order allows."""
        memory, operator = self.memory, plan.operator
        for tensor in operator.inputs:
            memory.whole(memory.read, tensor)
        if plan.is_idle:
            self.idle(operator)
            return
        if plan.workspace_bytes:
            memory.clobber(workspace_name(number), plan.workspace_bytes)
        for tensor in operator.inputs:
            memory.whole(memory.read, tensor)
            for output in operator.outputs:
                self.overlapping(plan, tensor, output)
        for tensor in operator.outputs:
            memory.whole(memory.write, tensor)

    def idle(self, operator: Operator) -> None:
        """Its inputs lie in its output, or it lies in its input."""
        memory = self.memory
        (output,) = operator.outputs
        start = memory.offset(output.name)
        if output.bytes > operator.inputs[0].bytes:
            memory.whole(memory.write, output)
            for tensor in operator.inputs:
                memory.alike[tensor.name] = (output.name, memory.offset(tensor.name) - start)
        else:
            (tensor,) = operator.inputs
            memory.alike[output.name] = (tensor.name, start - memory.offset(tensor.name))

    def overlapping(self, plan: Plan, given: Tensor, output: Tensor) -> None:
        start, to = self.memory.offset(given.name), self.memory.offset(output.name)
        if start >= to + output.bytes or to >= start + given.bytes:
            return
        if plan.is_elementwise:
            times = np.arange(given.elems).repeat(given.elem_bytes)
            stored = np.arange(output.elems).repeat(output.elem_bytes)
            first, last = max(start, to), min(start + given.bytes, to + output.bytes)
            reads, writes = times[first - start : last - start], stored[first - to : last - to]
            is_safe = bool((reads <= writes).all())
        elif plan.above:
            seen = zip(plan.operator.inputs, plan.above, strict=True)
            is_safe = all(start - to >= far for t, far in seen if t.name == given.name)
        else:
            size = self.schedule.arena.bytes
            pool = Pool(bytes=size, input_offset=start, output_offset=to)
            is_safe = bool(plan.orders) and survives(
                plan.geometry, plan.order, pool, output.elem_bytes
            )
        if not is_safe:
            raise FaultError(f"{plan.operator.name} overwrites {given.name}")


class _Stage:
    """A stage as the C text has it: the functions in their order, until what is kept is there."""

    def __init__(self, player: _Player, fused: Fused) -> None:
        schedule, graph = player.schedule, player.schedule.graph
        symbols = [f"{graph.name}__{plan.operator.name}" for plan in schedule.plans]
        entries: Mapping[str, KernelEntry] = {each: KernelEntry(function=each) for each in symbols}
        self.player, self.memory, self.fused, self.graph = player, player.memory, fused, graph
        self.text = player.change(stage_text(schedule, fused, player.names, entries))
        self.parts = [
            part for part in reversed(fused.flow.parts) if part.rows and (part.plan or fused.strips)
        ]
        self.at = SimpleNamespace(**dict.fromkeys(self.text.counters, 0))
        self.scope = {f"{graph.name}__least": min, f"{graph.name}__most": max, "at": self.at}

    def value(self, text: str, **more: Any) -> Any:
        return eval(_compiled(text), self.scope | more)  # noqa: S307 - of our own text

    def run(self) -> None:
        memory, counters = self.memory, self.fused.counters_name
        size = self.fused.counter_bytes
        memory.write(counters, counters, memory.offset(counters), 0, size)
        if self.text.feeding:
            self.push_rows()
        for strip in range(self.text.strips):
            vars(self.at).update(dict.fromkeys(self.text.counters, 0))
            self.at.column = self.value(self.text.column, strip=strip)
            self.loop()
        self.loop()
        for part in self.fused.flow.parts:
            if part.plan and not part.rows:
                self.player.idle(part.plan.operator)
        self.read_counters()
        if self.is_open():
            raise FaultError(f"the stage from {self.fused.first} on stands still")

    def read_counters(self) -> None:
        counters, size = self.fused.counters_name, self.fused.counter_bytes
        self.memory.read(counters, counters, self.memory.offset(counters), 0, size)

    def is_open(self) -> bool:
        return any(self.value(condition) for condition in self.text.until)

    def loop(self) -> None:
        turns = list(zip(self.text.advances, self.parts, strict=True))
        while self.is_open():
            if not any(self.goes_on(advance, part) for advance, part in turns):
                return

    def push_rows(self) -> None:
        feeding, memory = self.text.feeding, self.memory
        assert feeding is not None
        (tensor,) = self.graph.inputs
        place = self.place(tensor.name)
        for row in range(tensor.bytes // feeding.pitch):
            if not self.is_open():
                return
            end = getattr(self.at, feeding.counter)
            assert end == row
            if feeding.ring:
                self.room(feeding.ring, place, end, "end + 1", "end")
            at = feeding.pointer.offset + self.value(feeding.place, end=end) * feeding.pitch
            memory.write(place, tensor.name, at, row * feeding.pitch, (row + 1) * feeding.pitch)
            setattr(self.at, feeding.counter, end + 1)
            self.loop()

    def room(self, ring: Ring, place: str, row: int, last: str, first: str) -> None:
        """What NAME__move does, if there is need."""
        now = {first: row}
        top = getattr(self.at, ring.top)
        if self.value(last, **now) - top > ring.capacity:
            bounds = [
                [self.value(each, **now) for each in (run.first, run.end)] for run in ring.runs
            ]
            kept = min(bounds[0])
            for run, (start, end) in zip(ring.runs, bounds, strict=True):
                source, to = (
                    run.offset + (min(start, end) - each) * ring.pitch for each in (top, kept)
                )
                self.memory.move(place, to, source, (end - min(start, end)) * ring.pitch)
            setattr(self.at, ring.top, kept)

    def place(self, tensor: str) -> str:
        return self.fused.flow.store_of[tensor].name

    def goes_on(self, advance: Advance, part: Part) -> bool:
        row, plan = getattr(self.at, advance.counter), part.plan
        if row == advance.rows or any(self.value(each, row=row) for each in advance.unless):
            return False
        if advance.ring:
            self.room(advance.ring, self.place(part.makes[0]), row, advance.last, "row")
        if plan is None:
            self.cut(advance, part.makes[0], row)
        elif self.fused.strips:
            self.strip(advance, plan, row)
        elif goes_by_rows(part):
            self.rows(plan, self.arguments(advance, plan, row))
        else:
            self.whole(plan, self.arguments(advance, plan, row))
        setattr(self.at, advance.counter, self.value(advance.last, row=row))
        return True

    def arguments(self, advance: Advance, plan: Plan, row: int) -> list[Any]:
        operator = plan.operator
        tensors = [*operator.inputs, *operator.outputs]
        found: dict[str, Any] = {}
        for pointer, tensor in zip(advance.pointers, tensors, strict=False):
            name = pointer.declared.split("*const ")[1]
            at = self.value(f"{pointer.offset}{pointer.strip}")
            found[name] = _Pointer(self.place(tensor.name), at, tensor.elem_bytes)
        for pointer in advance.pointers[len(tensors) :]:
            found["workspace"] = pointer.offset
        return [self.value(each, row=row, **found) for each in advance.arguments]

    def rows(self, plan: Plan, arguments: list[Any]) -> None:
        """A call of NAME_rows: inputs, each with its first row, output, workspace, which rows."""
        *given, output, workspace, first, last = arguments
        operator = plan.operator
        reads = [
            (pointer, tensor, rows, rows.start - top, size)
            for pointer, top, (tensor, rows, size) in zip(
                given[::2], given[1::2], _reads(plan, first, last), strict=True
            )
        ]
        self.check(reads)
        (made,) = operator.outputs
        if accumulates(plan):
            self.sums(plan, workspace, first)
            if last == _slices(plan):
                self.write(output, made, 0, made.bytes)
            self.check(reads)
            return
        self.clobber(plan, workspace)
        size = made.bytes // _rows(operator)
        over = [each for each in reads if each[0].place == output.place]
        for pointer, tensor, _, behind, row_bytes in over:
            self.in_place(plan, pointer.at + behind * row_bytes - output.at, tensor)
        self.write(output, made, first * size, last * size)
        self.check([each for each in reads if each not in over])

    def in_place(self, plan: Plan, above: int, tensor: Tensor) -> None:
        """A row is read *above* where one is written: no byte before it has been read."""
        made = plan.operator.outputs[0].bytes // _rows(plan.operator)
        if plan.is_elementwise:
            is_safe = above == 0
        else:
            is_safe = above >= made or _survives_in_row(plan, above, tensor.elem_bytes)
        if not is_safe:
            raise FaultError(f"{plan.operator.name} overwrites its row of {tensor.name}")

    def cut(self, advance: Advance, name: str, row: int) -> None:
        """NAME__cut: the columns of a strip, from a row of the whole tensor."""
        whole = self.graph.tensors[self.strips.sources[name]]
        source, output = advance.pointers
        names = {
            "input": _Pointer(whole.name, source.offset, whole.elem_bytes),
            "output": _Pointer(self.place(name), output.offset, whole.elem_bytes),
        }
        to, given, first, count, width, pixel = (
            self.value(each, row=row, **names) for each in advance.arguments
        )
        assert whole.bytes == whole.shape[0] * width * pixel
        size = width * pixel
        self.memory.read(whole.name, whole.name, given.at, row * size, (row + 1) * size)
        tags = self.tags(name, row, range(first, first + count), CLOBBERED)
        self.memory.put(to.place, to.at, tags)
        self.border(advance, name, row, names["output"])

    def strip(self, advance: Advance, plan: Plan, row: int) -> None:
        """A call of NAME_rows for a row of a strip: what matters of it is inside of the image."""
        *given, output, workspace, first, last = self.arguments(advance, plan, row)
        assert (first, last) == (row, row + 1)
        (made,) = plan.operator.outputs
        columns = self.seen(made.name)
        width = self.strips.spans[made.name].width
        inside = [k for k, column in enumerate(columns) if 0 <= column < width]
        reads = []
        for pointer, top, (tensor, rows, size) in zip(
            given[::2], given[1::2], _reads(plan, first, last), strict=True
        ):
            taps = _columns_read(plan.operator, inside)
            pixel = self.strips.spans[tensor.name].pixel
            behind = self.strips.behind.get((plan.operator.name, tensor.name), 0) // pixel
            start = self.seen(tensor.name).start + behind
            wanted = range(start + taps.start, start + taps.stop)
            for each in rows:
                at = pointer.at + (each - top) * size
                tags = self.tags(tensor.name, each, wanted, PADDING)
                reads.append((pointer, tensor, at, at + taps.start * pixel, tags))
        for pointer, tensor, _, at, tags in reads:
            self.memory.expect(pointer.place, tensor.name, at, tags)
        self.clobber(plan, workspace)
        over = [each for each in reads if each[0].place == output.place]
        for _, tensor, row_at, _, _ in over:
            self.in_place(plan, row_at - output.at, tensor)
        self.memory.put(output.place, output.at, self.tags(made.name, row, columns, CLOBBERED))
        for pointer, tensor, _, at, tags in reads:
            if pointer.place != output.place:
                self.memory.expect(pointer.place, tensor.name, at, tags)
        begin = next(each for each in advance.pointers if each.declared.endswith("const output"))
        at = self.value(f"{begin.offset}{begin.strip}")
        self.border(advance, made.name, row, _Pointer(output.place, at, made.elem_bytes))

    @property
    def strips(self) -> Strips:
        assert self.fused.strips is not None
        return self.fused.strips

    def seen(self, name: str) -> range:
        """Return which columns of a tensor the strip has, as the whole tensor counts them."""
        span = self.strips.spans[name]
        start = span.scale * self.at.column + span.first
        return range(start, start + span.columns)

    def tags(self, name: str, row: int, columns: range, outside: int) -> np.ndarray:
        """Return the tags of some columns of a row, those outside of the image all alike."""
        span, owner = self.strips.spans[name], self.strips.sources.get(name, name)
        found = np.full((len(columns), span.pixel), outside)
        for k, column in enumerate(columns):
            if 0 <= column < span.width:
                first = (row * span.width + column) * span.pixel
                found[k] = self.memory.tags(owner, first, first + span.pixel)
        return found.reshape(-1)

    def border(self, advance: Advance, name: str, row: int, output: _Pointer) -> None:
        """NAME__border, if it is called."""
        called = "".join(advance.finished)
        if not called:
            return
        inner = called[called.index("__border(") + len("__border(") : -len(");")]
        to, first, count, width, pixel, value = self.value(f"({inner})", row=row, output=output)
        tensor = self.graph.tensors[self.strips.sources.get(name, name)]
        assert value == (tensor.zero_point % 256 if tensor.elem_bytes == 1 else 0)
        assert (width, pixel) == (tensor.shape[1], tensor.shape[2] * tensor.elem_bytes)
        left, right = (min(max(far, 0), count) for far in (-first, first + count - width))
        self.memory.put(to.place, to.at, np.full(left * pixel, PADDING))
        end = to.at + count * pixel
        self.memory.put(to.place, end - right * pixel, np.full(right * pixel, PADDING))

    def sums(self, plan: Plan, workspace: int, first: int) -> None:
        memory = self.memory
        owner = sums_name(self.graph.operators.index(plan.operator))
        if first:
            memory.read(owner, owner, workspace, 0, plan.workspace_bytes)
        memory.write(owner, owner, workspace, 0, plan.workspace_bytes)

    def clobber(self, plan: Plan, workspace: int) -> None:
        if plan.workspace_bytes:
            name = self.fused.workspace_name
            assert workspace == self.memory.offset(name)
            self.memory.clobber(name, plan.workspace_bytes)

    def write(self, pointer: _Pointer, tensor: Tensor, first: int, last: int) -> None:
        self.memory.write(pointer.place, tensor.name, pointer.at, first, last)

    def check(self, reads: Iterable[tuple[_Pointer, Tensor, range, int, int]]) -> None:
        """Read rows of inputs that begin so many rows behind their pointers."""
        for pointer, tensor, rows, behind, size in reads:
            first, last = rows.start * size, rows.stop * size
            self.memory.read(pointer.place, tensor.name, pointer.at + behind * size, first, last)

    def whole(self, plan: Plan, arguments: list[Any]) -> None:
        """A call of what makes all at once."""
        inputs, outputs = plan.operator.inputs, plan.operator.outputs
        given, made = arguments[: len(inputs)], arguments[len(inputs) :][: len(outputs)]
        everything = [
            (pointer, tensor, range(1), 0, tensor.bytes)
            for pointer, tensor in zip(given, inputs, strict=True)
        ]
        self.check(everything)
        if accumulates(plan):
            self.sums(plan, arguments[-1], 0)
        else:
            self.clobber(plan, arguments[-1])
        for pointer, tensor in zip(made, outputs, strict=True):
            self.write(pointer, tensor, 0, tensor.bytes)
        self.check(everything)


def _survives_in_row(plan: Plan, above: int, size: int) -> bool:
    """Whether blocks of a row, however it is cut into them, leave what the next ones read."""
    g, order = plan.geometry, plan.order
    if order.by_channel and above % (g.in_c * size):
        return False
    if order.by_channel and order.gathers and order.blocks == 1:
        return True
    most = int(np.bincount(order.stored.reshape(-1)).max())
    blocks = (
        (start, end)
        for start in range(g.out_w)
        for end in range(start + 1, min(start + most, g.out_w) + 1)
    )
    return all(
        end * g.out_c * size <= above + max(0, unread * g.stride_w - g.pad_left) * g.in_c * size
        for start, end in blocks
        if (unread := end if order.gathers else start) < g.out_w
    )


@cache
def _compiled(text: str) -> CodeType:
    return compile(re.sub(r"at->", "at.", text), text, "eval")


def _columns_read(operator: Operator, outputs: Sequence[int]) -> range:
    """Return which columns are read for those of *outputs*, as the operator counts both."""
    if not outputs:
        return range(0)
    if not isinstance(operator, Windowed):
        return range(outputs[0], outputs[-1] + 1)
    g = operator.geometry
    return range(outputs[0] * g.stride_w, outputs[-1] * g.stride_w + (g.k_w - 1) * g.dilation_w + 1)


def _reads(plan: Plan, first: int, last: int) -> Iterator[tuple[Tensor, range, int]]:
    """Yield each input, the rows of it that are read, and how many bytes a row has."""
    operator = plan.operator
    slices = slices_of(plan)
    for tensor in operator.inputs:
        if slices:
            yield tensor, range(first, last), tensor.bytes // slices.rows
        elif isinstance(operator, Windowed):
            g = operator.geometry
            taps = [
                row
                for out in range(first, last)
                for i in range(g.k_h)
                if 0 <= (row := out * g.stride_h - g.pad_top + i * g.dilation_h) < g.in_h
            ]
            yield (
                tensor,
                range(min(taps, default=0), max(taps, default=-1) + 1),
                tensor.bytes // g.in_h,
            )
        else:
            yield tensor, range(first, last), tensor.bytes // _rows(operator)


def _rows(operator: Operator) -> int:
    return operator.outputs[0].shape[0] if len(operator.outputs[0].shape) == 3 else 1


def _slices(plan: Plan) -> int:
    slices = slices_of(plan)
    assert slices is not None
    return slices.rows
