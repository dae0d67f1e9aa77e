"""Random layers of every feature, mixed: every algorithm, natively under sanitizers and in QEMU.

The reference is tests/numpy_reference.py, which shares no code with convgen.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import loops
import native
import numpy_reference
from convgen import emulator, select, target, toolchain
from convgen.layer import Geometry, Layer
from convgen.trial import Bench, attempt
from convgen.vectors import Vectors, compare
from random_layers import Kind, inputs_for, layers

# each target has kernels of another block size, which native code can run as well
TARGETS = ("cortex-m0", "cortex-m4", "rv32imc")


@dataclass(frozen=True)
class Family:
    kind: Kind
    examples: int


NATIVE = {
    "int8 any": Family(Kind("int8"), 80),
    "int8 depthwise": Family(Kind("int8", grouping="depthwise"), 60),
    "int8 grouped": Family(Kind("int8", grouping="grouped"), 50),
    "int8 pointwise": Family(Kind("int8", pointwise=True), 50),
    "int8 single rounding": Family(Kind("int8", rounding="single"), 70),
    "int8 winograd": Family(Kind("int8", winograd=True), 80),
    "float32 winograd": Family(Kind("float32", winograd=True), 80),
    "float32 any": Family(Kind("float32"), 60),
    "float32 depthwise": Family(Kind("float32", grouping="depthwise"), 25),
    "float32 grouped": Family(Kind("float32", grouping="grouped"), 25),
}


def test_enough_random_layers_are_tried() -> None:
    count = {
        dtype: sum(f.examples for f in NATIVE.values() if f.kind.dtype == dtype)
        for dtype in ("int8", "float32")
    }
    assert count["int8"] >= 300
    assert count["float32"] >= 100
    assert sum(EMULATED.values()) >= 60


def settled(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def check(layer: Layer, inputs: np.ndarray, outputs: np.ndarray, label: str) -> None:
    expected = numpy_reference.convolve(layer, inputs)
    if layer.dtype == "int8":
        np.testing.assert_array_equal(outputs, expected, err_msg=f"{label}: {layer.geometry}")
    else:
        error = np.abs(outputs - expected)
        bound = numpy_reference.tolerance(layer, inputs)
        assert (error <= bound).all(), f"{label}: {layer.geometry}"


@pytest.mark.parametrize("name", NATIVE)
def test_every_algorithm_is_right_natively_under_sanitizers(name: str) -> None:
    family = NATIVE[name]

    @settled(family.examples)
    @given(layers(family.kind), st.sampled_from(TARGETS))
    def run(layer: Layer, board: str) -> None:
        inputs = inputs_for(layer)
        chosen = native.variants(layer, target.load(board))
        with tempfile.TemporaryDirectory() as folder:
            outputs = native.run(Path(folder), chosen, target.load(board), inputs)
        for label, output in outputs.items():
            check(layer, inputs, output, label)

    run()


EMULATED = {"int8 any": 40, "int8 single rounding": 10, "float32 any": 14}


@pytest.mark.parametrize("name", EMULATED)
@pytest.mark.parametrize("board", TARGETS)
def test_an_algorithm_is_right_under_qemu(board: str, name: str) -> None:
    compiler, machine = tools(board)

    @settled(EMULATED[name])
    @given(layers(NATIVE[name].kind), st.data())
    def run(layer: Layer, data: st.DataObject) -> None:
        candidates, _ = select.survey(layer, machine.target, overlap=data.draw(st.booleans()))
        candidate = data.draw(st.sampled_from(candidates))
        inputs = inputs_for(layer)
        bench = Bench(
            target=machine.target,
            machine=machine.machine,
            toolchain=compiler,
            emulator=machine,
            vectors=Vectors(inputs=inputs),
            strict_alignment=True,
        )
        with tempfile.TemporaryDirectory() as folder:
            trial = attempt(candidate, bench, Path(folder) / "trial", 2**20, roomy=False)
            raw = (Path(folder) / "trial" / "verify" / "output.bin").read_bytes()
        assert trial.verified, trial.failure
        assert trial.stack is not None
        assert trial.stack_bound is not None
        assert trial.stack <= trial.stack_bound
        assert trial.heap == trial.static == 0
        g = layer.geometry
        outputs = np.frombuffer(raw, layer.dtype).reshape(-1, g.out_h, g.out_w, g.out_c)
        check(layer, inputs, outputs, candidate.algorithm)

    run()


@cache
def tools(board: str) -> tuple[toolchain.Toolchain, emulator.Emulator]:
    described = target.load(board)
    return toolchain.find("auto", described), emulator.choose("qemu-system", described)


@seed(1)
@settled(40)
@given(layers(Kind("int8")))
def test_the_two_references_agree(layer: Layer) -> None:
    inputs = inputs_for(layer, count=1)
    if layer.geometry.macs < 20_000:
        np.testing.assert_array_equal(
            numpy_reference.convolve(layer, inputs)[0], loops.convolve(layer, inputs[0])
        )


def test_taps_far_outside_the_image_overflow_nothing(tmp_path: Path) -> None:
    geometry = Geometry(
        in_h=1, in_w=40000, in_c=4, out_h=2, out_w=1, out_c=2, k_h=1, k_w=2,
        stride_h=60000, stride_w=40000, dilation_h=1, dilation_w=2,
        pad_top=60000, pad_left=0, pad_bottom=0, pad_right=0, groups=2,
    )  # fmt: skip
    layer = Layer(
        name="far",
        dtype="float32",
        geometry=geometry,
        activation="none",
        activation_min=-np.inf,
        activation_max=np.inf,
        weights=np.ones((2, 1, 2, 2), np.float32),
        bias=None,
        quantization=None,
        synthetic=False,
    )
    inputs = inputs_for(layer)
    board = target.load("cortex-m4")
    outputs = native.run(tmp_path, native.variants(layer, board), board, inputs)
    for label, output in outputs.items():
        assert compare(layer, inputs, output).first is None, label
