"""Images of another height and width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.operator import Plain

FRACTION = 10
"""Bits behind the point of positions between int8 pixels."""

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ResizeNearest(Plain):
    """Each output pixel is the nearest of the input, as TensorFlow Lite's options say."""

    align_corners: bool
    half_pixel_centers: bool

    kind: ClassVar[str] = "resize_nearest_neighbor"
    title: ClassVar[str] = "resizing to the nearest pixel"

    def places(self, axis: int) -> Places:
        """Return which row (axis 0) or column each of the output's is: ``GetNearestNeighbor``."""
        size, count = self.inputs[0].shape[axis], self.output.shape[axis]
        scale = _scale(size, count, aligned=self.align_corners)
        offset = np.float32(0.5 if self.half_pixel_centers else 0)
        found = (np.arange(count, dtype=np.float32) + offset) * scale
        whole = np.floor(found.astype(np.float64) + (0.5 if self.align_corners else 0))
        return whole.astype(np.int64).clip(0, size - 1)

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the resized images. Arrays are ``[N, *shape]``."""
        return (inputs[0][:, self.places(0)][:, :, self.places(1)],)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """Nothing is computed."""
        return (np.zeros((len(inputs[0]), *self.output.shape)),)


@dataclass(frozen=True, slots=True)
class Between:
    """Two rows or columns for each of the output's, and how far from the first it lies."""

    first: Places
    second: Places
    weight: NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class ResizeBilinear(Plain):
    """Each output pixel lies between four of the input, as TensorFlow Lite's options say."""

    align_corners: bool
    half_pixel_centers: bool

    kind: ClassVar[str] = "resize_bilinear"
    title: ClassVar[str] = "bilinear resizing"

    def between(self, axis: int) -> Between:
        """Return between which rows (axis 0) or columns the output's lie.

        int8: weights in units of ``2**-FRACTION``; float32: in float32, as kernels have them.
        """
        size, count = self.inputs[0].shape[axis], self.output.shape[axis]
        if self.dtype == "float32":
            return self._real(size, count)
        scale = ((size << FRACTION) + count // 2) // count
        if self.align_corners and count > 1:
            scale = (((size - 1) << FRACTION) + (count - 1) // 2) // (count - 1)
        at = np.arange(count) * scale
        if self.half_pixel_centers:
            at += scale // 2 - (1 << (FRACTION - 1))
        first = np.maximum(np.where(at < 0, -(-at >> FRACTION), at >> FRACTION), 0)
        last = at + (1 << FRACTION) - 1
        second = np.minimum(np.where(last < 0, -(-last >> FRACTION), last >> FRACTION), size - 1)
        return Between(first, second, at - (first << FRACTION))

    def _real(self, size: int, count: int) -> Between:
        scale = _scale(size, count, aligned=self.align_corners)
        at = np.arange(count, dtype=np.float32)
        half = np.float32(0.5 if self.half_pixel_centers else 0)
        at = (at + half) * scale - half
        first = np.maximum(np.floor(at), 0).astype(np.int64)
        second = np.minimum(np.ceil(at), size - 1).astype(np.int64)
        return Between(first, second, at - first.astype(np.float32))

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the resized images; int8: ``ResizeBilinearInteger`` byte for byte.

        Arrays are ``[N, *shape]``.
        """
        if self.dtype == "float32":
            return (self._interpolated(inputs[0].astype(np.float64), 1.0),)
        found = self._interpolated(inputs[0].astype(np.int64), 1 << FRACTION)
        rounded = np.abs(found) + (1 << (2 * FRACTION - 1)) >> 2 * FRACTION
        return (np.where(found > 0, rounded, -rounded).astype(np.int8),)

    def _interpolated(self, images: NDArray[Any], one: Any) -> NDArray[Any]:
        rows, cols = self.between(0), self.between(1)
        low, high = rows.weight[:, None, None], cols.weight[:, None]
        upper, lower = images[:, rows.first], images[:, rows.second]
        mixed = upper * (one - low) + lower * low
        left, right = mixed[:, :, cols.first], mixed[:, :, cols.second]
        found: NDArray[Any] = left * (one - high) + right * high
        return found

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: the bound of a convolution with four products."""
        shape = (len(inputs[0]), *self.output.shape)
        if self.dtype == "int8":
            return (np.zeros(shape),)
        magnitude = np.abs(inputs[0]).max(axis=(1, 2), keepdims=True).astype(np.float64)
        return (np.broadcast_to(16 * 2.0**-24 * magnitude + 1e-6, shape),)


def _scale(size: int, count: int, *, aligned: bool) -> np.float32:
    if aligned and count > 1:
        return np.float32(size - 1) / np.float32(count - 1)
    return np.float32(size) / np.float32(count)
