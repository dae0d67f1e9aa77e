"""Depthwise where no tap leaves the image: four channels of a pixel at a time.

Workspace: 0. A word is a tap of four channels: ``SXTB16`` takes its bytes apart, and each is
multiplied by a half of a word of weights. Taps stand one after the other in the code, so that this
is for kernels of any shape, stride and dilation, but not of any size. So are the layers of
streaming networks, which make one pixel from all that they are given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from convgen.ctext.assembler import Role
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import ROW_BY_ROW
from convgen.plans.constant import Constant
from convgen.plans.conv.base import DEPTHWISE_SCALE, loop_work
from convgen.plans.conv.inside import find_inner
from convgen.plans.conv.thumb import Distance, OutputStore
from convgen.plans.kernels import instruction_set
from convgen.plans.kernels.base import OwnSums, no_bytes
from convgen.plans.lines import Lines
from convgen.plans.order import StoreOrder, in_tiles
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal, counted, needs
from convgen.targets.target import Target

LANES = 4
MOST_TAPS = 64  # they stand one after the other in the code
MOST_APART = 4095  # bytes that a load reaches
SUMS = ("r4", "r5", "r6", "r7")
WEIGHTS = ("r8", "r9", "r10", "r11")
INPUTS = ("r2", "r3")
OUTPUT, SPARE = "lr", "r12"
STORES = tuple(OutputStore(sum=sum_, to=Distance(bytes=0), step=Distance(bytes=1)) for sum_ in SUMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """A tap ``at`` so many bytes, and the registers of its weights."""

    at: int
    weights: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanesSteps:
    """What ``algorithms/direct_lanes.c.j2`` prints: ``taps`` in pairs, whose weights are one load.

    ``words`` are the constants of four channels, ``line_words`` those of a line.
    """

    taps: tuple[tuple[Tap, ...], ...]
    blocks: int
    words: int
    line_words: int
    line_at: int
    registers: tuple[Role, ...]
    middle: Distance
    last: Distance
    has_saturation: bool = False
    stores: tuple[OutputStore, ...] = STORES
    finishing: tuple[str, ...] = WEIGHTS

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where taps are."""
        return tuple(tap.at for pair in self.taps for tap in pair)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectLanes:
    """Depthwise without padding, four channels at a time."""

    name: str = "direct_lanes"
    family: str = "direct"
    summary: str = "depthwise without padding, four channels at a time: no workspace"

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Lay out the constants of each four channels in order of use."""
        layer, isa = study.layer, instruction_set(target)
        if isa.lanes is None:
            without = "has no DSP instructions"
            return Refusal(needs("a core with DSP instructions", without, "core"))
        found = reason if (reason := _unsuited(layer)) else study.lines(DEPTHWISE_SCALE)
        if not isinstance(found, Lines):
            return Refusal(found) if isinstance(found, str) else found
        steps = _steps(layer, found)
        return Plan(
            variant=self,
            template="algorithms/direct_lanes.c.j2",
            operator=layer,
            kernel=OwnSums(
                name="four_lanes",
                description="assembly with DSP instructions where there are, four channels at once",
            ),
            output=found,
            own_assembly=isa.lanes.assembly,
            workspace=(),
            constants=(_table(layer, found),),
            steps=steps,
            orders=(StoreOrder(stored_by=partial(in_tiles, layer.geometry, 1, 1), gathers=False),),
            decisions=("No tap leaves the image: no bounds are checked.",),
            work=_work(layer, found) + loop_work(layer),
            band=ROW_BY_ROW,
        )


VARIANTS = (DirectLanes(),)


def _unsuited(layer: Conv2d) -> str | None:
    g = layer.geometry
    if reason := no_bytes(layer):
        return reason
    if not g.in_c == g.out_c == g.groups or g.in_c % LANES:
        found = f"has {g.in_c} inputs and {g.out_c} outputs in {counted(g.groups, 'group')}"
        return needs(f"a multiple of {LANES} channels, each a group", found)
    if find_inner(g).pixels < g.out_pixels:
        return needs("all taps inside the image", "has some outside")
    if g.taps > MOST_TAPS:
        return needs(f"at most {MOST_TAPS} taps", f"has {g.taps}")
    farthest = max(_offsets(g))
    if farthest > MOST_APART:
        return needs(f"taps at most {MOST_APART:,} bytes apart", f"has some {farthest:,} apart")
    return None


def _offsets(g: Geometry) -> Sequence[int]:
    return [
        (row * g.dilation_h * g.in_w + col * g.dilation_w) * g.in_c
        for row in range(g.k_h)
        for col in range(g.k_w)
    ]


def _steps(layer: Conv2d, found: Lines) -> LanesSteps:
    offsets = _offsets(layer.geometry)
    half = len(WEIGHTS) // 2
    pairs = [offsets[first : first + 2] for first in range(0, len(offsets), 2)]
    line_words = 3 if found.bends else 2
    line_at = LANES + half * len(offsets)
    return LanesSteps(
        taps=tuple(
            tuple(
                Tap(at=at, weights=WEIGHTS[half * index :][:half]) for index, at in enumerate(pair)
            )
            for pair in pairs
        ),
        blocks=layer.geometry.in_c // LANES,
        words=line_at + LANES * line_words,
        line_words=line_words,
        line_at=line_at,
        registers=_registers(found),
        middle=Distance(bytes=found.clamp.middle or 0),
        last=Distance(bytes=found.clamp.last),
    )


def _registers(found: Lines) -> tuple[Role, ...]:
    """Say what each register holds."""
    spare = "which constants are the last" + ("; an addend" if found.bends else "")
    roles = {
        ("r0",): "where the input is read",
        ("r1",): "constants, in order of use",
        INPUTS: "inputs: channels 0 and 2, 1 and 3, of a tap",
        SUMS: "sums, of four channels",
        WEIGHTS: "weights: of channels 0 and 2, 1 and 3, for two taps; in the end of lines",
        (SPARE,): spare,
        (OUTPUT,): "where outputs are stored",
    }
    return tuple(Role(names=names, words=words) for names, words in roles.items())


def _table(layer: Conv2d, found: Lines) -> Constant:
    """Return the constants, four channels after four."""
    g = layer.geometry
    starts = found.scale * layer.folded_bias.astype(np.int64) + found.start
    weights = found.scale * layer.weights.astype(np.int64).reshape(g.in_c, g.taps)
    bent = () if found.negative is None else (found.negative - found.addend,)
    lines = np.stack([found.multiplier, found.addend, *bent], axis=1)
    four = weights.reshape(-1, LANES, g.taps).transpose(0, 2, 1)  # [block, tap, channel]
    words = (four[..., :2] & 0xFFFF) | (four[..., 2:] & 0xFFFF) << 16
    columns = [part.reshape(g.in_c // LANES, -1) for part in (starts, words, lines)]
    line = "multiplier, addend" + (", what to add to it below zero" if found.bends else "")
    return Constant(
        name="lanes",
        values=(np.concatenate(columns, axis=1) & 0xFFFFFFFF).astype(np.uint32),
        comment=(
            f"for each {LANES} channels: where sums start; for each tap weights "
            f"{found.scale} times, of channels (0, 2), (1, 3); for each channel {line}"
        ),
    )


def _work(layer: Conv2d, found: Lines) -> Counter[str]:
    """Count the pixels, their blocks of channels, the taps of these, and outputs."""
    g = layer.geometry
    blocks = g.out_pixels * g.in_c // LANES
    every_int8 = (found.least, found.most) == (-128, 127)
    return Counter(
        {
            "direct_lanes.pixel": g.out_pixels,
            "direct_lanes.block": blocks,
            "direct_lanes.tap": blocks * g.taps,
            "direct_lanes.bend": blocks if found.bends else 0,
            "direct_lanes.clamp": 0 if every_int8 else blocks,
        }
    )
