"""Sentences on numbers that are legal and look wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.bench.trial import Trial, split_outputs
from convgen.model.operator import Operator
from convgen.model.ops.add import Add
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.transposed_conv2d import TransposedConv2d

_SATURATED = 0.99  # of the outputs
_NARROW = 0.1  # of the outputs' range
_FEWEST_OUTPUTS = 100  # of which a share says something
_FACTOR = 1.01  # between two scales that are meant to be the same
_CHECK = "the scales, or requantize.shift (positive is to the left), may be wrong"
_FEWEST_CHANNELS = 4  # of which a share says something
_MOST, _FEW = 0.8, 0.75  # of the channels: of peaks that fall anywhere 0.63 are in their own
_PEAK = 127  # what the largest weight of a channel with a scale of its own is
_BYTE_SPREAD = 74  # the standard deviation of all bytes
_SPREADS = (3, 3000)
"""Of the outputs of random inputs, in steps: 14 to 514 in 190 layers of real models."""
_RESCALING = (Conv2d, TransposedConv2d, Add)
"""What has an output of a scale of its own."""
_LOST = 32  # values of a byte that no output has, above which a zero point is doubted


def warnings(trial: Trial) -> list[str]:
    """Say what looks wrong in the layer of *trial* and its outputs; nothing of made-up weights."""
    layer = trial.candidate.plan.operator
    if layer.synthetic or not isinstance(layer, _RESCALING):
        return []
    found = list(_of_spec(layer, trial)) if isinstance(layer, Conv2d) else []
    (tensor,) = layer.outputs
    if not found and trial.run and tensor.arithmetic.is_exact:
        outputs = np.frombuffer(trial.run.outputs, layer.dtype).reshape(-1, tensor.elems)
        span = _Span(
            what="outputs",
            low=int(layer.activation_min),
            high=int(layer.activation_max),
            zero=tensor.zero_point,
            check="the scales may be wrong" if isinstance(layer, Add) else _CHECK,
        )
        found += _outputs(span, outputs, made_up=trial.given is not None and trial.given.made_up)
    return found


def _of_spec(layer: Conv2d, trial: Trial) -> Iterator[str]:
    """Say what looks wrong in the numbers of *layer*, but where expected outputs came out."""
    expected = trial.given is not None and trial.given.expected is not None
    yield from _scales(layer)
    if not (expected and trial.verified):
        yield from of_numbers(layer)


def of_network(trial: Trial) -> list[str]:
    """Say what looks wrong in the outputs of a network.

    Of made-up inputs only that they saturate: noise may well be nothing to a trained network.
    """
    if trial.run is None or trial.given is None:
        return []
    tensors = trial.program.computes.outputs
    arrays = split_outputs(trial.program.computes, trial.run.outputs)
    found: list[str] = []
    for tensor, array in zip(tensors, arrays, strict=True):
        if tensor.dtype in ("int8", "int16"):
            span = _Span(
                what=tensor.name,
                low=int(tensor.arithmetic.least),
                high=int(tensor.arithmetic.most),
                zero=tensor.zero_point,
                check="the scale and the zero point of the output may be wrong",
            )
            values = array.reshape(len(array), -1)
            found += _saturated(span, _usual(values, made_up=trial.given.made_up))
            found += [] if trial.given.made_up else _narrow(span, values)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """What an output may be, ``low`` to ``high``; ``zero`` stands for zero."""

    what: str
    low: int
    high: int
    zero: int | None
    check: str


def ambiguity(layer: Operator) -> str | None:
    """Say that the weights' shape does not tell in which order they are; None: it does."""
    if layer.synthetic or not isinstance(layer, Conv2d):
        return None
    shape = layer.weights.shape
    sizes = dict(zip("OHWI", shape, strict=True))
    for order in ("OIHW", "HWIO"):
        stored = tuple(sizes[axis] for axis in order)
        read = layer.weights.transpose([order.index(axis) for axis in "OHWI"])
        if stored == shape and not np.array_equal(read, layer.weights):
            return f"weights of {list(shape)} are read as OHWI, and may be {order}"
    return None


def of_numbers(layer: Conv2d) -> list[str]:
    """Say what looks wrong in weights, scales and zero points, whatever the inputs."""
    if layer.quantization is None:
        return []
    return [*_order(layer), *_spread(layer), *_zero_points(layer)]


def _order(layer: Conv2d) -> Iterator[str]:
    """Say that weights look quantised in channels that are not those of the spec.

    In each channel that has a scale of its own the largest weight is 127.
    """
    q, channels = layer.quantization, len(layer.weights)
    if q is None or channels < _FEWEST_CHANNELS or layer.weights.size == channels:
        return
    stored = layer.weights.ravel()
    here, last = _full(stored.reshape(channels, -1)), _full(stored.reshape(-1, channels).T)
    if here < _FEW and last > _MOST:
        yield (
            f"weights: {here:.0%} of the output channels reach {_PEAK}, but {last:.0%} would if "
            "output channels came last in the file, as in TensorFlow Lite's depthwise and Keras' "
            "weights: transpose them, do not reshape"
        )
    one = q.weight_scale is not None and bool(np.all(q.weight_scale == q.weight_scale.flat[0]))
    if one and here > _MOST:
        yield (
            f"weights.scale: one for all, but {here:.0%} of the output channels reach {_PEAK}, as "
            "those do that have a scale each: expected a list of them"
        )


def _full(channels: NDArray[Any]) -> float:
    """Return which share of *channels* has a weight of the largest magnitude."""
    return float(np.mean(np.abs(channels.astype(np.int16)).max(axis=1) >= _PEAK))


def _spread(layer: Conv2d) -> Iterator[str]:
    """Say that random inputs would saturate the outputs, or hardly move them, by the scales."""
    q = layer.quantization
    if q is None or q.weight_scale is None or q.in_scale is None or q.out_scale is None:
        return
    weights = layer.weights.reshape(len(layer.weights), -1).astype(np.float64)
    sums = _BYTE_SPREAD * np.sqrt((weights**2).sum(axis=1))
    scale = _median(np.broadcast_to(q.weight_scale, sums.shape))
    spread = _median(sums * q.in_scale * q.weight_scale / q.out_scale)
    least, most = _SPREADS
    if not spread or least <= spread <= most:
        return
    turned = {
        "input.scale": spread / q.in_scale**2,
        "weights.scale": spread / scale**2,
        "output.scale": spread * q.out_scale**2,
    }
    names = [name for name, then in turned.items() if least <= then <= most]
    hint = f"; with {' or '.join(names)} the other way up they would not" if names else ""
    does = "saturate nearly all outputs" if spread > most else "hardly move the outputs"
    yield f"scales: inputs of all values would {does}, by {spread:.2g} of 256 steps{hint}"


def _median(values: NDArray[np.float64]) -> float:
    """Return what `numpy.median` does, which loads masked arrays for it."""
    ordered, half = np.sort(values), values.size // 2
    return float(ordered[half] + ordered[~half]) / 2


def _zero_points(layer: Conv2d) -> Iterator[str]:
    """Say that an output cannot have many of its values, or that nothing looks asymmetric.

    Of int8, that is: other integers are symmetric.
    """
    q = layer.quantization
    if q is None or layer.dtype != "int8":
        return
    low, zero = int(layer.activation_min), int(q.out_zero_point)
    lost = zero - np.iinfo(np.int8).min
    if low == zero and lost > _LOST:
        yield (
            f"output.zero_point: with {zero} and this activation {lost} of 256 values are never "
            "put out; -128 is usual, as in TensorFlow Lite"
        )
    elif zero == q.in_zero_point == 0:
        yield (
            "zero points: both are 0, as in symmetric quantisation; TensorFlow Lite's tensors "
            "have others, after a relu -128"
        )


def _scales(layer: Conv2d) -> Iterator[str]:
    """Say that ``requantize`` contradicts the scales."""
    q = layer.quantization
    if q is None or q.weight_scale is None or q.in_scale is None or q.out_scale is None:
        return
    by_scales = np.broadcast_to(q.in_scale * q.weight_scale / q.out_scale, q.shift.shape)
    multiplier = q.multiplier.astype(np.float64)
    given = np.ldexp(multiplier, q.shift - 31)
    bad = np.flatnonzero(~_are_close(given, by_scales))
    if not bad.size:
        return
    is_turned = _are_close(np.ldexp(multiplier, -q.shift - 31), by_scales)[bad].all()
    hint = "; with shift negated they would agree: positive is to the left" if is_turned else ""
    yield (
        f"requantize: multiplier and shift scale sums by {given[bad[0]]:.3g} in output channel "
        f"{bad[0]}, the scales by {by_scales[bad[0]]:.3g}{hint}"
    )


def _are_close(these: NDArray[np.float64], those: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (these <= _FACTOR * those) & (those <= _FACTOR * these)


def _outputs(span: _Span, outputs: NDArray[Any], *, made_up: bool) -> Iterator[str]:
    """Say that nearly all outputs are saturated, or that they use a small part of their range."""
    if outputs.size >= _FEWEST_OUTPUTS:
        yield from _saturated(span, _usual(outputs, made_up=made_up))
    if made_up:
        yield from _narrow(span, outputs, ", although the inputs span all of theirs")


def _usual(outputs: NDArray[Any], *, made_up: bool) -> NDArray[Any]:
    """Return what is put out usually.

    Of made-up inputs only the first is random; the others are made to saturate, or not to.
    """
    return outputs[:1] if made_up and outputs.shape[1] >= _FEWEST_OUTPUTS else outputs


def _saturated(span: _Span, outputs: NDArray[Any]) -> Iterator[str]:
    """Say that nearly all are. That a relu lets nothing through of noise means little."""
    if outputs.size < _FEWEST_OUTPUTS or span.low == span.high:
        return
    saturated = np.count_nonzero((outputs <= span.low) | (outputs >= span.high)) / outputs.size
    full = np.count_nonzero(outputs >= span.high) / outputs.size
    if saturated > _SATURATED and (span.low != span.zero or full > _NARROW):
        share = f"{100 * saturated:.4g} %"
        ends = f"{span.low} or {span.high}, the ends of their range"
        yield f"{span.what}: {share} are {ends}: {span.check}"


def _narrow(span: _Span, outputs: NDArray[Any], although: str = "") -> Iterator[str]:
    if outputs.size < _FEWEST_OUTPUTS or span.low == span.high:
        return
    least, most = int(outputs.min()), int(outputs.max())
    if most - least < _NARROW * (span.high - span.low):
        where = f"all are from {least} to {most}, of {span.low} to {span.high}"
        yield f"{span.what}: {where}{although}: {span.check}"
