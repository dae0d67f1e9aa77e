"""Pooling: window by window, a channel or four of them at a time.

Workspace: 0. Taps outside the image are not read. A mean is one multiplication for each output:
with ``M = 2**S // n + 1`` the rounded mean of *n* values of *b* bits with the sum *s* is
``(M * s + 2**(S - 1)) >> S``, halves away from zero, where ``2**b * n * n < 2**S``: ``M / 2**S`` is
larger than ``1 / n`` by at most ``2**-S``, which moves no sum over a boundary, and each tie to the
side away from zero.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from convgen.model.arithmetic import Arithmetic, of_dtype
from convgen.model.geometry import Geometry
from convgen.model.operator import float_bounds
from convgen.model.ops.pool import Pool2d
from convgen.plans.band import ROW_BY_ROW
from convgen.plans.constant import Constant
from convgen.plans.conv.inside import taps_inside
from convgen.plans.kernels import instruction_set
from convgen.plans.kernels.base import OwnSums
from convgen.plans.order import StoreOrder, in_blocks
from convgen.plans.output import Bounded, Ranged, bounded
from convgen.plans.plan import Plan
from convgen.targets.target import Target

NARROW_SHIFT = 23  # with which a product of multiplier and sum stays in 32 bits
WORD = 4  # channels in one, where instructions take them
MOST_IN_LANES = 256  # bytes whose sum stays in 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Divisors(Ranged):
    """The multiplier for each number of taps that occurs, and the shift; ``wide``: 64 bits.

    Means are clamped to ``low`` and ``high``; a mean of what ``arithmetic`` has is one by itself.
    """

    arithmetic: Arithmetic
    counts: tuple[int, ...]
    multipliers: tuple[int, ...]
    shift: int
    wide: bool
    low: int
    high: int

    form: ClassVar[str] = "mean"
    finishes: ClassVar[bool] = True

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        bits = 64 if self.wide else 32
        return f"a mean is one multiplication in {bits} bits, exact for every sum"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The multipliers by the number of taps, where that varies."""
        if self.is_one:
            return ()
        table = np.zeros(self.counts[-1], np.int32)
        table[np.array(self.counts) - 1] = self.multipliers
        comment = "[taps - 1]: what makes a sum of so many a mean"
        return (Constant(name="means", values=table, comment=comment),)

    def scaled(self, name: str) -> str:
        """Return in C what becomes of the sum ``value``, but for its bounds."""
        multiplier = "MULTIPLIER" if self.is_one else f"{name}__means[taps - 1]"
        if self.wide:
            half = "((int64_t)1 << (SHIFT - 1))"
            return f"(int32_t)(((int64_t)value * {multiplier} + {half}) >> SHIFT)"
        return f"(value * {multiplier} + (1 << (SHIFT - 1))) >> SHIFT"

    @property
    def is_one(self) -> bool:
        """Whether every window has as many taps."""
        return len(self.counts) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WordSums:
    """A word of sums, or of maxima: where it starts, and the function that adds a word of bytes."""

    name: str
    start: str
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ByWords:
    """Four channels at a time: functions of ``template``, and the results of each channel."""

    template: str
    sums: tuple[WordSums, ...]
    results: tuple[str, ...]


MOST_OF_WORDS = ByWords(
    template="kernels/dsp/most.c.j2",
    sums=(WordSums(name="most", start="0x80808080u", function="larger"),),
    results=(
        "(int8_t)most",
        "(int8_t)(most >> 8)",
        "(int8_t)(most >> 16)",
        "(int8_t)(most >> 24)",
    ),
)
SUMS_OF_WORDS = ByWords(
    template="kernels/dsp/sums.c.j2",
    sums=(
        WordSums(name="even", start="0", function="add_even"),
        WordSums(name="odd", start="0", function="add_odd"),
    ),
    results=("(int16_t)even", "(int16_t)odd", "(int32_t)even >> 16", "(int32_t)odd >> 16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSteps:
    """What ``operators/pool.c.j2`` prints.

    ``is_inside``: no window reaches out of the image. ``words``: channels that go four at a time.
    ``needs_taps``: an output depends on how many taps there are.
    """

    is_max: bool
    is_inside: bool
    words: int
    needs_taps: bool

    @property
    def by_words(self) -> ByWords:
        """How those channels go."""
        return MOST_OF_WORDS if self.is_max else SUMS_OF_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowByWindow:
    """A pooling in plain C, or by words where the core has instructions for four bytes."""

    name: str = "pool"
    family: str = "pool"
    summary: str = "window by window: no workspace"

    def plan(self, operator: Pool2d, target: Target) -> Plan:
        """Find out which channels go by words, and how sums become means: every pooling will do."""
        g = operator.geometry
        is_max = operator.kind == "max_pool"
        arithmetic = of_dtype(operator.dtype)
        words = _words(operator, target) if arithmetic.is_byte else 0
        output = find_mean(operator) if arithmetic.is_exact and not is_max else bounded(operator)
        steps = PoolSteps(
            is_max=is_max,
            is_inside=not g.has_padding,
            words=words,
            needs_taps=not (is_max or (isinstance(output, Divisors) and output.is_one)),
        )
        how = "four channels of a word at a time" if words else "plain C, channel by channel"
        return Plan(
            variant=self,
            template="operators/pool.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description=how),
            output=output,
            workspace=(),
            constants=output.constants,
            steps=steps,
            orders=_orders(g),
            decisions=(),
            work=_work(operator, steps, output),
            band=ROW_BY_ROW,
            own_assembly=instruction_set(target).bytewise if words else None,
        )


def _words(operator: Pool2d, target: Target) -> int:
    """Return how many channels go by words."""
    fits = operator.kind == "max_pool" or operator.geometry.taps <= MOST_IN_LANES
    return words_of(operator.geometry, target) if fits else 0


def words_of(g: Geometry, target: Target) -> int:
    """Return how many int8 channels can go by words."""
    able = instruction_set(target).bytewise and target.has("unaligned")
    return g.in_c - g.in_c % WORD if able else 0


def find_mean(operator: Pool2d) -> Divisors:
    """Return how the means of the windows of an *operator* of integers are computed."""
    counts = tuple(int(count) for count in np.unique(operator.counts))
    bits = np.iinfo(operator.dtype).bits
    needed = (counts[-1] ** 2 << bits).bit_length()
    is_narrow = bits == 8 and needed <= NARROW_SHIFT
    shift = NARROW_SHIFT if is_narrow else needed
    return Divisors(
        arithmetic=of_dtype(operator.dtype),
        counts=counts,
        multipliers=tuple((1 << shift) // count + 1 for count in counts),
        shift=shift,
        wide=not is_narrow,
        low=int(operator.activation_min),
        high=int(operator.activation_max),
    )


def _orders(g: Geometry) -> tuple[StoreOrder, ...]:
    return (StoreOrder(stored_by=partial(in_blocks, g, [1] * g.out_pixels), gathers=False),)


def _work(operator: Pool2d, steps: PoolSteps, output: Divisors | Bounded) -> Counter[str]:
    """Count taps, rows of them, and outputs: loops of a size the compiler knows cost less."""
    g = operator.geometry
    rows, cols = taps_inside(g)
    what = f"pool.{'max' if steps.is_max else 'mean'}"
    where = "inside" if steps.is_inside else "clipped"
    wide = "_wide" if isinstance(output, Divisors) and output.wide else ""
    words, rest = steps.words // WORD, g.in_c - steps.words
    return +Counter(
        {
            f"{what}_word_tap.{where}": rows * cols * words,
            f"{what}_tap.{where}": rows * cols * rest,
            f"pool.row.{where}": rows * g.out_w * (words + rest),
            f"{what}{wide}": g.out_elems,
            "pool.clamp": g.out_elems * float_bounds(operator),
            f"pool.window.{where}": g.out_pixels,
        }
    )


VARIANTS = (WindowByWindow(),)
