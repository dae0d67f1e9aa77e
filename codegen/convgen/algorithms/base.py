"""What an algorithm is, and the pieces most of them share."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

import numpy as np

from convgen.kernels.base import KernelPlan
from convgen.layer import Layer
from convgen.plan import Constant, Plan
from convgen.requantize import Requantize
from convgen.target import Target


class Algorithm(Protocol):
    """One way to compute a layer: a variant of a family, such as ``im2col_p2`` of ``im2col``."""

    @property
    def name(self) -> str:
        """Its id in the command line and the report."""
        ...

    @property
    def family(self) -> str:
        """The id it shares with its variants."""
        ...

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        ...

    def reject(self, layer: Layer, target: Target) -> str | None:
        """Return a sentence that says why it cannot do *layer*, or None."""
        ...

    def plan(self, layer: Layer, target: Target) -> Plan:
        """Plan *layer*, which was not rejected."""
        ...


def layer_constants(
    layer: Layer, kernel: KernelPlan, requantize: Requantize | None
) -> tuple[Constant, ...]:
    """Return the arrays every algorithm needs: packed weights, folded bias, requantising."""
    constants = [Constant(name="weights", values=kernel.weights, comment=kernel.packing)]
    if layer.folded_bias.any():
        folded = "less the input zero point's share" if layer.zero_point else "as given"
        constants.append(
            Constant(
                name="bias",
                values=layer.folded_bias.astype(
                    np.float32 if layer.dtype == "float32" else np.int32
                ),
                comment=f"where each sum starts: the bias {folded}",
            )
        )
    if requantize and requantize.per_channel_multiplier:
        constants.append(
            Constant(name="multiplier", values=requantize.multiplier, comment="Q31, per channel")
        )
    if requantize and requantize.per_channel_shift:
        direction = "left" if requantize.form == "double" else "right"
        constants.append(
            Constant(name="shift", values=requantize.shift, comment=f"to the {direction}")
        )
    return tuple(constants)


def block_work(kernel: KernelPlan, pixels: int, count: int, runs: int, elems: int) -> Counter[str]:
    """Count the work of *count* pixel blocks, in all *runs* runs of *elems* elements each.

    Steps, which the compiler fits into registers as it can, have a unit for each shape of block.
    """
    work: Counter[str] = Counter()
    for channels in kernel.channel_blocks:
        blocks = kernel.blocks(channels)
        shape = f"{kernel.name}_{pixels}x{channels}"
        loop = "unrolled" if _is_unrolled(kernel, pixels, channels, elems) else "step"
        work[f"{kernel.name}.block"] += blocks * count
        work[f"{kernel.name}.run"] += blocks * runs
        work[f"{kernel.name}.run_sum"] += blocks * runs * pixels * channels
        work[f"{shape}.{loop}"] += blocks * runs * elems
    return work


def _is_unrolled(kernel: KernelPlan, pixels: int, channels: int, elems: int) -> bool:
    """Whether the compiler is likely to unroll a run: GCC's limits of -O3."""
    products = pixels * channels
    loads = (products if kernel.lanes else pixels) + channels
    return elems <= 16 and elems * (products + loads) <= 200


def output_work(layer: Layer, requantize: Requantize | None) -> Counter[str]:
    """Count the outputs, by the arithmetic that finishes them."""
    form = requantize.form if requantize else "float"
    return Counter({f"output.{form}": layer.geometry.out_elems})
