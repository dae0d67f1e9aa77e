"""Random graphs with everything in them that passes look for, and a little of everything else."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.model import lookup, quantize
from convgen.model.geometry import Geometry
from convgen.model.graph import Graph, State
from convgen.model.operator import Operator
from convgen.model.ops.add import Add
from convgen.model.ops.arithmetic import Elementwise, Kind, Operand
from convgen.model.ops.conv2d import Conv2d, Quantization
from convgen.model.ops.convert import Dequantize, Quantize
from convgen.model.ops.mean import Mean
from convgen.model.ops.move import Concatenation, Pad, Slice, Transpose
from convgen.model.ops.pointwise import Pointwise
from convgen.model.ops.pool import Pool2d
from convgen.model.ops.table import Table
from convgen.model.tensor import DType, Tensor


@cache
def draw(number: int) -> tuple[Graph, NDArray[Any]]:
    """Return the *number*-th graph and inputs for it; the same each time."""
    grower = Grower(random.Random(number), "float32" if number % 5 == 0 else "int8")  # noqa: S311
    graph = grower.graph()
    numbers = np.random.default_rng(number)
    shape = (4, *graph.inputs[0].shape)
    if graph.inputs[0].dtype == "float32":
        return graph, numbers.normal(0, 1, shape).astype(np.float32)
    return graph, numbers.integers(-128, 128, shape, np.int8)


class Grower:
    """A chain of operators with branches that come together again."""

    def __init__(self, rng: random.Random, dtype: DType) -> None:
        self.rng, self.dtype = rng, dtype
        self.numbers = np.random.default_rng(rng.randrange(2**32))
        self.operators: list[Operator] = []
        self.start = self.tensor((rng.randint(3, 7), rng.randint(3, 7), rng.choice([1, 4, 8])))
        self.states: tuple[State, ...] = ()

    def tensor(self, shape: tuple[int, ...], like: Tensor | None = None) -> Tensor:
        name = f"t{len(self.operators)}_{self.rng.randrange(10**6)}"
        if self.dtype == "float32":
            return Tensor(name=name, shape=shape, dtype="float32")
        if like is not None:
            return replace(like, name=name, shape=shape)
        zero_point = self.rng.choice([-128, -1, 0, self.rng.randint(-128, 127)])
        scale = float(np.float32(self.rng.uniform(0.01, 0.1)))
        return Tensor(name=name, shape=shape, dtype="int8", scale=scale, zero_point=zero_point)

    def add(self, operator: Any) -> Tensor:
        self.operators.append(replace(operator, name=f"op{len(self.operators)}"))
        return self.operators[-1].outputs[0]

    def graph(self) -> Graph:
        now = self.start
        ends = self.rng.random() < 0.3
        if ends and self.dtype == "int8":
            start = Tensor(name="real", shape=self.start.shape, dtype="float32")
            self.add(Quantize(name="", inputs=(start,), output=self.start))
        if self.rng.random() < 0.2:
            now = self.streamed(now)
        for _ in range(self.rng.randint(2, 6)):
            steps = [self.conv, self.conv, self.depthwise, self.padded, self.residual, self.sliced]
            steps += [self.pool, self.functions, self.idle, self.split, self.scalar, self.shares]
            now = self.rng.choice(steps)(now)
        now = self.rng.choice([self.flat, self.mean, self.means])(now)
        if ends and self.dtype == "int8":
            output = Tensor(name="result", shape=now.shape, dtype="float32")
            now = self.add(Dequantize(name="", inputs=(now,), output=output))
        first = self.operators[0].inputs[0] if ends and self.dtype == "int8" else self.start
        return Graph(
            name="random",
            operators=tuple(self.operators),
            inputs=(first,),
            outputs=(now,),
            states=self.states,
        )

    def streamed(self, now: Tensor) -> Tensor:
        """Put rows of the calls before in front, and keep the last ones."""
        rows = self.rng.randint(1, 3)
        state = self.tensor((rows, *now.shape[1:]), now)
        shape = (rows + now.shape[0], *now.shape[1:])
        joined = self.add(
            Concatenation(name="", inputs=(state, now), output=self.tensor(shape, now), axis=0)
        )
        kept = self.slice(joined, (now.shape[0], 0, 0), state.shape)
        initial = np.full(state.shape, state.zero_point, self.dtype)
        self.states = (State(tensor=state, initial=initial, new=kept),)
        return joined

    def slice(self, now: Tensor, begin: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
        output = self.tensor(shape, now)
        return self.add(
            Slice(name="", inputs=(now,), output=output, begin=begin, strides=(1,) * len(begin))
        )

    def conv(self, now: Tensor) -> Tensor:
        return self.convolution(now, self.rng.choice([4, 8, 12]), 1)

    def depthwise(self, now: Tensor) -> Tensor:
        channels = now.shape[2]
        return self.convolution(now, channels * self.rng.choice([1, 1, 2]), channels)

    def convolution(self, now: Tensor, out_c: int, groups: int) -> Tensor:
        height, width, in_c = now.shape
        kernel = [min(self.rng.choice([1, 1, 3]), size) for size in (height, width)]
        pads = [self.rng.randint(0, (kernel[i % 2] - 1)) for i in range(4)]
        geometry = Geometry(
            in_h=height,
            in_w=width,
            in_c=in_c,
            out_h=height + pads[0] + pads[2] - kernel[0] + 1,
            out_w=width + pads[1] + pads[3] - kernel[1] + 1,
            out_c=out_c,
            k_h=kernel[0],
            k_w=kernel[1],
            stride_h=1,
            stride_w=1,
            dilation_h=1,
            dilation_w=1,
            pad_top=pads[0],
            pad_left=pads[1],
            pad_bottom=pads[2],
            pad_right=pads[3],
            groups=groups,
        )
        return self.add(self.layer(now, geometry, "conv2d"))

    def layer(self, now: Tensor, g: Geometry, kind: str) -> Conv2d:
        """Weights and biases of which some make channels dead."""
        output = self.tensor((g.out_h, g.out_w, g.out_c))
        shape = (g.out_c, g.k_h, g.k_w, g.group_in_c)
        dead = self.numbers.random(g.out_c) < self.rng.choice([0, 0.3, 0.8])
        unread = self.numbers.random(g.group_in_c) < self.rng.choice([0, 0.3])
        relu = self.rng.random() < 0.5
        if self.dtype == "float32":
            weights = self.numbers.normal(0, 1, shape).astype(np.float32)
            bias: Any = self.numbers.normal(0, 1, g.out_c).astype(np.float32)
            limits, quantization = (0.0 if relu else -math.inf, math.inf), None
        else:
            weights = self.numbers.integers(-127, 128, shape, np.int8)
            spread = 64 * 127 * math.sqrt(g.patch_elems)
            bias = self.numbers.integers(-20000, 20000, g.out_c, np.int32)
            bias[dead & (self.numbers.random(g.out_c) < 0.5)] = -(10**7)
            step = 40 * (output.scale or 1) / (now.scale or 1) / spread
            scales = np.full(g.out_c, np.float32(step), np.float64)
            multiplier, shift = quantize.multipliers(
                now.scale or 1, scales, output.scale or 1, "double"
            )
            quantization = Quantization(
                in_zero_point=now.zero_point,
                out_zero_point=output.zero_point,
                multiplier=multiplier,
                shift=shift,
                rounding="double",
                in_scale=now.scale,
                out_scale=output.scale,
            )
            limits = (output.zero_point if relu else -128, 127)
        weights[dead] = 0
        weights[..., unread] = 0
        return Conv2d(
            name="",
            dtype=self.dtype,
            geometry=g,
            activation="relu" if relu else "none",
            activation_min=limits[0],
            activation_max=limits[1],
            weights=weights,
            bias=None if self.rng.random() < 0.2 and not dead.any() else bias,
            quantization=quantization,
            synthetic=False,
            kind=kind,
            input_name=now.name,
            output_name=output.name,
        )

    def padded(self, now: Tensor) -> Tensor:
        before = (self.rng.randint(0, 2), self.rng.randint(0, 2), 0)
        after = (self.rng.randint(0, 2), self.rng.randint(0, 2), 0)
        shape = tuple(map(sum, zip(before, now.shape, after, strict=True)))
        value = now.zero_point if self.rng.random() < 0.8 else 5
        pad = Pad(
            name="",
            inputs=(now,),
            output=self.tensor(shape, now),
            before=before,
            after=after,
            value=value,
        )
        wider = self.add(pad)
        return self.convolution(wider, 4, 1) if self.rng.random() < 0.8 else self.depthwise(wider)

    def residual(self, now: Tensor) -> Tensor:
        one = self.pointwise_geometry(now, now.shape[2])
        other = self.add(self.layer(now, one, "conv2d"))
        output = self.tensor(now.shape)
        limits = (-128, 127) if self.dtype == "int8" else (-math.inf, math.inf)
        return self.add(
            Add(
                name="",
                inputs=(now, other),
                output=output,
                activation="none",
                activation_min=limits[0],
                activation_max=limits[1],
            )
        )

    def pointwise_geometry(self, now: Tensor, out_c: int) -> Geometry:
        height, width, channels = now.shape
        return Geometry(
            in_h=height,
            in_w=width,
            in_c=channels,
            out_h=height,
            out_w=width,
            out_c=out_c,
            k_h=1,
            k_w=1,
        )

    def sliced(self, now: Tensor) -> Tensor:
        for _ in range(self.rng.randint(1, 2)):
            begin = tuple(self.rng.randrange(size) for size in (*now.shape[:2], 1))
            shape = tuple(
                self.rng.randint(1, size - first)
                for size, first in zip(now.shape[:2], begin, strict=False)
            )
            now = self.slice(now, begin, (*shape, now.shape[2]))
        return now

    def split(self, now: Tensor) -> Tensor:
        """Halves of the channels, each through an operator of its own, together again."""
        if now.shape[2] % 2:
            return now
        half = (*now.shape[:2], now.shape[2] // 2)
        one, two = (self.slice(now, (0, 0, first), half) for first in (0, half[2]))
        shape = now.shape
        return self.add(
            Concatenation(name="", inputs=(two, one), output=self.tensor(shape, now), axis=2)
        )

    def shares(self, now: Tensor) -> Tensor:
        """Shares of the channels, of each some rows, through depthwise convolutions."""
        height, width, channels = now.shape
        if channels < 4:
            return now
        most = self.rng.randint(1, min(height, 5))
        pad = self.rng.choice([0, 0, most // 2])
        out_h, layers, first = height - most + 1 + 2 * pad, [], 0
        for size in (1, channels // 2, channels - 1 - channels // 2):
            taps = most if pad else self.rng.randint(1, most)
            rows = height if pad else out_h - 1 + taps
            begin = self.rng.randint(0, height - rows)
            cut = self.slice(now, (begin, 0, first), (rows, width, size))
            geometry = self.share_geometry(cut, out_h, taps, pad)
            layers.append(self.layer(cut, geometry, "conv2d"))
            first += size
        written = [self.add(self.like(layers[0], layer)) for layer in layers]
        output = self.tensor((out_h, width, channels), written[0])
        return self.add(Concatenation(name="", inputs=tuple(written), output=output, axis=2))

    def share_geometry(self, cut: Tensor, out_h: int, taps: int, pad: int) -> Geometry:
        plain = self.pointwise_geometry(cut, cut.shape[2])
        return replace(
            plain, out_h=out_h, k_h=taps, pad_top=pad, pad_bottom=pad, groups=cut.shape[2]
        )

    def like(self, first: Conv2d, layer: Conv2d) -> Conv2d:
        """Return *layer* with the output's numbers and the activation of *first*."""
        one, other = first.quantization, layer.quantization
        numbers = (
            replace(other, out_zero_point=one.out_zero_point, out_scale=one.out_scale)
            if one and other
            else None
        )
        return replace(
            layer,
            quantization=numbers,
            activation=first.activation,
            activation_min=first.activation_min,
            activation_max=first.activation_max,
        )

    def pool(self, now: Tensor) -> Tensor:
        height, width, channels = now.shape
        kernel = (min(2, height), min(2, width))
        geometry = replace(
            self.pointwise_geometry(now, channels),
            out_h=height - kernel[0] + 1,
            out_w=width - kernel[1] + 1,
            k_h=kernel[0],
            k_w=kernel[1],
            groups=channels,
        )
        limits = (-128, 127) if self.dtype == "int8" else (-math.inf, math.inf)
        return self.add(
            Pool2d(
                name="",
                kind=self.rng.choice(["average_pool", "max_pool"]),
                input=now,
                geometry=geometry,
                activation="none",
                activation_min=limits[0],
                activation_max=limits[1],
                output_name=self.tensor((1,)).name,
            )
        )

    def functions(self, now: Tensor) -> Tensor:
        for _ in range(self.rng.choice([1, 1, 2])):
            now = self.function(now)
        return now

    def function(self, now: Tensor) -> Tensor:
        kind = self.rng.choice(["relu", "relu6", "leaky_relu", "relu_n1_to_1"])
        same = self.rng.random() < 0.6
        output = self.tensor(now.shape, now if same else None)
        if self.dtype == "float32":
            return self.add(Pointwise(name="", inputs=(now,), output=output, kind=kind, alpha=0.1))
        values = lookup.FUNCTIONS[kind](now, output, 0.1)
        return self.add(Table(name="", inputs=(now,), output=output, kind=kind, values=values))

    def scalar(self, now: Tensor) -> Tensor:
        """Arithmetic with a number, or of the tensor with itself."""
        kinds: list[Kind] = ["add", "sub", "mul", "maximum"]
        limits = (-128, 127) if self.dtype == "int8" else (-math.inf, math.inf)
        number = self.tensor((1,), now)
        values: Any = self.numbers.normal(0, 1, 1).astype(np.float32)
        if self.dtype == "int8":
            values = self.numbers.integers(-128, 128, 1, np.int8)
        other = (
            Operand(tensor=now)
            if self.rng.random() < 0.3
            else Operand(tensor=number, values=values)
        )
        operands = (Operand(tensor=now), other)
        return self.add(
            Elementwise(
                name="",
                kind=self.rng.choice(kinds),
                operands=operands if self.rng.random() < 0.5 else operands[::-1],
                output=self.tensor(now.shape),
                activation="none",
                activation_min=limits[0],
                activation_max=limits[1],
            )
        )

    def idle(self, now: Tensor) -> Tensor:
        output = self.tensor(now.shape, now)
        zero = (0,) * 3
        idle = [
            Pad(name="", inputs=(now,), output=output, before=zero, after=zero, value=0),
            Slice(name="", inputs=(now,), output=output, begin=zero, strides=(1,) * 3),
            Concatenation(name="", inputs=(now,), output=output, axis=1),
            Transpose(name="", inputs=(now,), output=output, axes=(0, 1, 2)),
        ]
        return self.add(self.rng.choice(idle))

    def flat(self, now: Tensor) -> Tensor:
        """A fully connected operator that sees all elements as one pixel."""
        seen = replace(now, shape=(1, 1, now.elems))
        return self.add(self.layer(seen, self.pointwise_geometry(seen, 4), "fully_connected"))

    def mean(self, now: Tensor) -> Tensor:
        height, width, channels = now.shape
        output = self.tensor((1, channels), now if self.rng.random() < 0.5 else None)
        seen = replace(now, shape=(1, height * width, channels))
        return self.add(Mean(name="", inputs=(seen,), output=output))

    def means(self, now: Tensor) -> Tensor:
        """Two means, of rows and of columns, behind a transposition."""
        height, width, channels = now.shape
        turned = self.tensor((channels, height, width), now)
        now = self.add(Transpose(name="", inputs=(now,), output=turned, axes=(2, 0, 1)))
        one = self.tensor((channels * height, 1), now)
        seen = replace(now, shape=(channels * height, width, 1))
        now = self.add(Mean(name="", inputs=(seen,), output=one))
        seen = replace(now, shape=(channels, height, 1))
        output = self.tensor((channels, 1), now if self.rng.random() < 0.5 else None)
        return self.add(Mean(name="", inputs=(seen,), output=output))
