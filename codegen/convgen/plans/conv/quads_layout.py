"""The plan of `direct_quads`: packed rows, and each channel's constants in order of use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.assembler import Role
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import Band
from convgen.plans.buffers import buffer
from convgen.plans.constant import Constant
from convgen.plans.conv.base import loop_work, sums_overflow, zero_points
from convgen.plans.kernels.base import OwnSums, no_lone_channels
from convgen.plans.kernels.isa import Planes
from convgen.plans.kernels.vmladav import (
    FARTHEST,
    FINER,
    VECTOR,
    requantized,
    right_shifts,
)
from convgen.plans.order import StoreOrder, in_tiles
from convgen.plans.output import Requantize
from convgen.plans.plan import Plan, Variant
from convgen.refusal import Refusal, needs

SIDE = 4  # of a window: rows in a word, columns in a vector
LANES = 4
LINE_WORDS = 3
SUMS = ("r0", "r2", "r4", "r6")
WEIGHTS = ("q0", "q1", "q2", "q3")
NEAR = 508  # bytes by which a gathering load moves on


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputAxis:
    """Outputs of one side of the image: how many a window gives at once."""

    outputs: int
    taps: int
    stride: int

    @property
    def at_once(self) -> int:
        """One, or two where both see no more than the window."""
        return 2 if self.taps + self.stride <= SIDE else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Accumulator:
    """A sum, and the vector of weights that it takes of what was gathered."""

    register: str
    weights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsForm:
    """The function for one set of output rows: only the first ``rows`` are stored.

    ``seen`` are the rows of the image that they look at. ``full`` and ``tail`` are the predicates
    of whole blocks and of the last one; None where all is stored, and where there is none.
    """

    name: str
    rows: int
    seen: int
    full: int | None
    tail: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuadsSteps:
    """What ``algorithms/direct_quads.c.j2`` prints; ``rows`` and ``cols`` are the two sides.

    The workspace has ``packed_cols`` columns, ``right_cols`` of them behind the image. A row is
    packed in so many ``vectors`` and a ``rest``.
    """

    rows: OutputAxis
    cols: OutputAxis
    channels: int
    packed_cols: int
    right_cols: int
    vectors: int
    rest: int
    forms: tuple[RowsForm, ...]

    @property
    def row(self) -> int:
        """Pixels of a row, of all channels."""
        return VECTOR * self.vectors + self.rest

    @property
    def two_rows(self) -> bool:
        """Whether windows give two rows of outputs."""
        return self.rows.at_once > 1

    @property
    def loops(self) -> bool:
        """Whether there are several whole blocks."""
        return self.blocks > 1

    @property
    def shifts(self) -> int:
        """Bits from the weights of a row of outputs to those of the next."""
        return 8 * self.rows.stride

    @property
    def lead(self) -> int:
        """Columns of nothing in front of the weights."""
        return self.cols.stride if self.cols.at_once > 1 else 0

    @property
    def lead_bytes(self) -> int:
        """Their bytes."""
        return 4 * self.lead

    @property
    def weight_words(self) -> int:
        """Words of a channel's weights."""
        return self.lead + SIDE

    @property
    def weight_bytes(self) -> int:
        """Their bytes."""
        return 4 * self.weight_words

    @property
    def constant_bytes(self) -> int:
        """The bytes of all channels' constants."""
        return 4 * self.channels * (self.weight_words + LINE_WORDS)

    @property
    def gathers(self) -> tuple[tuple[Accumulator, ...], ...]:
        """Return the sums of each window of a block; lanes are row by row of outputs."""
        count = LANES // (self.rows.at_once * self.cols.at_once)
        return tuple(
            tuple(
                Accumulator(
                    register=SUMS[row * self.across + gather * self.cols.at_once + col],
                    weights=WEIGHTS[2 * col + row],
                )
                for row in range(self.rows.at_once)
                for col in range(self.cols.at_once)
            )
            for gather in range(count)
        )

    @property
    def weights(self) -> tuple[str, ...]:
        """Vectors that hold them."""
        return tuple(each.weights for each in self.gathers[0])

    @property
    def across(self) -> int:
        """Output columns of a block."""
        return LANES // self.rows.at_once

    @property
    def blocks(self) -> int:
        """Whole blocks of a row."""
        return self.cols.outputs // self.across

    @property
    def left(self) -> int:
        """Output columns behind them."""
        return self.cols.outputs % self.across

    @property
    def step(self) -> int:
        """Bytes from window to window."""
        return self.cols.at_once * self.cols.stride * 4 * self.channels

    @property
    def is_near(self) -> bool:
        """Whether a load moves on by itself."""
        return self.step <= NEAR

    @property
    def back(self) -> int:
        """Bytes from behind the last block to the next channel."""
        walked = (self.blocks + (self.left > 0)) * len(self.gathers) * self.step
        return walked - 4

    @property
    def moves(self) -> tuple[str, ...]:
        """What leads to the next window, where a load does not."""
        return () if self.is_near else tuple(_moved("r3", self.step))

    @property
    def next_outputs(self) -> tuple[str, ...]:
        """What leads to the outputs of the next block."""
        return tuple(_moved("r11", self.across * self.channels))

    @property
    def pack_roles(self) -> tuple[Role, ...]:
        """What registers hold where rows are packed."""
        return (
            Role(("r2",), "where packed pixels are stored"),
            Role(("r3", "r4", "r5", "r6"), "where each row is read"),
            Role(("r7", "r8", "r9", "r10"), "how far its next pixels are"),
            Role(("lr",), "how often sixteen pixels are left"),
            Role(WEIGHTS, "sixteen pixels of each row"),
        )

    @property
    def roles(self) -> tuple[Role, ...]:
        """What registers hold."""
        return (
            Role(("r3",), "where the first window of the channel is"),
            Role(("r5", "r1"), "constants, in order of use; where they end"),
            Role(("r7", "r11"), "where outputs of the channel are stored; of the next block"),
            Role(("r8", "r9", "r10"), "multiplier, shift and start of the channel"),
            Role(SUMS, "sums of four outputs; r0 also a count or a predicate"),
            *((Role(("lr",), "how many blocks are left"),) if self.loops else ()),
            Role(self.weights, "weights: for each output of a window"),
            Role(("q4", "q6"), "where columns of a window are, and outputs of a block"),
            Role(("q5",), "inputs of a window, then outputs"),
        )


def _moved(register: str, size: int) -> Iterator[str]:
    """Yield what moves a pointer on by *size* bytes."""
    for done in range(0, size, FARTHEST):
        yield f"add {register}, {register}, #{min(FARTHEST, size - done)}"


def laid_out(variant: Variant, layer: Conv2d, quads: Planes) -> Plan | Refusal:
    """Return the plan of *variant*, by the assembly *quads*; refuse other layers."""
    if reason := _wrong_shape(layer) or sums_overflow(layer):
        return Refusal(reason)
    output = requantized(layer)
    if output is None:
        return FINER
    g, steps = layer.geometry, _steps(layer.geometry)
    at_once = steps.rows.at_once
    return Plan(
        variant=variant,
        template="algorithms/direct_quads.c.j2",
        operator=layer,
        kernel=OwnSums(
            name="quads",
            description="assembly with Helium where there is, four outputs at a time",
        ),
        output=output,
        own_assembly=quads.assembly,
        workspace=(buffer("packed", "int32", steps.packed_cols, g.in_c),),
        constants=(_table(layer, output, steps), zero_points(layer, VECTOR)),
        steps=steps,
        orders=(StoreOrder(stored_by=partial(in_tiles, g, at_once, g.out_w), gathers=True),),
        decisions=(
            "The workspace holds four rows with zero points around the image: no bounds are "
            "checked.",
        ),
        work=_work(g, steps) + loop_work(layer),
        band=Band(step=at_once),
    )


def _wrong_shape(layer: Conv2d) -> str | None:
    g = layer.geometry
    if reason := no_lone_channels(layer):
        return reason
    if (g.dilation_h, g.dilation_w) != (1, 1):
        return needs("dilation 1x1", f"has {g.dilation_h}x{g.dilation_w}")
    if max(g.k_h, g.k_w) > SIDE:
        return needs(f"a kernel of at most {SIDE}x{SIDE}", f"has {g.k_h}x{g.k_w}")
    if g.in_w * g.in_c < VECTOR:
        return needs(f"rows of at least {VECTOR} bytes", f"has {g.in_w * g.in_c}")
    return None


def _steps(g: Geometry) -> QuadsSteps:
    rows = OutputAxis(outputs=g.out_h, taps=g.k_h, stride=g.stride_h)
    cols = OutputAxis(outputs=g.out_w, taps=g.k_w, stride=g.stride_w)
    across = LANES // rows.at_once
    windows = -(-g.out_w // across) * across // cols.at_once
    seen = (windows - 1) * cols.at_once * cols.stride + SIDE
    packed = max(seen, g.pad_left + g.in_w)
    vectors, rest = divmod(g.in_w * g.in_c, VECTOR)
    return QuadsSteps(
        rows=rows,
        cols=cols,
        channels=g.in_c,
        packed_cols=packed,
        right_cols=packed - g.pad_left - g.in_w,
        vectors=vectors,
        rest=rest,
        forms=tuple(_forms(rows, cols, across)),
    )


def _forms(rows: OutputAxis, cols: OutputAxis, across: int) -> list[RowsForm]:
    """Return the function for whole sets of rows, and the one for those that are left."""
    counts = [rows.at_once] if rows.outputs >= rows.at_once else []
    counts += [rows.outputs % rows.at_once] if rows.outputs % rows.at_once else []
    left = cols.outputs % across
    return [
        RowsForm(
            name=f"rows_{count}",
            rows=count,
            seen=(count - 1) * rows.stride + rows.taps,
            full=None if count == rows.at_once else _mask(count, across, across),
            tail=_mask(count, left, across) if left else None,
        )
        for count in counts
    ]


def _mask(rows: int, cols: int, across: int) -> int:
    """Return the predicate of the lanes in the first *rows* and *cols* of a block."""
    return sum(0xF << 4 * (row * across + col) for row in range(rows) for col in range(cols))


def _table(layer: Conv2d, output: Requantize, steps: QuadsSteps) -> Constant:
    """Return where pixels and outputs of a block are, and for each channel what it needs."""
    g, across = layer.geometry, steps.across
    first = -steps.step if steps.is_near else 0
    columns = first + 4 * g.in_c * np.arange(LANES)
    lanes = np.arange(LANES)
    outputs = (lanes // across * g.out_w + lanes % across) * g.out_c
    multiplier, right = right_shifts(output, g.out_c)
    window = np.zeros((g.out_c, SIDE, SIDE), np.int8)  # [channel, column, row]
    window[:, : g.k_w, : g.k_h] = layer.weights[..., 0].transpose(0, 2, 1)
    lead = np.zeros((g.out_c, steps.lead), np.int64)
    words = window.reshape(g.out_c, -1).view("<i4").astype(np.int64)
    line = np.stack([multiplier, -right, layer.folded_bias.astype(np.int64)], axis=1)
    each: NDArray[np.int64] = np.concatenate([lead, words, line], axis=1)
    values = np.concatenate([columns, outputs, each.reshape(-1)])
    return Constant(
        name="quads",
        values=(values & 0xFFFFFFFF).astype(np.uint32),
        comment=(
            "where four columns and four outputs are; then for each channel weights, the rows of a "
            "column in a word; multiplier, shift, and where sums start"
        ),
    )


def _work(g: Geometry, steps: QuadsSteps) -> Counter[str]:
    """Count sets of rows, what is packed for them, and the channels' blocks."""
    sets = -(-g.out_h // steps.rows.at_once)
    blocks = sets * g.in_c * (steps.blocks + (steps.left > 0))
    return Counter(
        {
            "direct_quads.set": sets,
            "direct_quads.vector": sets * (steps.vectors + (steps.rest > 0)),
            "direct_quads.fill": steps.packed_cols - g.in_w,
            "direct_quads.channel": sets * g.in_c,
            "direct_quads.block": blocks,
            "direct_quads.window": blocks * len(steps.gathers),
        }
    )
