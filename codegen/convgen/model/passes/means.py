"""Passes over means: no transposition in front of them, poolings in their place."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from convgen.model.geometry import Geometry
from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.model.ops.mean import Mean
from convgen.model.ops.move import Transpose
from convgen.model.ops.pool import Pool2d
from convgen.model.passes.rewriting import rebuilt, writers
from convgen.model.quantize import INT8
from convgen.model.tensor import Tensor

MOST_COUNTED = 2**14  # values of a mean whose sums are all tried


def transpose_after_means(graph: Graph) -> Graph:
    """Take the mean first, along the axes as they lay before a transposition.

    What is transposed then is smaller; of one axis, nothing is.
    """
    changes: dict[str, tuple[Operator, ...]] = {}
    written = writers(graph)
    for operator in graph.operators:
        before = written.get(operator.inputs[0].name)
        if not (isinstance(operator, Mean) and isinstance(before, Transpose)):
            continue
        if (found := _swapped(before, operator)) is not None:
            changes[operator.name] = found
            break  # the next operators see what this one has become
    return rebuilt(graph, changes)


def _swapped(before: Transpose, mean: Mean) -> tuple[Operator, ...] | None:
    shape, given = before.output.shape, before.inputs[0]
    span = _span(shape, mean.inputs[0].shape)
    if span is None:
        return None
    first, last = span
    reduced = sorted(before.axes[first:last])
    if reduced != list(range(reduced[0], reduced[0] + len(reduced))):
        return None
    left = [axis for axis in range(len(shape)) if axis not in reduced]
    middle = Tensor(
        name=f"{mean.output.name}:mean",
        shape=tuple(given.shape[axis] for axis in left),
        dtype=mean.output.dtype,
        scale=mean.output.scale,
        zero_point=mean.output.zero_point,
    )
    outer, count, inner = (
        math.prod(given.shape[part])
        for part in (
            slice(0, reduced[0]),
            slice(reduced[0], reduced[-1] + 1),
            slice(reduced[-1] + 1, len(shape)),
        )
    )
    order = [axis for axis in before.axes if axis not in reduced]
    return (
        replace(
            mean,
            inputs=(replace(given, shape=(outer, count, inner)),),
            output=replace(middle, shape=(outer, inner)),
        ),
        replace(
            before,
            name=f"{mean.name}_order",
            inputs=(middle,),
            output=replace(mean.output, shape=tuple(given.shape[axis] for axis in order)),
            axes=tuple(left.index(axis) for axis in order),
        ),
    )


def _span(shape: tuple[int, ...], seen: tuple[int, ...]) -> tuple[int, int] | None:
    """Return between which axes of *shape* lies the middle one of three that it is *seen* as."""
    for first in range(len(shape)):
        for last in range(first + 1, len(shape) + 1):
            parts = shape[:first], shape[first:last], shape[last:]
            if tuple(map(math.prod, parts)) == seen:
                return first, last
    return None


def means_as_poolings(graph: Graph) -> Graph:
    """Make average poolings of means, where each sum gives the same byte."""
    changes = {
        operator.name: (_pooling(operator, graph.tensors[operator.inputs[0].name]),)
        for operator in graph.operators
        if isinstance(operator, Mean) and _is_average(operator)
    }
    return rebuilt(graph, changes)


def _is_average(mean: Mean) -> bool:
    if mean.dtype == "float32":
        return True
    given, output = mean.inputs[0], mean.output
    same = (given.scale, given.zero_point) == (output.scale, output.zero_point)
    if not same or mean.count > MOST_COUNTED:
        return False
    sums = np.arange(INT8.min * mean.count, INT8.max * mean.count + 1)
    averages = np.sign(sums) * ((np.abs(sums) + mean.count // 2) // mean.count)
    return bool((mean.of_sums(sums - mean.count * given.zero_point) == averages).all())


def _pooling(mean: Mean, written: Tensor) -> Pool2d:
    """Return the pooling; the image is seen as it was *written* if that has rows and columns."""
    height, width, channels = mean.inputs[0].shape
    rows = 1  # of the window
    if height == 1 and len(written.shape) == 3 and written.shape[2] == channels:
        rows, width, _ = written.shape
        height = rows
    geometry = Geometry(
        in_h=height,
        in_w=width,
        in_c=channels,
        out_h=height - rows + 1,
        out_w=1,
        out_c=channels,
        k_h=rows,
        k_w=width,
        groups=channels,
    )
    clamps = mean.dtype == "int8"
    return Pool2d(
        name=mean.name,
        kind="average_pool",
        input=replace(mean.inputs[0], shape=(height, width, channels)),
        geometry=geometry,
        activation="none",
        activation_min=INT8.min if clamps else -math.inf,
        activation_max=INT8.max if clamps else math.inf,
        output_name=mean.output.name,
    )
