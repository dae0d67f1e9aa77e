"""What the forms of kn2row share: a convolution as the sum of one 1x1 convolution for each tap."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from convgen.model.arithmetic import of_dtype
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.constant import Constant
from convgen.plans.conv.inside import taps_inside
from convgen.plans.kernels.base import MOST_UNROLLED, Weights
from convgen.plans.output import Output
from convgen.refusal import needs


@dataclass(frozen=True, slots=True, kw_only=True)
class TapSteps:
    """What the templates of kn2row print.

    A GEMM multiplies pixels by the weights of one tap and stores partial sums, or with
    ``accumulates`` adds to them; from pixel to pixel they are ``partial_pitch`` apart. ``partial``
    is the C name of the sums that become outputs; ``finishes`` tells that they are not yet them.
    ``has_tap_starts``: each tap makes up for its zero points; ``has_outside``: taps outside the
    image are made up for; ``has_holes``: columns of the input are zero points for a while.
    ``begins_above``: a loop over image rows begins with a constant one above the image, which makes
    GCC take all within both bounds for hardly ever run, and small rather than quick.
    """

    taps: int
    pixel_blocks: tuple[int, ...]
    accumulates: bool
    partial_pitch: int
    partial: str
    finishes: bool
    has_tap_starts: bool
    has_outside: bool
    has_holes: bool
    begins_above: bool = False


def refuse_depthwise(layer: Conv2d) -> str | None:
    """Return why depthwise layers are not for kn2row, or None."""
    if not layer.geometry.is_depthwise:
        return None
    several = "several input channels for each output, so that a tap is a matrix product"
    return needs(several, "has 1")


def tap_weights(layer: Conv2d) -> Weights:
    """Return one matrix for each tap, ``[taps, out_c, in_c / groups]``."""
    g = layer.geometry
    values = layer.weights.reshape(g.out_c, g.taps, g.group_in_c).swapaxes(0, 1)
    return Weights(
        values=values, given=layer.dtype, sums=layer.sums_dtype, groups=g.groups, lanes=False
    )


def needs_sums(layer: Conv2d) -> bool:
    """Whether partial sums need memory of their own: not in float32, where outputs hold them."""
    return of_dtype(layer.dtype).is_exact


def tap_starts(layer: Conv2d) -> tuple[Constant, ...]:
    """Return where each tap's sums start, less its zero points' share; nothing where at 0."""
    if not layer.zero_point:
        return ()
    comment = "where each tap's sums start, [tap][channel]: less the input zero point's share"
    return (_tap_sums("tap_starts", layer, -layer.zero_point, comment),)


def outside(layer: Conv2d) -> tuple[Constant, ...]:
    """Return what taps outside the image add: their zero points' share, where there is any."""
    if not makes_up_outside(layer):
        return ()
    comment = "what a tap outside the image adds, [tap][channel]: the zero point times its weights"
    return (_tap_sums("outside", layer, layer.zero_point, comment),)


def makes_up_outside(layer: Conv2d) -> bool:
    """Whether taps outside the image are not simply nothing."""
    return layer.zero_point != 0 and layer.geometry.has_padding


def _tap_sums(name: str, layer: Conv2d, factor: int, comment: str) -> Constant:
    sums = tap_weights(layer).values.sum(axis=2, dtype=np.int64)
    return Constant(name=name, values=(factor * sums).astype(np.int32), comment=comment)


def partial_work(layer: Conv2d, output: Output) -> Counter[str]:
    """Count the sums that start at the bias and those that are read again to be finished."""
    outputs = layer.geometry.out_elems
    return Counter({"partial.begin": outputs, "partial.store": outputs if output.finishes else 0})


def unrolls_channels(layer: Conv2d) -> bool:
    """Whether the loop over the channels of a pixel's sums is unrolled: then each is a constant."""
    return layer.geometry.out_c <= MOST_UNROLLED


def taps_summed(layer: Conv2d) -> int:
    """Count the pairs of an output pixel and a tap inside the image."""
    rows, cols = taps_inside(layer.geometry)
    return rows * cols
