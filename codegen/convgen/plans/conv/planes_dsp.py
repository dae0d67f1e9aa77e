"""A 3x3 kernel along the rows of a plane with the instructions that multiply two pairs at once.

Pixels come in pairs: two loads and one instruction that packs them. Of the sums in registers a pair
finishes one set and begins the next. Where rows are walked pixel by pixel, a set is two neighbours
of a row; where every second pixel begins an output, it is one output of each of two rows, which
share an input row or two.

Without stride the words of a row can be kept in the workspace: the next row has the same pairs, and
takes those above it from there.

    weights of a kernel row   A = (w0, w1) and, without stride, B = (w1, w2)
    pair (x, y)               SMLABT x*w2, SMLAD x*w1 + y*w2 | SMLAD x*w0 + y*w1, SMLATB y*w0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from convgen.ctext.assembler import Role
from convgen.plans.conv.planes import KERNEL, ROWS, Axis, InsideRun, order_of_starts
from convgen.plans.conv.thumb import Distance, OutputStore

FEW_STEPS = 3  # along a row: not worth a loop
SETS = (("r4", "r5"), ("r6", "r7"))
SPARE = 8  # registers from r3 on that carry constants to the stack, before a plane begins
FIRST_WEIGHT = 8  # of the registers of weights
A = ("r8", "r9", "r10")
B = ("r11", "r12", "lr")
LONE = (("b", "r11"), ("t", "r11"), ("b", "r12"))  # w2 of each kernel row, with a stride
START = "r3"
INNER_START = "lr"
PUSHED = 36  # bytes of registers that are saved
WORD = 4  # bytes that the kept row's pointer moves on


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplyAdd:
    """``into`` becomes ``onto`` plus a product; ``start``: where a constant to begin with lies."""

    instruction: str
    into: str
    weights: str
    onto: str
    start: int | None

    @property
    def text(self) -> str:
        """The instructions, of the pixels in r2."""
        load = "" if not self.start else f"ldr r3, [sp, #{self.start}]; "
        return f"{load}{self.instruction} {self.into}, r2, {self.weights}, {self.onto}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """One or two pixels of an input row, and the products they finish and begin sums with.

    ``step``: how far the pointer moves on, None but for the last row of a step. ``is_kept``: their
    word is loaded from where it was kept; ``keeps``: it is stored there. ``word`` is how far the
    pointer to it moves on.
    """

    first: Distance
    second: Distance | None
    step: Distance | None
    is_kept: bool
    keeps: bool
    word: Distance
    finishing: tuple[MultiplyAdd, ...]
    beginning: tuple[MultiplyAdd, ...]

    @property
    def loading(self) -> str:
        """What brings them into r2."""
        if self.is_kept:
            return f"ldr r2, [r1]{f', #{self.word.bytes}' if self.word.bytes else ''}"
        step = self.step
        steps = step is not None and step.is_step
        parts = (
            self.second.load("r3") if self.second else "",
            f"ldrsb r2, [r0], #{step.bytes}" if step and steps else self.first.load("r2"),
            "pkhbt r2, r2, r3, lsl #16" if self.second else "",
            f"str r2, [r1], #{self.word.bytes}" if self.keeps else "",
        )
        moved = step.move("r0", "r0", "r3") if step and not steps else ""
        return "; ".join(filter(None, parts)) + f"\n{moved}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelStep:
    """Some pixels of each input row, and the outputs they finish."""

    rows: tuple[Pixels, ...]
    stores: tuple[OutputStore, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """``count`` times one or two output rows: ``head``, ``loop`` and ``tail`` are along them.

    ``looped`` is how far the pointer gets in all turns of the loop, ``walked`` in all ``count``
    rows. ``next_input`` and ``next_output`` lead from the end of the rows to the next,
    ``back_input`` and ``back_output`` from the end of one turn to its beginning in the next plane.
    ``start`` to ``end`` are the output rows, ``first`` the first row of the image that they read
    where it is.
    """

    title: str
    start: int
    end: int
    first: int
    count: int
    head: tuple[PixelStep, ...]
    loop: tuple[PixelStep, ...]
    looped: Distance
    tail: tuple[PixelStep, ...]
    walked: Distance
    next_input: Distance
    next_output: Distance
    back_input: Distance
    back_output: Distance

    @property
    def loops(self) -> bool:
        """Whether there is more than one turn."""
        return self.count > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRows:
    """The output rows ``start`` to ``end`` of a band, which are of one kind, one by one.

    The first reads the image from row ``first`` on. Of the plane's starts they need ``starts``, as
    words of its constants; ``inner_start`` says where that of inner sums lies if it has a register.
    """

    start: int
    end: int
    first: int
    one: RowGroup
    starts: range
    inner_start: int | None

    @property
    def loops(self) -> bool:
        """Whether there may be more than one."""
        return self.end - self.start > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _OutRow:
    """An output row of those that are done at once: its number among them, its taps, its starts."""

    index: int
    run: InsideRun
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Output rows that are done at once; ``input`` is the first row they read where it is.

    ``keeps``: the next group reads the words of that row.
    """

    first: int
    input: int
    keeps: bool
    rows: tuple[_OutRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """The plane's axes, ``pitch`` from pixel to pixel, and where its starts lie.

    ``keeps``: the row above is read from where its words were kept.
    """

    rows: Axis
    cols: Axis
    pitch: int
    first_start: int
    keeps: bool

    @property
    def is_paired(self) -> bool:
        """Whether a set is two neighbours of a row; else it is one output of each of two rows."""
        return rows_at_once(self.cols) == 1

    @property
    def weights(self) -> tuple[str, ...]:
        """The registers of weights, as they are loaded."""
        return (*A, *B) if self.is_paired else (*A, *dict.fromkeys(name for _, name in LONE))

    def registers(self) -> tuple[Role, ...]:
        """Say what each register holds."""
        pairs = "(w1, w2)" if self.is_paired else "w2"
        kept = "words of the row above are, and where those for the next are kept"
        second = kept if self.keeps else "outputs are stored"
        start = "where sums start that have all taps inside"
        has_start = not self.is_paired and self.inner_start is not None
        loose = (Role(names=(INNER_START,), words=start),) if has_start else ()
        return (
            Role(names=("r0",), words="where the input is read"),
            Role(names=("r1",), words=f"where {second}"),
            Role(names=("r2", START), words="inputs: a pair of pixels; what is needed once"),
            Role(
                names=tuple(name for pair in SETS for name in pair),
                words="sums: two to be finished with these pixels, and two begun",
            ),
            Role(names=A, words="weights (w0, w1) of each kernel row"),
            Role(names=self.weights[len(A) :], words=f"weights {pairs} of each kernel row"),
            *loose,
        )

    @property
    def in_row(self) -> int:
        """Bytes of an input row."""
        return self.cols.size * self.pitch

    @property
    def out_row(self) -> int:
        """Bytes of an output row."""
        return self.cols.outputs * self.pitch

    @property
    def inner_start(self) -> int | None:
        """Where inner sums start, if there are any."""
        order = order_of_starts(self.rows)
        runs = [(self.rows.runs[row], col) for row in order for col in self.cols.runs]
        whole = [len(row.taps) == len(col.taps) == KERNEL for row, col in runs]
        return 4 * (self.first_start + whole.index(True)) if any(whole) else None

    @property
    def words(self) -> int:
        """Words of a row: one for the pixels that a step reads of it."""
        steps = _RowSteps(plane=self, group=self._groups(rows_at_once(self.cols))[0]).steps()
        return sum(1 for step in steps if step.rows)

    def walk(self) -> tuple[RowGroup, ...]:
        """Return the rows, in the order they are done in."""
        groups = self._groups(rows_at_once(self.cols))
        runs = [list(same) for _, same in groupby(groups, lambda group: group.rows)]
        followers = [run[0] for run in runs[1:]]
        return tuple(
            self._rows(run, follower)
            for run, follower in zip(runs, [*followers, None], strict=True)
        )

    def bands(self) -> tuple[BandRows, ...]:
        """Return each kind of rows, of which one is done at a time, with its own starts alone."""
        runs = groupby(self._groups(1), lambda group: group.rows)
        return tuple(self._band_rows(list(same)) for _, same in runs)

    def _band_rows(self, groups: Sequence[_Group]) -> BandRows:
        group = groups[0]
        used = [start // 4 for row in group.rows for start in row.starts]
        own = replace(self, first_start=self.first_start - (min(used) - self.first_start))
        [moved] = [each for each in own._groups(1) if each.first == group.first]
        inner = own.inner_start
        is_kept = not self.is_paired and any(inner in row.starts for row in moved.rows)
        return BandRows(
            start=group.first,
            end=groups[-1].first + 1,
            first=group.input,
            one=own._rows([moved], None),
            starts=range(min(used), max(used) + 1),
            inner_start=inner if is_kept else None,
        )

    def _groups(self, at_once: int) -> list[_Group]:
        of_row = [
            (run, tuple(self._starts(index)))
            for index, run in enumerate(self.rows.runs)
            for _ in range(run.count)
        ]
        groups = []
        for first in range(0, self.rows.outputs, at_once):
            rows = tuple(
                _OutRow(index=index, run=run, starts=starts)
                for index, (run, starts) in enumerate(of_row[first : first + at_once])
            )
            groups.append(
                _Group(
                    first=first,
                    input=first if self.keeps else max(0, self.rows.origin(first)),
                    keeps=self.keeps and first + 1 < self.rows.outputs,
                    rows=rows,
                )
            )
        return groups

    def _starts(self, row_run: int) -> Iterator[int]:
        """Yield for each output of a row where its start lies, in bytes."""
        runs = self.cols.runs
        first = self.first_start + order_of_starts(self.rows).index(row_run) * len(runs)
        for index, run in enumerate(runs):
            yield from [4 * (first + index)] * run.count

    def _rows(self, groups: Sequence[_Group], follower: _Group | None) -> RowGroup:
        group = groups[0]
        steps = _RowSteps(plane=self, group=group).steps()
        head, loop, turns, tail = _find_loop(steps)
        advance = sum(map(_moved, steps))
        height = len(group.rows) * self.rows.stride * self.in_row
        to_next = height if len(groups) > 1 else self._between(group, follower)
        beside = (len(group.rows) - 1) * self.out_row
        return RowGroup(
            title=_title(group, len(groups)),
            start=group.first,
            end=groups[-1].first + len(groups[-1].rows),
            first=group.input,
            count=len(groups),
            head=head,
            loop=loop,
            looped=Distance(bytes=turns * sum(map(_moved, loop))),
            tail=tail,
            walked=Distance(bytes=len(groups) * height),
            next_input=Distance(bytes=to_next - advance if follower or len(groups) > 1 else 0),
            next_output=Distance(bytes=beside if follower or len(groups) > 1 else 0),
            back_input=Distance(bytes=1 - advance),
            back_output=Distance(bytes=1 - self.out_row),
        )

    def _between(self, group: _Group, follower: _Group | None) -> int:
        return (follower.input - group.input) * self.in_row if follower else 0


def rows_at_once(cols: Axis) -> int:
    """Return how many output rows are done together."""
    return 1 if cols.stride == 1 else 2


def _title(group: _Group, count: int) -> str:
    """Return what to call output rows, which are done together, *count* times."""
    kinds = [ROWS[row.run.first, row.run.last] for row in group.rows]
    together = kinds[0] if len(set(kinds)) == 1 else " and ".join(kinds)
    number = len(kinds) * count
    rows = f"{number} {together} rows" if number > 1 else f"the {together} row"
    return f"{rows}, two at a time" if count > 1 and len(kinds) > 1 else rows


def _moved(step: PixelStep) -> int:
    """Return how far a step moves the input's pointer."""
    return sum(row.step.bytes for row in step.rows if row.step)


def _find_loop(
    steps: Sequence[PixelStep],
) -> tuple[tuple[PixelStep, ...], tuple[PixelStep, ...], int, tuple[PixelStep, ...]]:
    """Split steps into a head, two that are repeated, how often, and the rest.

    The sets of sums change places, so that two steps are alike whose numbers are both even or odd.
    """
    alike = 0
    while alike + 1 < len(steps) and steps[alike + 1] == steps[1 + alike % 2]:
        alike += 1
    if alike <= FEW_STEPS:
        return (), (), 0, tuple(steps)
    turns = alike // 2
    return (steps[0],), tuple(steps[1:3]), turns, tuple(steps[1 + 2 * turns :])


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowSteps:
    """The steps along the rows of one group."""

    plane: Plane
    group: _Group

    @property
    def _width(self) -> int:
        """Outputs of a row that a step finishes."""
        return 2 if self.plane.is_paired else 1

    def steps(self) -> list[PixelStep]:
        """Return them all: one begins the first set, the last only finishes."""
        cols, width, rows = self.plane.cols, self._width, self.group.rows
        firsts = range(0, cols.outputs, width)
        before = KERNEL - 1 - cols.pad  # pixels that the first step takes
        found = [self._step(None, 0, before)]
        known: dict[tuple[object, ...], PixelStep] = {}  # of a long row nearly all are alike
        for number, first in enumerate(firsts):
            pixel = before + 2 * number
            begins = first + width if first + width < cols.outputs else None
            behind = cols.origin(min(first + width, cols.outputs) - 1) + KERNEL
            pixels = 2 if begins else max(0, min(behind, cols.size) - pixel)
            starts = [row.starts[begins : begins + width] for row in rows] if begins else []
            key = number % 2, min(width, cols.outputs - first), pixels, *starts
            if key not in known:
                known[key] = self._step(first, begins, pixels)
            found.append(known[key])
        return found

    def _step(self, finishes: int | None, begins: int | None, pixels: int) -> PixelStep:
        """Multiply so many *pixels*; *finishes* and *begins* are the first output of a set."""
        rows = self._input_rows()
        order = sorted(rows, key=_turn)
        begun: set[str] = set()
        lines = tuple(
            self._pixels(row, rows[row], (finishes, begins), pixels, begun) for row in order
        )
        return PixelStep(
            rows=lines if pixels else (),
            stores=self._stores(finishes) if finishes is not None else (),
        )

    def _input_rows(self) -> dict[int, list[tuple[_OutRow, int]]]:
        """Return for each input row, from the first on, which rows' taps read it."""
        plane, group = self.plane, self.group
        rows: dict[int, list[tuple[_OutRow, int]]] = {}
        for row in group.rows:
            origin = plane.rows.origin(group.first + row.index) - group.input
            for tap in row.run.taps:
                rows.setdefault(origin + tap, []).append((row, tap))
        return rows

    def _pixels(
        self,
        input_row: int,
        taps: list[tuple[_OutRow, int]],
        sets: tuple[int | None, int | None],
        pixels: int,
        begun: set[str],
    ) -> Pixels:
        finishes, begins = sets
        pitch = self.plane.pitch
        finishing = [
            product for row, tap in taps for product in self._finishing(finishes, row, tap, pixels)
        ]
        beginning = [
            product
            for row, tap in taps
            for product in self._beginning(begins, row, tap, pixels, begun)
        ]
        at = input_row * self.plane.in_row
        moves = input_row == 0 and begins is not None
        is_kept, keeps = input_row < 0, input_row == 0 and self.group.keeps
        follows = is_kept and self.group.keeps
        return Pixels(
            first=Distance(bytes=at),
            second=Distance(bytes=at + pitch) if pixels > 1 else None,
            step=Distance(bytes=pixels * pitch) if moves else None,
            is_kept=is_kept,
            keeps=keeps,
            word=Distance(bytes=0 if follows else WORD),
            finishing=tuple(finishing),
            beginning=_loading_once(beginning),
        )

    def _sums(self, first: int, row: _OutRow) -> list[tuple[str, int]]:
        """Return registers and numbers of the outputs of *row* in the set of output *first*."""
        registers = SETS[first // self._width % 2]
        if not self.plane.is_paired:
            return [(registers[row.index], first)]
        outputs = range(first, min(first + 2, self.plane.cols.outputs))
        return list(zip(registers, outputs, strict=False))

    def _finishing(
        self, first: int | None, row: _OutRow, tap: int, pixels: int
    ) -> Iterator[MultiplyAdd]:
        if first is None:
            return
        for index, (sum_, _) in enumerate(self._sums(first, row)):
            if self.plane.is_paired:
                second = "smlad" if pixels > 1 else "smlabb"
                instruction, weights = ("smlabt" if index == 0 else second), B[tap]
            else:
                half, weights = LONE[tap]
                instruction = f"smlab{half}"
            yield MultiplyAdd(
                instruction=instruction, into=sum_, weights=weights, onto=sum_, start=None
            )

    def _beginning(
        self, first: int | None, row: _OutRow, tap: int, pixels: int, begun: set[str]
    ) -> Iterator[MultiplyAdd]:
        if first is None:
            return
        names = ("smlad", "smlatb") if pixels > 1 else ("smlabt", "smlabb")
        for index, (sum_, output) in enumerate(self._sums(first, row)):
            start = None if sum_ in begun else row.starts[output]
            begun.add(sum_)
            is_kept = start == self.plane.inner_start and not self.plane.is_paired
            onto = sum_ if start is None else INNER_START if is_kept else START
            yield MultiplyAdd(
                instruction=names[index],
                into=sum_,
                weights=A[tap],
                onto=onto,
                start=None if is_kept else start,
            )

    def _stores(self, first: int) -> tuple[OutputStore, ...]:
        pitch, out_row = self.plane.pitch, self.plane.out_row
        sums = [sum_ for row in self.group.rows for sum_, _ in self._sums(first, row)]
        here, step = Distance(bytes=0), Distance(bytes=pitch)
        if not self.plane.is_paired:
            beside = [
                OutputStore(sum=sum_, to=Distance(bytes=out_row), step=None) for sum_ in sums[1:]
            ]
            return (*beside, OutputStore(sum=sums[0], to=here, step=step))
        if step.is_step or len(sums) == 1:
            return tuple(OutputStore(sum=sum_, to=here, step=step) for sum_ in sums)
        both = Distance(bytes=2 * pitch)
        return (
            OutputStore(sum=sums[1], to=step, step=None),
            OutputStore(sum=sums[0], to=here, step=both),
        )


def _turn(input_row: int) -> tuple[bool, int]:
    """Sort the first row last, whose load moves the pointer, and one that is kept before it."""
    return input_row == 0, -input_row


def _loading_once(products: Sequence[MultiplyAdd]) -> tuple[MultiplyAdd, ...]:
    """Drop what loads a start that the register holds already."""
    found, held = [], None
    for product in products:
        is_held = product.start is not None and product.start == held
        held = product.start if product.start is not None else held
        found.append(replace(product, start=None) if is_held else product)
    return tuple(found)
