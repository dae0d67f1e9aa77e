from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minimal
from convgen.bench.proof import vectors
from convgen.errors import UsageError
from convgen.model.ops.conv2d import Conv2d

FLOAT32 = {"shape": [6, 5, 4], "dtype": "float32"}


@pytest.fixture
def layer() -> Conv2d:
    return minimal.load(minimal.made_up())


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "vectors.npz"
    np.savez(path, **arrays)
    return path


def test_inputs_are_the_same_for_the_same_seed_only(layer: Conv2d) -> None:
    inputs = vectors.make_inputs(layer, 7)
    np.testing.assert_array_equal(vectors.make_inputs(layer, 7, 5)[:3], inputs)
    assert (vectors.make_inputs(layer, 8) != inputs).any()


def test_int8_inputs_are_random_then_extreme_then_near_the_zero_point(layer: Conv2d) -> None:
    random, extreme, near = vectors.make_inputs(layer, 0)
    assert len(np.unique(random)) > 60
    assert np.unique(extreme).tolist() == [-128, 127]
    assert np.abs(near.astype(int) - layer.zero_point).max() == 2


def test_float32_inputs_have_three_magnitudes() -> None:
    layer = minimal.load(minimal.made_up(input=FLOAT32))
    inputs = vectors.make_inputs(layer, 0)
    assert inputs.dtype == np.float32
    assert np.abs(inputs[1]).min() == np.abs(inputs[1]).max() == 16
    assert np.abs(inputs[0]).max() > 1 > 100 * np.abs(inputs[2]).max()


def test_a_batch_with_its_outputs_loads(tmp_path: Path, layer: Conv2d) -> None:
    inputs = vectors.make_inputs(layer, 0, 4)
    outputs = layer.compute(inputs)[0]
    loaded = vectors.load(save(tmp_path, input=inputs, output=outputs), layer)
    np.testing.assert_array_equal(loaded.inputs[0], inputs)
    assert loaded.expected is not None
    np.testing.assert_array_equal(loaded.expected[0], outputs)


def test_each_of_a_batch_may_be_a_batch_of_one(tmp_path: Path, layer: Conv2d) -> None:
    inputs = vectors.make_inputs(layer, 0, 4)
    loaded = vectors.load(save(tmp_path, input=inputs[:, None]), layer)
    np.testing.assert_array_equal(loaded.inputs[0], inputs)


def test_one_image_becomes_a_batch_of_one(tmp_path: Path, layer: Conv2d) -> None:
    image = vectors.make_inputs(layer, 0, 1)[0]
    loaded = vectors.load(save(tmp_path, input=image), layer)
    assert loaded.inputs[0].shape == (1, 6, 5, 4)
    assert loaded.expected is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"input": np.zeros((2, 5, 6, 4), np.int8)},
            "input: expected int8 [6, 5, 4] or [N, 6, 5, 4] with N at most 65536, "
            "got int8 [2, 5, 6, 4]",
        ),
        ({"input": np.zeros((6, 5, 4))}, "got float64 [6, 5, 4]"),
        ({"input": np.zeros((0, 6, 5, 4), np.int8)}, "got int8 [0, 6, 5, 4]"),
        ({"images": np.zeros((6, 5, 4), np.int8)}, 'got "input"; held: "images"'),
        (
            {"input": np.zeros((6, 5, 4), np.int8), "output": np.zeros((6, 5, 8), np.int32)},
            "output: expected int8 [6, 5, 8] or",
        ),
        (
            {"input": np.zeros((6, 5, 4), np.int8), "output": np.zeros((2, 6, 5, 8), np.int8)},
            "expected as many outputs as inputs (1), got 2",
        ),
    ],
)
def test_wrong_vectors_are_refused(
    tmp_path: Path, layer: Conv2d, arrays: dict[str, Any], message: str
) -> None:
    path = save(tmp_path, **arrays)
    with pytest.raises(UsageError) as caught:
        vectors.load(path, layer)
    assert str(caught.value).startswith(f"--vectors {path}: ")
    assert message in str(caught.value)


def test_nan_and_missing_files_are_refused(tmp_path: Path) -> None:
    layer = minimal.load(minimal.made_up(input=FLOAT32))
    values = np.zeros((6, 5, 4), np.float32)
    values[1, 2, 3] = np.nan
    with pytest.raises(UsageError, match=r"input: expected finite numbers, got nan at \[1, 2, 3\]"):
        vectors.load(save(tmp_path, input=values), layer)
    with pytest.raises(UsageError, match=r"cannot read absent.npz: No such file"):
        vectors.load(tmp_path / "absent.npz", layer)
