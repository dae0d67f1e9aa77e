"""Operators that move elements: runs of neighbours, in the order in which the output has them.

Workspace: 0. The output is written from its first element to its last, so that an input may lie
where the output will be, as far as it is read before it is overwritten: that distance is computed
from where each run comes from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import prod

import numpy as np

from convgen.ctext.literals import operand
from convgen.model.arithmetic import of_dtype
from convgen.model.operator import Operator
from convgen.model.ops.move import Concatenation, Copy, Pad, Slice, Transpose
from convgen.plans.band import all_rows
from convgen.plans.constant import Constant
from convgen.plans.kernels.base import OwnSums
from convgen.plans.output import bounded
from convgen.plans.plan import Plan
from convgen.plans.runs import INDICES, Ints, distance_above, places
from convgen.targets.target import Target

WORD, WORDS = 4, 16
"""Bytes that are moved at once, and in one round of a loop."""
SCATTERED = all_rows("what a row is made of may lie anywhere in the inputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyLoop:
    """A loop over ``index``, whose steps are ``stride`` elements of the input apart.

    ``margin`` stands before its first line.
    """

    index: str
    count: int
    stride: int
    margin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherSteps:
    """What ``operators/gather.c.j2`` prints: loops, outermost first, around a run of elements.

    ``base`` is the first element of the input that is read.
    """

    base: int
    loops: tuple[CopyLoop, ...]
    run: int
    has_unaligned: bool

    @property
    def moves(self) -> bool:
        """Whether elements go several at a time."""
        return self.run > 1

    @property
    def place(self) -> str:
        """Where a run is, in C."""
        return " + ".join(f"{loop.index} * {operand(loop.stride)}" for loop in self.loops)

    @property
    def margin(self) -> str:
        """What stands before a line inside all loops."""
        return "    " * (len(self.loops) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedPart:
    """A part of a concatenation, of which ``run`` neighbours go at a time.

    ``input`` is what C calls it, whether it is an input or a ``constant``.
    """

    input: str
    run: int
    constant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinSteps:
    """What ``operators/concatenation.c.j2`` prints: a run of each input, ``count`` times."""

    count: int
    parts: tuple[JoinedPart, ...]
    has_unaligned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Padded:
    """A stretch of the output: elements ``before``, what is inside ``count`` times, ``after``.

    Where nothing is ``inside``, ``count`` are elements of the input.
    """

    before: int
    count: int
    after: int
    inside: Padded | None
    index: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PadSteps:
    """What ``operators/pad.c.j2`` prints."""

    whole: Padded
    fills: bool
    value: float
    has_unaligned: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Runs:
    """Where runs of ``length`` elements come from and go to, in the order of their writing."""

    source: Ints
    target: Ints
    length: int

    @property
    def above(self) -> int:
        """How many elements or more above the output the input must begin."""
        return distance_above(self.source, self.target)

    def work(self, elem_bytes: int, *, has_unaligned: bool) -> Counter[str]:
        """Count what moving them takes."""
        runs = self.source.size
        if self.length == 1:
            return Counter({"move.single": runs})
        few = _few(self.length)
        if elem_bytes > 1:
            unit = "byte" if elem_bytes == 2 else "elem"  # a halfword takes what a byte does
            return Counter({f"move.{few}run": runs, f"move.{few}{unit}": runs * self.length})
        apart = self.target - self.source
        by_words = runs if has_unaligned else int((apart % WORD == 0).sum())
        work = Counter({f"move.{few}run": runs})
        work["move.words"] = by_words * (self.length // WORDS)
        work[f"move.{few}word"] = by_words * (self.length % WORDS // WORD)
        rest = by_words * (self.length % WORD) + (runs - by_words) * self.length
        work[f"move.{few}byte"] = rest
        return work


def _few(elems: int) -> str:
    """Return the prefix of units that cost less because a compiler makes no loop of them."""
    return "few_" if elems < WORDS else ""


def _filling(fills: Mapping[int, int]) -> Counter[str]:
    """Count what writing one value takes: how many *fills* there are of each size."""
    work: Counter[str] = Counter()
    for size, count in fills.items():
        work[f"move.{_few(size)}fill"] += count
        work[f"move.{_few(size)}filled"] += size * count
    return work


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """A slice, a transposition: the output in order, its runs from wherever they are."""

    name: str = "gather"
    family: str = "gather"
    summary: str = "slices, transpositions: run by run, in the order of the output"

    def plan(self, operator: Slice | Transpose | Copy, target: Target) -> Plan:
        """Find the longest runs."""
        base, axes = _axes(operator)
        run, outer = _merged(axes)
        runs = _runs(base, outer, run)
        steps = GatherSteps(
            base=base,
            loops=tuple(
                CopyLoop(index=index, count=count, stride=stride, margin="    " * depth)
                for depth, (index, (count, stride)) in enumerate(
                    zip(INDICES, outer, strict=False), start=1
                )
            ),
            run=run,
            has_unaligned=target.has("unaligned"),
        )
        return _plan(self, operator, steps, (runs,), Counter(), "operators/gather.c.j2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A concatenation: a run of each input in turn."""

    name: str = "concatenation"
    family: str = "concatenation"
    summary: str = "a run of each input in turn"

    def plan(self, operator: Concatenation, target: Target) -> Plan:
        """Find what of each input lies together."""
        axis, shapes = operator.axis, iter([tensor.shape for tensor in operator.inputs])
        names, constants = iter(_names(len(operator.inputs))), []
        count = prod(operator.output.shape[:axis])
        parts = []
        for number, fixed in enumerate(operator.parts):
            if fixed is None:
                parts.append(JoinedPart(input=next(names), run=prod(next(shapes)[axis:])))
                continue
            name = f"part_{number}"
            comment = f"part {number} of what is joined"
            constants.append(Constant(name=name, values=fixed.ravel(), comment=comment))
            parts.append(JoinedPart(input=name, run=prod(fixed.shape[axis:]), constant=True))
        steps = JoinSteps(count=count, parts=tuple(parts), has_unaligned=target.has("unaligned"))
        rounds, lengths = np.arange(count), [part.run for part in parts]
        runs = [
            _Runs(source=rounds * length, target=rounds * sum(lengths) + begin, length=length)
            for begin, length in zip(accumulate(lengths, initial=0), lengths, strict=False)
        ]
        moved = [each for each, part in zip(runs, parts, strict=True) if not part.constant]
        size, work = operator.output.elem_bytes, Counter[str]()
        for each, part in zip(runs, parts, strict=True):
            if part.constant:
                work += each.work(size, has_unaligned=steps.has_unaligned)
        plan = _plan(self, operator, steps, moved, work, "operators/concatenation.c.j2")
        return replace(plan, constants=tuple(constants))


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """A padding: row by row."""

    name: str = "pad"
    family: str = "pad"
    summary: str = "rows of the input, and what is around them"

    def plan(self, operator: Pad, target: Target) -> Plan:
        """Find what lies together."""
        whole = _padded(operator)
        starts, length, fills = _inside(whole)
        runs = _Runs(source=np.arange(starts.size) * length, target=starts, length=length)
        steps = PadSteps(
            whole=whole,
            fills=bool(fills),
            value=of_dtype(operator.dtype).value(operator.value),
            has_unaligned=target.has("unaligned"),
        )
        return _plan(self, operator, steps, (runs,), _filling(fills), "operators/pad.c.j2")


@dataclass(frozen=True, slots=True, kw_only=True)
class InPlace:
    """Nothing: where tensors lie in others (`convgen.schedule.inside`)."""

    name: str = "in_place"
    family: str = "in_place"
    summary: str = "nothing is to be done: the bytes lie where they should"


def in_place(operator: Operator) -> Plan:
    """Return the plan of *operator* where that is so: no function, no text."""
    return Plan(
        variant=InPlace(),
        template="",
        operator=operator,
        kernel=OwnSums(name="in_place", description="none: no element is moved"),
        output=bounded(operator),
        workspace=(),
        constants=(),
        steps=None,
        orders=(),
        decisions=(),
        work={},
        band=SCATTERED,
    )


def _plan(
    algorithm: Gathering | Joining | Padding,
    operator: Slice | Transpose | Copy | Concatenation | Pad,
    steps: GatherSteps | JoinSteps | PadSteps,
    runs: Sequence[_Runs],
    work: Counter[str],
    template: str,
) -> Plan:
    size = operator.output.elem_bytes
    for each in runs:
        work += each.work(size, has_unaligned=steps.has_unaligned)
    return Plan(
        variant=algorithm,
        template=template,
        operator=operator,
        kernel=OwnSums(name=algorithm.name, description="none: elements are moved"),
        output=bounded(operator),
        workspace=(),
        constants=(),
        steps=steps,
        orders=(),
        decisions=(),
        work=+(work + Counter({"move.call": 1})),
        above=tuple(each.above * size for each in runs),
        band=SCATTERED,
    )


def _names(count: int) -> tuple[str, ...]:
    return ("input",) if count == 1 else tuple(f"input_{i}" for i in range(count))


Axes = list[tuple[int, int]]
"""Of each axis of the output: how many, and how many elements of the input apart."""


def _axes(operator: Slice | Transpose | Copy) -> tuple[int, Axes]:
    """Return the first element of the input that is read, and the axes of the output."""
    if isinstance(operator, Copy):
        return 0, [(operator.output.elems, 1)]
    shape = operator.inputs[0].shape
    pitches = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    if isinstance(operator, Transpose):
        return 0, [(shape[axis], pitches[axis]) for axis in operator.axes]
    base = sum(first * pitch for first, pitch in zip(operator.begin, pitches, strict=True))
    steps = (stride * pitch for stride, pitch in zip(operator.strides, pitches, strict=True))
    return base, list(zip(operator.output.shape, steps, strict=True))


def _merged(axes: Axes) -> tuple[int, Axes]:
    """Return the elements that lie together, and the axes around them, merged where they can be."""
    run = 1
    outer: Axes = []
    for count, stride in reversed(axes):
        if count == 1:
            continue
        if not outer and stride == run:
            run *= count
        elif outer and stride == outer[0][0] * outer[0][1]:
            outer[0] = (count * outer[0][0], outer[0][1])
        else:
            outer.insert(0, (count, stride))
    return run, outer


def _runs(base: int, outer: Axes, run: int) -> _Runs:
    source = places(base, outer)
    return _Runs(source=source, target=np.arange(source.size) * run, length=run)


def _padded(operator: Pad) -> Padded:
    """Return the padding with the axes merged that have none."""
    found: Padded | None = None
    run = 1  # elements of an output of the axes so far
    indices = iter(INDICES)
    axes = zip(operator.before, operator.inputs[0].shape, operator.after, strict=True)
    for before, count, after in reversed(list(axes)):
        if found is None and not (before or after):
            run *= count
            continue
        found = Padded(
            before=before * run,
            count=count if found else count * run,
            after=after * run,
            inside=found,
            index=next(indices),
        )
        run *= before + count + after
    return found or Padded(before=0, count=run, after=0, inside=None, index="i")


def _inside(padded: Padded) -> tuple[Ints, int, Counter[int]]:
    """Return where runs begin in the output, how long they are, and how many fills of each size."""
    fills = Counter(size for size in (padded.before, padded.after) if size)
    if padded.inside is None:
        return np.array([padded.before]), padded.count, fills
    starts, length, more = _inside(padded.inside)
    pitch = _elems(padded.inside)
    starts = (padded.before + np.arange(padded.count)[:, None] * pitch + starts).reshape(-1)
    for size, count in more.items():
        fills[size] += count * padded.count
    return starts, length, fills


def _elems(padded: Padded) -> int:
    inside = _elems(padded.inside) if padded.inside else 1
    return padded.before + padded.count * inside + padded.after


GATHERING: tuple[Gathering, ...] = (Gathering(),)
JOINING: tuple[Joining, ...] = (Joining(),)
PADDING: tuple[Padding, ...] = (Padding(),)
