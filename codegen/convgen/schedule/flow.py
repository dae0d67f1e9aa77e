"""Operators that run row by row: in which order, and how many rows are kept in between.

Each goes on as soon as the rows it reads are there and there is room for those it makes; of several
that could, the one that is furthest ahead. That is a dataflow graph with bounded buffers (Lee and
Messerschmitt, Synchronous data flow, 1987): a larger buffer never stops it, so the buffers begin
with what a window needs and grow where everything stands still.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from convgen.plans.plan import Plan

Times = NDArray[np.int64]
"""Or bytes."""

NEXT_TO_NOTHING = 0.1  # turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which rows of a tensor of ``height`` rows somebody reads who goes on row by row.

    For one row from ``stride * row - pad`` on, ``reach`` of them.
    """

    tensor: str
    height: int
    stride: int
    pad: int
    reach: int

    def first(self, row: int) -> int:
        """Return the first row that *row* reads."""
        return min(max(row * self.stride - self.pad, 0), self.height)

    def end(self, last: int) -> int:
        """Return the row behind those that the rows before *last* read."""
        return min(max((last - 1) * self.stride - self.pad + self.reach, 0), self.height)

    @property
    def needs_all(self) -> bool:
        """Whether every row reads the whole tensor."""
        return self.stride == 0

    @property
    def is_same_row(self) -> bool:
        """Whether a row reads the row of its own number alone."""
        return (self.stride, self.pad, self.reach) == (1, 0, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Something that goes on in turns of ``step`` rows, up to ``rows``: an operator, or a caller.

    ``makes`` are the tensors it writes: with each row one of theirs if it is ``by_rows``, else all
    of them with the last. ``plan`` is None of a caller, who hands in one row after the other.
    ``number`` is the operator's.
    """

    number: int
    plan: Plan | None
    rows: int
    step: int
    by_rows: bool
    readings: tuple[Reading, ...]
    makes: tuple[str, ...]

    def made(self, row: int, height: int) -> int:
        """Return how many rows of a tensor of *height* are there when it has come to *row*."""
        if self.by_rows:
            return row
        return height if row == self.rows else 0

    @property
    def is_at_once(self) -> bool:
        """Whether nothing is waited for when a row that it reads is there."""
        return [reading.is_same_row for reading in self.readings] == [True]

    def last(self, row: int) -> int:
        """Return where a turn ends that begins at *row*."""
        return min(row + self.step, self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where rows are kept: a ring of ``capacity`` rows, or the whole tensor.

    ``tensors`` are one, or several of which each takes the place of the one before: a row that of
    the same number or, where a window reads it, that of the oldest row in that. So rows of each
    begin its ``shifts`` rows and its ``leads`` bytes behind those of the last, which are ``pitch``
    bytes apart, and reach its ``excesses`` bytes beyond them. ``is_given``: all rows are there at
    the start. ``is_kept``: all must be there at the end.
    """

    tensors: tuple[str, ...]
    leads: tuple[int, ...]
    shifts: tuple[int, ...]
    height: int
    pitch: int
    excesses: tuple[int, ...]
    capacity: int
    is_given: bool = False
    is_kept: bool = False

    @property
    def name(self) -> str:
        """What it is called: as the last tensor in it."""
        return self.tensors[-1]

    @property
    def more(self) -> int:
        """How many bytes rows reach beyond those of the last at most."""
        return max(self.excesses)

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.capacity * self.pitch + self.more

    def place(self, tensor: str) -> tuple[int, int]:
        """Return how many rows and bytes rows of *tensor* begin behind those of the last."""
        k = self.tensors.index(tensor)
        return self.shifts[k], self.leads[k]

    def lead(self, tensor: str) -> int:
        """Return how many bytes rows of *tensor* begin behind those of the last."""
        shift, lead = self.place(tensor)
        return shift * self.pitch + lead

    def shift(self, tensor: str) -> int:
        """Return in the place of which later row of the last row 0 of *tensor* lies."""
        return self.place(tensor)[0]

    @property
    def shift_of_new(self) -> int:
        """The same of the tensor that rows come into it as."""
        return self.shifts[0]

    def of_first(self, count: int) -> Store:
        """Return the same for so many of its tensors, where no others take their places."""
        shifts = self.shifts[:count]
        return replace(
            self,
            tensors=self.tensors[:count],
            leads=self.leads[:count],
            excesses=self.excesses[:count],
            shifts=tuple(shift - shifts[-1] for shift in shifts),
        )

    def seen(self, reading: Reading) -> Reading:
        """Return *reading* of one of its tensors, which counts places of the last one's rows."""
        shift = self.shift(reading.tensor)
        return replace(reading, pad=reading.pad - shift, height=reading.height + shift)

    def beyond(self, tensor: str) -> int:
        """Return how many places behind its own a row of *tensor* may reach into."""
        excess = self.excesses[self.tensors.index(tensor)]
        return self._slots_in(excess) - self.shift(tensor)

    @property
    def slots(self) -> int:
        """How many places for rows it has, the last perhaps for a part of one."""
        return self.capacity + self.more_slots

    @property
    def extents(self) -> tuple[Times, Times]:
        """Where each of these begins and ends, in bytes."""
        starts = np.arange(self.slots) * self.pitch
        return starts, np.minimum(starts + self.pitch, self.bytes)

    @property
    def more_slots(self) -> int:
        """How many slots behind its own a row may reach into."""
        return self._slots_in(self.more)

    def _slots_in(self, size: int) -> int:
        return -(-size // self.pitch)

    @property
    def is_whole(self) -> bool:
        """Whether every row has a place of its own."""
        return self.capacity == self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One call: which part, and from which row on."""

    part: int
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replayed:
    """A turn as a store sees it: the row it begins with ``before`` and, with room made, ``first``.

    ``written`` are the rows of the tensor ``made`` that the turn puts there, and the one behind.
    """

    time: int
    turn: Turn
    before: int
    first: int
    made: str
    written: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """A stage that comes to its end: who runs, what is kept, and in which order that goes.

    ``waits`` are the parts that have to ask whether there is room; the others always find it.
    """

    parts: tuple[Part, ...]
    stores: tuple[Store, ...]
    turns: tuple[Turn, ...]
    waits: frozenset[int]

    @cached_property
    def store_of(self) -> Mapping[str, Store]:
        """Where each tensor is kept."""
        return {tensor: store for store in self.stores for tensor in store.tensors}

    def readers(self, store: Store) -> list[tuple[int, Reading]]:
        """Return who reads what of *store*, as that counts its places."""
        return list(_readers(self.parts, store))

    def runs(self, store: Store) -> tuple[tuple[str, ...], ...]:
        """Return the tensors of *store*, together those of which the last one's rows stay there.

        A row of the others is at once made one of the next tensor, or is where the last one's is.
        """
        at_once = {name for part in self.parts if part.is_at_once for name in part.makes}
        *before, last = store.tensors
        runs: list[tuple[str, ...]] = [(last,)]
        for tensor in reversed(before):
            following, stays = runs[0][0], runs[0][-1]
            if following in at_once or store.place(tensor) == store.place(stays):
                runs[0] = (tensor, *runs[0])
            else:
                runs.insert(0, (tensor,))
        return tuple(runs)

    @cached_property
    def times(self) -> Mapping[str, tuple[Times, Times]]:
        """From which turn on, and up to which, the place of each row in a store is needed."""
        return {store.name: self._times(store) for store in self.stores}

    @cached_property
    def moved(self) -> int:
        """Bytes that rings move to their beginnings, in all."""
        return sum(self._moved(store) for store in self.stores if not store.is_whole)

    def _moved(self, store: Store) -> int:
        """Return the bytes that *store*, a ring, moves."""
        moves = (
            (each, each.written)
            for each in self._replayed(store)
            if each.written and each.first != each.before
        )
        kept = store.shift_of_new
        return store.pitch * sum(written[0] + kept - each.first for each, written in moves)

    def _replayed(self, store: Store) -> Iterator[_Replayed]:
        """Yield what every turn finds and writes in *store*."""
        readers, progress = self.readers(store), [0] * len(self.parts)
        first = 0
        for time, turn in enumerate(self.turns):
            part, before = self.parts[turn.part], first
            made = [] if store.is_given else [name for name in part.makes if name in store.tensors]
            written = _written(part, turn.row, store) if made else None
            if written and written[1] - first > store.capacity:
                first = min(_oldest(progress, readers, store), written[0] + store.shift_of_new)
            yield _Replayed(
                time=time,
                turn=turn,
                before=before,
                first=first,
                made=made[0] if made else "",
                written=written,
            )
            progress[turn.part] = part.last(turn.row)

    def _times(self, store: Store) -> tuple[Times, Times]:
        end = len(self.turns)
        born = np.full(store.slots, -1 if store.is_given else end)
        dead = np.full(store.slots, end if store.is_kept else -1)
        readings: dict[int, list[Reading]] = {}
        for k, reading in self.readers(store):
            readings.setdefault(k, []).append(reading)
        for each in self._replayed(store):
            time, first, row = each.time, each.first, each.turn.row
            last = self.parts[each.turn.part].last(row)
            if each.written:
                start, stop = (row + store.shift(each.made) for row in each.written)
                reached = stop - first + store.beyond(each.made)
                if first != each.before:  # they are moved
                    moved = start - each.before + store.beyond(each.made)
                    dead[first - each.before : moved] = time
                    start = first
                born[start - first : reached] = np.minimum(born[start - first : reached], time)
                dead[:reached] = np.maximum(dead[:reached], time)
            for reading in readings.get(each.turn.part, ()):
                start, stop = reading.first(row), reading.end(last) + store.beyond(reading.tensor)
                if store.is_whole:
                    dead[start:stop] = np.maximum(dead[start:stop], time)
                else:
                    dead[: max(stop - first, 0)] = time
        return born, dead

    @cached_property
    def most_alive(self) -> int:
        """The most bytes of rows that are needed at once: no placement takes fewer."""
        alive = np.zeros(len(self.turns) + 2, np.int64)
        for store in self.stores:
            born, dead = self.times[store.name]
            starts, ends = store.extents
            used = dead >= born
            sizes = (ends - starts)[used]
            np.add.at(alive, born[used] + 1, sizes)
            np.subtract.at(alive, np.minimum(dead[used] + 2, len(alive) - 1), sizes)
        return int(np.cumsum(alive)[:-1].max())


def settle(parts: Sequence[Part], stores: Sequence[Store]) -> Flow:
    """Find the least rings with which *parts*, in the order of the graph, come to their end.

    The capacity of a store that is neither given nor kept is where to begin.
    """
    stores = tuple(stores)
    state = _State(parts, stores)
    state.go_on()
    while not state.is_done:
        state = _grown(state)
    final = _State(parts, state.stores)
    final.go_on()
    return Flow(
        parts=tuple(parts),
        stores=state.stores,
        turns=tuple(final.turns),
        waits=frozenset(final.waited),
    )


@dataclass(slots=True)
class _State:
    """How far every part has come."""

    parts: Sequence[Part]
    stores: tuple[Store, ...]
    progress: list[int] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    waited: set[int] = field(default_factory=set)
    last: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.progress = self.progress or [0] * len(self.parts)
        kept = {store.name for store in self.stores if store.is_kept}
        self.last = tuple(k for k, part in enumerate(self.parts) if kept & {*part.makes})

    @property
    def is_done(self) -> bool:
        """Whether everything that is kept is there."""
        return all(self.progress[k] == self.parts[k].rows for k in self.last)

    @property
    def made(self) -> int:
        """How many turns operators took: what a caller hands in early only takes room."""
        return sum(bool(self.parts[turn.part].readings) for turn in self.turns)

    def go_on(self) -> None:
        """Take turns until everything stands still or is done."""
        look = _Look(self.parts, self.stores)
        order = range(len(self.parts) - 1, -1, -1)
        while not self.is_done:
            able = next((k for k in order if self._is_able(look, k)), None)
            if able is None:
                return
            self.turns.append(Turn(part=able, row=self.progress[able]))
            self.progress[able] = self.parts[able].last(self.progress[able])

    def _is_able(self, look: _Look, k: int) -> bool:
        if not look.has_rows(self.progress, k):
            return False
        if look.full(self.progress, k):
            self.waited.add(k)
            return False
        return True

    def blocked_by(self) -> list[Store]:
        """Return the stores without which somebody could go on."""
        look = _Look(self.parts, self.stores)
        able = (k for k in range(len(self.parts)) if look.has_rows(self.progress, k))
        return list(dict.fromkeys(store for k in able for store in look.full(self.progress, k)))

    def with_more_of(self, store: Store) -> _State:
        """Return what comes of it with one more row in *store*."""
        grown = replace(store, capacity=store.capacity + 1)
        other = _State(
            self.parts,
            tuple(grown if each is store else each for each in self.stores),
            list(self.progress),
            list(self.turns),
        )
        other.go_on()
        return other


def _grown(state: _State) -> _State:
    """Return the state with a larger store that goes on furthest for its bytes."""
    blocked = state.blocked_by()
    if not blocked:
        raise ValueError("a stage stands still, though every store has room")
    found = [(state.with_more_of(store), store) for store in blocked]
    gained = [(other.made - state.made or NEXT_TO_NOTHING) / store.pitch for other, store in found]
    return found[gained.index(max(gained))][0]


class _Look:
    """Who reads and writes what, looked up once."""

    def __init__(self, parts: Sequence[Part], stores: Sequence[Store]) -> None:
        self.parts = parts
        store_of = {tensor: store for store in stores for tensor in store.tensors}
        writer = {tensor: k for k, part in enumerate(parts) for tensor in part.makes}
        self.sources = [
            [
                (reading, writer[reading.tensor])
                for reading in part.readings
                if reading.tensor in writer
            ]
            for part in parts
        ]
        self.places = [
            [
                store
                for tensor in part.makes
                if not _is_later(tensor, store := store_of[tensor]) and not store.is_whole
            ]
            for part in parts
        ]
        self.readers = {id(store): list(_readers(parts, store)) for store in stores}

    def has_rows(self, progress: Sequence[int], k: int) -> bool:
        """Whether part *k* has a turn left, and what that reads."""
        part, row = self.parts[k], progress[k]
        if row == part.rows:
            return False
        last = part.last(row)
        return all(
            reading.end(last) <= self.parts[w].made(progress[w], reading.height)
            for reading, w in self.sources[k]
        )

    def full(self, progress: Sequence[int], k: int) -> list[Store]:
        """Return the stores without room for what part *k* makes in its turn."""
        part = self.parts[k]
        return [
            store
            for store in self.places[k]
            if self._kept(progress, store, _written(part, progress[k], store)) > store.capacity
        ]

    def _kept(self, progress: Sequence[int], store: Store, written: tuple[int, int]) -> int:
        """Return how many rows *store* must hold after those have been *written*."""
        start, stop = written
        oldest = _oldest(progress, self.readers[id(store)], store)
        return stop - min(oldest, start + store.shift_of_new)


def _is_later(tensor: str, store: Store) -> bool:
    """Whether *tensor* takes the place of another that is there already."""
    return tensor != store.tensors[0]


def _written(part: Part, row: int, store: Store) -> tuple[int, int]:
    """Return which rows of *store* the turn of *part* at *row* makes."""
    if part.by_rows:
        return row, part.last(row)
    return (0, store.height) if part.last(row) == part.rows else (0, 0)


def _oldest(progress: Sequence[int], readers: Sequence[tuple[int, Reading]], store: Store) -> int:
    """Return the first row of *store* that somebody will read yet."""
    return min((reading.first(progress[k]) for k, reading in readers), default=store.height)


def _readers(parts: Sequence[Part], store: Store) -> Iterator[tuple[int, Reading]]:
    for k, part in enumerate(parts):
        for reading in part.readings:
            if reading.tensor in store.tensors:
                yield k, store.seen(reading)
