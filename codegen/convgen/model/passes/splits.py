"""Depthwise convolutions beside each other, each of some channels, as one of all channels.

A mixed convolution splits channels, takes rows of its own for each share, and joins what comes of
them. Where a share has fewer taps than the others, taps with weight zero stand for those missing:
some more multiplications, but no channels are moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry
from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.ops.move import Concatenation, Slice
from convgen.model.passes.rewriting import only_readers, rebuilt, writers

MOST_TAPS = 1.5
"""Times the multiplications: more of them would take longer than moving channels does."""


def join_shares(graph: Graph) -> Graph:
    """Make one of depthwise convolutions whose outputs are the channels of one tensor."""
    written, only = writers(graph), only_readers(graph)
    changes: dict[str, tuple[Operator, ...]] = {}
    for operator in graph.operators:
        if isinstance(operator, Concatenation) and operator.axis == len(operator.output.shape) - 1:
            shares = _shares(operator, written, only)
            whole = _whole(operator, shares) if shares else None
            if whole:
                changes |= {share.layer.name: () for share in shares}
                changes[operator.name] = (whole,)
    return rebuilt(graph, changes)


@dataclass(frozen=True, slots=True)
class _Share:
    """A convolution of what a slice leaves of an image."""

    layer: Conv2d
    slice: Slice


def _shares(
    joining: Concatenation, written: Mapping[str, Operator], only: Mapping[str, Operator]
) -> list[_Share]:
    """Return what *joining* joins, or nothing if that is something else."""
    found = []
    for tensor in joining.inputs:
        layer = written.get(tensor.name)
        if not isinstance(layer, Conv2d) or layer.outputs[0].shape != tensor.shape:
            return []
        cut = written.get(layer.input_name)
        if not isinstance(cut, Slice) or cut.output.shape != layer.inputs[0].shape:
            return []
        if tensor.name not in only or not _is_depthwise(layer):
            return []
        found.append(_Share(layer, cut))
    return found


def _is_depthwise(layer: Conv2d) -> bool:
    g = layer.geometry
    return layer.quantization is not None and g.groups == g.in_c == g.out_c


def _whole(joining: Concatenation, shares: Sequence[_Share]) -> Conv2d | None:
    """Return the convolution of all channels that does the same, if there is one."""
    first, image = shares[0].layer, shares[0].slice.inputs[0]
    axes = [_Axis.of(shares, axis) for axis in (0, 1)]
    starts = np.cumsum([0, *(share.layer.geometry.in_c for share in shares)]).tolist()
    if not (
        all(share.slice.inputs[0] == image for share in shares)
        and [share.slice.begin[2] for share in shares] == starts[:-1]
        and image.shape[2] == starts[-1]
        and len({_agreeing(share) for share in shares}) == 1
        and all(axis.is_sound for axis in axes)
    ):
        return None
    geometry = _geometry(first.geometry, image.shape, axes)
    if geometry.macs > MOST_TAPS * sum(share.layer.macs for share in shares):
        return None
    layers = [share.layer for share in shares]
    return replace(
        first,
        geometry=geometry,
        weights=np.concatenate([_spread(share, axes) for share in shares]),
        bias=_bias(layers),
        quantization=_quantization(layers),
        synthetic=any(layer.synthetic for layer in layers),
        input_name=image.name,
        output_name=joining.output.name,
    )


def _agreeing(share: _Share) -> tuple[Any, ...]:
    """Return in what all shares must agree."""
    layer, g = share.layer, share.layer.geometry
    q = layer.quantization
    return (
        *(layer.kind, layer.activation, layer.activation_min, layer.activation_max),
        *((q.in_zero_point, q.out_zero_point, q.rounding, q.in_scale, q.out_scale) if q else ()),
        *(g.out_h, g.out_w, g.stride_h, g.stride_w, g.dilation_h == g.dilation_w == 1),
        *share.slice.strides,
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """Rows, or columns: of each share where it begins, how many it takes, pads and taps.

    ``size`` is the image's, ``out`` the output's; the taps are from ``start`` on, ``taps`` of them.
    """

    size: int
    out: int
    stride: int
    begins: tuple[int, ...]
    counts: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    kernels: tuple[int, ...]

    @classmethod
    def of(cls, shares: Sequence[_Share], axis: int) -> _Axis:
        """Look at *axis* 0, rows, or 1."""
        seen = [share.layer.geometry for share in shares]
        rows = axis == 0
        return cls(
            size=shares[0].slice.inputs[0].shape[axis],
            out=seen[0].out_h if rows else seen[0].out_w,
            stride=seen[0].stride_h if rows else seen[0].stride_w,
            begins=tuple(share.slice.begin[axis] for share in shares),
            counts=tuple(share.slice.output.shape[axis] for share in shares),
            pads=tuple(
                (g.pad_top, g.pad_bottom) if rows else (g.pad_left, g.pad_right) for g in seen
            ),
            kernels=tuple(g.k_h if rows else g.k_w for g in seen),
        )

    @property
    def firsts(self) -> tuple[int, ...]:
        """Where in the image the first tap of each share lies."""
        pairs = zip(self.begins, self.pads, strict=True)
        return tuple(begin - before for begin, (before, _) in pairs)

    @property
    def start(self) -> int:
        return min(0, *self.firsts)

    @property
    def taps(self) -> int:
        ends = (first + taps for first, taps in zip(self.firsts, self.kernels, strict=True))
        return max(ends) - self.start

    @property
    def after(self) -> int:
        """The padding behind the image."""
        return max(0, self.start + (self.out - 1) * self.stride + self.taps - self.size)

    @property
    def is_sound(self) -> bool:
        """Whether padding of shares is padding of the image, and no output is left over."""
        is_padding = all(
            (begin == 0 or not before) and (begin + count == self.size or not after)
            for begin, count, (before, after) in zip(
                self.begins, self.counts, self.pads, strict=True
            )
        )
        places = self.size - self.start + self.after - self.taps
        return is_padding and places // self.stride + 1 == self.out


def _geometry(g: Geometry, shape: Sequence[int], axes: Sequence[_Axis]) -> Geometry:
    rows, cols = axes
    return replace(
        g,
        in_h=shape[0],
        in_w=shape[1],
        in_c=shape[2],
        out_c=shape[2],
        groups=shape[2],
        k_h=rows.taps,
        k_w=cols.taps,
        pad_top=-rows.start,
        pad_bottom=rows.after,
        pad_left=-cols.start,
        pad_right=cols.after,
    )


def _spread(share: _Share, axes: Sequence[_Axis]) -> NDArray[Any]:
    """Return the weights of *share* among zeros."""
    given = share.layer.weights
    ends = [(share.slice.begin[0], share.layer.geometry.pad_top)]
    ends.append((share.slice.begin[1], share.layer.geometry.pad_left))
    widths = [(0, 0)]
    for axis, (begin, pad), size in zip(axes, ends, given.shape[1:3], strict=True):
        before = begin - pad - axis.start
        widths.append((before, axis.taps - before - size))
    return np.pad(given, [*widths, (0, 0)])


def _bias(layers: Sequence[Conv2d]) -> NDArray[Any] | None:
    if all(layer.bias is None for layer in layers):
        return None
    return np.concatenate(
        [
            np.zeros(layer.geometry.out_c, np.int32) if layer.bias is None else layer.bias
            for layer in layers
        ]
    )


def _quantization(layers: Sequence[Conv2d]) -> Quantization | None:
    each = [layer.quantization for layer in layers if layer.quantization]
    scales = [
        np.broadcast_to(q.weight_scale, q.multiplier.shape)
        for q in each
        if q.weight_scale is not None
    ]
    return replace(
        each[0],
        multiplier=np.concatenate([q.multiplier for q in each]),
        shift=np.concatenate([q.shift for q in each]),
        weight_scale=np.concatenate(scales) if len(scales) == len(each) else None,
    )
