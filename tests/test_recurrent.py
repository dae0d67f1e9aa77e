"""Operators that keep a state of their own: generated C, call after call, against LiteRT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import network_program
import random_models
from command import convgen
from convgen.bench.trial import split_outputs
from convgen.choices import GOALS
from convgen.formats.tflite import reader, tables
from convgen.model import bounds
from convgen.model.passes import simplified
from convgen.model.whole import Whole
from convgen.schedule.network import Planner
from convgen.schedule.select import Budget
from convgen.targets import target
from native import played_here
from random_streams import STEPS
from test_streams import run_of
from tflite_files import File, litert

ROOM = Budget(ram=2**19, flash=2**20)

KEYWORD, CLASSES = 40, 8
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
ODD = {
    "peepholes": (9, 10, 11),
    "a projection": (16,),
    "layer normalisation": (20, 21, 22, 23),
    "an input gate": (1, 5),
}
"""Operands that an LSTM has, or lacks, against what is read."""
RANDOM = [("SVDF", "int8", 6), ("SVDF", "float32", 3), (LSTM, "int8", 6), (LSTM, "float32", 4)]


def keyword() -> bytes:
    """A small spotter of keywords: SVDFs one after the other, a row of features each call."""
    file, numbers = File(), np.random.default_rng(3)
    last, scale, in_c = file.input((1, KEYWORD), "int8", (0.1, 5)), 0.1, KEYWORD
    for units, rank, steps in ((24, 1, 8), (11, 2, 5), (10, 1, 3)):
        filters, kept = rank * units, 0.004
        weights = numbers.integers(-127, 128, (filters, in_c), np.int8)
        times = numbers.integers(-(2**15), 2**15, (filters, steps)).astype(np.int16)
        of_weights = kept * 2**15 / (scale * 127 * 127 * np.sqrt(in_c))
        bias = numbers.integers(-(2**22), 2**22, units).astype(np.int32)
        operands = [
            last,
            file.tensor(weights.shape, "int8", (of_weights, 0), weights),
            file.tensor(times.shape, "int16", (2.0**-15, 0), times),
            file.tensor((units,), "int32", (kept * 2.0**-15, 0), bias),
            file.tensor((1, times.size), "int16", (kept, 0), variable=True),
        ]
        scale, in_c = float(kept * 2**7 * np.sqrt(steps * rank)), units
        last = file.tensor((1, units), "int8", (scale, -128))
        file.operator("SVDF", operands, [last], rank=rank, fusedActivationFunction=1)
    weights = numbers.integers(-127, 128, (CLASSES, in_c), np.int8)
    bias = np.zeros(CLASSES, np.int32)
    operands = [
        last,
        file.tensor(weights.shape, "int8", (0.01, 0), weights),
        file.tensor((CLASSES,), "int32", (scale * 0.01, 0), bias),
    ]
    classes, shares = (file.tensor((1, CLASSES), "int8", q) for q in ((4.0, 0), (1 / 256, -128)))
    file.operator("FULLY_CONNECTED", operands, [classes])
    file.operator("SOFTMAX", [classes], [shares], beta=0.05)
    file.graph.outputs = [file.tensor((1, CLASSES), "int8", (1 / 128, -4))]
    file.operator("QUANTIZE", [shares], file.graph.outputs)
    return file.bytes()


def digits() -> bytes:
    """Rows of an image one after the other through an LSTM, and classes of what is hidden last."""
    rows, columns, units = 9, 11, 10
    file, numbers = File(), np.random.default_rng(4)
    hidden, gate = (1 / 128, 3), (2.0**-12, 0)
    operands = [file.input((1, rows, columns), "int8", (1 / 100, -128))]
    for width in (columns, units):
        for _ in range(4):
            weights = numbers.integers(-127, 128, (units, width), np.int8)
            scale = float(numbers.uniform(0.5, 2)) / 127 / np.sqrt(width)
            operands.append(file.tensor(weights.shape, "int8", (scale, 0), weights))
    operands += [-1] * 3
    biases = numbers.integers(-20000, 20000, (4, units)).astype(np.int32)
    operands += [file.tensor((units,), "int32", (1e-4, 0), bias) for bias in biases]
    operands += [-1, -1, file.tensor((1, units), "int8", hidden, variable=True)]
    operands += [file.tensor((1, units), "int16", (2.0**-11, 0), variable=True), *[-1] * 4]
    inner = [
        *(file.tensor((0,), "int16", gate) for _ in range(4)),
        file.tensor((0,), "int8", hidden),
    ]
    sequence = file.tensor((1, rows, units), "int8", hidden)
    last = file.tensor((1, units), "int8", hidden)
    file.operator(LSTM, operands, [sequence], fusedActivationFunction=4, cellClip=10.0)
    file.graph.operators[-1].intermediates = inner
    ends = [file.integers(each) for each in ((0, rows - 1, 0), (1, rows, units), (1, 1, 1))]
    file.operator("STRIDED_SLICE", [sequence, *ends], [last], shrinkAxisMask=2)
    weights = numbers.integers(-127, 128, (CLASSES, units), np.int8)
    operands = [
        last,
        file.tensor(weights.shape, "int8", (0.01, 0), weights),
        file.tensor((CLASSES,), "int32", (0.01 / 128, 0), np.zeros(CLASSES, np.int32)),
    ]
    file.graph.outputs = [file.tensor((1, CLASSES), "int8", (0.04, 5))]
    file.operator("FULLY_CONNECTED", operands, file.graph.outputs)
    return file.bytes()


def float_digits(change: str = "") -> bytes:
    """An LSTM over rows, as in TensorFlow Lite Micro's example, or one changed as in `ODD`."""
    rows, units = 12, 6
    file, numbers = File(), np.random.default_rng(4)

    def drawn(*shape: int, dtype: str = "float32") -> int:
        values = numbers.normal(0, 1 / np.sqrt(shape[-1]), shape)
        return file.tensor(
            shape, dtype, None if dtype == "float32" else (1.0, 0), values.astype(dtype)
        )

    dtype = "int8" if change == "hybrid" else "float32"
    operands = [file.input((1, rows, rows), "float32")]
    operands += [drawn(units, width, dtype=dtype) for width in (rows, units) for _ in range(4)]
    operands += [-1] * 3 + [drawn(units) for _ in range(4)] + [-1] * 2
    operands += [file.tensor((1, units), "float32", variable=True) for _ in range(2)] + [-1] * 4
    for place in ODD.get(change, ()):
        operands[place] = drawn(units) if operands[place] < 0 else -1
    sequence, flat, sums, shares = (
        file.tensor(shape, "float32")
        for shape in ((1, rows, units), (1, rows * units), (1, CLASSES), (1, CLASSES))
    )
    file.operator(LSTM, operands, [sequence], fusedActivationFunction=4, cellClip=10.0)
    file.operator("RESHAPE", [sequence, file.integers((1, rows * units))], [flat])
    file.operator("FULLY_CONNECTED", [flat, drawn(CLASSES, rows * units), drawn(CLASSES)], [sums])
    file.operator("SOFTMAX", [sums], [shares], beta=1.0)
    file.graph.outputs = [shares]
    return file.bytes()


@pytest.mark.emulator
@pytest.mark.parametrize(("model", "how"), [
    (keyword, ("cortex-m4", "--optimize", "speed")),
    (digits, ("cortex-m4",)),
    (keyword, ("cortex-m0",)),
    (digits, ("rv32imc",)),
    (float_digits, ("cortex-m4",)),
])  # fmt: skip
def test_bytes_on_boards_are_those_of_litert(
    model: Callable[[], bytes], how: tuple[str, ...], tmp_path: Path
) -> None:
    content = model()
    shape = tables.parse(content)[0].tensors[0].shape
    given = np.random.default_rng(1).integers(-128, 128, (STEPS, *shape[1:]), np.int8)
    if model is float_digits:
        given = given.astype(np.float32) / np.float32(128)
    (right,) = litert(content, given)
    assert len(np.unique(right)) > CLASSES
    path, vectors = tmp_path / "model.tflite", tmp_path / "vectors.npz"
    path.write_bytes(content)
    np.savez(vectors, input=given, output=right[:, 0])
    done = convgen("-t", *how, "-b", "64k", path, "--vectors", vectors, "-o", tmp_path / "out")
    assert done.status == 0, done.stderr


def test_random_ones_under_sanitizers(tmp_path: Path) -> None:
    board = played_here(target.load("cortex-m4"))
    schedules, given, wanted = [], b"", []
    for kind, dtype, count in RANDOM:
        for number in range(count):
            content, inputs = random_models.draw(kind, number, dtype)
            graph = reader.imported(tables.parse(content), f"{kind}_{dtype}_{number}".lower()).graph
            graph, _ = simplified(graph)
            schedules.append(Planner(graph, board).plan(GOALS[number % len(GOALS)], ROOM))
            given += inputs[0].tobytes()
            seen = inputs[0].reshape(len(inputs[0]), *graph.inputs[0].shape)
            wanted.append((litert(content, *inputs), bounds.tolerance(graph, seen)))
    left = network_program.run(tmp_path, schedules, board, run_of, given)
    for schedule, (right, allowed) in zip(schedules, wanted, strict=True):
        size = STEPS * sum(tensor.bytes for tensor in schedule.graph.outputs)
        for got, expected, bound in zip(
            split_outputs(Whole(schedule.graph), left[:size]), right, allowed, strict=True
        ):
            off = np.abs(got.astype(np.float64) - expected.reshape(got.shape))
            assert (off <= 2 * bound).all(), schedule.graph.name
        left = left[size:]


@pytest.mark.parametrize(("change", "message"), [
    ({"state": "int8"}, "a state of int8 [1, 6]"),
    ({"variable": False}, "operator 0: expected inputs that are constants or that an operator"),
    ({"times": "int8"}, "weights of int8 [2, 3], not int16"),
    ({"activation": 3}, "relu6 with int8 tensors"),
    ({"rank": 3}, "2 and 2 filters of rank 3 for 2 units"),
    ({"read": True}, "operator 1, RESHAPE 't5': not supported: a variable where a value"),
], ids=str)  # fmt: skip
def test_what_is_not_read_is_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    file, scale = File(), (0.1, 0)
    times = change.get("times", "int16")
    operands = [
        file.input((1, 4), "int8", scale),
        file.tensor((2, 4), "int8", scale, np.ones((2, 4), np.int8)),
        file.tensor((2, 3), times, scale, np.ones((2, 3), times)),
        -1,
        file.tensor(
            (1, 6), change.get("state", "int16"), scale, variable=change.get("variable", True)
        ),
    ]
    file.graph.outputs = [file.tensor((1, 2), "int8", scale)]
    options = {
        "rank": change.get("rank", 1),
        "fusedActivationFunction": change.get("activation", 1),
    }
    file.operator("SVDF", operands, file.graph.outputs, **options)
    if "read" in change:
        file.operator("RESHAPE", [3], [file.tensor((6,), "int16", scale)])
    path = tmp_path / "odd.tflite"
    path.write_bytes(file.bytes())
    done = convgen(path, "-t", "cortex-m4", "-o", tmp_path / "out")
    assert done.status == 2
    assert message in done.stderr


@pytest.mark.parametrize(("change", "message"), [
    ("peepholes", "an LSTM with peepholes"),
    ("a projection", "an LSTM with projection"),
    ("layer normalisation", "an LSTM with layer normalisation"),
    ("an input gate", "an LSTM whose input gate is coupled with its forget gate"),
    ("hybrid", "weights of int8 [6, 12], not float32"),
])  # fmt: skip
def test_an_lstm_that_is_not_read_is_named(change: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.tflite"
    path.write_bytes(float_digits(change))
    done = convgen(path, "-t", "cortex-m4", "-o", tmp_path / "out")
    assert done.status == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
