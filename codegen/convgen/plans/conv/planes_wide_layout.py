"""The plan of `direct_planes_wide`: the walk over a plane of int16, and its constants.

Requantising is one multiplication (`convgen.plans.lines`); the weights and where sums start are
multiplied by the lines' scale here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.assembler import Role
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import Band, all_rows
from convgen.plans.buffers import buffer
from convgen.plans.constant import Constant
from convgen.plans.conv.base import loop_work
from convgen.plans.conv.planes_wide import (
    FREE,
    STARTS,
    Copies,
    ImageSide,
    PlaneWalk,
    Segment,
    copies,
)
from convgen.plans.conv.thumb import Distance
from convgen.plans.kernels.base import OwnSums
from convgen.plans.kernels.isa import Planes
from convgen.plans.lines import Lines
from convgen.plans.order import StoreOrder, in_tiles
from convgen.plans.plan import Plan, Variant
from convgen.refusal import needs

MOST_ACROSS = 16  # rows of a kernel: they stand one after the other in the code
FRAME = 16
DOWN = all_rows("a kernel one column wide goes down the columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class WidePlanesSteps:
    """What ``algorithms/direct_planes_wide.c.j2`` prints.

    ``at_once``: output lines whose plane is in the workspace at a time. ``in_*`` and ``out_*`` lead
    from pixel to pixel along a line, and from line to line. ``words`` are the constants of a
    channel, its line from the word ``line_at`` on. ``finishing``: registers that requantise.
    """

    down: bool
    walk: PlaneWalk
    at_once: int
    in_along: int
    in_across: int
    out_along: int
    out_across: int
    words: int
    line_at: int
    copies: Copies
    registers: tuple[Role, ...]
    finishing: tuple[str, ...]
    frame: int
    middle: Distance
    last: Distance
    has_saturation: bool = False
    starts: int = STARTS
    start_bytes: int = 4 * STARTS

    @property
    def line(self) -> str:
        """What lines are."""
        return "column" if self.down else "row"

    @property
    def is_cut(self) -> bool:
        """Whether the workspace holds a part of a plane."""
        return self.at_once < self.walk.across.outputs

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The pieces of a kernel's row."""
        return self.walk.segments


def laid_out(
    variant: Variant, layer: Conv2d, found: Lines, planes: Planes, rows: int | None
) -> Plan:
    """Return the plan of *variant* for a layer that *found* requantises.

    The workspace holds planes whole, or so many output *rows* of one.
    """
    steps = _steps(layer, found, rows)
    return Plan(
        variant=variant,
        template="algorithms/direct_planes_wide.c.j2",
        operator=layer,
        kernel=OwnSums(
            name="wide_planes",
            description="assembly with DSP instructions where there are, two products at once",
        ),
        output=found,
        own_assembly=planes.assembly,
        workspace=(buffer("plane", "int32", _plane_rows(steps) * steps.walk.pitch // 2),),
        constants=(_table(layer, found, steps),),
        steps=steps,
        orders=(_order(layer.geometry, steps),),
        decisions=(_decision(steps),),
        work=_work(layer, found, steps) + loop_work(layer),
        band=DOWN if steps.down else Band(),
    )


def unfit(g: Geometry, rows: int | None) -> str | None:
    """Say in a sentence why planes of *g* are not laid out, if so."""
    return _wrong_shape(g) or _too_few(g, rows)


def _wrong_shape(g: Geometry) -> str | None:
    if (g.dilation_h, g.dilation_w) != (1, 1):
        return needs("dilation 1x1", f"has {g.dilation_h}x{g.dilation_w}")
    across, along = _sides(g)[:: -1 if _goes_down(g) else 1]
    if along.stride > 2:
        return needs("strides of 1 or 2 along the kernel's rows", f"has {along.stride}")
    if across.taps > MOST_ACROSS:
        return needs(f"a kernel of at most {MOST_ACROSS} rows", f"has {across.taps}")
    return None


def _too_few(g: Geometry, rows: int | None) -> str | None:
    """Refuse to cut what is no more than a piece, and what has no rows to cut."""
    if rows is None:
        return None
    if _goes_down(g):
        return needs("a kernel of several columns", "has 1: columns take the place of rows")
    if g.out_h <= rows:
        return needs(f"more than {rows} output rows", f"has {g.out_h}")
    return None


def _steps(layer: Conv2d, found: Lines, rows: int | None) -> WidePlanesSteps:
    g, down = layer.geometry, _goes_down(layer.geometry)
    in_pitches, out_pitches = (g.in_c, g.in_w * g.in_c), (g.out_c, g.out_w * g.out_c)
    in_along, in_across = in_pitches[::-1] if down else in_pitches
    out_along, out_across = out_pitches[::-1] if down else out_pitches
    across, along = _sides(g)[:: -1 if down else 1]
    walk = PlaneWalk(across=across, along=along, out_pitch=out_along, out_line=out_across)
    finishing = FREE[: 4 if found.bends else 2]
    line_at = STARTS + across.taps * walk.row_words
    return WidePlanesSteps(
        down=down,
        walk=walk,
        at_once=min(rows or across.outputs, across.outputs),
        in_along=in_along,
        in_across=in_across,
        out_along=out_along,
        out_across=out_across,
        words=line_at + (3 if found.bends else 2),
        line_at=line_at,
        copies=copies(walk),
        registers=walk.registers(len(finishing)),
        finishing=finishing,
        frame=FRAME,
        middle=Distance(bytes=found.clamp.middle or 0),
        last=Distance(bytes=found.clamp.last),
    )


def _goes_down(g: Geometry) -> bool:
    return g.k_w == 1 and g.k_h > 1


def _sides(g: Geometry) -> tuple[ImageSide, ImageSide]:
    rows = ImageSide(outputs=g.out_h, stride=g.stride_h, pad=g.pad_top, size=g.in_h, taps=g.k_h)
    cols = ImageSide(outputs=g.out_w, stride=g.stride_w, pad=g.pad_left, size=g.in_w, taps=g.k_w)
    return rows, cols


def _plane_rows(steps: WidePlanesSteps) -> int:
    """Return the lines that are in the workspace."""
    across = steps.walk.across
    return (steps.at_once - 1) * across.stride + across.taps


def _order(g: Geometry, steps: WidePlanesSteps) -> StoreOrder:
    """Return the order of outputs: a whole plane is read before any is stored."""
    if steps.at_once == steps.walk.across.outputs:
        stored = partial(in_tiles, g, g.out_h, g.out_w)
        return StoreOrder(stored_by=stored, gathers=True, by_channel=True)
    return StoreOrder(stored_by=partial(in_tiles, g, steps.at_once, g.out_w), gathers=False)


def _table(layer: Conv2d, found: Lines, steps: WidePlanesSteps) -> Constant:
    """Return for each channel the words of its plane."""
    weights = found.scale * layer.weights.astype(np.int64)[..., 0]
    if steps.down:
        weights = weights.transpose(0, 2, 1)
    starts = found.scale * layer.folded_bias.astype(np.int64) + found.start
    bent = () if found.negative is None else (found.negative - found.addend,)
    columns: tuple[NDArray[np.int64], ...] = (
        np.repeat(starts[:, None], STARTS, axis=1),
        steps.walk.weights(weights),
        np.stack([found.multiplier, found.addend, *bent], axis=1),
    )
    line = "multiplier, addend" + (", what to add to it below zero" if found.bends else "")
    late = " as they are and half a word late" if len(steps.walk.shifts) > 1 else ""
    return Constant(
        name="planes",
        values=(np.concatenate(columns, axis=1) & 0xFFFFFFFF).astype(np.uint32),
        comment=(
            f"for each channel: where sums start, {STARTS} times; weights "
            f"{found.scale} times, in pairs, {steps.line} by {steps.line} of the kernel{late}; "
            f"{line}"
        ),
    )


def _decision(steps: WidePlanesSteps) -> str:
    some = f"what {steps.at_once} output {steps.line}s see of " if steps.is_cut else ""
    return (
        f"The workspace holds {some}one channel at a time, widened to int16 with zero points "
        "around the image: no bounds are checked."
    )


def _work(layer: Conv2d, found: Lines, steps: WidePlanesSteps) -> Counter[str]:
    """Count the elements filled and widened, the blocks, their products, and their outputs."""
    g, walk = layer.geometry, steps.walk
    across = walk.across
    firsts = range(0, across.outputs, steps.at_once)
    counts = [min(steps.at_once, across.outputs - first) for first in firsts]
    lines = sum(
        _lines_inside(across, first, count) for first, count in zip(firsts, counts, strict=True)
    )
    first, turns, last = walk.blocks
    blocks = [(first, turns), *([(last, 1)] if last else [])]
    every = g.in_c * across.outputs
    every_int8 = (found.least, found.most) == (-128, 127)
    rows = every * across.taps
    return Counter(
        {
            "planes_wide.fill": sum((count - 1) * across.stride + across.taps for count in counts)
            * walk.pitch,
            "planes_wide.plane": g.in_c * len(counts),
            "planes_wide.line": g.in_c * lines,
            "planes_wide.pixel": g.in_c * lines * walk.along.inside,
            "planes_wide.row": every,
            "planes_wide.block": every * sum(count for _, count in blocks),
            "planes_wide.load": rows * sum(block.loads * count for block, count in blocks),
            "planes_wide.product": rows * sum(block.products * count for block, count in blocks),
            "planes_wide.output": g.out_elems,
            "planes_wide.bend": g.out_elems if found.bends else 0,
            "planes_wide.clamp": 0 if every_int8 else g.out_elems,
        }
    )


def _lines_inside(across: ImageSide, first: int, count: int) -> int:
    """Return the lines of the image that some output lines see."""
    top = first * across.stride - across.pad
    bottom = top + (count - 1) * across.stride + across.taps
    return max(0, min(bottom, across.size) - max(0, top))
