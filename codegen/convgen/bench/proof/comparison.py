"""The verdict on outputs: how far they are from what they should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.ops.conv2d import Conv2d

_BLOCK_ELEMS = 2**20  # outputs compared at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How far outputs are from what they should be.

    ``max_abs_error`` is infinite when a float32 output is not a number; ``first`` describes the
    first mismatch in memory order. ``is_right``: whether the outputs are those of the spec, be
    they those expected or not.
    """

    mismatches: int
    max_abs_error: float
    first: str | None = None
    is_right: bool = True


def compare(
    layer: Conv2d,
    inputs: NDArray[Any],
    outputs: NDArray[Any],
    expected: NDArray[Any] | None = None,
    right: NDArray[np.int8] | None = None,
) -> Comparison:
    """Judge *outputs* ``[N, out_h, out_w, out_c]`` by the rule of docs/reference.md.

    int8: equal to *expected*, or to the reference where there is none. float32: within
    `reference.tolerance` of the reference, and within twice that of *expected*. *right* are the
    reference's outputs of an int8 layer, if they are at hand.
    """
    by_reference: list[Comparison] = []
    by_expected: list[Comparison] = []
    for vector, output in enumerate(outputs):  # apart, since a float64 output may be large
        image = inputs[vector : vector + 1]
        bound = 0.0 if layer.dtype == "int8" else layer.tolerance(image)[0][0]
        if expected is not None:
            found = list(_compare(vector, output, expected[vector], 2 * bound))
            by_expected += found
            if layer.dtype == "int8" and not _total(found).mismatches:
                continue  # what is expected is right
        by_spec = layer.compute(image)[0][0] if right is None else right[vector]
        by_reference += _compare(vector, output, by_spec, bound)
    own, given = _total(by_reference), _total(by_expected)
    if expected is None or (layer.dtype == "float32" and own.mismatches):
        return replace(own, is_right=not own.mismatches)
    return replace(given, is_right=not own.mismatches)


def _total(parts: list[Comparison]) -> Comparison:
    return Comparison(
        mismatches=sum(part.mismatches for part in parts),
        max_abs_error=max((part.max_abs_error for part in parts), default=0.0),
        first=next((part.first for part in parts if part.first), None),
    )


def _compare(
    vector: int, output: NDArray[Any], right: NDArray[Any], bound: NDArray[np.float64] | float
) -> Iterator[Comparison]:
    """Judge the outputs ``[out_h, out_w, out_c]`` of one vector, block by block."""
    got, want = output.ravel(), right.ravel()
    bounds = np.broadcast_to(np.ravel(bound), got.shape)
    for start in range(0, got.size, _BLOCK_ELEMS):
        block = slice(start, start + _BLOCK_ELEMS)
        with np.errstate(invalid="ignore"):  # inf - inf
            error = np.abs(got[block].astype(np.float64) - want[block])
        error[np.isnan(error)] = np.inf
        wrong = np.flatnonzero(error > bounds[block])
        first = None
        if wrong.size:
            at = start + int(wrong[0])
            row, column, channel = (int(i) for i in np.unravel_index(at, output.shape))
            place = f"vector {vector}, row {row}, column {column}, channel {channel}"
            first = f"{place}: got {got[at]}, expected {want[at]}"
        yield Comparison(mismatches=wrong.size, max_abs_error=float(error.max()), first=first)
