"""Random small layers for hypothesis: every feature of the spec, mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.quantize import MAX_REDUCED_SHIFT, Rounding
from convgen.model.tensor import DType

SMALL = st.integers(1, 3)
WIDE_ROUNDINGS: tuple[Rounding, ...] = ("reduced", "reduced", "double", "single")
"""Of int16 with sums of 32 bits: of convolutions, by their bias, and of fully connected layers."""
SEEDS = st.tuples(*[st.integers(0, 63)] * 5)
"""Of numbers too small for hypothesis to take them from the sources that happen to be imported."""


@dataclass(frozen=True)
class Kind:
    """What a family of random layers is made to stress."""

    dtype: DType
    grouping: str = (
        "any"  # none, depthwise, channels (depthwise without a multiplier), fours (as many),
        # grouped, any
    )
    shape: str = (
        "any"  # pointwise, same (as large as the input), winograd, wide, planes, framed, edge,
        # windows (without dilation, up to 9x9), inside (without padding), any
    )
    rounding: Rounding = "double"
    deep: bool = False  # at least 8 input channels, and padding as in "same" or none
    extreme: bool = False  # weights and biases at the ends of what is legal
    bits: int = 8  # of weights: 4 are from -7 on
    usual: bool = False  # at least 4 outputs, weights from -127, multipliers that spread sums


MIXED = (
    Kind("int8"),
    Kind("int8", grouping="none", usual=True),
    Kind("int8", grouping="none", usual=True, bits=4),
    Kind("int8", grouping="none", shape="winograd"),
    Kind("int8", grouping="none", shape="wide"),
    Kind("int8", grouping="channels", shape="planes"),
    Kind("int8", grouping="channels", shape="framed"),
    Kind("int8", grouping="grouped"),
    Kind("int8", grouping="depthwise"),
    Kind("int8", shape="same"),
    Kind("int8", shape="pointwise"),
    Kind("int8", shape="edge"),
    Kind("int8", rounding="single"),
    Kind("int16"),
    Kind("float32"),
    Kind("float32", grouping="grouped"),
    Kind("float32", grouping="none", shape="winograd", deep=True),
)
"""Kinds of layers that among them every algorithm can do."""


@lru_cache(maxsize=256)  # the boards of a family take the same
def drawn(kinds: tuple[Kind, ...], count: int, number: int) -> Sequence[Conv2d]:
    """Return *count* layers, ``layer0`` and so on, the same for the same *number*."""
    found: list[Conv2d] = []

    @seed(number)
    @settings(
        max_examples=count + 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(kinds).flatmap(layers))
    def draw(layer: Conv2d) -> None:
        found.append(layer)

    draw()
    _simplest, *others = found
    return tuple(replace(layer, name=f"layer{i}") for i, layer in enumerate(others[:count]))


@st.composite
def geometries(draw: st.DrawFn, kind: Kind) -> Geometry:
    grouping = kind.grouping
    if grouping == "any":
        grouping = draw(st.sampled_from(["none", "none", "depthwise", "grouped"]))
    in_c, out_c, groups = _channels(draw, grouping)
    if kind.shape == "edge":
        in_c, out_c, groups = draw(st.sampled_from([(1, 1, 1), (1, 5, 1), (5, 1, 1)]))
    if kind.deep:
        in_c = draw(st.integers(8, 12))
    if kind.usual:
        out_c = draw(st.integers(4, 17))
    (k_h, k_w), (dilation_h, dilation_w), (stride_h, stride_w) = _kernel(draw, kind.shape)
    reach_h, reach_w = (k_h - 1) * dilation_h + 1, (k_w - 1) * dilation_w + 1
    styles = {
        "same": ["uneven"],
        "planes": ["border"],
        "framed": ["same"],
        "inside": ["valid"],
    }.get(kind.shape, ["valid", "same", "any"])
    style = draw(st.sampled_from(["valid", "same"] if kind.deep else styles))
    pad_top, pad_left, pad_bottom, pad_right = _pads(draw, style, reach_h, reach_w)
    least_h = max(1, reach_h - pad_top - pad_bottom)
    least_w = max(1, reach_w - pad_left - pad_right)
    if kind.deep:
        least_h, least_w = max(2, least_h), max(2, least_w)
    in_h, in_w = draw(st.integers(least_h, 9 + reach_h)), draw(st.integers(least_w, 9 + reach_w))
    match kind.shape:
        case "wide":
            in_w = draw(st.integers(15, 19))
        case "planes":
            in_h, in_w = draw(st.integers(least_h, 12)), draw(st.integers(least_w, 16))
        case "edge":
            in_h, in_w = draw(st.sampled_from([(least_h, in_w), (in_h, least_w), (in_h, in_w)]))
    return Geometry(
        in_h=in_h,
        in_w=in_w,
        in_c=in_c,
        out_h=(in_h + pad_top + pad_bottom - reach_h) // stride_h + 1,
        out_w=(in_w + pad_left + pad_right - reach_w) // stride_w + 1,
        out_c=out_c,
        k_h=k_h,
        k_w=k_w,
        stride_h=stride_h,
        stride_w=stride_w,
        dilation_h=dilation_h,
        dilation_w=dilation_w,
        pad_top=pad_top,
        pad_left=pad_left,
        pad_bottom=pad_bottom,
        pad_right=pad_right,
        groups=groups,
    )


def _channels(draw: st.DrawFn, grouping: str) -> tuple[int, int, int]:
    if grouping == "depthwise":
        in_c = draw(st.integers(1, 9))
        return in_c, in_c * draw(SMALL), in_c
    if grouping == "channels":
        in_c = draw(st.integers(1, 9))
        return in_c, in_c, in_c
    if grouping == "fours":
        in_c = 4 * draw(SMALL)
        return in_c, in_c, in_c
    if grouping == "grouped":
        groups = draw(st.integers(2, 3))
        return groups * draw(st.integers(1, 5)), groups * draw(st.integers(1, 6)), groups
    return draw(st.integers(1, 17)), draw(st.integers(1, 17)), 1


def _kernel(draw: st.DrawFn, shape: str) -> tuple[tuple[int, int], ...]:
    """Draw size, dilation and stride, height and width each."""
    some = (1, 1), (draw(SMALL), draw(SMALL))
    match shape:
        case "pointwise":
            return (1, 1), (1, 1), draw(st.sampled_from(some))
        case "winograd" | "wide" | "framed":
            return (3, 3), (1, 1), (1, 1)
        case "planes" | "windows":
            steps = st.integers(1, 2)
            sides = st.integers(1, 9) if shape == "windows" else st.just(3)
            return draw(st.tuples(sides, sides)), (1, 1), draw(st.tuples(steps, steps))
        case "edge":
            return (
                (3, 3),
                draw(st.sampled_from([(1, 1), (3, 3)])),
                draw(st.sampled_from([(1, 1), (3, 3)])),
            )
    size = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    dilation = draw(st.sampled_from(some))
    if shape == "same":
        return size, dilation, (1, 1)
    return size, dilation, (draw(SMALL), draw(SMALL)) if draw(st.booleans()) else (1, 1)


def _pads(draw: st.DrawFn, style: str, reach_h: int, reach_w: int) -> tuple[int, int, int, int]:
    """Draw no padding, some like "same" (even, uneven, one row or column), or any, even far."""
    if style == "valid":
        return 0, 0, 0, 0
    if style == "same":
        top, left = (reach_h - 1) // 2, (reach_w - 1) // 2
        return top, left, reach_h - 1 - top, reach_w - 1 - left
    if style == "border":
        some = st.integers(0, 1)
        return draw(some), draw(some), draw(some), draw(some)
    if style == "uneven":
        top, left = draw(st.integers(0, reach_h - 1)), draw(st.integers(0, reach_w - 1))
        return top, left, reach_h - 1 - top, reach_w - 1 - left
    pads = st.integers(0, 4)
    return draw(pads), draw(pads), draw(pads), draw(pads)


@st.composite
def layers(draw: st.DrawFn, kind: Kind, name: str = "layer") -> Conv2d:
    geometry = draw(geometries(kind))
    rng = np.random.default_rng(draw(SEEDS))
    shape = (geometry.out_c, geometry.k_h, geometry.k_w, geometry.group_in_c)
    has_bias = draw(st.booleans())
    weights: np.ndarray
    bias: np.ndarray
    if kind.dtype == "float32":
        low, high = draw(
            st.sampled_from([(-np.inf, np.inf), (0.0, np.inf), (0.0, 6.0), (-0.5, 0.25)])
        )
        weights = rng.normal(size=shape).astype(np.float32)
        bias = rng.normal(size=geometry.out_c).astype(np.float32)
    else:
        low, high = draw(st.sampled_from([(-128, 127), (-100, 90), (0, 127)]))
        lowest = draw(st.sampled_from([-127, -127, -128]))  # some kernels are for -127 and above
        lowest = -127 if kind.usual else lowest
        weights = rng.integers(lowest, 128, shape).astype(np.int8)
        if kind.bits == 4:
            weights = rng.integers(-7, 8, shape).astype(np.int8)
        bias = rng.integers(-(2**15), 2**15, geometry.out_c).astype(np.int32)
        if kind.dtype == "int16":
            far = draw(st.sampled_from([15, 23, 31, 36]))  # beyond 2^31 sums need 64 bits
            rounding = "reduced" if far > 23 else draw(st.sampled_from(WIDE_ROUNDINGS))
            kind = replace(kind, rounding=rounding)
            bias = rng.integers(-(2**far), 2**far, geometry.out_c)
            low, high = draw(
                st.sampled_from([(-(2**15), 2**15 - 1), (-20000, 30000), (0, 2**15 - 1)])
            )
        if kind.extreme:
            ends = draw(st.sampled_from([[-128], [127], [-128, 127]]))
            weights = rng.choice(ends, shape).astype(np.int8)
            room = 2**31 - 1 - 255 * 128 * geometry.patch_elems
            bias = rng.choice([-room, 0, room], geometry.out_c).astype(np.int32)
    layer = Conv2d(
        name=name,
        dtype=kind.dtype,
        geometry=geometry,
        activation="none",
        activation_min=low,
        activation_max=high,
        weights=weights,
        bias=bias if has_bias else None,
        quantization=None,
        synthetic=False,
    )
    if kind.dtype == "float32":
        return layer
    return replace(layer, quantization=draw(quantizations(kind, layer)))


@st.composite
def quantizations(draw: st.DrawFn, kind: Kind, layer: Conv2d) -> Quantization:
    """Draw multipliers that spread sums over the outputs; sometimes the ends of what is legal."""
    rng = np.random.default_rng(draw(SEEDS))
    out_c = layer.geometry.out_c
    channels = 1 if draw(st.booleans()) else out_c
    multiplier = rng.integers(2**30, 2**31, channels)
    if draw(st.integers(0, 3)) == 0 and not kind.usual:
        multiplier = rng.choice([0, 1, 2**30, 2**31 - 1], channels)
    typical = -int(np.log2(40 * np.sqrt(layer.geometry.patch_elems))) - 1
    spreads = [(typical, typical), (typical - 2, typical + 2), (-1, 2), (-31, -29), (-31, 30)]
    low, high = draw(st.sampled_from(spreads[:2] if kind.usual else [*spreads, (30, 30)]))
    zero_points = st.sampled_from([0] if kind.dtype == "int16" else [-128, 127, 0, -1, 5])
    drawn = Quantization(
        in_zero_point=draw(zero_points),
        out_zero_point=draw(zero_points),
        multiplier=np.resize(multiplier, out_c).astype(np.int32),
        shift=np.resize(rng.integers(low, high + 1, channels), out_c).astype(np.int32),
        rounding=kind.rounding,
    )
    largest_shift = _largest_shift(replace(layer, quantization=drawn), drawn)
    if channels == 1:
        largest_shift = largest_shift.min()
    return replace(drawn, shift=np.minimum(drawn.shift, largest_shift).astype(np.int32))


def _largest_shift(layer: Conv2d, drawn: Quantization) -> np.ndarray:
    """Return how far each channel's sums may be shifted and stay, with the zero point, in int32."""
    low, high = layer.accumulator_range
    factor = drawn.multiplier if drawn.rounding == "single" else np.full(len(low), 2**31)
    products = [
        int(largest) * int(by) for largest, by in zip(np.maximum(-low, high), factor, strict=True)
    ]
    room = [(((2**31 - 256) << 62) // max(1, product)).bit_length() - 32 for product in products]
    return np.minimum(room, MAX_REDUCED_SHIFT if drawn.rounding == "reduced" else 30)


def inputs_for(layer: Conv2d, count: int = 2) -> np.ndarray:
    """Make inputs ``[count, H, W, C]``, the first random, the second of extremes or half zero."""
    g = layer.geometry
    shape = (count, g.in_h, g.in_w, g.in_c)
    rng = np.random.default_rng(g.in_elems)
    if layer.dtype == "float32":
        values = rng.normal(size=shape).astype(np.float32)
        values[1:, :, : g.in_w // 2] = 0
        return values
    ends = np.iinfo(layer.dtype)
    inputs = rng.integers(ends.min, ends.max + 1, shape).astype(layer.dtype)
    inputs[1:] = rng.choice([ends.min, ends.max], shape[1:])
    return inputs
