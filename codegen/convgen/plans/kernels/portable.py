"""Plain C, for any core: the inner kernels `DOT` and, for depthwise layers, `LANES`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.plans.kernels.base import (
    MOST_UNROLLED,
    KernelPlan,
    OutOfLine,
    Runs,
    Span,
    Weights,
    spans_of,
)
from convgen.plans.kernels.isa import InstructionSet, Products
from convgen.targets.target import Target

LONG_DEPTH = 32  # products of one sum from which a call of a block is cheap
WORKING = 5  # registers of unrolled blocks: pointers, an input, a sum and a product
FEW_REGISTERS, MANY_REGISTERS = 8, 26
"""So few that the sums of a block barely fit, so many that there is room for more beside."""

_WIDE = {"int16": "16"}
_BY_POINTER = "_ptr"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortableKernel:
    """Sums of ``pixels x channels`` in local variables, as many as the registers hold.

    ``blocks`` lists ``(registers, pixels, channels)``: the first row whose registers the target
    has is used.
    """

    name: str
    template: str
    lanes: bool
    blocks: tuple[tuple[int, int, int], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its forms: of 8-bit or float, of 16-bit, of pixels behind pointers."""
        return (self.name, *(self.name + wide for wide in _WIDE.values()), self.name + _BY_POINTER)

    def suits(self, weights: Weights, target: Target) -> bool:
        """Lanes serve layers with one output channel per input channel."""
        return self.lanes == weights.lanes

    def plan(self, weights: Weights, target: Target, runs: Runs) -> KernelPlan:
        """Fit the block to the target's registers and the layer's channels."""
        pixels, channels = self.block(target)
        groups = 1 if self.lanes else weights.groups
        spans = spans_of(weights.out_c // groups, channels)
        pixels = min(pixels, runs.pixels)
        dtype = str(weights.values.dtype)
        return KernelPlan(
            name=self.name + _WIDE.get(dtype, "") + (_BY_POINTER if runs.by_pointer else ""),
            template=self.template,
            description=f"plain C, {pixels} x {spans[0].channels} sums (pixels x channels)",
            dtype=dtype,
            given=weights.given,
            sums=weights.sums,
            depth=weights.depth,
            pixels=pixels,
            runs=runs,
            lanes=self.lanes,
            out_of_line=_out_of_line(weights.depth, runs, target),
            groups=groups,
            group_channels=weights.out_c // groups,
            spans=spans,
            weights=pack(weights.values, groups, spans),
            packing=(
                ("[matrix]" if len(weights.values) > 1 else "")
                + "[channel block][depth][channel], blocks of "
                f"{' + '.join(str(span.channels) for span in spans)} channels"
            ),
            kept=max(0, target.cpu.registers - WORKING),
        )

    def block(self, target: Target) -> tuple[int, int]:
        """Return the pixels and channels of a block that fits the target's registers."""
        return next(
            (pixels, channels)
            for registers, pixels, channels in self.blocks
            if target.cpu.registers >= registers
        )


def _out_of_line(depth: int, runs: Runs, target: Target) -> OutOfLine | None:
    """Return what to call: with few registers the loop over a run, which then has them all."""
    if target.cpu.registers <= FEW_REGISTERS and depth // runs.count > MOST_UNROLLED:
        return "run"
    return "block" if depth >= LONG_DEPTH else None


def pack(matrices: NDArray[Any], groups: int, spans: tuple[Span, ...]) -> NDArray[Any]:
    """Interleave the channels of each block: ``[matrix][block][depth][channel]``.

    *matrices* are ``[matrix, channel, depth]``; what more axes they have is kept, and the result
    flat but for these.

    >>> pack(np.arange(6, dtype=np.int8).reshape(1, 3, 2), 1, spans_of(3, 2)).tolist()
    [0, 2, 1, 3, 4, 5]
    """
    count, out_c, depth, *more = matrices.shape
    by_group = matrices.reshape(count, groups, out_c // groups, depth, *more)
    packed = [
        by_group[:, :, span.first : span.last]
        .reshape(count, groups, -1, span.channels, depth, *more)
        .swapaxes(3, 4)
        .reshape(count, groups, -1, *more)
        for span in spans
    ]
    return np.concatenate(packed, axis=2).reshape(-1, *more)


DOT = PortableKernel(
    name="dot",
    template="kernels/dot.c.j2",
    lanes=False,
    blocks=((MANY_REGISTERS, 4, 4), (12, 2, 4), (0, 1, 4)),
)
LANES = PortableKernel(
    name="lanes",
    template="kernels/lanes.c.j2",
    lanes=True,
    blocks=((MANY_REGISTERS, 2, 4), (12, 1, 4), (0, 1, 2)),
)


PORTABLE = InstructionSet(
    name="portable",
    products=Products(description="plain C", unrolled=32),
)
