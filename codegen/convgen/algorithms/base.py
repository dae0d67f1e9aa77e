"""What an algorithm is, and the pieces most of them share."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

import numpy as np

from convgen.kernels import KernelPlan
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
    channels = " + ".join(str(width) for width in kernel.channel_blocks)
    constants = [
        Constant(
            name="weights",
            values=kernel.weights,
            comment=f"[channel block][tap][channel], blocks of {channels} channels",
        )
    ]
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
    """Count the work of *count* pixel blocks, each of *runs* runs of *elems* elements."""
    work: Counter[str] = Counter()
    for channels in kernel.channel_blocks:
        blocks = count * kernel.blocks(channels)
        sums = pixels * channels
        loads = (sums if kernel.lanes else pixels) + channels
        steps = blocks * runs * elems
        work["block"] += blocks
        work[f"{kernel.name}.run"] += blocks * runs
        work[f"{kernel.name}.run_sum"] += blocks * runs * sums
        work[f"{kernel.name}.step"] += steps
        work[f"{kernel.name}.load"] += steps * loads
        work[f"{kernel.name}.mac"] += steps * sums
    return work


def output_work(layer: Layer, requantize: Requantize | None) -> Counter[str]:
    """Count the outputs, by the arithmetic that finishes them."""
    form = requantize.form if requantize else "float"
    return Counter({f"output.{form}": layer.geometry.out_elems})
