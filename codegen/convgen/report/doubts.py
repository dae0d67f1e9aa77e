"""Sentences on numbers that are legal and look wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from convgen.bench.trial import Trial
from convgen.model.ops.conv2d import Conv2d

_SATURATED = 0.99  # of the outputs
_NARROW = 0.1  # of the outputs' range
_FEWEST_OUTPUTS = 100  # of which a share says something
_FACTOR = 1.01  # between two scales that are meant to be the same
_CHECK = "the scales, or requantize.shift (positive is to the left), may be wrong"


def warnings(trial: Trial) -> list[str]:
    """Say what looks wrong in the layer of *trial* and its outputs; nothing of made-up weights."""
    layer = trial.candidate.plan.operator
    if layer.synthetic or not isinstance(layer, Conv2d):
        return []
    expected = trial.given is not None and trial.given.expected is not None
    found = [] if expected and trial.verified else [*_axis_order(layer)]
    found += _scales(layer)
    if trial.run and layer.quantization:
        outputs = np.frombuffer(trial.run.outputs, np.int8).reshape(-1, layer.output_bytes)
        found += _outputs(layer, outputs, made_up=trial.given is not None and trial.given.made_up)
    return found


def _axis_order(layer: Conv2d) -> Iterator[str]:
    """Say that the weights' shape does not tell in which order they are."""
    shape = layer.weights.shape
    sizes = dict(zip("OHWI", shape, strict=True))
    for order in ("OIHW", "HWIO"):
        stored = tuple(sizes[axis] for axis in order)
        read = layer.weights.transpose([order.index(axis) for axis in "OHWI"])
        if stored == shape and not np.array_equal(read, layer.weights):
            yield (
                f"weights: {list(shape)} is the shape of {order} as well as of OHWI, as which they "
                "are read; expected outputs in --vectors would tell"
            )
            return


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


def _outputs(layer: Conv2d, outputs: NDArray[np.int8], *, made_up: bool) -> Iterator[str]:
    """Say that nearly all outputs are saturated, or that they use a small part of their range.

    Of made-up inputs only the first is random; the others are made to saturate, or not to.
    """
    low, high = int(layer.activation_min), int(layer.activation_max)
    if outputs.size < _FEWEST_OUTPUTS or low == high:
        return
    usual = outputs[:1] if made_up and outputs.shape[1] >= _FEWEST_OUTPUTS else outputs
    saturated = np.count_nonzero((usual <= low) | (usual >= high)) / usual.size
    if saturated > _SATURATED:
        share = f"{100 * saturated:.4g} %"
        yield f"outputs: {share} are {low} or {high}, the ends of their range: {_CHECK}"
    least, most = int(outputs.min()), int(outputs.max())
    if made_up and most - least < _NARROW * (high - low):
        yield (
            f"outputs: all are from {least} to {most}, of {low} to {high}, although the inputs "
            f"span all of theirs: {_CHECK}"
        )
