"""A network of int16 activations, from int8 to int8, with every operator that is read so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from command import convgen
from tflite_files import File, litert

SCALE = np.float32(3e-4)
SIDE, CHANNELS, CLASSES = 7, 5, 4


class Network(File):
    """A file whose tensors in between are int16, of one scale unless another is given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.numbers = np.random.default_rng(5)

    def wide(self, shape: tuple[int, ...], scale: float = float(SCALE)) -> int:
        return self.tensor((1, *shape), "int16", (scale, 0))

    def sums(self, kind: str, given: int, shape: tuple[int, ...], out: int, **options: int) -> None:
        """Add an operator with weights of *shape* and a bias."""
        axis = 3 if kind == "DEPTHWISE_CONV_2D" else 0
        scales = self.numbers.uniform(0.002, 0.02, shape[axis]).astype(np.float32)
        weights = self.numbers.integers(-127, 128, shape, np.int8)
        bias = self.numbers.integers(-(2**18), 2**18, shape[axis], np.int64)
        operands = [
            given,
            self.tensor(shape, "int8", (scales, 0), weights, axis),
            self.tensor((shape[axis],), "int64", (scales * SCALE, 0), bias),
        ]
        self.operator(kind, operands, [out], **options)


def network() -> Network:
    file = Network()
    image = (SIDE, SIDE, CHANNELS)
    given = file.input((1, *image), "int8", (0.05, 3))
    widened = file.wide(image, 0.0007)
    file.operator("QUANTIZE", [given], [widened])
    padded = file.wide((SIDE + 1, SIDE + 2, CHANNELS), 0.0007)
    file.operator("PAD", [widened, file.integers([[0, 0], [1, 0], [1, 1], [0, 0]])], [padded])
    convolved = file.wide(image)
    kernel, strides = (CHANNELS, 2, 3, CHANNELS), {"strideH": 1, "strideW": 1}
    file.sums("CONV_2D", padded, kernel, convolved, padding=1, fusedActivationFunction=1, **strides)
    depthwise = file.wide(image)
    options = {"padding": 0, "depthMultiplier": 1, **strides}
    file.sums("DEPTHWISE_CONV_2D", convolved, (1, 3, 3, CHANNELS), depthwise, **options)
    leaky = file.wide(image, 0.0004)
    file.operator("LEAKY_RELU", [depthwise], [leaky], alpha=0.3)
    added = file.wide(image, 0.0005)
    file.operator("ADD", [convolved, leaky], [added], potScaleInt16=False)
    gate, tangent = (file.wide(image, 2.0**-15) for _ in range(2))
    file.operator("LOGISTIC", [depthwise], [gate])
    file.operator("TANH", [added], [tangent])
    gated = file.wide(image)
    file.operator("MUL", [gate, tangent], [gated])
    product = file.wide(image, 0.002)
    file.operator("MUL", [gated, convolved], [product])
    less = file.wide(image, 0.0021)
    file.operator("SUB", [product, added], [less], potScaleInt16=False)
    rectified = file.wide(image, 0.0021)
    file.operator("RELU6", [less], [rectified])
    most, mean = (file.wide((3, 3, CHANNELS), 0.0021) for _ in range(2))
    window = {"filterHeight": 3, "filterWidth": 2, "strideH": 2, "strideW": 2, "padding": 1}
    file.operator("MAX_POOL_2D", [less], [most], **window)
    file.operator("AVERAGE_POOL_2D", [rectified], [mean], **window)
    joined = file.wide((3, 3, 2 * CHANNELS), 0.0021)
    file.operator("CONCATENATION", [most, mean], [joined], axis=3)
    file.graph.outputs = [_shares(file, joined), joined, _means(file, padded)]
    return file


def _means(file: Network, image: int) -> int:
    """Add a pooling of a whole image, which comes row by row."""
    means = file.wide((1, 1, CHANNELS), 0.0007)
    window = {"filterHeight": SIDE + 1, "filterWidth": SIDE + 2, "strideH": 1, "strideW": 1}
    file.operator("AVERAGE_POOL_2D", [image], [means], padding=1, **window)
    return means


def _shares(file: Network, joined: int) -> int:
    """Add a fully connected layer and what makes shares of its outputs, in bytes."""
    classes = file.wide((CLASSES,), 0.03)
    file.sums("FULLY_CONNECTED", joined, (CLASSES, 9 * 2 * CHANNELS), classes)
    shares = file.wide((CLASSES,), 2.0**-15)
    file.operator("SOFTMAX", [classes], [shares], beta=0.02)
    narrowed = file.tensor((1, CLASSES), "int8", (1 / 128, -4))
    file.operator("QUANTIZE", [shares], [narrowed])
    return narrowed


def inputs() -> NDArray[np.int8]:
    return np.random.default_rng(1).integers(-128, 128, (3, SIDE, SIDE, CHANNELS), np.int8)


@pytest.mark.emulator
@pytest.mark.parametrize("how", [
    ("cortex-m4", "--feed", "rows"),
    ("cortex-m0", "--optimize", "speed"),
    ("rv32imc", "--fusion", "off", "--toolchain", "zig"),
], ids=lambda how: how[0])  # fmt: skip
def test_bytes_are_those_of_litert(how: tuple[str, ...], tmp_path: Path) -> None:
    content, given = network().bytes(), inputs()
    classes, joined, means = litert(content, given)
    assert len(np.unique(classes)) > CLASSES
    assert len(np.unique(joined)) > joined.size // 4
    model = tmp_path / "wide.tflite"
    model.write_bytes(content)
    vectors = tmp_path / "vectors.npz"
    first, second, third = (each[:, 0] for each in (classes, joined, means))
    np.savez(vectors, input=given, output_0=first, output_1=second, output_2=third)
    done = convgen("-t", *how, "-b", "64k", model, "--vectors", vectors, "-o", tmp_path / "out")
    assert (done.status, done.stderr) == (0, "")
    assert "verified on 3 vectors" in done.stdout
