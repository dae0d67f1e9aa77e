"""Pooling: window by window, a channel or four of them at a time.

Workspace: 0. Taps outside the image are not read. A mean is one multiplication for each output:
with ``M = 2**S // n + 1`` the rounded mean of *n* bytes with the sum *s* is
``(M * s + 2**(S - 1)) >> S``, halves away from zero, where ``256 * n * n < 2**S``: ``M / 2**S`` is
larger than ``1 / n`` by at most ``2**-S``, which moves no sum over a boundary, and each tie to the
side away from zero.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry
from convgen.model.operator import float_bounds
from convgen.model.ops.pool import Pool2d
from convgen.plans import assembly
from convgen.plans.conv.inside import taps_inside
from convgen.plans.kernels.base import OwnSums
from convgen.plans.order import StoreOrder, in_blocks
from convgen.plans.plan import Constant, Plan
from convgen.targets.target import Target

NARROW_SHIFT = 23  # with which a product of multiplier and sum stays in 32 bits
WORD = 4  # channels in one, where instructions take them
MOST_IN_LANES = 256  # bytes whose sum stays in 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The multiplier for each number of taps that occurs, and the shift; ``wide``: 64 bits."""

    counts: tuple[int, ...]
    multipliers: tuple[int, ...]
    shift: int
    wide: bool

    @property
    def half(self) -> int:
        """What rounds."""
        return 1 << (self.shift - 1)

    @property
    def is_one(self) -> bool:
        """Whether every window has as many taps."""
        return len(self.counts) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSteps:
    """What ``operators/pool.c.j2`` prints.

    ``is_inside``: no window reaches out of the image. ``words``: channels that go four at a time.
    """

    is_max: bool
    is_inside: bool
    words: int
    mean: Mean | None

    @property
    def needs_taps(self) -> bool:
        """Whether an output depends on how many taps there are."""
        return not self.is_max and not (self.mean and self.mean.is_one)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowByWindow:
    """A pooling in plain C, or by words where the core has instructions for four bytes."""

    name: str = "pool"
    family: str = "pool"
    summary: str = "window by window: no workspace"

    def plan(self, operator: Pool2d, target: Target) -> Plan:
        """Find out which channels go by words, and how sums become means: every pooling will do."""
        g = operator.geometry
        is_max, is_int8 = operator.kind == "max_pool", operator.dtype == "int8"
        words = _words(operator, target)
        mean = None if is_max or not is_int8 else find_mean(operator.counts)
        steps = PoolSteps(
            is_max=is_max,
            is_inside=not g.has_padding,
            words=words,
            mean=mean,
        )
        how = "four channels of a word at a time" if words else "plain C, channel by channel"
        return Plan(
            algorithm=self.name,
            family=self.family,
            summary=self.summary,
            template="operators/pool.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description=how),
            requantize=None,
            workspace=(),
            constants=_constants(mean),
            steps=steps,
            orders=_orders(g),
            decisions=_decisions(mean),
            work=_work(operator, steps),
            own_assembly=assembly.LANES if words else None,
        )


def _words(operator: Pool2d, target: Target) -> int:
    """Return how many channels go by words."""
    g = operator.geometry
    able = target.has("dsp") and target.has("unaligned") and operator.dtype == "int8"
    fits = operator.kind == "max_pool" or g.taps <= MOST_IN_LANES
    return g.in_c - g.in_c % WORD if able and fits else 0


def find_mean(counts: NDArray[np.int64]) -> Mean:
    """Return how the mean of as many bytes as any of *counts* is computed.

    >>> find_mean(np.array([[9, 9]])).multipliers
    (932068,)
    """
    found = tuple(int(count) for count in np.unique(counts))
    needed = (256 * found[-1] ** 2).bit_length()
    shift = max(NARROW_SHIFT, needed)
    return Mean(
        counts=found,
        multipliers=tuple((1 << shift) // count + 1 for count in found),
        shift=shift,
        wide=shift > NARROW_SHIFT,
    )


def _constants(mean: Mean | None) -> tuple[Constant, ...]:
    """Return the multipliers by the number of taps, where that varies."""
    if mean is None or mean.is_one:
        return ()
    table = np.zeros(mean.counts[-1], np.int32)
    table[np.array(mean.counts) - 1] = mean.multipliers
    comment = "[taps - 1]: what makes a sum of so many a mean"
    return (Constant(name="means", values=table, comment=comment),)


def _orders(g: Geometry) -> tuple[StoreOrder, ...]:
    return (StoreOrder(stored_by=partial(in_blocks, g, [1] * g.out_pixels), gathers=False),)


def _decisions(mean: Mean | None) -> tuple[str, ...]:
    if mean is None:
        return ()
    bits = 64 if mean.wide else 32
    return (f"Means are one multiplication in {bits} bits, exact for every sum.",)


def _work(operator: Pool2d, steps: PoolSteps) -> Counter[str]:
    """Count taps, rows of them, and outputs: loops of a size the compiler knows cost less."""
    g = operator.geometry
    rows, cols = taps_inside(g)
    what = f"pool.{'max' if steps.is_max else 'mean'}"
    where = "inside" if steps.is_inside else "clipped"
    wide = "_wide" if steps.mean and steps.mean.wide else ""
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
