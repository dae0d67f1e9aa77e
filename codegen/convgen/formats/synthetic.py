"""Numbers for a spec that gives a shape only: made up from a seed, calibrated to be useful.

Integers: weights spread over all of int8; scales and biases are chosen so that uniformly random
inputs give outputs that cover the output range, some of them saturated. Scales and zero points
that the spec does give are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.formats.schema import LayerSpec, WeightsSpec
from convgen.model.geometry import Geometry
from convgen.model.quantize import INT32, as_float32

_FLOAT32 = np.finfo(np.float32)
_UNIFORM_MEAN = -0.5


def complete(
    spec: LayerSpec, geometry: Geometry, seed: int
) -> tuple[LayerSpec, NDArray[Any], NDArray[Any]]:
    """Return *spec* with its scales and zero points, the weights, and the bias.

    Weights are ``[out_c, k_h, k_w, in_c / groups]`` and bias ``[out_c]``, in the layer's dtypes.
    The same spec and seed give the same numbers.
    """
    rng = np.random.default_rng(seed)
    if spec.input.dtype != "float32":
        return _integers(spec, geometry, rng)
    # Uniform, since a normal draw may differ in the last bit from one C library to another.
    bound = np.sqrt(3 / geometry.patch_elems)
    weights = rng.uniform(-bound, bound, _shape(geometry))
    bias = rng.uniform(-0.5, 0.5, geometry.out_c)
    return spec, weights.astype(np.float32), bias.astype(np.float32)


def _shape(geometry: Geometry) -> tuple[int, int, int, int]:
    return geometry.out_c, geometry.k_h, geometry.k_w, geometry.group_in_c


def _integers(
    spec: LayerSpec, geometry: Geometry, rng: np.random.Generator
) -> tuple[LayerSpec, NDArray[Any], NDArray[Any]]:
    spec = _with_tensor_parameters(spec)
    numbers = np.iinfo(spec.input.dtype)
    values, finer = int(numbers.max) - int(numbers.min) + 1, int(numbers.max) // 127
    weights = _weights(geometry, values - 1, rng)
    # A sum is near normal: its spread gives the scale, its mean the bias.
    flat = weights.reshape(geometry.out_c, -1)
    squares = np.einsum("ck,ck->c", flat, flat, dtype=np.float64)
    spread = np.sqrt(squares).clip(1) * np.sqrt((values**2 - 1) / 12)
    steps_per_sum = finer * rng.uniform(48, 80, geometry.out_c) / spread
    in_zero_point, out_zero_point = spec.input.zero_point or 0, spec.output.zero_point or 0
    centre = finer * rng.uniform(-32, 32, geometry.out_c) - out_zero_point
    mean = flat.sum(axis=1, dtype=np.int64) * (_UNIFORM_MEAN - in_zero_point)
    wide = np.rint(centre / steps_per_sum - mean).clip(INT32.min, INT32.max)
    bias = wide.astype(np.int32 if spec.input.dtype == "int8" else np.int64)
    in_scale, out_scale = spec.input.scale or 1.0, spec.output.scale or 1.0
    scales = (steps_per_sum * out_scale / in_scale).clip(_FLOAT32.tiny, _FLOAT32.max)
    given = WeightsSpec.model_construct(scale=[as_float32(scale) for scale in scales])
    return spec.model_copy(update={"weights": given}), weights, bias


def _with_tensor_parameters(spec: LayerSpec) -> LayerSpec:
    """Fill in the scales and zero points that *spec* lacks."""
    rectified = spec.activation in ("relu", "relu6")
    is_wide = spec.input.dtype == "int16"  # which is symmetric
    input_defaults = {"scale": 2.0 ** (-15 if is_wide else -7), "zero_point": 0 if is_wide else -1}
    output_defaults = {  # relu6 then covers the whole range
        "scale": as_float32(6 / (2**15 - 1 if is_wide else 255)),
        "zero_point": -128 if rectified and not is_wide else 0,
    }
    return spec.model_copy(
        update={
            "input": _filled(spec.input, input_defaults),
            "output": _filled(spec.output, output_defaults),
        }
    )


def _filled(part: Any, defaults: dict[str, float]) -> Any:
    missing = {key: value for key, value in defaults.items() if getattr(part, key) is None}
    return part.model_copy(update=missing)


def _weights(geometry: Geometry, farthest: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Return weights over the widest range whose sums surely fit in int32, ends included.

    Inputs are *farthest* from their zero point, or less.

    Never -128: TensorFlow Lite's specification restricts weights to [-127, 127].
    """
    # 2**30 leaves as much again for the bias.
    limit = int(np.clip(2**30 // (farthest * geometry.patch_elems), 1, 127))
    weights = rng.integers(-limit, limit + 1, _shape(geometry), np.int8)
    ends = max(1, weights.size // 64)
    weights.flat[rng.integers(0, weights.size, ends)] = -limit
    weights.flat[rng.integers(0, weights.size, ends)] = limit
    return weights
