from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minimal
import trials
from convgen.bench.proof import vectors
from convgen.bench.proof.vectors import Vectors
from convgen.model.ops.conv2d import Conv2d
from convgen.report import doubts

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


def warned(layer: Conv2d, given: Vectors | None = None) -> list[str]:
    """Return what is said of *layer* after a run whose outputs were right."""
    given = given or vectors.made_up(layer, 0)
    candidate = trials.select(minimal.made_up()).candidates[0]
    trial = trials.tried(replace(candidate, plan=replace(candidate.plan, operator=layer)))
    assert trial.run is not None
    outputs = layer.compute(given.inputs[0])[0]
    run = replace(trial.run, outputs=outputs.tobytes())
    return doubts.warnings(replace(trial, run=run, given=given))


@pytest.mark.parametrize(
    ("shape", "order"), [((16, 3, 3, 3), "OIHW"), ((3, 3, 3, 3), "OIHW"), ((4, 3, 3, 3), "OIHW")]
)
def test_weights_whose_order_the_shape_does_not_tell_are_doubted(
    shape: Sequence[int], order: str
) -> None:
    [warning] = warned(minimal.load(cube(shape)))
    assert warning.startswith(f"weights: {list(shape)} is the shape of {order} as well as of OHWI")


@pytest.mark.parametrize("shape", [(3, 2, 3, 3), (16, 1, 1, 3), (8, 5, 5, 3), (3, 3, 5, 3)])
def test_weights_whose_shape_tells_are_not_doubted(shape: Sequence[int]) -> None:
    assert warned(minimal.load(cube(shape))) == []


def test_weights_that_are_the_same_in_both_orders_are_not_doubted() -> None:
    same = {"values": np.full((4, 3, 3, 3), 50).tolist(), "scale": 0.01}
    assert warned(minimal.load(cube((4, 3, 3, 3), weights=same))) == []


def test_expected_outputs_settle_the_order() -> None:
    layer = minimal.load(cube((16, 3, 3, 3)))
    inputs = vectors.make_inputs(layer, 0)
    given = Vectors(inputs=(inputs,), expected=(layer.compute(inputs)[0],))
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
        found = warned(layer)
        if layer.weights.shape[1:] == (3, 3, 3):
            assert [warning.split(":")[0] for warning in found] == ["weights"]
        else:
            assert found == [], path
        given = vectors.checked(layer, vectors.load(path.parent / "vectors.npz", layer))
        assert warned(layer, given) == [], path
