"""Models of long rows: bottlenecks whose inner tensors are several times as wide as their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tflite_files import File

SCALE = 0.05
SHIFTED = (-128, 7, -3, 20)
"""Zero points, one tensor after the other."""


@dataclass
class Bottlenecks:
    """A model in the making: ``[height, width, channels]`` in, the same out of each bottleneck."""

    height: int
    width: int
    channels: int = 4
    file: File = field(default_factory=File)

    def __post_init__(self) -> None:
        self.numbers = np.random.default_rng(self.width)
        self.made = 0
        self.shape: tuple[int, ...] = (1, self.height, self.width, self.channels)
        self.last = self.file.input(self.shape, "int8", (SCALE, SHIFTED[0]))

    def bottleneck(self, expansion: int, kernel: int, *, residual: bool = False) -> None:
        """Add three convolutions: to more channels, each by itself, back to as few."""
        start, wide = self.last, expansion * self.channels
        self.convolution(wide, 1)
        self.convolution(wide, kernel, depthwise=True)
        self.convolution(self.channels, 1)
        if residual:
            self.last = self._made("ADD", [start, self.last])

    def convolution(
        self, out_c: int, kernel: int, stride: int = 1, *, depthwise: bool = False
    ) -> None:
        """Add one with "same" padding."""
        in_c = 1 if depthwise else self.shape[3]
        weights = self.numbers.integers(-127, 128, (out_c, kernel, kernel, in_c), np.int8)
        values = weights[..., 0].transpose(1, 2, 0)[None] if depthwise else weights
        scale = 1 / (127 * np.sqrt(kernel * kernel * in_c))
        scales = np.full(out_c, scale, np.float32)
        bias = self.numbers.integers(-1000, 1000, out_c, np.int32)
        given = [
            self.last,
            self.file.tensor(values.shape, "int8", (scales, 0), values, 3 if depthwise else 0),
            self.file.tensor((out_c,), "int32", (scales * np.float32(SCALE), 0), bias),
        ]
        sides = (-(-self.shape[1] // stride), -(-self.shape[2] // stride))
        self.shape = (1, *sides, out_c)
        kind = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        more = {"depthMultiplier": 1} if depthwise else {}
        self.last = self._made(kind, given, padding=0, strideH=stride, strideW=stride, **more)

    def _made(self, kind: str, given: Sequence[int], **options: int) -> int:
        self.made += 1
        zero_point = SHIFTED[self.made % len(SHIFTED)]
        output = self.file.tensor(self.shape, "int8", (SCALE, zero_point))
        self.file.operator(kind, list(given), [output], **options)
        return output

    def content(self) -> bytes:
        """Return the .tflite file."""
        self.file.graph.outputs = [self.last]
        return self.file.bytes()

    def inputs(self, count: int) -> NDArray[np.int8]:
        """Return *count* inputs."""
        shape = (count, 1, self.height, self.width, self.channels)
        return self.numbers.integers(-128, 128, shape, np.int8)


def residual(height: int, width: int) -> Bottlenecks:
    """Return two bottlenecks, with a window of five in one and a way around the other."""
    made = Bottlenecks(height, width)
    made.bottleneck(6, 5)
    made.bottleneck(6, 3, residual=True)
    return made
