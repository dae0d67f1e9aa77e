from __future__ import annotations

import numpy as np

import minimal
from convgen.bench.proof import vectors
from convgen.bench.proof.comparison import compare
from convgen.bench.proof.vectors import Vectors
from convgen.bench.trial import _complaint
from convgen.model.ops.conv2d import Conv2d

LAYER: Conv2d = minimal.load(minimal.made_up())
INPUTS = vectors.make_inputs(LAYER, 0)
RIGHT = LAYER.compute(INPUTS)[0]


def complaint(outputs: np.ndarray, expected: np.ndarray | None) -> str | None:
    """Return what is said of a layer with these outputs."""
    wanted = None if expected is None else (expected,)
    given = vectors.checked(LAYER, Vectors(inputs=(INPUTS,), expected=wanted))
    return _complaint(compare(LAYER, (INPUTS,), (outputs,), wanted, given.right), given)


def spoiled(outputs: np.ndarray) -> np.ndarray:
    changed = outputs.copy()
    changed[1, 2, 3, 4] = ~changed[1, 2, 3, 4]
    return changed


def test_right_outputs_are_not_complained_of() -> None:
    assert complaint(RIGHT, None) is None
    assert complaint(RIGHT, RIGHT) is None


def test_wrong_code_is_wrong_whatever_is_expected() -> None:
    place = "vector 1, row 2, column 3, channel 4: got "
    for expected in (None, RIGHT):
        said = str(complaint(spoiled(RIGHT), expected))
        assert said.startswith(place)
        assert said.endswith("; it is the only wrong output")


def test_right_code_is_not_blamed_for_vectors_of_another_spec() -> None:
    said = str(complaint(RIGHT, ~RIGHT))
    assert said.startswith("the code does what the spec says, but the spec and --vectors disagree")


def test_wrong_code_and_vectors_of_another_spec_are_two_faults() -> None:
    said = str(complaint(spoiled(RIGHT), np.clip(RIGHT, -100, 100)))
    assert " outputs are wrong; besides, the spec and --vectors disagree: " in said


def test_outputs_that_are_expected_are_right_even_if_the_spec_has_others() -> None:
    assert complaint(~RIGHT, ~RIGHT) is None
