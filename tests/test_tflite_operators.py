"""Each operator that is read from .tflite files, against LiteRT's reference kernels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import random_models
import tflite_files
from convgen.formats.tflite import reader, tables
from convgen.model import bounds
from random_models import DRAWERS

EACH = 100
SOME = 30  # of float32, and of int16
FEW = {"UNIDIRECTIONAL_SEQUENCE_LSTM": 0.4}
"""What share of them, where a model takes long."""
OF_BYTES = ("DEQUANTIZE",)
WIDE = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
    "MEAN",
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    "ADD",
    "SUB",
    "MINIMUM",
    "LEAKY_RELU",
    "LOGISTIC",
    "TANH",
    "SOFTMAX",
    "RELU",
    "RELU6",
    "DEQUANTIZE",
    "PAD",
    "CONCATENATION",
    "STRIDED_SLICE",
    "TRANSPOSE",
    "RESIZE_NEAREST_NEIGHBOR",
)
"""Those that are read with int16 activations."""


@pytest.mark.parametrize("kind", DRAWERS)
def test_bytes_are_those_of_litert(kind: str) -> None:
    for number in range(int(EACH * FEW.get(kind, 1))):
        check(kind, number, "int8")


@pytest.mark.parametrize("kind", [kind for kind in DRAWERS if kind not in OF_BYTES])
def test_float32_values_are_near_those_of_litert(kind: str) -> None:
    for number in range(int(SOME * FEW.get(kind, 1))):
        check(kind, number, "float32")


@pytest.mark.parametrize("kind", WIDE)
def test_int16_values_are_those_of_litert(kind: str) -> None:
    for number in range(SOME):
        check(kind, number, "int16")


def test_sums_in_the_middle_between_two_outputs_of_fully_connected_layers() -> None:
    numbers = np.random.default_rng(1)
    scales = itertools.product((0.05, 0.2), (0.005, 0.01, 0.02), (0.05, 0.1, 0.2))
    for in_scale, weight_scale, out_scale in scales:
        file = tflite_files.File()
        weights = numbers.integers(-127, 128, (4, 8), np.int8)
        given = [
            file.input((2, 8), "int8", (in_scale, 3)),
            file.tensor((4, 8), "int8", (weight_scale, 0), weights),
        ]
        file.graph.outputs = [file.tensor((2, 4), "int8", (out_scale, 3))]
        file.operator("FULLY_CONNECTED", given, file.graph.outputs)
        inputs = numbers.integers(-128, 128, (60, 2, 8), np.int8)
        graph = reader.imported(tables.parse(file.bytes()), "model").graph
        [right] = tflite_files.litert(file.bytes(), inputs)
        [found] = graph.compute(inputs)
        np.testing.assert_array_equal(found, right.reshape(found.shape))


def check(kind: str, number: int, dtype: str) -> None:
    content, inputs = random_models.draw(kind, number, dtype)
    graph = reader.imported(tables.parse(content), "model").graph
    seen = [
        values.reshape(len(values), *tensor.shape)
        for values, tensor in zip(inputs, graph.inputs, strict=True)
    ]
    right = tflite_files.litert(content, *inputs)
    found, allowed = graph.compute(*seen), bounds.tolerance(graph, *seen)
    for values, expected, bound in zip(found, right, allowed, strict=True):
        wide = expected.reshape(values.shape).astype(np.float64)
        assert values.dtype in (expected.dtype, np.float64)
        assert (np.abs(values - wide) <= bound).all(), f"{kind} {number}"
        assert dtype == "float32" or kind == "DEQUANTIZE" or not bound.any()
