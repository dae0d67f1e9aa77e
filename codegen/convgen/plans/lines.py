"""Requantising as one multiplication: a line through the staircase of an int8 output.

TensorFlow Lite's output is a staircase over the int32 sum, of at most 255 steps. Kernels climb it
with ``(high(a * multiplier) + addend) >> shift``, where ``high`` is the upper half of the 64-bit
product and ``a`` the sum, scaled, plus a small ``start``; then they saturate. `LineSearch` finds
constants for which both agree on every sum that the layer can reach. Both are monotone, so that
agreement on both sides of each step is agreement everywhere: the search is its own proof.

Halves rounded away from zero shift the negative half of the staircase by part of a sum, which no
straight line follows: then negative sums have an addend of their own. Coarse scales rarely have
such lines; 256 nearly always has. A channel whose weights are next to nothing beside those of the
others has few steps, if any, and sums far from zero: `start` moves them to where they fit, and few
steps leave room for a slope that is not the ideal one.

Sums too large for that scale are taken twice: then the upper half of the product, rounded, is
TensorFlow Lite's own first step, and the second is left (`exact_lines`). That takes two more
instructions, of which sums of so many products notice nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.quantize import Rounding
from convgen.plans.constant import Constant
from convgen.refusal import Refusal, needs

Ints = NDArray[np.int64]
Marks = NDArray[np.bool_]
Slopes = NDArray[np.float64]
Constants = tuple[int, int, int, int]
"""Start, multiplier, addend, and addend of negative sums."""

MOST_SHIFT, MOST_OWN_SHIFT = 20, 21  # so that an output, shifted, stays far from int32's ends
SHIFTS_TRIED = 4
NEAR, NEARER = (np.arange(-most, most + 1, dtype=np.int64) for most in (64, 16))  # to the ideal
FEW_STARTS, MOST_START = 256, 40_000  # few are mostly enough
STARTS_TRIED = 4  # of a slope: if these are not exact, others hardly are
SEARCHED_AT_ONCE = 2**18  # starts of slopes of channels: what stays in a cache
FIRST_CHANNELS, MOST_AT_ONCE = 8, 64  # channels that are searched together
MOST_TWICE = 2**30  # sums whose double is int32
MOST_CHANNELS = 8192  # each takes its time, and none that fits a microcontroller has more
GUESSED = 2  # sums by which a guess may be off
MOST_ADDEND = 2**30
FAR_SLOPES, FAR_STARTS = 33, 4096
FAR = 2**62  # beyond what any line reaches


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamp:
    """How a line's value becomes an output in the activation's range, by saturating to int8.

    The line goes through outputs plus ``offset``; after the first saturation ``middle`` is added
    and the sum saturated again, unless it is None; ``last`` is added in the end.
    """

    offset: int
    middle: int | None
    last: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """The constants of each channel, ``[out_c]`` int64 where not said otherwise.

    A sum is to be ``scale`` times TensorFlow Lite's accumulator plus ``start``; ``negative`` is
    the addend of negative sums, None where all have the same. ``shift`` serves all channels;
    before it ``more`` are the channel's own, None where there are none. ``low`` and ``high`` are
    the activation's range.

    ``rounds``: ``high`` is rounded to the nearest, and then less by one where it is negative.
    """

    rounding: Rounding
    scale: int
    shift: int
    start: Ints
    multiplier: Ints
    addend: Ints
    negative: Ints | None
    clamp: Clamp
    low: int
    high: int
    more: Ints | None = None
    rounds: bool = False

    form: ClassVar[str] = "line"
    finishes: ClassVar[bool] = True
    constants: ClassVar[tuple[Constant, ...]] = ()

    @property
    def bends(self) -> bool:
        """Whether negative sums have an addend of their own."""
        return self.negative is not None

    @property
    def least(self) -> int:
        """The least value of a line that becomes an output as it is."""
        return self.low + self.clamp.offset

    @property
    def most(self) -> int:
        """The greatest."""
        return self.high + self.clamp.offset

    def shifts(self, channel: int) -> int:
        """Return by how many bits the line of a channel is shifted in all."""
        return self.shift + (0 if self.more is None else int(self.more[channel]))

    @property
    def description(self) -> str:
        """Say in a header comment how sums become outputs."""
        below = ", another addend below zero" if self.bends else ""
        shifts = "" if self.more is None else ", a shift of its own"
        steps = ", in two steps" if self.rounds else ""
        how = f"as one multiplication per channel{steps}{shifts}{below}"
        multiplied = f"{self.rounding} rounding {how}"
        return f"{multiplied}, equal on every possible sum"


def clamp_for(low: int, high: int) -> Clamp:
    """Return the cheapest saturations to ``[low, high]``.

    >>> clamp_for(-128, 127)
    Clamp(offset=0, middle=None, last=0)
    >>> clamp_for(-128, 100), clamp_for(-5, 127)
    (Clamp(offset=27, middle=-27, last=0), Clamp(offset=-123, middle=123, last=0))
    """
    if low == -128:
        spare = 127 - high
        return Clamp(offset=spare, middle=-spare if spare else None, last=0)
    spare = 127 - (high - (low + 128))
    return Clamp(offset=-(low + 128), middle=spare, last=low + 128 - spare)


def saturate(values: Ints, clamp: Clamp) -> Ints:
    """Return what a kernel makes of a line's *values*."""
    values = values.clip(-128, 127)
    if clamp.middle is not None:
        values = (values + clamp.middle).clip(-128, 127)
    return values + clamp.last


@dataclass(frozen=True, slots=True, eq=False)
class _Stairs:
    """The steps of channels: an output of at least ``value`` begins at the sum ``first``.

    ``[channels, values]``, of which ``inside`` are reached by sums from ``lowest`` to ``highest``;
    what sums are requantised to ``at_first`` and one ``before`` it, and at the ends, is exact.
    """

    value: Ints
    first: Ints
    inside: Marks
    at_first: Ints
    before: Ints
    lowest: Ints
    highest: Ints
    at_lowest: Ints
    at_highest: Ints

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, channels: slice | Ints) -> _Stairs:
        """Return those of some channels."""
        return _Stairs(*(getattr(self, field.name)[channels] for field in fields(self)))

    @property
    def some(self) -> Marks:
        """Which channels have steps."""
        some: Marks = np.logical_or.reduce(self.inside, axis=1)
        return some

    @property
    def alone(self) -> _Staircase:
        """That of the only channel."""
        ends = (self.lowest, self.highest, self.at_lowest, self.at_highest)
        steps = self.value[self.inside], self.first[self.inside]
        return _Staircase(*steps, *(end.item() for end in ends))

    def points(self, turns: Ints) -> tuple[Ints, Ints]:
        """Return sums at which to compare, and their outputs: ``[channels, points]``.

        Around each step, at the ends, and where signs turn.
        """
        low, high = self.lowest[:, None], self.highest[:, None]
        turning = np.stack([turns - 1, turns], axis=1).clip(low, high)
        reached = self.inside[:, None] & (self.first[:, None] <= turning[:, :, None])
        at_turn = self.at_lowest[:, None] + reached.sum(axis=2)
        before = np.where(self.inside, self.first - 1, low)
        first = np.where(self.inside, self.first, high)
        at_low, at_high = self.at_lowest[:, None], self.at_highest[:, None]
        outputs = (
            np.where(self.inside, self.before, at_low),
            np.where(self.inside, self.at_first, at_high),
            at_low,
            at_high,
            at_turn,
        )
        sums = np.concatenate([before, first, low, high, turning], axis=1)
        return sums, np.concatenate(outputs, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Staircase:
    """The steps of one channel."""

    value: Ints
    first: Ints
    lowest: int
    highest: int
    at_lowest: int
    at_highest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What lines are searched for."""

    scale: int
    shift: int
    clamp: Clamp
    levels: tuple[int, int]
    bent: bool


@dataclass(frozen=True, eq=False)
class Staircases:
    """The staircases of an int8 layer's output channels, which lines of any scale go through."""

    layer: Conv2d

    @cached_property
    def channels(self) -> _Stairs:
        """Those of all output channels."""
        return _staircases(self.layer, self.quantization)

    @cached_property
    def quantization(self) -> Quantization:
        """How TensorFlow Lite makes them; ValueError for float32."""
        if self.layer.quantization is None:
            raise ValueError(f"{self.layer.name}: only int8 layers are requantised")
        return self.layer.quantization

    @cached_property
    def bend(self) -> bool:
        """Whether lines, if there can be any, have another addend for negative sums."""
        return (
            self.quantization.rounding == "double"
            and self.too_many is None
            and bool((self.channels.first <= 0).any(where=self.channels.inside))
        )

    @property
    def too_many(self) -> str | None:
        """Why no lines are searched, in a sentence, if so."""
        channels = self.layer.geometry.out_c
        if channels <= MOST_CHANNELS:
            return None
        return needs(f"at most {MOST_CHANNELS:,} output channels", f"has {channels:,}")


@dataclass(frozen=True, eq=False)
class LineSearch:
    """The search of lines for sums ``scale`` times the accumulators.

    ``stairs`` are those of the layer, and the same for every scale.
    """

    stairs: Staircases
    scale: int

    @cached_property
    def common(self) -> Lines | Refusal:
        """The lines with one shift for all channels, or why there are none.

        There are none where a channel has none, or where its sums or multipliers are too large for
        the scale; and where there are more than `MOST_CHANNELS`.
        """
        if self.stairs.too_many:
            return Refusal(self.stairs.too_many)
        found = self._first_that_fits
        if isinstance(found, Lines):
            return found
        return self._refusal(found, ", with one shift for all channels")

    @cached_property
    def with_own_shifts(self) -> Lines | Refusal:
        """The same; else lines of which channels may have shifts of their own."""
        if self.stairs.too_many:
            return self.common
        found = self._first_that_fits
        if isinstance(found, Lines):
            return found
        return self._apart() or self._refusal(found, "")

    @cached_property
    def _first_that_fits(self) -> Lines | int:
        """The lines of the finest shift that has some, or the first channel that bars it."""
        finest = max(1, self._finest_shift)
        without = []
        for shift in range(finest, max(0, finest - SHIFTS_TRIED), -1):
            found = self._search(self._form(shift))
            if isinstance(found, Lines):
                return found
            without.append(found)
        return without[0]

    def _search(self, form: _Form) -> Lines | int:
        """Return lines of the form, or the first channel that has none."""
        found: list[Constants] = []
        slopes, count = self._slopes * 2.0**form.shift, len(self.stairs.channels)
        while len(found) < count:
            first = len(found)
            some = slice(first, first + min(first + FIRST_CHANNELS, MOST_AT_ONCE))
            for line in _each(self.stairs.channels[some], slopes[some], form):
                if line is None:
                    return len(found)
                found.append(line)
        return self._lines(form, found)

    def _apart(self) -> Lines | None:
        """Search the lines of channels with shifts of their own."""
        found, shifts = [], []
        for channel, slope in enumerate(self._slopes):
            alone = slice(channel, channel + 1)
            steps, ideal = self.stairs.channels[alone], self._slopes[alone]
            finest = int(np.floor(30.999 - np.log2(slope))) if slope else MOST_OWN_SHIFT
            finest = min(finest, MOST_OWN_SHIFT)
            for shift in range(finest, max(0, finest - SHIFTS_TRIED), -1):
                if line := next(_each(steps, ideal * 2.0**shift, self._form(shift))):
                    found.append(line)
                    shifts.append(shift)
                    break
            else:
                return None
        least = min(shifts)
        return replace(
            self._lines(self._form(least), found), more=np.array(shifts, np.int64) - least
        )

    def _refusal(self, without: int, how: str) -> Refusal:
        """Say in a sentence why there are no lines *how*; channel *without* has none."""
        span = (2**32 - 1) // self.scale
        steps = self.stairs.channels
        wide = steps.some & (steps.highest - steps.lowest > span)
        if wide.any():
            channel = int(wide.argmax())
            ends = f"{steps.lowest[channel]:,} to {steps.highest[channel]:,}"
            found = f"has sums from {ends} in output channel {channel}"
            return Refusal(needs(f"sums that differ by at most {span:,}", found))
        constants = f"constants for which one multiplication gives each output{how}"
        return Refusal(needs(constants, f"has none for output channel {without}"))

    @cached_property
    def _slopes(self) -> NDArray[np.float64]:
        """The ideal multipliers of a shift of nought."""
        q = self.stairs.quantization
        slopes: NDArray[np.float64] = q.multiplier * 2.0 ** (1 + q.shift) / self.scale
        return slopes

    @property
    def _finest_shift(self) -> int:
        """The largest shift whose multipliers are int32; constants are not multiplied."""
        largest = float(self._slopes.max(initial=0.0, where=self.stairs.channels.some))
        return min(MOST_SHIFT, int(np.floor(30.999 - np.log2(largest)))) if largest else MOST_SHIFT

    def _form(self, shift: int) -> _Form:
        layer = self.stairs.layer
        levels = int(layer.activation_min), int(layer.activation_max)
        return _Form(
            scale=self.scale,
            shift=shift,
            clamp=clamp_for(*levels),
            levels=levels,
            bent=self.stairs.bend,
        )

    def _lines(self, form: _Form, found: list[Constants]) -> Lines:
        start, multiplier, addend, negative = np.array(found, np.int64).T
        return Lines(
            rounding=self.stairs.quantization.rounding,
            scale=self.scale,
            shift=form.shift,
            start=start,
            multiplier=multiplier,
            addend=addend,
            negative=negative if form.bent else None,
            clamp=form.clamp,
            low=form.levels[0],
            high=form.levels[1],
        )


def exact_lines(stairs: Staircases) -> Lines | None:
    """Return what requantises sums twice the accumulators just as the reference does.

    That rounds to the nearest ``a * m / 2^31``, the upper half of ``2 * a * m``, and then the shift
    of it, halves away from zero; with single rounding the whole at once.
    None where these do not fit, or shifts do not; but a channel that has one output alone, such as
    a dead one, is multiplied by nought.
    """
    layer, q = stairs.layer, stairs.quantization
    low, high = layer.accumulator_range
    largest, right = max(int(-low.min()), int(high.max())), -q.shift.astype(np.int64)
    at_low, at_high = layer.requantized(np.stack([low, high])).astype(np.int64)
    alone = (at_low == at_high) & ((right < 1) | (right > MOST_OWN_SHIFT))
    right = np.where(alone, right.min(initial=MOST_OWN_SHIFT, where=~alone), right)
    least, most = int(right.min()), int(right.max())
    if largest >= MOST_TWICE or not 1 <= least <= most <= MOST_OWN_SHIFT:
        return None
    levels = int(layer.activation_min), int(layer.activation_max)
    clamp = clamp_for(*levels)
    ones = np.ones(layer.geometry.out_c, np.int64)
    zero = np.where(alone, at_low, q.out_zero_point)
    addend = (1 << (right - 1)) + ((zero + clamp.offset) << right)
    return Lines(
        rounding=q.rounding,
        scale=2,
        shift=least,
        start=0 * ones,
        multiplier=np.where(alone, 0, q.multiplier * ones),
        addend=addend * ones,
        negative=None,
        clamp=clamp,
        low=levels[0],
        high=levels[1],
        more=(right - least) * ones if least < most else None,
        rounds=q.rounding == "double",
    )


def _staircases(layer: Conv2d, q: Quantization) -> _Stairs:
    """Find the steps of all channels by bisection of the reference."""
    low, high = int(layer.activation_min), int(layer.activation_max)
    ends = layer.accumulator_range
    lowest, highest = (end.astype(np.int64) for end in ends)
    values = np.arange(low + 1, high + 1, dtype=np.int64)[:, None]
    first, after = _guesses(layer, q, values, lowest, highest)
    while (first < after).any():
        middle = (first + after) >> 1
        reached = layer.requantized(middle) >= values
        after = np.where(reached, middle, after)
        first = np.where(reached, first, np.minimum(middle + 1, after))
    return _Stairs(
        value=np.broadcast_to(values.T, first.T.shape),
        first=np.ascontiguousarray(first.T),
        inside=((first > lowest) & (first <= highest)).T,
        at_first=layer.requantized(first).T,
        before=layer.requantized(first - 1).T,
        lowest=lowest,
        highest=highest,
        at_lowest=layer.requantized(lowest),
        at_highest=layer.requantized(highest),
    )


def _guesses(
    layer: Conv2d, q: Quantization, values: Ints, lowest: Ints, highest: Ints
) -> tuple[Ints, Ints]:
    """Return between which sums each of *values* begins: close together where that is known."""
    with np.errstate(divide="ignore", over="ignore"):
        guess = (values - q.out_zero_point - 0.5) / (q.multiplier * 2.0 ** (q.shift - 31))
    guess = np.nan_to_num(guess.clip(lowest, highest)).astype(np.int64)
    below, above = guess - GUESSED, guess + GUESSED
    first = np.where((below >= lowest) & (layer.requantized(below) < values), below + 1, lowest)
    after = np.where((above <= highest) & (layer.requantized(above) >= values), above, highest + 1)
    return first, after


def _each(stairs: _Stairs, slopes: Slopes, form: _Form) -> Iterator[Constants | None]:
    """Yield the line of each channel, ideally of its slope, or None."""
    found = _near_lines(stairs, slopes, form)
    levels = (stairs.at_lowest + form.clamp.offset) << form.shift
    for channel, some in enumerate(stairs.some):
        if not some:
            yield 0, 0, int(levels[channel]), int(levels[channel])
        else:
            alone = slice(channel, channel + 1)
            yield found.get(channel) or _far_line(stairs[alone], form)


def _near_lines(stairs: _Stairs, slopes: Slopes, form: _Form) -> dict[int, Constants]:
    """Search where most lines are: near the ideal *slopes*, with a small start."""
    farthest = np.maximum(-stairs.lowest, stairs.highest + 1)
    open_ = stairs.some & (farthest * form.scale + MOST_START < 2**31)
    most = _most_starts(stairs, form)
    found: dict[int, Constants] = {}
    for around, first, end in ((NEAR, 0, FEW_STARTS), (NEARER, FEW_STARTS, MOST_START)):
        left = [
            channel for channel in np.flatnonzero(open_ & (most > first)) if channel not in found
        ]
        last = min(end, int(most[left].max(initial=0)))
        at_once = max(1, SEARCHED_AT_ONCE // max(1, last - first))
        for begin in range(0, len(left), at_once):
            some = np.array(left[begin : begin + at_once])
            search = _Near(stairs[some], slopes[some], around, most[some], form)
            lines = search.lines(np.arange(first, last))
            found |= {int(some[row]): line for row, line in lines.items()}
    return found


class _Near:
    """The search of lines of slopes *around* the ideal, with starts below *most*, of channels."""

    def __init__(
        self, stairs: _Stairs, ideal: Slopes, around: Ints, most: Ints, form: _Form
    ) -> None:
        """Find where lines of each slope would lead through all steps."""
        self._stairs, self._form, self._most = stairs, form, most
        self._slopes = np.rint(ideal).astype(np.int64)[:, None] + around
        rising = (stairs.value + form.clamp.offset) << (32 + form.shift)
        first = stairs.first * form.scale
        self._windows = [
            _window(first, rising, side, self._slopes, form.scale)
            for side in _sides(stairs, bent=form.bent)
        ]

    def lines(self, starts: Ints) -> dict[int, Constants]:
        """Return the first exact lines that there are: by slopes, and of a slope by *starts*."""
        found: dict[int, Constants] = {}
        exists = self._exist(starts)
        slopes, counts = np.argsort(~exists, axis=1, kind="stable"), exists.sum(axis=1)
        left, done = np.flatnonzero(counts), 0
        while left.size:
            most = max(1, SEARCHED_AT_ONCE // (starts.size * left.size))
            some = slopes[left, done : done + most]
            passes = self._passing(left, some, starts)
            passes &= (done + np.arange(some.shape[1]) < counts[left][:, None])[:, :, None]
            found |= self._first_exact(left, some, starts, passes)
            done += most
            left = np.array([row for row in left if row not in found and counts[row] > done], int)
        return found

    def _exist(self, starts: Ints) -> Marks:
        """Return through which windows there may be a line, ``[channels, slopes]``."""
        last = np.minimum(starts[-1], self._most - 1)[:, None]
        exists: Marks = (self._slopes > 0) & (self._slopes < 2**31)
        for low, high in self._windows:
            exists &= (low < high) & _in_reach(low, self._slopes, starts[0], last)
        return exists

    def _passing(self, rows: Ints, slopes: Ints, starts: Ints) -> Marks:
        """Return which *starts* lead slopes of *rows* through: ``[rows, slopes, starts]``."""
        at = rows[:, None], slopes
        passes = np.repeat((starts < self._most[rows][:, None])[:, None], slopes.shape[1], axis=1)
        for low, high in self._windows:
            passes &= _passes(low[at], high[at], self._slopes[at], starts)
        return passes

    def _first_exact(
        self, rows: Ints, slopes: Ints, starts: Ints, passes: Marks
    ) -> dict[int, Constants]:
        """Return the first line of each of *rows* that is exact, of those that pass."""
        found: dict[int, Constants] = {}
        index = np.flatnonzero(passes.any(axis=(1, 2)))
        while index.size:
            first = passes[index].reshape(index.size, -1).argmax(axis=1)
            slope, start = np.divmod(first, starts.size)
            lines, exact = self._through(rows[index], slopes[index, slope], starts[start])
            for row, line in zip(rows[index[exact]], lines[exact].tolist(), strict=True):
                found[int(row)] = tuple(line)
            index, slope, start = index[~exact], slope[~exact], start[~exact]
            passes[index] &= passes[index].cumsum(axis=2) <= STARTS_TRIED
            passes[index, slope, start] = False
            index = index[passes[index].any(axis=(1, 2))]
        return found

    def _through(self, rows: Ints, slopes: Ints, starts: Ints) -> tuple[Ints, Marks]:
        """Return a line of each of *rows*, and whether it is exact."""
        slope = self._slopes[rows, slopes]
        addends = [
            _addends(low[rows, slopes], high[rows, slopes], starts * slope)
            for low, high in self._windows
        ]
        lines = np.stack([starts, slope, addends[0][0], addends[-1][0]], axis=1)
        fits = np.logical_and.reduce([fit for _, fit in addends])
        return lines, fits & _are_exact(self._stairs[rows], lines, self._form)


def _far_line(channel: _Stairs, form: _Form) -> Constants | None:
    """Search, for one channel, all slopes through its steps, and starts that move sums to fit.

    Few steps, as of a channel whose weights are next to nothing, leave much room for the slope.
    """
    stairs = channel.alone
    moved = _moved(stairs, form)
    if moved is None:
        return None
    sides = _constraints(stairs, form)
    for slope in _slopes_through(sides):
        windows = [side.window(slope) for side in sides]
        if any(low >= high for low, high in windows):
            continue
        stride = max(1, 2**32 // (slope * FAR_STARTS))
        few, spread = np.arange(FEW_STARTS), stride * np.arange(-FAR_STARTS, FAR_STARTS)
        starts = np.concatenate([few, spread]) + moved.start
        starts = starts[(starts >= moved.least) & (starts <= moved.most)]
        for line in _through(windows, slope, starts):
            if _are_exact(channel, np.array([line]), form).all():
                return line
    return None


@dataclass(frozen=True, slots=True)
class _Moved:
    """The starts that leave scaled sums in int32, and negative ones negative; one to begin with."""

    least: int
    most: int
    start: int


def _moved(stairs: _Staircase, form: _Form) -> _Moved | None:
    """Return the starts that a channel may have; None if its sums differ by too much."""
    least = -(2**31) - form.scale * stairs.lowest
    most = 2**31 - 1 - form.scale * stairs.highest
    if _bends(stairs, form):
        last = int(stairs.first[stairs.first <= 0].max())
        first = int(stairs.first[stairs.first > 0].min())
        least, most = max(least, -form.scale * first), min(most, form.scale * (1 - last) - 1)
    if least > most:
        return None
    return _Moved(least, most, min(max(0, least), most))


def _bends(stairs: _Staircase, form: _Form) -> bool:
    """Whether a channel has steps at negative sums and others."""
    return form.bent and bool((stairs.first > 0).any() and (stairs.first <= 0).any())


@dataclass(frozen=True, slots=True)
class _Side:
    """What a line must reach at some scaled sums, and stay below at others."""

    reached_at: Ints
    reached: Ints
    below_at: Ints
    below: Ints

    def window(self, slope: int) -> tuple[np.int64, np.int64]:
        """Return where a line of *slope* may be at nought: from, and less than."""
        low, high = self.reached - self.reached_at * slope, self.below - self.below_at * slope
        return low.max(initial=-FAR), high.min(initial=FAR)

    def slopes(self) -> tuple[float, float]:
        """Return between which slopes there may be a line."""
        run = (self.below_at[:, None] - self.reached_at).astype(np.float64)
        rise = (self.below[:, None] - self.reached).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = rise / run
        return (
            float(slopes[run < 0].max(initial=0.0)),
            float(slopes[run > 0].min(initial=2.0**31)),
        )


def _constraints(stairs: _Staircase, form: _Form) -> list[_Side]:
    """Return what lines must do: of a side, or of negative sums and the others."""
    low, high = form.levels
    value, first = [stairs.value], [stairs.first]
    below, below_at = [stairs.value], [stairs.first - 1]
    if stairs.at_lowest > low:
        value.insert(0, np.array([stairs.at_lowest]))
        first.insert(0, np.array([stairs.lowest]))
    if stairs.at_highest < high:
        below.append(np.array([stairs.at_highest + 1]))
        below_at.append(np.array([stairs.highest]))
    values, firsts, belows, belows_at = map(np.concatenate, (value, first, below, below_at))
    halves = [np.ones(firsts.shape, bool)], [np.ones(belows_at.shape, bool)]
    if _bends(stairs, form):
        halves = [firsts > 0, firsts <= 0], [belows_at >= 0, belows_at < 0]
    return [
        _Side(
            firsts[reached] * form.scale,
            (values[reached] + form.clamp.offset) << (32 + form.shift),
            belows_at[under] * form.scale,
            (belows[under] + form.clamp.offset) << (32 + form.shift),
        )
        for reached, under in zip(*halves, strict=True)
    ]


def _slopes_through(sides: list[_Side]) -> list[int]:
    """Return some slopes that may lead through all steps, the steepest first."""
    ends = [side.slopes() for side in sides]
    least = max(1, int(np.ceil(max(low for low, _ in ends))))
    most = min(2**31 - 1, int(np.floor(min(high for _, high in ends))))
    if least > most:
        return []
    some = np.linspace(most, least, min(FAR_SLOPES, most - least + 1)).astype(np.int64)
    return [int(slope) for slope in some]


def _through(
    windows: list[tuple[np.int64, np.int64]], slope: int, starts: Ints
) -> Iterator[Constants]:
    """Yield a few lines of *slope* within *windows*."""
    moved = starts * slope
    addends = [_addends(low, high, moved) for low, high in windows]
    fits = np.logical_and.reduce([fit for _, fit in addends])
    for at in np.flatnonzero(fits)[:4]:
        yield int(starts[at]), slope, int(addends[0][0][at]), int(addends[-1][0][at])


def _in_reach(low: Ints, slopes: Ints, start: Ints, last: Ints) -> Marks:
    """Return of which slopes some start may have an addend that fits: more start, less addend."""
    most, least = (-((slopes * each - low) >> 32) for each in (start, last))
    in_reach: Marks = (most > -MOST_ADDEND) & (least < MOST_ADDEND)
    return in_reach


def _passes(low: Ints, high: Ints, slopes: Ints, starts: Ints) -> Marks:
    """Return which starts ``[..., starts]`` some addend brings from *low* to less than *high*.

    Whatever it is, the lower 32 bits tell.
    """
    room = np.minimum(high.astype(np.uint64) - low.astype(np.uint64) - 1, 2**32 - 1)
    moved = slopes.astype(np.uint32)[..., None] * starts.astype(np.uint32)
    moved -= low.astype(np.uint32)[..., None]
    within: Marks = moved <= room.astype(np.uint32)[..., None]
    return within


def _most_starts(stairs: _Stairs, form: _Form) -> Ints:
    """Return how many starts leave each step on its side of zero."""
    if not form.bent:
        return np.full(len(stairs), MOST_START)
    not_above = stairs.inside & (stairs.first <= 0)
    last = stairs.first.max(axis=1, initial=-MOST_START, where=not_above)
    most: Ints = np.minimum(MOST_START, (1 - last) * form.scale)
    return most


def _sides(stairs: _Stairs, *, bent: bool) -> list[Marks]:
    """Return which steps are climbed by the addend, and which by that of negative sums."""
    if not bent:
        return [stairs.inside]
    return [stairs.inside & (stairs.first > 0), stairs.inside & (stairs.first <= 0)]


def _window(first: Ints, rising: Ints, steps: Marks, slopes: Ints, scale: int) -> tuple[Ints, Ints]:
    """Return for each slope where the line may start: from, and less than."""
    low = -_least(-rising, -first, steps, slopes)
    return low, _least(rising, first - scale, steps, slopes)


def _least(rising: Ints, sums: Ints, steps: Marks, slopes: Ints) -> Ints:
    """Return the least ``rising - sums * slope`` of *steps* for slopes that are close together.

    ``[channels, slopes]``. Few steps can be the least for any of them, as one tells: the others
    are left out.
    """
    middle = slopes[:, slopes.shape[1] // 2, None]
    there, room = rising - sums * middle, abs(sums) * abs(slopes - middle).max()
    some = (there + room).min(axis=1, initial=FAR, where=steps)
    channels, few = np.nonzero(steps & (there - room <= some[:, None]))
    counts = np.bincount(channels, minlength=len(slopes))
    at = channels, np.arange(few.size) - np.repeat(counts.cumsum() - counts, counts)
    heights = np.full((len(slopes), counts.max(initial=0)), FAR)
    runs = np.zeros_like(heights)
    heights[at], runs[at] = rising[channels, few], sums[channels, few]
    least: Ints = (heights[:, :, None] - runs[:, :, None] * slopes[:, None]).min(
        axis=1, initial=FAR
    )
    return least


def _addends(low: Ints | np.int64, high: Ints | np.int64, moved: Ints) -> tuple[Ints, Marks]:
    """Return the least addend for each start, whose effect is *moved*, and whether it fits."""
    addend = -((moved - low) >> 32)
    fits = (addend << 32) + moved < high
    return addend, fits & (abs(addend) < MOST_ADDEND)


def _are_exact(stairs: _Stairs, lines: Ints, form: _Form) -> Marks:
    """Whether each channel's line ``[channels, 4]`` is the reference on all sums."""
    start, slope, addend, negative = lines.T[:, :, None]
    sums, outputs = stairs.points(turns=-(start[:, 0] // form.scale))
    scaled = sums * form.scale + start
    high = (scaled * slope) >> 32
    values = (high + np.where(scaled < 0, negative, addend)) >> form.shift
    exact: Marks = (saturate(values, form.clamp) == outputs).all(axis=1)
    return exact
