from __future__ import annotations

import json
import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minimal
from convgen.errors import ExitCode, SpecError
from convgen.formats import schema, spec
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d

SPECS = Path(__file__).resolve().parents[1] / "specs"
GOOD = sorted((SPECS / "good").glob("*.json"))
BAD = sorted((SPECS / "bad").glob("*.json"))


def names(path: Path) -> str:
    return path.stem


def geometry(**changes: Any) -> Geometry:
    return minimal.load(minimal.made_up(**changes)).geometry


def refusal(text: str | bytes, folder: Path) -> str:
    path = folder / "layer.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SpecError) as caught:
        minimal.read(path)
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    return str(caught.value)


@pytest.mark.parametrize("path", GOOD, ids=names)
def test_good_specs_load(path: Path) -> None:
    layer = spec.load(path)
    assert layer.kind == json.loads(path.read_text())["op"]
    if not isinstance(layer, Conv2d):
        return
    g = layer.geometry
    assert layer.weights.shape == (g.out_c, g.k_h, g.k_w, g.in_c // g.groups)
    assert not layer.weights.flags.writeable
    assert layer.synthetic == ("weights" not in json.loads(path.read_text()))


@pytest.mark.parametrize("path", BAD, ids=names)
def test_bad_specs_are_refused_with_the_message_beside_them(path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        spec.load(path)
    assert str(caught.value) == path.with_suffix(".txt").read_text().rstrip("\n")


def test_every_message_has_its_spec() -> None:
    assert {path.stem for path in BAD} == {path.stem for path in (SPECS / "bad").glob("*.txt")}


def test_one_number_stands_for_both_axes() -> None:
    assert geometry(kernel_size=3, stride=2, dilation=1) == geometry(
        kernel_size=[3, 3], stride=[2, 2], dilation=[1, 1]
    )


@given(
    size=st.integers(1, 40), kernel=st.integers(1, 7), stride=st.integers(1, 5), d=st.integers(1, 3)
)
@settings(deadline=None)
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int, d: int) -> None:
    g = geometry(
        input={"shape": [size, 1, 1], "dtype": "float32"},
        kernel_size=[kernel, 1],
        stride=[stride, 1],
        dilation=[d, 1],
    )
    out = -(-size // stride)
    total = max((out - 1) * stride + (kernel - 1) * d + 1 - size, 0)
    assert (g.out_h, g.pad_top, g.pad_bottom) == (out, total // 2, total - total // 2)


def test_explicit_padding_is_top_left_bottom_right() -> None:
    g = geometry(padding=[1, 2, 3, 4], stride=[3, 2])
    assert (g.pad_top, g.pad_left, g.pad_bottom, g.pad_right) == (1, 2, 3, 4)
    assert (g.out_h, g.out_w) == ((6 + 4 - 3) // 3 + 1, (5 + 6 - 3) // 2 + 1)


def test_scales_become_multipliers_through_float32() -> None:
    quantization = minimal.load(minimal.inline()).quantization
    assert quantization is not None
    assert quantization.multiplier.tolist() == [2**30, 2**30]
    assert quantization.shift.tolist() == [-1, -2]
    rounded = minimal.inline(output={"scale": 0.1, "zero_point": 3})
    quantization = minimal.load(rounded).quantization
    assert quantization is not None
    assert quantization.multiplier.tolist()[0] == round(0.25 / float(np.float32(0.1)) / 4 * 2**31)


def test_half_of_requantize_leaves_the_other_half_to_the_scales() -> None:
    quantization = minimal.load(minimal.inline(requantize={"shift": [-7, -9]})).quantization
    assert quantization is not None
    assert quantization.multiplier.tolist() == [2**30, 2**30]
    assert quantization.shift.tolist() == [-7, -9]


def test_scales_are_kept_as_float32() -> None:
    quantization = minimal.load(minimal.inline(output={"scale": 0.1, "zero_point": 3})).quantization
    assert quantization is not None
    assert (quantization.in_scale, quantization.out_scale) == (0.5, float(np.float32(0.1)))


def test_multipliers_need_no_scales() -> None:
    fields = minimal.inline(
        input={"shape": [2, 2, 2], "dtype": "int8", "zero_point": -1},
        output={"zero_point": 3},
        weights={"values": minimal.inline()["weights"]["values"]},
        requantize={"multiplier": 2**30, "shift": -7},
    )
    quantization = minimal.load(fields).quantization
    assert quantization is not None
    assert quantization.in_scale is quantization.out_scale is None


def test_the_reach_of_a_kernel_may_be_a_dimension_and_no_more() -> None:
    step = 2**19
    reach = 2 * step + 1
    row = {"input": {"shape": [1, 1, 1], "dtype": "int8"}, "kernel_size": [1, 3]}
    assert geometry(**row, dilation=step - 1).pad_left == step - 1
    with pytest.raises(SpecError, match=rf"^dilation: expected .* 1048576 pixels, got 1 x {reach}"):
        geometry(**row, dilation=step)


@pytest.mark.parametrize(
    ("activation", "low", "high"),
    [("none", -128, 127), ("relu", 3, 127), ("relu6", 3, 9), ({"min": -300, "max": 5}, -128, 5)],
)
def test_int8_activations_clamp_in_output_steps(activation: Any, low: int, high: int) -> None:
    layer = minimal.load(minimal.inline(activation=activation))
    assert (layer.activation_min, layer.activation_max) == (low, high)
    assert isinstance(layer.activation_min, int)


@pytest.mark.parametrize(
    ("activation", "low", "high"),
    [
        ("none", -np.inf, np.inf),
        ("relu", 0, np.inf),
        ("relu6", 0, 6),
        ({"min": -0.5, "max": 0.1}, -0.5, float(np.float32(0.1))),
    ],
)
def test_float32_activations_clamp_in_float32(activation: Any, low: float, high: float) -> None:
    float32 = {"shape": [6, 5, 4], "dtype": "float32"}
    layer = minimal.load(minimal.made_up(input=float32, activation=activation))
    assert (layer.activation_min, layer.activation_max) == (low, high)
    assert layer.quantization is None


def test_arrays_come_from_files_beside_the_spec(tmp_path: Path) -> None:
    weights = np.array([[[[1, -128]]], [[[127, 0]]]], np.int8)
    bias = np.array([-5, 7], np.int32)
    np.savez(tmp_path / "data.npz", weights=weights)
    np.save(tmp_path / "bias.npy", bias)
    fields = minimal.inline(
        weights={"file": "data.npz", "array": "weights", "scale": 0.5}, bias={"file": "bias.npy"}
    )
    folder = tmp_path / "inner"
    folder.mkdir()
    for path in (tmp_path / "layer.json", folder / "layer.json"):
        path.write_text(
            json.dumps(fields).replace('"file": "', f'"file": "{"../" * (path.parent == folder)}')
        )
        layer = minimal.read(path, allow_outside=path.parent == folder)
        np.testing.assert_array_equal(layer.weights, weights)
        assert layer.bias is not None
        np.testing.assert_array_equal(layer.bias, bias)


def test_weights_of_four_bits_are_an_array_of_int8(tmp_path: Path) -> None:
    for lowest in (-8, -9):
        weights = np.array([[[[1, lowest]]], [[[7, 0]]]], np.int8)
        np.savez(tmp_path / "data.npz", weights=weights)
        fields = minimal.inline(
            weights={"file": "data.npz", "array": "weights", "scale": 0.5, "bits": 4}
        )
        path = tmp_path / "layer.json"
        path.write_text(json.dumps(fields))
        if lowest == -8:
            layer = minimal.read(path)
            np.testing.assert_array_equal(layer.weights, weights)
            assert layer.weight_bits == 4
    found = "weights.array: expected numbers from -8 to 7, got some from -9 to 7"
    assert refusal(json.dumps(fields), tmp_path) == found


def test_problems_of_both_arrays_are_reported_together(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", weights=np.zeros((2, 1, 1, 3), np.int8), bias=np.zeros(2))
    fields = minimal.inline(
        weights={"file": "data.npz", "array": "weights", "scale": 0.5},
        bias={"file": "data.npz", "array": "bias"},
    )
    assert refusal(json.dumps(fields), tmp_path).splitlines() == [
        "weights.array: expected int8 [2, 1, 1, 2] "
        "(out_channels, kernel height, kernel width, in_channels / groups), got int8 [2, 1, 1, 3]",
        "bias.array: expected int32 [2], got float64 [2]",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff\xfe{}", "the spec: expected UTF-8 text, byte 0 is not"),
        (b"", "the spec: expected JSON, got an empty file"),
        ("[" * 4_000_000, "the spec: expected lists a few levels deep, got too many"),
        ("9" * 5000, "the spec: expected numbers of a sane length, got a longer one"),
        ("[[1],[1]," * 1_200_000, "the spec: expected at most 4194304 bytes"),
        ('{"\\ud800\\n": 1}', "\\ud800\\n: unknown field; expected one of name, op, "),
    ],
    ids=["encoding", "empty", "depth", "digits", "size", "surrogate"],
)
def test_text_that_is_no_spec_is_refused_quickly(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    start = time.process_time()
    assert refusal(text, tmp_path).startswith(message)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "weights",
    [[[[[1] * 9]] * 3] * 50_000, [[[[1, 2]]]] * 200_000, [[[1] * 1_500_000]]],
    ids=["deep", "long", "wide"],
)
def test_megabytes_of_nested_lists_are_refused_quickly(tmp_path: Path, weights: Any) -> None:
    text = json.dumps(minimal.inline(weights={"values": weights, "scale": 1}))[: 4 * 2**20]
    start = time.process_time()
    refusal(text, tmp_path)
    assert time.process_time() - start < 2


def test_an_impossible_shape_allocates_nothing(tmp_path: Path) -> None:
    fields = minimal.made_up(input={"shape": [100000, 100000, 64], "dtype": "int8"})
    tracemalloc.start()
    assert "at most 67108864 bytes" in refusal(json.dumps(fields), tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


def test_hundreds_of_problems_are_cut_short(tmp_path: Path) -> None:
    lines = refusal(json.dumps({f"field{i}": i for i in range(500)}), tmp_path).splitlines()
    assert len(lines) == schema.MAX_PROBLEMS + 1
    assert lines[-1] == "... and 486 more problems"


def test_a_spec_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"cannot read the spec: No such file"):
        minimal.read(tmp_path / "absent.json")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(SpecError, match=r"cannot read the spec: not a regular file"):
            minimal.read(path)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(value=JSON, field=st.sampled_from(sorted(schema.LayerSpec.model_fields)))
@settings(deadline=None)
def test_any_json_value_in_any_field_is_refused_or_loaded(value: Any, field: str) -> None:
    try:
        minimal.load(minimal.inline() | {field: value})
    except SpecError as error:
        str(error).encode()


def test_the_schema_describes_every_field() -> None:
    described = schema.json_schema()
    for model in schema.MODELS.values():
        own = described["$defs"][model.__name__]
        assert own["additionalProperties"] is False
        assert set(own["properties"]) == set(model.model_fields)
    assert set(described["$defs"]["LayerSpec"]["required"]) == {
        "name", "op", "input", "out_channels", "kernel_size",
    }  # fmt: skip
    json.dumps(described)
