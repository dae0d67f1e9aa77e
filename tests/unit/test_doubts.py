from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import minimal
import trials
from convgen.bench.proof import vectors
from convgen.bench.proof.vectors import Vectors
from convgen.formats.tflite import reader
from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d
from convgen.report import doubts
from convgen.schedule.select import Candidate, survey
from convgen.targets import target

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(0)


def cube(shape: Sequence[int], **more: Any) -> dict[str, Any]:
    """Return a spec of 5x5x3 inputs with weights of *shape* ``[out_c, k_h, k_w, in_c]``."""
    fields = {
        "input": {"shape": [5, 5, 3], "dtype": "int8", "scale": 0.02, "zero_point": -3},
        "output": {"scale": 0.1, "zero_point": 5},
        "out_channels": shape[0],
        "kernel_size": list(shape[1:3]),
        "weights": {"values": RNG.integers(-127, 128, shape).tolist(), "scale": 0.01},
    }
    return minimal.made_up(**(fields | more))


def unscaled(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a spec without the scales that its ``requantize`` would contradict."""
    for tensor in ("input", "output", "weights"):
        fields[tensor].pop("scale")
    return fields


def candidate_of(layer: Operator) -> Candidate:
    """Return one of *layer*; of a convolution quickly, for any will do."""
    if not isinstance(layer, Conv2d):
        return survey(layer, target.load("cortex-m4"), overlap=False)[0][0]
    candidate = trials.select(minimal.made_up()).candidates[0]
    return replace(candidate, plan=replace(candidate.plan, operator=layer))


def warned(layer: Operator, given: Vectors | None = None) -> list[str]:
    """Return what is said of *layer* after a run whose outputs were right."""
    given = given or vectors.made_up(layer, 0)
    trial = trials.tried(candidate_of(layer))
    assert trial.run is not None
    outputs = layer.compute(*given.inputs)[0]
    run = replace(trial.run, outputs=outputs.tobytes())
    return doubts.warnings(replace(trial, run=run, given=given))


@pytest.mark.parametrize("shape", [(16, 3, 3, 3), (3, 3, 3, 3), (4, 3, 3, 3)])
def test_weights_whose_order_the_shape_does_not_tell_are_doubted(shape: Sequence[int]) -> None:
    layer = minimal.load(cube(shape))
    assert doubts.ambiguity(layer) == f"weights of {list(shape)} are read as OHWI, and may be OIHW"
    assert warned(layer) == []


@pytest.mark.parametrize("shape", [(3, 2, 3, 3), (16, 1, 1, 3), (8, 5, 5, 3), (3, 3, 5, 3)])
def test_weights_whose_shape_tells_are_not_doubted(shape: Sequence[int]) -> None:
    assert doubts.ambiguity(minimal.load(cube(shape))) is None


def test_weights_that_are_the_same_in_both_orders_are_not_doubted() -> None:
    same = {"values": np.full((4, 3, 3, 3), 50).tolist(), "scale": 0.01}
    assert doubts.ambiguity(minimal.load(cube((4, 3, 3, 3), weights=same))) is None


def quantised(shape: Sequence[int]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Return weights as trainers make them, a scale for each output channel, and the scales."""
    rng = np.random.default_rng(1)
    real = rng.normal(0, 1, shape) * rng.uniform(0.2, 2, (shape[0], 1, 1, 1))
    scales = np.abs(real).reshape(shape[0], -1).max(axis=1) / 127
    return np.round(real / scales[:, None, None, None]).astype(np.int8), scales


def of_weights(
    weights: NDArray[np.int8], scale: NDArray[np.float64] | float, **more: Any
) -> Conv2d:
    """Return a layer of such *weights*: depthwise where they have one input channel."""
    channels, kernel_h, kernel_w, inputs = weights.shape
    fields = {
        "input": {"shape": [8, 8, channels if inputs == 1 else inputs], "dtype": "int8",
                  "scale": 0.02, "zero_point": -128},
        "output": {"scale": 0.05, "zero_point": -128},
        "out_channels": channels,
        "groups": channels if inputs == 1 else 1,
        "kernel_size": [kernel_h, kernel_w],
        "weights": {"values": weights.tolist(), "scale": np.asarray(scale).tolist()},
    }  # fmt: skip
    return minimal.load(minimal.made_up(**(fields | more)))


@pytest.mark.parametrize("shape", [(16, 3, 3, 1), (8, 3, 3, 16), (32, 1, 1, 24)])
def test_weights_that_were_reshaped_and_not_transposed_are_doubted(shape: Sequence[int]) -> None:
    weights, scales = quantised(shape)
    assert warned(of_weights(weights, scales)) == []
    stored = np.moveaxis(weights, 0, -1)  # as TensorFlow has them
    for scale in (scales, float(scales.mean())):
        [warning] = warned(of_weights(stored.reshape(shape), scale))
        assert warning.startswith("weights: ")
        assert "100% would if output channels came last in the file" in warning


def test_one_scale_for_channels_that_have_one_each_is_doubted() -> None:
    weights, scales = quantised((16, 3, 3, 8))
    [warning] = warned(of_weights(weights, float(scales.mean())))
    assert warning.startswith("weights.scale: one for all, but 100% of the output channels reach")
    whole = np.round(weights * (scales / scales.max())[:, None, None, None]).astype(np.int8)
    assert warned(of_weights(whole, float(scales.max()))) == []


@pytest.mark.parametrize("turned", ["input.scale", "weights.scale", "output.scale"])
def test_a_scale_that_is_the_other_way_up_is_doubted_by_its_name(turned: str) -> None:
    weights, scales = quantised((16, 3, 3, 8))
    given = {"shape": [8, 8, 8], "dtype": "int8", "scale": 0.02, "zero_point": -128}
    output = {"scale": 0.05, "zero_point": -128}
    if turned == "weights.scale":
        scales = 1 / scales
    else:
        tensor = given if turned == "input.scale" else output
        tensor["scale"] = 1 / float(str(tensor["scale"]))
    [warning] = warned(of_weights(weights, scales, input=given, output=output))
    does = "hardly move the outputs" if turned == "output.scale" else "saturate nearly all"
    assert does in warning
    assert turned in warning


def test_zero_points_that_waste_values_or_say_nothing_are_doubted() -> None:
    weights, scales = quantised((16, 3, 3, 8))
    zero = {"scale": 0.05, "zero_point": 0}
    [warning] = warned(of_weights(weights, scales, output=zero, activation="relu"))
    assert warning.startswith("output.zero_point: with 0 and this activation 128 of 256 values are")
    given = {"shape": [8, 8, 8], "dtype": "int8", "scale": 0.02, "zero_point": 0}
    [warning] = warned(of_weights(weights, scales, input=given, output=zero))
    assert warning.startswith("zero points: both are 0, ")


def test_expected_outputs_settle_all_of_it() -> None:
    weights, scales = quantised((16, 3, 3, 8))
    layer = of_weights(weights, float(scales.mean()), output={"scale": 0.05, "zero_point": 0})
    inputs = vectors.make_inputs(layer, 0)
    given = Vectors(inputs=(inputs,), expected=(layer.compute(inputs)[0],))
    assert warned(layer)
    assert warned(layer, given) == []


def test_numbers_that_convgen_made_up_are_not_doubted() -> None:
    fields = cube((3, 3, 3, 3))
    del fields["weights"]
    assert warned(minimal.load(fields)) == []


def test_outputs_that_are_nearly_all_saturated_are_doubted() -> None:
    scale = {"multiplier": 2**30, "shift": 9}
    [warning] = warned(minimal.load(unscaled(cube((8, 2, 2, 3), requantize=scale))))
    assert warning.endswith(
        " % are -128 or 127, the ends of their range: the scales, or requantize.shift (positive "
        "is to the left), may be wrong"
    )
    assert 99 < float(warning.split()[1]) <= 100


def test_outputs_of_a_small_part_of_their_range_are_doubted() -> None:
    scale = {"multiplier": 2**30, "shift": -14}
    [warning] = warned(minimal.load(unscaled(cube((8, 2, 2, 3), requantize=scale))))
    assert warning.startswith("outputs: all are from ")
    assert ", of -128 to 127, although the inputs span all of theirs: " in warning


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("op", ["transposed_conv2d", "add"])
def test_outputs_of_whatever_has_a_scale_of_its_own_are_doubted(op: str, dtype: str) -> None:
    step = 0.02 if dtype == "int8" else 0.02 / 256
    tensor = {"shape": [5, 5, 8], "dtype": dtype, "scale": step, "zero_point": 0}
    weights = {"values": RNG.integers(-127, 127, (8, 3, 3, 8)).tolist(), "scale": 0.01}
    window = {"input": tensor, "out_channels": 8, "kernel_size": 3, "padding": "same", "stride": 2}
    fields = window | {"weights": weights} if op != "add" else {"inputs": [tensor, tensor]}
    usual = 2 * step if op == "add" else 5 * step
    for scale, wrong in ((usual, ""), (usual * 1e3, "all are from"), (usual / 1e3, "are -")):
        output = {"scale": scale, "zero_point": 1 if dtype == "int8" else 0}
        found = warned(minimal.operator({"name": "one", "op": op, "output": output} | fields))
        assert [wrong in warning for warning in found] == [True] * bool(wrong)


def test_quiet_inputs_of_a_user_may_use_a_small_part_of_the_outputs() -> None:
    layer = minimal.load(cube((8, 2, 2, 3)))
    assert warned(layer, Vectors(inputs=(np.full((2, 5, 5, 3), -3, np.int8),))) == []


def test_a_multiplier_that_contradicts_the_scales_is_doubted() -> None:
    right = minimal.load(cube((4, 2, 2, 3))).quantization
    assert right is not None
    numbers = {"multiplier": right.multiplier.tolist(), "shift": right.shift.tolist()}
    assert warned(minimal.load(cube((4, 2, 2, 3), requantize=numbers))) == []
    half = numbers | {"multiplier": [*numbers["multiplier"][:3], 2**30]}
    [warning] = warned(minimal.load(cube((4, 2, 2, 3), requantize=half)))
    assert warning.startswith("requantize: multiplier and shift scale sums by 0.00195 in output ")
    assert "channel 3, the scales by 0.002" in warning


def test_a_shift_to_the_wrong_side_is_named() -> None:
    right = minimal.load(cube((4, 2, 2, 3))).quantization
    assert right is not None
    numbers = {"multiplier": right.multiplier.tolist(), "shift": (-right.shift).tolist()}
    warnings = warned(minimal.load(cube((4, 2, 2, 3), requantize=numbers)))
    assert warnings[0].endswith("; with shift negated they would agree: positive is to the left")


def test_real_layers_are_not_doubted() -> None:
    for path in sorted((ROOT / "examples/digits").glob("*/layer.json")):
        assert warned(minimal.read(path)) == [], path


def test_the_real_layers_beside_the_checkout_are_not_doubted(shared_layers: Path) -> None:
    for path in sorted(shared_layers.glob("*/layer.json")):
        layer = minimal.read(path)
        assert warned(layer) == [], path
        given = vectors.checked(layer, vectors.load(path.parent / "vectors.npz", layer))
        assert warned(layer, given) == [], path


def test_the_layers_of_real_models_are_not_doubted(shared_layers: Path) -> None:
    models = [ROOT / "examples/digits/digits.tflite"]
    models += sorted((shared_layers.parent / "models").glob("*/model.tflite"))
    for path in models:
        for layer in reader.imported(reader.read(path), "model").graph.operators:
            if isinstance(layer, Conv2d):
                given = vectors.make_inputs(layer, 0)
                assert warned(layer, Vectors(inputs=(given,), made_up=True)) == [], layer.name
