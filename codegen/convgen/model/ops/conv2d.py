"""Convolution: dense, grouped, depthwise, fully connected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model import convolution
from convgen.model.arithmetic import of_dtype
from convgen.model.geometry import Geometry
from convgen.model.operator import Clamped
from convgen.model.quantize import INT4, INT32, Channels, Rounding, requantize
from convgen.model.tensor import DType, Tensor


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Quantization:
    """Integer arithmetic of one layer, as TensorFlow Lite's reference kernels do it.

    ``multiplier`` (Q31, 0 .. 2**31 - 1) and ``shift`` (positive = left) are int32 ``[out_c]``.
    The scales, float32 values, are kept for readers; they are None where nobody gave them.
    ``weight_scale`` is one or ``[out_c]``.
    """

    in_zero_point: int
    out_zero_point: int
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int32]
    rounding: Rounding
    in_scale: float | None = None
    out_scale: float | None = None
    weight_scale: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Conv2d(Clamped):
    """One convolution: geometry, numbers, and where they came from.

    ``weights`` are int8 or float32 ``[out_c, k_h, k_w, in_c / groups]``; ``bias`` is int32, of an
    int16 layer perhaps int64, or float32 ``[out_c]`` or None; ``activation_min`` and
    ``activation_max`` are in units of the output dtype (-inf and inf where a float32 layer is not
    clamped).
    """

    name: str
    dtype: DType
    geometry: Geometry
    activation: str
    activation_min: float
    activation_max: float
    weights: NDArray[np.int8] | NDArray[np.float32]
    bias: NDArray[np.int32] | NDArray[np.int64] | NDArray[np.float32] | None
    quantization: Quantization | None
    synthetic: bool

    kind: str = "conv2d"
    title: str = "convolution layer"
    input_name: str = "input"
    output_name: str = "output"

    @cached_property
    def inputs(self) -> tuple[Tensor, ...]:
        """The image."""
        g, q = self.geometry, self.quantization
        return (
            Tensor(
                name=self.input_name,
                shape=(g.in_h, g.in_w, g.in_c),
                dtype=self.dtype,
                scale=q.in_scale if q else None,
                zero_point=q.in_zero_point if q else 0,
            ),
        )

    @cached_property
    def outputs(self) -> tuple[Tensor, ...]:
        """What the activation leaves of its sums."""
        g, q = self.geometry, self.quantization
        return (
            Tensor(
                name=self.output_name,
                shape=(g.out_h, g.out_w, g.out_c),
                dtype=self.dtype,
                scale=q.out_scale if q else None,
                zero_point=q.out_zero_point if q else 0,
            ),
        )

    @property
    def macs(self) -> int:
        """Nominal multiply-accumulates; taps in the padding count."""
        return self.geometry.macs

    @cached_property
    def weight_bits(self) -> int:
        """How many hold every weight: of integers 4 or 8."""
        if self.quantization is None:
            return 8 * self.weights.itemsize
        ends = {int(self.weights.min()), int(self.weights.max())}
        return 4 if ends <= set(INT4) else 8

    @property
    def elem_bytes(self) -> int:
        """Size of an input or output element."""
        return self.inputs[0].elem_bytes

    @property
    def input_bytes(self) -> int:
        """Size of the input tensor."""
        return self.inputs[0].bytes

    @property
    def output_bytes(self) -> int:
        """Size of the output tensor."""
        return self.outputs[0].bytes

    @property
    def zero_point(self) -> int:
        """The input value that stands for zero, and so the value of padding."""
        return self.quantization.in_zero_point if self.quantization else 0

    @cached_property
    def folded_bias(self) -> NDArray[np.int64] | NDArray[np.float32]:
        """Start value of each sum: bias, less the zero point's share, ``[out_c]``.

        With it the sum of raw ``input * weight`` over *every* tap, padding included, is
        TensorFlow Lite's accumulator.
        """
        bias = np.zeros(self.geometry.out_c, np.int64) if self.bias is None else self.bias
        if self.quantization is None:
            return bias.astype(np.float32)
        weight_sums: NDArray[np.int64] = self.weights.sum(axis=(1, 2, 3), dtype=np.int64)
        return bias.astype(np.int64) - self.zero_point * weight_sums

    @cached_property
    def product_range(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Smallest and largest sum of raw ``input * weight`` over all inputs, ``[out_c]`` each.

        The sum over some of the taps lies between them too, since no product's range excludes zero.
        """
        axes = (1, 2, 3)
        positive = np.maximum(self.weights, 0).sum(axis=axes, dtype=np.int64)
        negative = np.minimum(self.weights, 0).sum(axis=axes, dtype=np.int64)
        numbers = of_dtype(self.dtype)
        least, most = int(numbers.least), int(numbers.most)
        return most * negative + least * positive, most * positive + least * negative

    @cached_property
    def accumulator_range(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Smallest and largest value of each quantised sum over all inputs, ``[out_c]`` each.

        Every partial sum that starts from `folded_bias` lies between them too.
        """
        low, high = self.product_range
        start = self.folded_bias.astype(np.int64)
        return start + low, start + high

    @cached_property
    def sums_dtype(self) -> str:
        """What holds every partial sum: of an int16 layer int64 where int32 does not."""
        return "int64" if self.has_long_sums else of_dtype(self.dtype).sums

    @cached_property
    def has_long_sums(self) -> bool:
        """Whether a partial sum of integers may leave int32."""
        if self.quantization is None:
            return False
        low, high = self.accumulator_range
        return bool(low.min() < INT32.min or high.max() > INT32.max)

    def compute(self, *inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the outputs for images ``[N, in_h, in_w, in_c]``.

        Integers: TensorFlow Lite's ``reference_integer_ops::ConvPerChannel`` byte for byte.
        """
        (images,) = inputs
        results = np.empty((len(images), *self.outputs[0].shape), of_dtype(self.dtype).output)
        for image, result in zip(images, results, strict=True):
            for rows, sums in self.row_sums(image):
                result[rows] = self._activate(sums)
        return (results,)

    def tolerance(self, *inputs: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
        """float32: ``4 * K * 2**-24 * sum|x*w| + 1e-6`` with K products per output."""
        (images,) = inputs
        bounds = np.zeros((len(images), *self.outputs[0].shape))
        if of_dtype(self.dtype).is_exact:
            return (bounds,)
        weights = np.abs(self.weights.astype(np.float64))
        relative = 4 * self.geometry.patch_elems * 2.0**-24
        for image, bound in zip(images, bounds, strict=True):
            magnitudes = np.abs(image.astype(np.float64))
            for rows, sums in convolution.row_sums(self.geometry, magnitudes, weights):
                bound[rows] = relative * sums + 1e-6
        return (bounds,)

    def row_sums(self, image: NDArray[Any]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield blocks of output rows of one *image* and their sums, bias included."""
        weights = self.weights.astype(np.float64)
        bias = 0.0 if self.bias is None else self.bias.astype(np.float64)
        centred = image.astype(np.float64) - self.zero_point
        for rows, sums in convolution.row_sums(self.geometry, centred, weights):
            sums += bias
            if self.quantization and np.abs(sums).max() > np.iinfo(self.sums_dtype).max:
                raise AssertionError("a checked layer's sums fit")
            yield rows, sums

    def sums(self, image: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sums ``[out_h, out_w, out_c]`` of one *image*, bias included."""
        return np.concatenate([sums for _, sums in self.row_sums(image)])

    def requantized(
        self, sums: NDArray[np.int64], channels: Channels = slice(None)
    ) -> NDArray[np.int64]:
        """Turn sums ``[..., out_c]`` of a quantised layer, bias included, into its outputs.

        *channels* says whose sums they are: an index of the output channels, or an array of them
        that broadcasts with *sums*.
        """
        q = self.quantization
        if q is None:
            raise AssertionError("only sums of quantised layers are requantised")
        multiplier, shift = q.multiplier[channels], q.shift[channels]
        scaled = requantize(sums, multiplier, shift, q.rounding) + q.out_zero_point
        return scaled.clip(int(self.activation_min), int(self.activation_max))

    def steps(self, sums: NDArray[np.int64], channels: Channels = slice(None)) -> NDArray[np.bool_]:
        """Whether one less, and one more, than each of *sums* gives another output: ``[2, ...]``.

        Where it does, the sum lies on one side of a rounding boundary, and an error of one is seen.
        """
        below, here, above = (self.requantized(sums + error, channels) for error in (-1, 0, 1))
        return np.stack([below != here, above != here])

    def _activate(self, sums: NDArray[np.float64]) -> NDArray[Any]:
        """Turn sums ``[..., out_c]`` into outputs."""
        if self.quantization is None:
            return sums.clip(self.activation_min, self.activation_max)
        return self.requantized(sums.astype(np.int64))
