"""An operator as a layer spec and arrays, so that reading them gives the same operator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.errors import UsageError
from convgen.formats.conv2d import usual_rounding
from convgen.model import quantize
from convgen.model.operator import Operator
from convgen.model.ops.add import Add
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.ops.pool import Pool2d
from convgen.model.ops.transposed_conv2d import TransposedConv2d
from convgen.model.tensor import Tensor

DATA = "data.npz"
"""The file beside the spec that has its arrays."""

Fields = dict[str, Any]

_OF_CONVOLUTIONS = ("dilation", "groups")


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What ``layer.json`` says, and the arrays that it names."""

    fields: Fields
    arrays: Mapping[str, NDArray[Any]]


def is_writable(operator: Operator) -> bool:
    """Whether a spec can say *operator*."""
    return isinstance(operator, Conv2d | TransposedConv2d | Pool2d | Add)


def written(operator: Operator) -> Written:
    """Return *operator* as a spec. Raises UsageError for what no spec can say."""
    match operator:
        case Conv2d():
            return _convolution(operator)
        case TransposedConv2d():
            return _transposed(operator)
        case Pool2d():
            return Written(_pooling(operator), {})
        case Add():
            return Written(_addition(operator), {})
    raise UsageError(
        "--layer: expected a convolution, fully connected layer, pooling or addition of two "
        f"tensors, got {operator.title}"
    )


def _convolution(layer: Conv2d) -> Written:
    g = layer.geometry
    is_connected = layer.kind == "fully_connected" and (g.in_h, g.in_w, g.taps) == (1, 1, 1)
    fields: Fields = {
        "name": layer.name,
        "op": "fully_connected" if is_connected else "conv2d",
        "input": _tensor(layer.inputs[0]),
        "output": _numbers(layer.outputs[0]),
        "out_channels": g.out_c,
    }
    if not is_connected:
        fields |= {
            "kernel_size": [g.k_h, g.k_w],
            "stride": [g.stride_h, g.stride_w],
            "padding": [g.pad_top, g.pad_left, g.pad_bottom, g.pad_right],
            "dilation": [g.dilation_h, g.dilation_w],
            "groups": g.groups,
        }
    arrays: dict[str, NDArray[Any]] = {"weights": layer.weights}
    fields |= {"activation": _activation(layer), "weights": _array("weights")}
    if is_connected:
        arrays["weights"] = layer.weights.reshape(g.out_c, -1)
    if layer.bias is not None:
        arrays["bias"], fields["bias"] = layer.bias, _array("bias")
    q = layer.quantization
    if q is not None:
        if q.weight_scale is not None:
            fields["weights"]["scale"] = _one_or_many(q.weight_scale)
        if layer.weight_bits < 8:
            fields["weights"]["bits"] = layer.weight_bits
        if requantize := _requantize(q, usual_rounding(fields["op"], layer.dtype, layer.bias)):
            fields["requantize"] = requantize
    return Written(fields, arrays)


def _transposed(operator: TransposedConv2d) -> Written:
    """Return the fields of the convolution, but for what is that of the image spread."""
    layer = replace(operator.convolution, name=operator.name)
    found, g, (top, left) = _convolution(layer), layer.geometry, operator.pads
    bottom, right = g.k_h - 1 - g.pad_bottom, g.k_w - 1 - g.pad_right
    fields = {name: found.fields[name] for name in found.fields if name not in _OF_CONVOLUTIONS}
    fields |= {
        "op": operator.kind,
        "input": _tensor(operator.input),
        "output": {"shape": [g.out_h, g.out_w, g.out_c], **_numbers(operator.outputs[0])},
        "stride": list(operator.strides),
        "padding": [top, left, max(0, bottom), max(0, right)],
    }
    weights = np.ascontiguousarray(operator.weights[:, ::-1, ::-1])
    return Written(fields, {**found.arrays, "weights": weights})


def _array(name: str) -> Fields:
    return {"file": DATA, "array": name}


def _one_or_many(values: NDArray[Any]) -> Any:
    """Return numbers as a list, or the one that they all are."""
    same = bool((values == values[0]).all())
    return values[0].item() if same else values.tolist()


def _requantize(q: Quantization, usual: str) -> Fields:
    """Return what the scales and the *usual* rounding do not give by themselves."""
    found: Fields = {} if q.rounding == usual else {"rounding": q.rounding}
    if q.in_scale is not None and q.out_scale is not None and q.weight_scale is not None:
        scales = np.broadcast_to(q.weight_scale, q.multiplier.shape)
        derived = quantize.multipliers(q.in_scale, scales, q.out_scale, q.rounding)
        if all(map(np.array_equal, derived, (q.multiplier, q.shift))):
            return found
    return found | {
        "multiplier": _one_or_many(q.multiplier),
        "shift": _one_or_many(q.shift),
    }


def _pooling(pool: Pool2d) -> Fields:
    g = pool.geometry
    return {
        "name": pool.name,
        "op": pool.kind,
        "input": _tensor(pool.input),
        "kernel_size": [g.k_h, g.k_w],
        "stride": [g.stride_h, g.stride_w],
        "padding": [g.pad_top, g.pad_left, g.pad_bottom, g.pad_right],
        "activation": _activation(pool),
    }


def _addition(total: Add) -> Fields:
    return {
        "name": total.name,
        "op": "add",
        "inputs": [_tensor(tensor) for tensor in total.inputs],
        "output": _numbers(total.output),
        "activation": _activation(total),
    }


def _tensor(tensor: Tensor) -> Fields:
    """Return a tensor of three axes: those it lacks are in front."""
    shape = [1] * (3 - len(tensor.shape)) + list(tensor.shape[:3])
    if len(tensor.shape) > 3:
        shape = [1, 1, tensor.elems]
    return {"shape": shape, "dtype": tensor.dtype, **_numbers(tensor)}


def _numbers(tensor: Tensor) -> Fields:
    if tensor.scale is None:
        return {}
    return {"scale": tensor.scale, "zero_point": tensor.zero_point}


def _activation(operator: Conv2d | Pool2d | Add) -> str | Fields:
    if operator.activation != "clamp":
        return operator.activation
    low, high = operator.activation_min, operator.activation_max
    if operator.dtype != "float32":
        return {"min": int(low), "max": int(high)}
    largest = float(np.finfo(np.float32).max)
    ends = {"min": low, "max": high}
    return {
        end: value if math.isfinite(value) else math.copysign(largest, value)
        for end, value in ends.items()
    }
