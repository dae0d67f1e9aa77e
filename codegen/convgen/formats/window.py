"""From the fields of a window to its geometry, or every reason why not."""

from __future__ import annotations

import math

import numpy as np

from convgen.formats.limits import MAX_MACS, MAX_PIXELS, MAX_SIZE, MAX_TENSOR_BYTES
from convgen.formats.schema import LayerSpec, PoolSpec
from convgen.model.geometry import Geometry
from convgen.model.quantize import INT32


def geometry_of(given: LayerSpec | PoolSpec) -> tuple[Geometry, list[str]]:
    """Return the window of *given* and what is wrong with it; it means nothing if anything is."""
    spec = _as_depthwise(given) if isinstance(given, PoolSpec) else given
    in_h, in_w, in_c = spec.input.shape
    (k_h, k_w), (stride_h, stride_w) = pair(spec.kernel_size), pair(spec.stride)
    dilation_h, dilation_w = pair(spec.dilation)
    out_h, pad_top, pad_bottom = _axis(spec, 0)
    out_w, pad_left, pad_right = _axis(spec, 1)
    geometry = Geometry(
        in_h=in_h,
        in_w=in_w,
        in_c=in_c,
        out_h=out_h,
        out_w=out_w,
        out_c=spec.out_channels,
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
        groups=spec.groups,
    )
    return geometry, _geometry_problems(spec, geometry)


def _as_depthwise(spec: PoolSpec) -> LayerSpec:
    """Return the convolution with the same window: a pooling keeps channels apart."""
    channels = spec.input.shape[-1]
    return LayerSpec.model_construct(
        **dict(spec), out_channels=channels, groups=channels, dilation=1
    )


def pair(value: int | list[int]) -> tuple[int, int]:
    """Return height and width of what may be one number for both."""
    if isinstance(value, int):
        return value, value
    height, width = value
    return height, width


def _axis(spec: LayerSpec, axis: int) -> tuple[int, int, int]:
    """Return output size and padding before and after, along height (0) or width (1).

    The output size is not positive where the kernel is larger than the padded input.
    """
    size, stride = spec.input.shape[axis], pair(spec.stride)[axis]
    reach = (pair(spec.kernel_size)[axis] - 1) * pair(spec.dilation)[axis] + 1
    if isinstance(spec.padding, list):
        before, after = spec.padding[axis], spec.padding[axis + 2]
    elif spec.padding == "valid":
        before, after = 0, 0
    else:  # TensorFlow's ComputePadding: just enough for ceil(size / stride) outputs
        total = max((size - 1) // stride * stride + reach - size, 0)
        before, after = total // 2, total - total // 2
    return (size + before + after - reach) // stride + 1, before, after


def _geometry_problems(spec: LayerSpec, geometry: Geometry) -> list[str]:
    g = geometry
    problems = []
    if g.in_c % g.groups or g.out_c % g.groups:
        expected = f"a divisor of both channel counts, {g.in_c} and {g.out_c}"
        problems.append(f"groups: expected {expected}, got {g.groups}")
    reach_h, reach_w = (g.k_h - 1) * g.dilation_h + 1, (g.k_w - 1) * g.dilation_w + 1
    padded_h, padded_w = g.in_h + g.pad_top + g.pad_bottom, g.in_w + g.pad_left + g.pad_right
    tensors = {
        "input.shape": spec.input.shape,
        "weights": [g.out_c, g.k_h, g.k_w, g.group_in_c],
    }
    out_shape = [g.out_h, g.out_w, g.out_c]
    if max(reach_h, reach_w) > MAX_SIZE:
        expected = f"a kernel that reaches over at most {MAX_SIZE} pixels"
        problems.append(f"dilation: expected {expected}, got {reach_h} x {reach_w}")
    elif g.dilation_w * g.in_c > INT32.max:
        expected = f"a step of at most {INT32.max // g.in_c} columns of {g.in_c} channels"
        problems.append(f"dilation: expected {expected}, got {g.dilation_w}")
    elif reach_h > padded_h or reach_w > padded_w:
        expected = f"a kernel, dilated, of at most {padded_h} x {padded_w}, the padded input"
        problems.append(f"kernel_size: expected {expected}, got {reach_h} x {reach_w}")
    elif spec.output.shape in (None, out_shape):
        tensors["output"] = out_shape
    else:
        expected = f"{out_shape}, which the other fields give"
        problems.append(f"output.shape: expected {expected}, got {spec.output.shape}")
    for field, shape in tensors.items():
        tensor_bytes = math.prod(shape) * np.dtype(spec.input.dtype).itemsize
        if tensor_bytes > MAX_TENSOR_BYTES:
            expected = f"a tensor of at most {MAX_TENSOR_BYTES} bytes"
            problems.append(f"{field}: expected {expected}, got {tensor_bytes} for {shape}")
    return problems or _size_problems(geometry)


def _size_problems(g: Geometry) -> list[str]:
    """Return in what a layer, possible by itself, is too large to be planned and run."""
    sizes = {
        "pixels of the input": (g.in_h * g.in_w, MAX_PIXELS),
        "pixels of the output": (g.out_pixels, MAX_PIXELS),
        "multiply-accumulates": (g.macs, MAX_MACS),
    }
    return [
        f"the layer: expected at most {most:,} {what}, got {size:,}"
        for what, (size, most) in sizes.items()
        if size > most
    ]
