"""Transposed convolution: every input pixel adds a kernel of products to the outputs around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.operator import Clamped
from convgen.model.ops.conv2d import Conv2d
from convgen.model.tensor import DType, Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class TransposedConv2d(Clamped):
    """A transposed convolution as its outputs see it: a convolution of the image spread.

    ``convolution`` has the numbers, its kernel turned by half, stride 1; it reads the pixels of
    ``input`` ``strides`` (rows, columns) apart, with what stands for zero between them.
    """

    name: str
    input: Tensor
    convolution: Conv2d
    strides: tuple[int, int]

    kind: ClassVar[str] = "transposed_conv2d"
    title: ClassVar[str] = "transposed convolution"

    @property
    def dtype(self) -> DType:
        """The dtype of both tensors."""
        return self.input.dtype

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The image."""
        return (self.input,)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What the activation leaves of its sums."""
        return self.convolution.outputs

    @property
    def activation(self) -> str:
        """What clamps the outputs."""
        return self.convolution.activation

    @property
    def activation_min(self) -> float:  # type: ignore[override]
        """The least output."""
        return self.convolution.activation_min

    @property
    def activation_max(self) -> float:  # type: ignore[override]
        """The largest output."""
        return self.convolution.activation_max

    @property
    def synthetic(self) -> bool:
        """Whether its numbers are made up."""
        return self.convolution.synthetic

    @property
    def macs(self) -> int:
        """Nominal multiply-accumulates: each input pixel with the whole kernel."""
        g = self.convolution.geometry
        return self.input.elems * g.taps * g.out_c

    @property
    def pads(self) -> tuple[int, int]:
        """Rows and columns of what the first input pixel adds to that are no outputs."""
        g = self.convolution.geometry
        return g.k_h - 1 - g.pad_top, g.k_w - 1 - g.pad_left

    @property
    def weights(self) -> NDArray[Any]:
        """The kernel, turned by half: ``[out_c, k_h, k_w, in_c]``."""
        return self.convolution.weights

    @property
    def sums_dtype(self) -> str:
        """What holds every partial sum."""
        return self.convolution.sums_dtype

    def phase(self, row: int, col: int) -> NDArray[Any]:
        """Return the weights that meet pixels in outputs at such a remainder by the strides.

        Outputs are counted with the pads; ``[out_c, rows, columns, in_c]``, either perhaps none.
        """
        g = self.convolution.geometry
        rows, cols = (
            slice((size - 1 - at) % step, size if at < size else 0, step)
            for size, at, step in zip((g.k_h, g.k_w), (row, col), self.strides, strict=True)
        )
        return self.weights[:, rows, cols]

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs for images ``[N, in_h, in_w, in_c]``.

        Integers: TensorFlow Lite's ``reference_integer_ops::TransposeConv`` byte for byte.
        """
        return self.convolution.compute(self.spread(inputs[0]))

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: the bound of the convolution."""
        return self.convolution.tolerance(self.spread(inputs[0]))

    def spread(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return what the convolution reads, ``[N, rows, columns, in_c]``, of *images*."""
        g = self.convolution.geometry
        shape = (len(images), g.in_h, g.in_w, g.in_c)
        found = np.full(shape, self.convolution.zero_point, images.dtype)
        found[:, :: self.strides[0], :: self.strides[1]] = images
        return found
