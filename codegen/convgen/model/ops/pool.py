"""Average and maximum over a window, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from convgen.model.arithmetic import of_dtype
from convgen.model.geometry import Geometry
from convgen.model.operator import Clamped
from convgen.model.tensor import DType, Tensor

Kind = Literal["average_pool", "max_pool"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool2d(Clamped):
    """A pooling; taps in the padding do not count.

    ``geometry`` has as many groups as channels, and every window holds a pixel of the image.
    ``activation_min`` and ``activation_max`` are in units of the dtype (-inf and inf where a
    float32 pooling is not clamped). An int8 output has the scale and zero point of the input.
    """

    name: str
    kind: Kind
    input: Tensor
    geometry: Geometry
    activation: str
    activation_min: float
    activation_max: float
    synthetic: bool = False
    output_name: str = "output"

    macs: ClassVar[int] = 0

    @property
    def title(self) -> str:
        """What it is, in words."""
        return self.kind.replace("_", " ") + "ing"

    @property
    def dtype(self) -> DType:
        """The dtype of both tensors."""
        return self.input.dtype

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The image."""
        return (self.input,)

    @cached_property
    def outputs(self) -> tuple[Tensor, ...]:
        """One pixel for each window."""
        g, given = self.geometry, self.input
        shape = (g.out_h, g.out_w, g.out_c)
        return (
            Tensor(
                name=self.output_name,
                shape=shape,
                dtype=given.dtype,
                scale=given.scale,
                zero_point=given.zero_point,
            ),
        )

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many taps of each window are inside the image, ``[out_h, out_w]``."""
        g = self.geometry
        rows, cols = g.tap_positions()
        inside_h = ((rows >= 0) & (rows < g.in_h)).sum(axis=1)
        inside_w = ((cols >= 0) & (cols < g.in_w)).sum(axis=1)
        counts: NDArray[np.int64] = inside_h[:, None] * inside_w
        return counts

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs for images ``[N, in_h, in_w, in_c]``.

        int8: ``reference_integer_ops::AveragePool`` and ``MaxPool`` byte for byte.
        """
        (images,) = inputs
        if self.kind == "max_pool":
            found = self._over_taps(images, of_dtype(self.dtype).bottom, np.maximum)
        else:
            found = self._average(self._over_taps(images, 0, np.add))
        clamped = found.clip(self.activation_min, self.activation_max)
        return (of_dtype(self.dtype).outputs(clamped),)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: that of a convolution of K ones, over K; a maximum is exact."""
        (images,) = inputs
        bounds = np.zeros((len(images), *self.outputs[0].shape))
        if self.dtype == "float32" and self.kind == "average_pool":
            magnitudes = self._over_taps(np.abs(images), 0, np.add)
            bounds += 4 * 2.0**-24 * magnitudes + 1e-6
        return (bounds,)

    def _average(self, sums: NDArray[Any]) -> NDArray[Any]:
        """Divide *sums* by the taps inside; int8 halves go away from zero."""
        counts = self.counts[:, :, None]
        if self.dtype == "float32":
            means: NDArray[Any] = sums / counts
            return means
        rounded: NDArray[Any] = (np.abs(sums) + counts // 2) // counts
        return np.where(sums < 0, -rounded, rounded)

    def _over_taps(self, images: NDArray[Any], start: float, combine: np.ufunc) -> NDArray[Any]:
        """Combine the taps of each window that are inside the image."""
        g = self.geometry
        wide = of_dtype(self.dtype).reference
        found = np.full((len(images), g.out_h, g.out_w, g.out_c), start, wide)
        rows, cols = g.tap_positions()
        inside_h, inside_w = (rows >= 0) & (rows < g.in_h), (cols >= 0) & (cols < g.in_w)
        for i in np.flatnonzero(inside_h.any(axis=0)):
            outs_h = np.flatnonzero(inside_h[:, i])
            for j in np.flatnonzero(inside_w.any(axis=0)):
                outs_w = np.flatnonzero(inside_w[:, j])
                taps = images[:, rows[outs_h, i]][:, :, cols[outs_w, j]].astype(wide)
                at = np.ix_(np.arange(len(images)), outs_h, outs_w)
                found[at] = combine(found[at], taps)
        return found
