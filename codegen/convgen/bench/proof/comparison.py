"""The verdict on outputs: how far they are from what they should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model.operator import Computation, is_exact
from convgen.model.whole import keeps_state

Arrays = tuple[NDArray[Any], ...]
"""One array for each tensor."""

AXES = ("row", "column", "channel")
_BLOCK_ELEMS = 2**20  # outputs compared at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How far outputs are from what they should be.

    ``max_abs_error`` is infinite when a float32 output is not a number; ``first`` describes the
    first mismatch in memory order, ``allowed`` is the largest error that is none. ``is_right``:
    whether the outputs are those of the spec, be they those expected or not. ``each`` says the same
    of every output tensor.
    """

    mismatches: int
    max_abs_error: float
    first: str | None = None
    is_right: bool = True
    allowed: float = 0.0
    each: tuple[Comparison, ...] = ()


def compare(
    computation: Computation,
    inputs: Arrays,
    outputs: Arrays,
    expected: Arrays | None = None,
    right: Arrays | None = None,
) -> Comparison:
    """Judge *outputs*, ``[N, *shape]`` each, by the rule of docs/reference.md.

    int8: equal to *expected*, or to the reference where there is none. float32: within
    `Computation.tolerance` of the reference, and within twice that of *expected*. *right* are the
    reference's outputs of an int8 operator, if they are at hand.
    """
    by_reference: list[list[Comparison]] = []
    by_expected: list[list[Comparison]] = []
    exactly, together = is_exact(computation), keeps_state(computation)
    if together and right is None:
        right = computation.compute(*inputs)
    tolerances = computation.tolerance(*inputs) if together and not exactly else None
    for vector in range(len(inputs[0])):  # apart, since a float64 output may be large
        given = tuple(array[vector : vector + 1] for array in inputs)
        got = [array[vector] for array in outputs]
        bounds: list[NDArray[np.float64] | float] = [0.0] * len(got)
        if tolerances is not None:
            bounds = [bound[vector] for bound in tolerances]
        elif not exactly:
            bounds = [bound[0] for bound in computation.tolerance(*given)]
        if expected is not None:
            wanted = [array[vector] for array in expected]
            found = list(_compare_all(vector, got, wanted, [2 * bound for bound in bounds]))
            by_expected.append(found)
            if exactly and not _total(found).mismatches:
                continue  # what is expected is right
        by_spec = computation.compute(*given) if right is None else tuple(a[vector:] for a in right)
        by_reference.append(
            list(_compare_all(vector, got, [array[0] for array in by_spec], bounds))
        )
    own, given_total = _together(by_reference), _together(by_expected)
    if expected is None or (not exactly and own.mismatches):
        return replace(own, is_right=not own.mismatches)
    return replace(given_total, is_right=not own.mismatches)


def _compare_all(
    vector: int,
    outputs: Sequence[NDArray[Any]],
    right: Sequence[NDArray[Any]],
    bounds: Sequence[NDArray[np.float64] | float],
) -> Iterator[Comparison]:
    """Judge the outputs of one vector, tensor by tensor."""
    for output, wanted, bound in zip(outputs, right, bounds, strict=True):
        yield _total(_compare(vector, output, wanted, bound))


def _together(vectors: Sequence[Sequence[Comparison]]) -> Comparison:
    """Return what several vectors come to, whose outputs were judged one by one."""
    each = tuple(map(_total, zip(*vectors, strict=True)))
    return replace(_total(chain.from_iterable(vectors)), each=each)


def _total(judged: Iterable[Comparison]) -> Comparison:
    parts = tuple(judged)
    return Comparison(
        mismatches=sum(part.mismatches for part in parts),
        max_abs_error=max((part.max_abs_error for part in parts), default=0.0),
        first=next((part.first for part in parts if part.first), None),
        allowed=max((part.allowed for part in parts), default=0.0),
    )


def _compare(
    vector: int, output: NDArray[Any], right: NDArray[Any], bound: NDArray[np.float64] | float
) -> Iterator[Comparison]:
    """Judge one output of a vector, block by block."""
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
            first = (
                f"vector {vector}, {_place(at, output.shape)}: got {got[at]}, expected {want[at]}"
            )
        yield Comparison(
            mismatches=wrong.size,
            max_abs_error=float(error.max()),
            first=first,
            allowed=float(bounds[block].max()),
        )


def _place(at: int, shape: tuple[int, ...]) -> str:
    """Return where the element *at* is, axis by axis.

    >>> _place(5, (2, 3, 1)), _place(5, (7,))
    ('row 1, column 2, channel 0', 'element 5')
    """
    if len(shape) != len(AXES):
        return f"element {at}"
    index = zip(AXES, np.unravel_index(at, shape), strict=True)
    return ", ".join(f"{axis} {int(i)}" for axis, i in index)
