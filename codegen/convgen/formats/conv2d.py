"""From a spec to a complete, checked convolution, or every reason why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.errors import SpecError, refuse
from convgen.formats import arrays, synthetic
from convgen.formats.activation import activation_range, clamp_problems
from convgen.formats.arrays import ArrayError, WantedArray
from convgen.formats.schema import (
    ArraySpec,
    ClampSpec,
    ConnectedSpec,
    LayerSpec,
    RequantizeSpec,
    show,
)
from convgen.formats.simple import asymmetric
from convgen.formats.window import geometry_of
from convgen.model import quantize
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.ops.overflow import overflow
from convgen.model.quantize import MAX_REDUCED_SHIFT, MAX_SHIFT, Rounding

TITLES = {"conv2d": "convolution layer", "fully_connected": "fully connected layer"}
"""What the comments of generated files call it."""


def build(
    given: LayerSpec | ConnectedSpec, folder: Path, *, allow_outside: bool, seed: int
) -> Conv2d:
    """Return the convolution that *given* describes; the files it names are in *folder*.

    Raises SpecError.
    """
    spec = _as_convolution(given) if isinstance(given, ConnectedSpec) else given
    geometry, problems = geometry_of(spec)
    refuse(problems + _number_problems(spec))
    if spec.weights is None:
        layer = _layer(*synthetic.complete(spec, geometry, seed), geometry, synthetic=True)
    else:
        weights, bias = _arrays(spec, geometry, folder, allow_outside)
        layer = _layer(spec, weights, bias, geometry, synthetic=False)
    if problem := overflow(layer, _scaled_by(spec)):
        raise SpecError([problem])
    return replace(layer, kind=given.op, title=TITLES[given.op])


def _as_convolution(spec: ConnectedSpec) -> LayerSpec:
    """Return the convolution whose one window is the whole input."""
    height, width, _ = spec.input.shape
    return LayerSpec.model_construct(
        **dict(spec),
        kernel_size=[height, width],
        stride=1,
        dilation=1,
        groups=1,
        padding="valid",
    )


def _scaled_by(spec: LayerSpec) -> str:
    """Return the field that decides how far sums are shifted."""
    given = spec.requantize or RequantizeSpec()
    if given.shift is not None:
        return "requantize.shift"
    return "weights.scale" if given.multiplier is None else "requantize.multiplier"


def _number_problems(spec: LayerSpec) -> list[str]:
    """Return what is wrong with the numbers that stand in the spec itself."""
    is_float = spec.input.dtype == "float32"
    problems = _float32_problems(spec) if is_float else _integer_problems(spec)
    if isinstance(spec.activation, ClampSpec):
        problems += clamp_problems(spec.activation, spec.input.dtype)
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
        "weights.bits": spec.weights and spec.weights.bits,
        "requantize": None if spec.requantize is None else {},
    }
    return [
        f"{field}: expected none, since float32 layers are not quantised, got {show(value)}"
        for field, value in given.items()
        if value is not None
    ]


def _integer_problems(spec: LayerSpec) -> list[str]:
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
    problems += asymmetric(spec.input.dtype, "input", spec.input)
    problems += asymmetric(spec.input.dtype, "output", spec.output)
    if requantize.rounding == "reduced" and spec.input.dtype != "int16":
        expected = '"double" or "single", since the layer is int8'
        problems.append(f'requantize.rounding: expected {expected}, got "reduced"')
    if spec.weights is None:
        return problems
    needed: dict[str, Any] = {}
    if spec.input.dtype == "int8":
        needed["input.zero_point"] = spec.input.zero_point
        needed["output.zero_point"] = spec.output.zero_point
    if requantize.multiplier is None or requantize.shift is None:
        needed |= {"input.scale": spec.input.scale, "weights.scale": spec.weights.scale}
    if "input.scale" in needed or spec.activation == "relu6":
        needed["output.scale"] = spec.output.scale
    problems += [
        f"{field}: expected a number, since the layer is {spec.input.dtype}, got nothing"
        for field, value in needed.items()
        if value is None
    ]
    return problems


def _arrays(
    spec: LayerSpec, geometry: Geometry, folder: Path, allow_outside: bool
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the weights and, if the spec has one, the bias."""
    g = geometry
    wanted = {
        "weights": (spec.weights, _wanted_weights(spec, g)),
        "bias": (spec.bias, _wanted_bias(spec, g)),
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
    refuse(problems)
    weights = found["weights"].reshape(g.out_c, g.k_h, g.k_w, g.group_in_c)
    return weights, found.get("bias")


def _wanted_weights(spec: LayerSpec, g: Geometry) -> WantedArray:
    """Return OHWI; of a fully connected layer ``[out_c, inputs]`` too, the same in memory."""
    ohwi = (g.out_c, g.k_h, g.k_w, g.group_in_c)
    dtype = "float32" if spec.input.dtype == "float32" else "int8"
    bits = None if spec.weights is None else spec.weights.bits
    if spec.op == "conv2d":
        return WantedArray(dtype, ohwi, bits=bits)
    return WantedArray(dtype, (g.out_c, g.patch_elems), also=ohwi, bits=bits)


def _wanted_bias(spec: LayerSpec, g: Geometry) -> WantedArray:
    dtype = {"int8": "int32", "int16": "int64"}.get(spec.input.dtype, "float32")
    return WantedArray(dtype, (g.out_c,), or_dtype="int32" if dtype == "int64" else None)


def _array(
    source: ArraySpec, wanted: WantedArray, folder: Path, allow_outside: bool
) -> NDArray[Any]:
    if source.file is None:
        values = source.values or []
        if wanted.also and _depth(values) == len(wanted.also):
            wanted = replace(wanted, shape=wanted.also, also=None)
        return arrays.inline(values, wanted)
    path = arrays.locate(folder, source.file, allow_outside=allow_outside)
    return arrays.load(path, source.array, wanted)


def _depth(values: Any) -> int:
    """Return how deep lists are nested, by their first items."""
    return 1 + _depth(values[0]) if isinstance(values, list) and values else 0


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
    low, high = activation_range(
        spec.activation, spec.input.dtype, spec.output.scale, spec.output.zero_point or 0
    )
    return Conv2d(
        name=spec.name,
        dtype=spec.input.dtype,
        geometry=geometry,
        activation="clamp" if isinstance(spec.activation, ClampSpec) else spec.activation,
        activation_min=low,
        activation_max=high,
        weights=weights,
        bias=bias,
        quantization=None if spec.input.dtype == "float32" else _quantization(spec, bias),
        synthetic=synthetic,
    )


def usual_rounding(op: str, dtype: str, bias: NDArray[Any] | None) -> Rounding:
    """Return how TensorFlow Lite's kernel rounds: a fully connected one once.

    A convolution of int16 takes multipliers of 16 bits, but where the bias is int32.
    """
    if op == "fully_connected":
        return "single"
    if dtype == "int16" and (bias is None or bias.dtype != np.int32):
        return "reduced"
    return "double"


def _quantization(spec: LayerSpec, bias: NDArray[Any] | None) -> Quantization:
    """Return multiplier and shift as given; what is not comes from the scales."""
    given = spec.requantize or RequantizeSpec()
    rounding = given.rounding
    if "rounding" not in given.model_fields_set:
        rounding = usual_rounding(spec.op, spec.input.dtype, bias)
    multiplier, shift = _int32s(given.multiplier), _int32s(given.shift)
    if multiplier is None or shift is None:
        derived = _multipliers(spec, rounding)
        multiplier = derived[0] if multiplier is None else multiplier
        shift = derived[1] if shift is None else shift
    return Quantization(
        in_zero_point=spec.input.zero_point or 0,
        out_zero_point=spec.output.zero_point or 0,
        multiplier=np.broadcast_to(multiplier, spec.out_channels),
        shift=np.broadcast_to(shift, spec.out_channels),
        rounding=rounding,
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
        raise AssertionError("_integer_problems refuses a spec that lacks scales it needs")
    multiplier, shift = quantize.multipliers(in_scale, scales, out_scale, rounding)
    most = MAX_REDUCED_SHIFT if rounding == "reduced" else MAX_SHIFT
    if shift.max() > most:
        expected = f"input.scale * weights.scale / output.scale below 2**{most}"
        raise SpecError([f"weights.scale: expected {expected}, got about 2**{shift.max()}"])
    return multiplier, shift
