"""From ``layer.json`` to a complete, checked `Layer`, or every reason why not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.errors import SpecError
from convgen.formats import arrays, schema, synthetic
from convgen.formats.arrays import MAX_TENSOR_BYTES, ArrayError, Wanted
from convgen.formats.schema import MAX_SIZE, ArraySpec, ClampSpec, LayerSpec, RequantizeSpec, show
from convgen.model import quantize
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.ops.overflow import overflow
from convgen.model.quantize import INT8, INT32, MAX_SHIFT, Rounding
from convgen.system import files
from convgen.system.files import Unreadable

MAX_SPEC_BYTES = 4 * 2**20
# What a plan, a run and the reference take grows with these; a microcontroller's layers are far
# below. 2**33 products are a minute and more of any of its cores.
MAX_MACS = 2**33
MAX_PIXELS = 2**21


def load(path: Path, *, allow_outside: bool = False, seed: int = 0) -> Conv2d:
    """Read the layer spec at *path*.

    Files it names are relative to its folder and inside it unless *allow_outside*. Numbers it
    leaves out are made up from *seed*. Raises SpecError with every problem found: those of
    structure first, then of shapes and quantisation, then of arrays, then of int32 overflow.
    """
    spec = schema.parse(_read(path))
    geometry, problems = _geometry(spec)
    _refuse(problems + _number_problems(spec))
    if spec.weights is None:
        layer = _layer(*synthetic.complete(spec, geometry, seed), geometry, synthetic=True)
    else:
        weights, bias = _arrays(spec, geometry, path.parent, allow_outside)
        layer = _layer(spec, weights, bias, geometry, synthetic=False)
    if problem := overflow(layer, _scaled_by(spec)):
        raise SpecError([problem])
    return layer


def _scaled_by(spec: LayerSpec) -> str:
    """Return the field that decides how far sums are shifted."""
    given = spec.requantize or RequantizeSpec()
    if given.shift is not None:
        return "requantize.shift"
    return "weights.scale" if given.multiplier is None else "requantize.multiplier"


def _refuse(problems: list[str]) -> None:
    if problems:
        raise SpecError(problems)


def _read(path: Path) -> str:
    try:
        with files.opened(path) as file:
            content = file.read(MAX_SPEC_BYTES + 1)
    except Unreadable as error:
        raise SpecError([f"{path}: cannot read the spec: {error}"]) from None
    if len(content) > MAX_SPEC_BYTES:
        limit = f"at most {MAX_SPEC_BYTES} bytes (put large weights into an .npz)"
        raise SpecError([f"the spec: expected {limit}, got more"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError([f"the spec: expected UTF-8 text, byte {error.start} is not"]) from None


def _geometry(spec: LayerSpec) -> tuple[Geometry, list[str]]:
    """Return the layer's geometry and what is wrong with it; it means nothing if anything is."""
    in_h, in_w, in_c = spec.input.shape
    (k_h, k_w), (stride_h, stride_w) = _pair(spec.kernel_size), _pair(spec.stride)
    dilation_h, dilation_w = _pair(spec.dilation)
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


def _pair(value: int | list[int]) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    height, width = value
    return height, width


def _axis(spec: LayerSpec, axis: int) -> tuple[int, int, int]:
    """Return output size and padding before and after, along height (0) or width (1).

    The output size is not positive where the kernel is larger than the padded input.
    """
    size, stride = spec.input.shape[axis], _pair(spec.stride)[axis]
    reach = (_pair(spec.kernel_size)[axis] - 1) * _pair(spec.dilation)[axis] + 1
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


def _number_problems(spec: LayerSpec) -> list[str]:
    """Return what is wrong with the numbers that stand in the spec itself."""
    problems = _int8_problems(spec) if spec.input.dtype == "int8" else _float32_problems(spec)
    if isinstance(spec.activation, ClampSpec):
        problems += _clamp_problems(spec.activation, spec.input.dtype)
    if spec.weights is None and spec.bias is not None:
        problems.append("bias: expected none, since weights are left out, got an object")
    return problems


def _float32_problems(spec: LayerSpec) -> list[str]:
    given: dict[str, Any] = {
        "input.scale": spec.input.scale,
        "input.zero_point": spec.input.zero_point,
        "output.scale": spec.output.scale,
        "output.zero_point": spec.output.zero_point,
        "weights.scale": spec.weights and spec.weights.scale,
        "requantize": None if spec.requantize is None else {},
    }
    return [
        f"{field}: expected none, since float32 layers are not quantised, got {show(value)}"
        for field, value in given.items()
        if value is not None
    ]


def _int8_problems(spec: LayerSpec) -> list[str]:
    requantize = spec.requantize or RequantizeSpec()
    per_channel = {
        "weights.scale": spec.weights and spec.weights.scale,
        "requantize.multiplier": requantize.multiplier,
        "requantize.shift": requantize.shift,
    }
    problems = [
        f"{field}: expected 1 or {spec.out_channels} numbers, got {len(value)}"
        for field, value in per_channel.items()
        if isinstance(value, list) and len(value) not in (1, spec.out_channels)
    ]
    if spec.weights is None:
        return problems
    needed: dict[str, Any] = {
        "input.zero_point": spec.input.zero_point,
        "output.zero_point": spec.output.zero_point,
    }
    if requantize.multiplier is None or requantize.shift is None:
        needed |= {"input.scale": spec.input.scale, "weights.scale": spec.weights.scale}
    if len(needed) > 2 or spec.activation == "relu6":
        needed["output.scale"] = spec.output.scale
    problems += [
        f"{field}: expected a number, since the layer is int8, got nothing"
        for field, value in needed.items()
        if value is None
    ]
    return problems


def _clamp_problems(clamp: ClampSpec, dtype: str) -> list[str]:
    if clamp.min > clamp.max:
        return [f"activation: expected min at most max, got {clamp.min:g} and {clamp.max:g}"]
    if dtype == "float32":
        ends = {"min": clamp.min, "max": clamp.max}
        return [
            f"activation.{end}: expected a number that float32 can hold, got {value:g}"
            for end, value in ends.items()
            if not math.isfinite(quantize.as_float32(value))
        ]
    if not (clamp.min.is_integer() and clamp.max.is_integer()):
        expected = "whole numbers, in units of the int8 output"
        return [f"activation: expected {expected}, got {clamp.min:g} and {clamp.max:g}"]
    if clamp.min > INT8.max or clamp.max < INT8.min:
        got = f"{clamp.min:g} to {clamp.max:g}"
        return [f"activation: expected a range that meets -128 to 127, got {got}"]
    return []


def _arrays(
    spec: LayerSpec, geometry: Geometry, folder: Path, allow_outside: bool
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the weights and, if the spec has one, the bias."""
    g = geometry
    dtype = spec.input.dtype
    wanted = {
        "weights": (spec.weights, Wanted(dtype, (g.out_c, g.k_h, g.k_w, g.group_in_c))),
        "bias": (spec.bias, Wanted("int32" if dtype == "int8" else dtype, (g.out_c,))),
    }
    found: dict[str, NDArray[Any]] = {}
    problems = []
    for field, (source, want) in wanted.items():
        if source is None:
            continue
        try:
            found[field] = _array(source, want, folder, allow_outside)
        except ArrayError as error:
            problems.append(f"{field}.{error.field}: {error}")
    _refuse(problems)
    return found["weights"], found.get("bias")


def _array(source: ArraySpec, wanted: Wanted, folder: Path, allow_outside: bool) -> NDArray[Any]:
    if source.file is None:
        return arrays.inline(source.values or [], wanted)
    path = arrays.locate(folder, source.file, allow_outside=allow_outside)
    return arrays.load(path, source.array, wanted)


def _layer(
    spec: LayerSpec,
    weights: NDArray[Any],
    bias: NDArray[Any] | None,
    geometry: Geometry,
    *,
    synthetic: bool,
) -> Conv2d:
    for array in (weights, bias):
        if array is not None:
            array.setflags(write=False)
    low, high = _activation_range(spec)
    return Conv2d(
        name=spec.name,
        dtype=spec.input.dtype,
        geometry=geometry,
        activation="clamp" if isinstance(spec.activation, ClampSpec) else spec.activation,
        activation_min=low,
        activation_max=high,
        weights=weights,
        bias=bias,
        quantization=None if spec.input.dtype == "float32" else _quantization(spec),
        synthetic=synthetic,
    )


def _activation_range(spec: LayerSpec) -> tuple[float, float]:
    activation, zero_point = spec.activation, spec.output.zero_point or 0
    if spec.input.dtype == "float32":
        if isinstance(activation, ClampSpec):
            return quantize.as_float32(activation.min), quantize.as_float32(activation.max)
        ranges = {"none": (-math.inf, math.inf), "relu": (0.0, math.inf), "relu6": (0.0, 6.0)}
        return ranges[activation]
    if isinstance(activation, ClampSpec):
        return max(INT8.min, int(activation.min)), min(INT8.max, int(activation.max))
    try:
        return quantize.activation_range(activation, spec.output.scale, zero_point)
    except OverflowError as error:
        expected = "a scale at which relu6's bound fits in int32"
        raise SpecError([f"output.scale: expected {expected}, but {error}"]) from None


def _quantization(spec: LayerSpec) -> Quantization:
    """Return multiplier and shift as given; what is not comes from the scales."""
    given = spec.requantize or RequantizeSpec()
    multiplier, shift = _int32s(given.multiplier), _int32s(given.shift)
    if multiplier is None or shift is None:
        derived = _multipliers(spec, given.rounding)
        multiplier = derived[0] if multiplier is None else multiplier
        shift = derived[1] if shift is None else shift
    return Quantization(
        in_zero_point=spec.input.zero_point or 0,
        out_zero_point=spec.output.zero_point or 0,
        multiplier=np.broadcast_to(multiplier, spec.out_channels),
        shift=np.broadcast_to(shift, spec.out_channels),
        rounding=given.rounding,
        in_scale=spec.input.scale,
        out_scale=spec.output.scale,
        weight_scale=_weight_scale(spec),
    )


def _weight_scale(spec: LayerSpec) -> NDArray[np.float64] | None:
    if spec.weights is None or spec.weights.scale is None:
        return None
    return np.atleast_1d(np.array(spec.weights.scale, np.float64))


def _int32s(value: int | list[int] | None) -> NDArray[np.int32] | None:
    return None if value is None else np.atleast_1d(np.array(value, np.int32))


def _multipliers(
    spec: LayerSpec, rounding: Rounding
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    in_scale, out_scale = spec.input.scale, spec.output.scale
    scales = _weight_scale(spec)
    if in_scale is None or scales is None or out_scale is None:
        raise AssertionError("_int8_problems refuses a spec that lacks scales it needs")
    multiplier, shift = quantize.multipliers(in_scale, scales, out_scale, rounding)
    if shift.max() > MAX_SHIFT:
        expected = f"input.scale * weights.scale / output.scale below 2**{MAX_SHIFT}"
        raise SpecError([f"weights.scale: expected {expected}, got about 2**{shift.max()}"])
    return multiplier, shift
