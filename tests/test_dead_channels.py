"""A network as MLPerf Tiny's visual wake words: most channels of its later layers are dead.

Where a channel has no weights it holds its bias, clamped; what reads it takes that into its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from command import convgen
from convgen.formats.tflite import reader
from convgen.model import passes
from convgen.model.ops.conv2d import Conv2d
from tflite_files import File, litert

SIDE = 96
FIRST = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2))
BLOCKS = (*FIRST, *[(128, 1)] * 5, (256, 2), (256, 1))
"""Output channels and stride of each pair of a depthwise and a pointwise convolution."""

ZERO_POINT = -128
MOST_FLASH = 24 * 1024  # of 210,850 weights 6,686 are left


class Made(NamedTuple):
    """A model, an input of it, and how many channels of each pointwise convolution live."""

    content: bytes
    inputs: NDArray[np.int8]
    alive: tuple[int, ...]


class _Network:
    """A network in the making."""

    def __init__(self, seed: int) -> None:
        self.numbers = np.random.default_rng(seed)
        self.file = File()
        self.scale = np.float32(0.05)
        self.shape = (1, SIDE, SIDE, 3)
        self.last = self.file.input(self.shape, "int8", (float(self.scale), ZERO_POINT))

    def layer(self, kind: str, out_c: int, stride: int, dead: NDArray[np.bool_]) -> None:
        """Add a convolution with a rectifier; *dead* channels have no weights, and no sum above 0.

        The others have scales that make sums useful.
        """
        depthwise, side = kind == "DEPTHWISE_CONV_2D", self.shape[1]
        k = 1 if kind == "CONV_2D" and self.shape[3] > 3 else 3
        in_c = 1 if depthwise else self.shape[3]
        weights = self.numbers.integers(-127, 128, (out_c, k, k, in_c), np.int8)
        weights[dead] = 0
        scale = np.float32(1 / (127 * 2 * np.sqrt(k * k * in_c)))
        bias = self.numbers.integers(0, 2000, out_c, np.int32)
        bias[dead] = -self.numbers.integers(0, 2000, int(dead.sum()))
        axis = 3 if depthwise else 0
        values = weights[..., 0].transpose(1, 2, 0)[None] if depthwise else weights
        scales = np.full(out_c, scale, np.float32)
        given = [
            self.last,
            self.file.tensor(values.shape, "int8", (scales, 0), values, axis),
            self.file.tensor((out_c,), "int32", (scales * self.scale, 0), bias),
        ]
        out = -(-side // stride)
        self.shape = (1, out, out, out_c)
        self.last = self.file.tensor(self.shape, "int8", (float(self.scale), ZERO_POINT))
        options = {"strideH": stride, "strideW": stride, "fusedActivationFunction": 1}
        if depthwise:
            options["depthMultiplier"] = 1
        self.file.operator(kind, given, [self.last], padding=0, **options)

    def end(self) -> None:
        """Add a pooling of the whole image, a fully connected layer and a softmax."""
        count, side, file = self.shape[3], self.shape[1], self.file
        numbers = (float(self.scale), ZERO_POINT)
        pooled = file.tensor((1, 1, 1, count), "int8", numbers)
        window = {"filterHeight": side, "filterWidth": side, "strideH": 1, "strideW": 1}
        file.operator("AVERAGE_POOL_2D", [self.last], [pooled], padding=1, **window)
        weights = self.numbers.integers(-127, 128, (2, count), np.int8)
        given = [
            pooled,
            file.tensor((2, count), "int8", (0.002, 0), weights),
            file.tensor((2,), "int32", (0.002 * 0.05, 0), np.zeros(2, np.int32)),
        ]
        logits = file.tensor((1, 2), "int8", (0.1, 3))
        file.operator("FULLY_CONNECTED", given, [logits])
        output = file.tensor((1, 2), "int8", (1 / 256, -128))
        file.operator("SOFTMAX", [logits], [output], beta=1.0)
        file.graph.outputs = [output]


def wake_words(seed: int, share: float) -> Made:
    """Return such a network; a *share* of the channels from the fourth block on are dead."""
    made = _Network(seed)
    made.layer("CONV_2D", 8, 2, np.zeros(8, bool))
    alive = []
    for number, (out_c, stride) in enumerate(BLOCKS):
        none = np.zeros(made.shape[3], bool)
        made.layer("DEPTHWISE_CONV_2D", made.shape[3], stride, none)
        dead = made.numbers.random(out_c) < (share if number > 2 else 0)
        made.layer("CONV_2D", out_c, 1, dead)
        alive.append(int((~dead).sum()))
    made.end()
    inputs = made.numbers.integers(-128, 128, (3, 1, SIDE, SIDE, 3), np.int8)
    return Made(made.file.bytes(), inputs, tuple(alive))


def words(count: int) -> int:
    """Return *count* channels and as many more as fill words."""
    return max(4, -(-count // 4) * 4)


@pytest.fixture(scope="module")
def made() -> Made:
    return wake_words(1, 0.72)


def test_dead_channels_go_through_chains_of_convolutions(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "vww.tflite"
    path.write_bytes(made.content)
    graph = reader.load(path, "vww").graph
    after, saved = passes.simplified(graph)
    pointwise = [
        operator.geometry.out_c
        for operator in after.operators
        if isinstance(operator, Conv2d) and operator.geometry.groups == 1
    ]
    for left, alive in zip(pointwise[1:-1], made.alive, strict=True):
        assert left <= words(alive)
    [dead] = [each for each in saved if each.name == "dead channels"]
    assert dead.parameters > 0.8 * passes.parameters(graph)
    assert dead.macs > 0.4 * graph.macs
    [right] = litert(made.content, made.inputs)
    [found] = after.compute(made.inputs[:, 0])
    np.testing.assert_array_equal(found.reshape(right.shape), right)


@pytest.mark.emulator
def test_what_is_left_fits_the_flash_it_should(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "vww.tflite"
    path.write_bytes(made.content)
    options = ("-t", "cortex-m4", "-b", "256k", "--flash", "1M", "--format", "json")
    run = convgen(*options, "--optimize", "flash", "-o", tmp_path / "out", path)
    assert run.status == 0, run.stderr
    assert run.report["verified"]
    assert run.report["flash"]["total"] < MOST_FLASH
