"""Each operator that is read from .tflite files, against LiteRT's reference kernels."""

from __future__ import annotations

import numpy as np
import pytest

import random_models
import tflite_files
from convgen.formats.tflite import reader, tables
from convgen.model import bounds
from random_models import DRAWERS

EACH = 100
SOME = 30  # of float32


@pytest.mark.parametrize("kind", DRAWERS)
def test_bytes_are_those_of_litert(kind: str) -> None:
    for number in range(EACH):
        check(kind, number, "int8")


@pytest.mark.parametrize("kind", [kind for kind in DRAWERS if kind != "DEQUANTIZE"])
def test_float32_values_are_near_those_of_litert(kind: str) -> None:
    for number in range(SOME):
        check(kind, number, "float32")


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
