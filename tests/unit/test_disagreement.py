from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import convgen
import minimal
import numpy_reference
from cases import OPERATORS
from convgen.bench.proof import disagreement, vectors
from convgen.bench.proof.disagreement import Disagreement
from convgen.bench.proof.vectors import Vectors
from convgen.model.graph import Graph
from convgen.model.ops.conv2d import Conv2d
from convgen.model.whole import Whole
from golden_texts import DIGITS


def made_up(**changes: Any) -> Conv2d:
    """Return a layer of which every axis of weights, input and output has another size."""
    fields = {"input": {"shape": [6, 7, 4], "dtype": "int8", "zero_point": 20}, "out_channels": 5}
    fields |= {"output": {"zero_point": -20}}
    options = {"kernel_size": [3, 2], "padding": [1, 0, 0, 1], "activation": "relu"}
    return minimal.load(minimal.made_up(**(fields | options | changes)))


def found(layer: Conv2d, inputs: NDArray[Any], expected: NDArray[Any]) -> Disagreement:
    """Return what convgen says of vectors for *layer* that disagree."""
    given = vectors.checked(
        layer, Vectors(inputs=(inputs,), expected=(expected.astype(layer.dtype),))
    )
    assert given.disagreement is not None
    return given.disagreement


def explained(spec: Conv2d, real: Conv2d) -> tuple[str, ...]:
    """Return what explains the outputs of the *real* layer to who has the *spec*."""
    inputs = vectors.make_inputs(real, 0, 2)
    return found(spec, inputs, numpy_reference.convolve(real, inputs)).explanations


def quantized(layer: Conv2d, **changes: Any) -> Conv2d:
    assert layer.quantization is not None
    return replace(layer, quantization=replace(layer.quantization, **changes))


def stored_as(layer: Conv2d, order: str) -> Conv2d:
    """Return *layer* with its weights' bytes in another order, and read as if they were not."""
    stored: Any = layer.weights.transpose(["OHWI".index(axis) for axis in order])
    return replace(layer, weights=np.ascontiguousarray(stored).reshape(layer.weights.shape))


REAL = made_up()
QUANTIZATION = REAL.quantization
assert QUANTIZATION is not None

MISTAKES = {
    "weights as OIHW": stored_as(REAL, "OIHW"),
    "weights as HWIO": stored_as(REAL, "HWIO"),
    "weights as IHWO": stored_as(REAL, "IHWO"),
    "weights as OWHI": stored_as(REAL, "OWHI"),
    "the kernel turned by 180 degrees": replace(REAL, weights=REAL.weights[:, ::-1, ::-1]),
    "the bias negated": replace(REAL, bias=-REAL.bias),  # type: ignore[operator]
    "padding [1, 0, 0, 1]": replace(
        REAL, geometry=replace(REAL.geometry, pad_top=0, pad_bottom=1, pad_left=1, pad_right=0)
    ),
    "input.zero_point 20": quantized(REAL, in_zero_point=-20),
    'activation "relu"': replace(REAL, activation="none", activation_min=-128),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_usual_mistake_in_the_spec_is_named(words: str) -> None:
    assert words in explained(MISTAKES[words], REAL)


@pytest.mark.parametrize(
    ("words", "real"),
    [
        ("no bias", replace(REAL, bias=None)),
        ("output.zero_point 0", quantized(made_up(output={"zero_point": 9}), out_zero_point=0)),
        (
            "the first channel's scale for all",
            quantized(
                REAL,
                multiplier=np.repeat(QUANTIZATION.multiplier[:1], 5),
                shift=np.repeat(QUANTIZATION.shift[:1], 5),
            ),
        ),
    ],
)
def test_a_number_that_the_real_layer_lacks_is_named(words: str, real: Conv2d) -> None:
    spec = made_up(output={"zero_point": 9}) if words.startswith("output") else REAL
    if words.startswith("output"):
        real = replace(real, activation_min=0)
    assert words in explained(spec, real)


def test_a_shift_of_the_other_sign_is_named() -> None:
    fields = minimal.inline(
        weights={"values": [[[[1, -1]]], [[[1, 0]]]]}, requantize={"multiplier": 2**30, "shift": 2}
    )
    spec = minimal.load(fields)
    real = quantized(spec, shift=-np.asarray(spec.quantization.shift))  # type: ignore[union-attr]
    assert "requantize.shift negated" in explained(spec, real)


def test_depthwise_weights_of_tensorflow_lite_are_named_by_their_shape() -> None:
    real = made_up(out_channels=4, groups=4, kernel_size=3, padding="same")
    assert explained(stored_as(real, "IHWO"), real) == ("weights as [1, height, width, channels]",)


def test_padding_with_bytes_of_zero_is_named() -> None:
    inputs = vectors.make_inputs(REAL, 0, 2)
    without, padded = disagreement._padded_with_bytes_of_0(REAL, inputs)
    expected = numpy_reference.convolve(without, padded)
    words = "padding by bytes of 0, not by the zero point,"
    assert found(REAL, inputs, expected).explanations == (words,)


@pytest.mark.parametrize(
    ("words", "planes_in", "planes_out"),
    [
        ("input as NCHW", True, False),
        ("output as NCHW", False, True),
        ("input and output as NCHW", True, True),
    ],
)
def test_vectors_as_planes_are_named(words: str, planes_in: bool, planes_out: bool) -> None:
    inputs = vectors.make_inputs(REAL, 0, 2)
    expected = numpy_reference.convolve(REAL, inputs)
    if planes_in:
        inputs = inputs.transpose(0, 3, 1, 2).reshape(inputs.shape)
    if planes_out:
        expected = expected.transpose(0, 3, 1, 2).reshape(expected.shape)
    assert found(REAL, inputs, expected).explanations == (words,)


def differently_rounded(rounding: str) -> tuple[Conv2d, NDArray[Any], NDArray[Any]]:
    """Return a layer, and vectors of it with the other rounding."""
    layer = made_up(
        input={"shape": [30, 30, 4], "dtype": "int8"}, requantize={"rounding": rounding}
    )
    other = "single" if rounding == "double" else "double"
    inputs = vectors.make_inputs(layer, 0, 4)
    return layer, inputs, numpy_reference.convolve(quantized(layer, rounding=other), inputs)


@pytest.mark.parametrize(("rounding", "other"), [("double", "single"), ("single", "double")])
def test_another_rounding_is_told_from_wrong_data(rounding: str, other: str) -> None:
    told = found(*differently_rounded(rounding))
    assert (told.cause, told.max_abs_error) == ("rounding", 1)
    assert told.explanations == (f'"requantize": {{"rounding": "{other}"}}',)
    assert (
        f'All differences are 1: with "requantize": {{"rounding": "{other}"}} the' in told.sentence
    )


def test_the_other_rounding_is_tried_with_other_data() -> None:
    layer, inputs, expected = differently_rounded("double")
    told = found(stored_as(layer, "HWIO"), inputs, expected)
    assert told.cause == "data"
    assert told.explanations[0] == 'weights as HWIO and "requantize": {"rounding": "single"}'


def test_the_arithmetic_of_xnnpack_is_named() -> None:
    # Halves: XNNPACK rounds them to even, single up, double away from zero.
    fields = minimal.inline(
        input={"shape": [1, 2, 1], "dtype": "int8", "zero_point": 0},
        output={"zero_point": 0},
        weights={"values": [[[[1]]], [[[1]]]]},
        bias={"values": [0, 0]},
        requantize={"multiplier": 2**30, "shift": 0},
    )
    layer = minimal.load(fields)
    told = found(layer, np.array([[[[1], [-3]]]], np.int8), np.array([[[[0, 0], [-2, -2]]]]))
    assert told.cause == "rounding"
    assert "XNNPACK" in told.explanations[0]


def test_differences_that_nothing_explains_are_counted_and_placed() -> None:
    inputs = vectors.make_inputs(REAL, 0, 2)
    expected = numpy_reference.convolve(REAL, inputs)
    right = expected[1, 2, 3, 4]
    expected[1, 2, 3, 4] = wrong = right - 7 if right > 0 else right + 7
    told = found(REAL, inputs, expected)
    assert (told.cause, told.differing, told.max_abs_error) == ("unknown", 1, 7)
    place = f"row 2, column 3, channel 4: the spec gives {right}, --vectors has {wrong}"
    assert f"vector 1, {place}" in told.sentence
    assert "No usual mistake" in told.sentence


def test_differences_of_one_that_no_rounding_gives_are_not_called_rounding() -> None:
    inputs = vectors.make_inputs(REAL, 0, 2)
    expected = numpy_reference.convolve(REAL, inputs)
    expected[0, 0, 0, 0] += 1
    told = found(REAL, inputs, expected)
    assert (told.cause, told.explanations) == ("unknown", ())
    assert "no rounding tried gives them" in told.sentence


def test_float32_weights_in_another_order_are_named() -> None:
    real = made_up(input={"shape": [6, 7, 4], "dtype": "float32"}, output={})
    assert explained(stored_as(real, "HWIO"), real) == ("weights as HWIO",)


def test_vectors_that_agree_are_not_commented_on() -> None:
    inputs = vectors.make_inputs(REAL, 0, 2)
    right = numpy_reference.convolve(REAL, inputs)
    assert vectors.checked(REAL, Vectors(inputs=(inputs,), expected=(right,))).disagreement is None


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("model", 1, "All differences are 1, as of interpreters that round otherwise"),
        ("model", 40, "With +40 on every output, as of another zero point, the expected outputs"),
        ("spec", 40, "With +40 on every output, as of another zero point, the expected outputs"),
        ("model", None, "No other zero point of the outputs explains them"),
    ],
)
def test_what_is_no_convolution_is_not_blamed_on_the_code(
    name: str, change: int | None, said: str
) -> None:
    graph = convgen.read(DIGITS)
    assert isinstance(graph, Graph)
    of_spec = minimal.operator(OPERATORS["joined"])
    computation = Whole(graph) if name == "model" else of_spec
    inputs = vectors.made_up(computation, seed=0).inputs
    (right,) = computation.compute(*inputs)
    moved = right[::-1] if change is None else right.astype(int) + change
    if change == 1:
        moved[1:] = right[1:]
    expected = (moved.clip(-128, 127).astype(np.int8),)
    given = vectors.checked(computation, Vectors(inputs=inputs, expected=expected))
    assert given.disagreement
    assert given.disagreement.sentence.startswith(f"the {name} and --vectors disagree: ")
    assert said in given.disagreement.sentence


def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []
    monkeypatch.setattr(disagreement, "MOST_MACS", 3 * REAL.geometry.macs)
    monkeypatch.setattr(disagreement, "_holds", tried.append)
    inputs = vectors.make_inputs(REAL, 0, 1)
    found(REAL, inputs, ~numpy_reference.convolve(REAL, inputs))
    assert len(tried) == 4
