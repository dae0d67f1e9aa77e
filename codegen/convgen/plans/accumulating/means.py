"""The mean of a whole image, which comes in slices: a sum for each channel.

Workspace: the sums, int16 of at most 256 bytes each, else int32; of float32 float32. What makes an
output of a sum is that of the algorithm that has the whole image (`convgen.plans.pool`,
`convgen.plans.mean`), and so are the bytes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from convgen.model.arithmetic import of_dtype
from convgen.model.ops.mean import Mean
from convgen.model.ops.pool import Pool2d
from convgen.plans import mean, pool
from convgen.plans.band import Band, InputSlices
from convgen.plans.buffers import buffer
from convgen.plans.kernels import instruction_set
from convgen.plans.kernels.base import OwnSums
from convgen.plans.order import StoreOrder, at_once
from convgen.plans.output import Bounded, bounded
from convgen.plans.plan import Plan
from convgen.plans.pool import MOST_IN_LANES, WORD
from convgen.plans.scaling import Scaling
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

MOST_SUMMED = 2**24
"""Bytes whose sum stays in int32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicedMeanSteps:
    """What ``parts/accumulate.c.j2`` prints.

    ``words``: channels that go four at a time; ``in_lanes``: their sums stay in the halves of
    words from call to call. ``limit``: pixels that may be added to such sums in a row, where a call
    may have more. ``whole`` prints what has the whole image, and how outputs are made of its sums.
    """

    whole: str
    channels: int
    pixels: int
    slices: InputSlices
    words: int
    in_lanes: bool
    limit: int | None
    needs_taps: bool

    is_max: ClassVar[bool] = False

    @property
    def row_pixels(self) -> int:
        """Pixels of a row."""
        return self.slices.row_elems // self.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class SumsOfPixels:
    """A sum for each channel."""

    name: str
    whole: str
    summary: str = "sums of what comes in slices, kept from one to the next"

    @property
    def family(self) -> str:
        """It is one of its own."""
        return self.name

    def plan(self, operator: Pool2d | Mean, target: Target, calls: int) -> Plan | Refusal:
        """Keep the sums in as few bytes as hold them; refuse what has several windows."""
        g, pixels = operator.geometry, operator.inputs[0].shape[0] * operator.inputs[0].shape[1]
        reason = _no_window(operator) or _too_many(operator, pixels)
        if reason:
            return Refusal(reason)
        arithmetic = of_dtype(operator.dtype)
        words = pool.words_of(g, target) if arithmetic.is_byte else 0
        is_short = arithmetic.is_byte and pixels <= MOST_IN_LANES
        slices = _slices(operator)
        steps = SlicedMeanSteps(
            whole=self.whole,
            channels=g.in_c,
            pixels=pixels,
            slices=slices,
            words=words,
            in_lanes=words > 0 and is_short,
            limit=MOST_IN_LANES if words and not is_short else None,
            needs_taps=not arithmetic.is_exact,
        )
        output = _output(operator)
        how = "four channels of a word at a time" if words else "plain C, channel by channel"
        return Plan(
            variant=self,
            template="operators/accumulate.c.j2",
            operator=operator,
            kernel=OwnSums(name=self.name, description=how),
            output=output,
            workspace=(buffer("sums", "int16" if is_short else arithmetic.sums, g.in_c),),
            constants=output.constants,
            steps=steps,
            orders=(StoreOrder(stored_by=partial(at_once, g), gathers=True),),
            decisions=(),
            work=_work(operator, steps, output, calls),
            band=Band(accumulates=slices),
            own_assembly=instruction_set(target).bytewise if words else None,
        )


def _no_window(operator: Pool2d | Mean) -> str | None:
    """Say that an output is not of the whole image, or no mean, if so."""
    g = operator.geometry
    if isinstance(operator, Mean):
        return None if g.out_pixels == 1 else needs("one mean", f"has {g.out_pixels:,}")
    if operator.kind != "average_pool":
        return needs("an average", "takes the largest")
    if g.out_pixels > 1 or operator.counts[0, 0] < g.in_h * g.in_w:
        taps = f"has {g.out_pixels:,} of {g.k_h}x{g.k_w}"
        return needs("one window over the whole image", taps)
    return None


def _too_many(operator: Pool2d | Mean, pixels: int) -> str | None:
    numbers = of_dtype(operator.dtype)
    most = MOST_SUMMED if numbers.is_byte else MOST_SUMMED >> 8
    if not numbers.is_exact or pixels < most:
        return None
    return needs(f"fewer than {most:,} pixels", f"has {pixels:,}")


def _slices(operator: Pool2d | Mean) -> InputSlices:
    g = operator.geometry
    if isinstance(operator, Mean):
        return InputSlices(rows=g.in_w, row_elems=g.in_c)
    return InputSlices(rows=g.in_h, row_elems=g.in_w * g.in_c)


def _output(operator: Pool2d | Mean) -> pool.Divisors | Scaling | Bounded:
    if not of_dtype(operator.dtype).is_exact:
        return bounded(operator)
    return mean.find_scaling(operator) if isinstance(operator, Mean) else pool.find_mean(operator)


def _work(
    operator: Pool2d | Mean,
    steps: SlicedMeanSteps,
    output: pool.Divisors | Scaling | Bounded,
    calls: int,
) -> Counter[str]:
    """Count what is added, what is loaded and kept for each call, and the outputs."""
    words, rest = steps.words // WORD, steps.channels - steps.words
    adds = calls + (steps.pixels // steps.limit if steps.limit else 0)
    return +Counter(
        {
            "accumulate.call": calls,
            "accumulate.word_tap": steps.pixels * words,
            "accumulate.tap": steps.pixels * rest,
            "accumulate.word_sum": adds * words,
            "accumulate.sum": calls * rest,
            f"accumulate.{_form(output)}": steps.channels,
        }
    )


def _form(output: pool.Divisors | Scaling | Bounded) -> str:
    """Return how an output is made of a sum, as its price is called."""
    if isinstance(output, Scaling):
        return output.unit
    return "mean_wide" if isinstance(output, pool.Divisors) and output.wide else output.form


POOLING = SumsOfPixels(name="accumulate_pool", whole="operators/pool.c.j2")
MEAN = SumsOfPixels(name="accumulate_mean", whole="operators/mean.c.j2")
