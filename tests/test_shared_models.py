"""Whole models with LiteRT's own outputs.

They live beside the checkout, in ../shared/models; where that folder is, these tests run.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convgen.formats.tflite import reader
from convgen.model import bounds, passes

MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/model.tflite"))
HYBRID = "dscnn_f32"
"""Its convolutions round inputs to 8 bits: what is next to a boundary may go either way."""

pytestmark = pytest.mark.skipif(not FOLDERS, reason="no ../shared/models beside this checkout")


def vectors(folder: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    with np.load(folder / "vectors.npz") as file:
        return file["input"], file["output"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_outputs_are_those_of_litert_before_and_after_rewriting(folder: Path) -> None:
    graph = reader.load(folder / "model.tflite", folder.name).graph
    inputs, right = vectors(folder)
    after, _ = passes.simplified(graph)
    for each in (graph, after):
        [found] = each.compute(inputs)
        [allowed] = bounds.tolerance(each, inputs)
        difference = np.abs(found.astype(np.float64) - right)
        assert found.dtype in (right.dtype, np.float64)
        assert (difference <= allowed).all()
        assert right.dtype == np.float32 or not allowed.any()
        assert difference.max() < (1e-4 if folder.name == HYBRID else 1e-6)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_model_is_read_and_rewritten_at_once(folder: Path) -> None:
    start = time.process_time()
    model = reader.load(folder / "model.tflite", folder.name)
    passes.simplified(model.graph)
    assert time.process_time() - start < 2
    assert len(model.entries) == model.entries[-1].index + 1
