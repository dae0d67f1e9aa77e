"""Inner kernels in plain C, for any core: `DOT` and, for depthwise layers, `LANES`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.kernels.base import KernelPlan, Runs, Span, spans_of
from convgen.layer import Layer
from convgen.target import Target

LONG_PATCH_ELEMS = 32  # products of one sum from which a call of a block is cheap


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

    def suits(self, layer: Layer, target: Target) -> bool:
        """Lanes serve layers with one output channel per input channel."""
        geometry = layer.geometry
        return self.lanes == (geometry.is_depthwise and geometry.group_out_c == 1)

    def plan(self, layer: Layer, target: Target, runs: Runs) -> KernelPlan:
        """Fit the block to the target's registers and the layer's channels."""
        geometry = layer.geometry
        pixels, channels = next(
            (pixels, channels)
            for registers, pixels, channels in self.blocks
            if target.cpu.registers >= registers
        )
        groups = 1 if self.lanes else geometry.groups
        spans = spans_of(geometry.out_c // groups, channels)
        pixels = min(pixels, runs.pixels)
        return KernelPlan(
            name=self.name,
            template=self.template,
            description=f"plain C, {pixels} x {spans[0].channels} sums (pixels x channels)",
            pixels=pixels,
            runs=runs,
            lanes=self.lanes,
            out_of_line=geometry.patch_elems >= LONG_PATCH_ELEMS,
            groups=groups,
            group_channels=geometry.out_c // groups,
            spans=spans,
            weights=pack(layer.weights, groups, spans),
            packing=(
                "[channel block][tap][channel], blocks of "
                f"{' + '.join(str(span.channels) for span in spans)} channels"
            ),
        )


def pack(weights: NDArray[Any], groups: int, spans: tuple[Span, ...]) -> NDArray[Any]:
    """Interleave the channels of each block: ``[block][tap and input channel][channel]``, flat.

    >>> pack(np.arange(6, dtype=np.int8).reshape(3, 1, 1, 2), 1, spans_of(3, 2)).tolist()
    [0, 2, 1, 3, 4, 5]
    """
    by_group = weights.reshape(groups, weights.shape[0] // groups, -1)
    blocks = [
        group[first : first + span.channels].T.reshape(-1)
        for group in by_group
        for span in spans
        for first in range(span.first, span.last, span.channels)
    ]
    return np.concatenate(blocks)


DOT = PortableKernel(
    name="dot",
    template="kernels/dot.c.j2",
    lanes=False,
    blocks=((26, 4, 4), (12, 2, 4), (0, 1, 4)),
)
LANES = PortableKernel(
    name="lanes",
    template="kernels/lanes.c.j2",
    lanes=True,
    blocks=((26, 2, 4), (12, 1, 4), (0, 1, 2)),
)
