from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import loops
import minimal
from convgen.bench.proof import vectors
from convgen.errors import SpecError
from convgen.model import convolution
from convgen.model.ops.conv2d import Conv2d

SHARED = Path(__file__).resolve().parents[3] / "shared"


@st.composite
def specs(draw: st.DrawFn, dtype: str) -> dict[str, Any]:
    """Any small geometry; zero points, activation and rounding at random."""
    groups, size = draw(st.integers(1, 3)), st.integers(1, 6)
    step = st.integers(1, 3)
    fields = minimal.made_up(
        input={"shape": [draw(size), draw(size), groups * draw(step)], "dtype": dtype},
        out_channels=groups * draw(step),
        groups=groups,
        kernel_size=[draw(step), draw(step)],
        stride=[draw(step), draw(step)],
        dilation=[draw(step), draw(step)],
        padding=draw(
            st.sampled_from(["same", "valid"]) | st.lists(st.integers(0, 4), min_size=4, max_size=4)
        ),
        activation=draw(st.sampled_from(["none", "relu", "relu6", {"min": -3, "max": 5}])),
    )
    if dtype == "int8":
        fields["input"]["zero_point"] = draw(st.integers(-128, 127))
        fields["output"] = {"zero_point": draw(st.integers(-128, 127))}
        fields["requantize"] = {"rounding": draw(st.sampled_from(["double", "single"]))}
        if draw(st.booleans()):
            fields["requantize"] |= {"multiplier": 2**30 + 1, "shift": draw(st.integers(-12, 2))}
    return fields


def load(fields: dict[str, Any], seed: int) -> Conv2d | None:
    """Return the layer, or None where the kernel drawn is larger than the padded input."""
    try:
        return minimal.load(fields, seed)
    except SpecError as error:
        if str(error).startswith("kernel_size: expected a kernel, dilated, of at most"):
            return None
        raise


@given(fields=specs("int8"), seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_int8_layers_equal_plain_loops(fields: dict[str, Any], seed: int) -> None:
    if layer := load(fields, seed):
        inputs = vectors.make_inputs(layer, seed)
        expected = np.stack([loops.convolve(layer, image) for image in inputs])
        outputs = layer.compute(inputs)[0]
        assert outputs.dtype == np.int8
        np.testing.assert_array_equal(outputs, expected)
        assert not layer.tolerance(inputs)[0].any()


@given(fields=specs("float32"), seed=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_float32_layers_equal_plain_loops(fields: dict[str, Any], seed: int) -> None:
    if layer := load(fields, seed):
        inputs = vectors.make_inputs(layer, seed, 2)
        expected = np.stack([loops.convolve(layer, image) for image in inputs])
        outputs = layer.compute(inputs)[0]
        assert outputs.dtype == np.float64
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-11)
        magnitude = np.stack([loops.magnitude(layer, image) for image in inputs])
        bound = 4 * layer.geometry.patch_elems * 2.0**-24 * magnitude + 1e-6
        np.testing.assert_allclose(layer.tolerance(inputs)[0], bound)


def test_blocks_of_rows_give_what_one_block_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = minimal.load(minimal.made_up(stride=[2, 1], padding=[2, 0, 3, 1]))
    inputs = vectors.make_inputs(layer, 0)
    whole = layer.compute(inputs)[0]
    monkeypatch.setattr(convolution, "_BLOCK_ELEMS", 1)
    np.testing.assert_array_equal(layer.compute(inputs)[0], whole)


def test_padding_costs_no_memory() -> None:
    far = 2**20
    fields = minimal.made_up(
        kernel_size=1,
        stride=far,
        padding=[far, far, far, far],
        input={"shape": [1, 1, 4], "dtype": "int8"},
    )
    layer = minimal.load(fields)
    assert layer.compute(vectors.make_inputs(layer, 0))[0].shape == (3, 3, 3, 8)


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared beside the repository")
def test_layers_of_real_models_reproduce_tensorflow_lite() -> None:
    folders = sorted((SHARED / "layers").iterdir())
    assert len(folders) == 20
    for folder in folders:
        layer = minimal.read(folder / "layer.json")
        recorded = vectors.load(folder / "vectors.npz", layer)
        assert recorded.expected is not None
        outputs = layer.compute(recorded.inputs[0])[0]
        assert outputs.tobytes() == recorded.expected[0].tobytes(), folder.name
