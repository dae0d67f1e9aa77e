"""Models of odd shapes: outputs that are inputs or views, operators for nothing, strange names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from command import convgen
from convgen.errors import SpecError
from convgen.formats.tflite import reader
from convgen.model import passes
from convgen.schedule.network import Planner
from convgen.schedule.select import Budget
from convgen.targets import target
from tflite_files import File, litert

Q = (0.05, 3)
SIGMOID = (1 / 256, -128)


def only_a_reshape(file: File) -> None:
    given = file.input((1, 4, 4), "int8", Q)
    file.graph.outputs = [file.tensor((1, 16), "int8", Q)]
    file.operator("RESHAPE", [given], file.graph.outputs, newShape=[1, 16])


def reshaped_to_a_scalar(file: File) -> None:
    given = file.input((1, 1), "int8", Q)
    file.graph.outputs = [file.tensor((), "int8", Q)]
    file.operator("RESHAPE", [given, file.integers([])], file.graph.outputs)


def output_is_input(file: File) -> None:
    given = file.input((1, 4), "int8", Q)
    file.graph.outputs = [file.tensor((1, 4), "int8", Q), given]
    file.operator("RELU", [given], file.graph.outputs[:1])


def output_is_consumed(file: File) -> None:
    given = file.input((1, 4), "int8", Q)
    file.graph.outputs = [file.tensor((1, 4), "int8", Q), file.tensor((1, 4), "int8", SIGMOID)]
    file.operator("RELU", [given], file.graph.outputs[:1])
    file.operator("LOGISTIC", file.graph.outputs[:1], file.graph.outputs[1:])


def output_twice(file: File) -> None:
    given, output = file.input((1, 4), "int8", Q), file.tensor((1, 4), "int8", Q)
    file.operator("RELU", [given], [output])
    file.graph.outputs = [output, output]


def output_and_a_view_of_it(file: File) -> None:
    output_is_input(file)
    output, given = file.graph.outputs
    views = [file.tensor((1, 2, 2), "int8", Q) for _ in range(2)]
    file.operator("RESHAPE", [output], views[:1], newShape=[1, 2, 2])
    file.operator("RESHAPE", [given], views[1:], newShape=[1, 2, 2])
    file.graph.outputs = [output, *views]


def operator_and_input_for_nothing(file: File) -> None:
    output_is_input(file)
    file.graph.outputs = file.graph.outputs[:1]
    other = file.input((1, 4), "int8", Q)
    file.operator("LOGISTIC", [other], [file.tensor((1, 4), "int8", SIGMOID)])


def strange_names(file: File) -> None:
    output_is_consumed(file)
    for tensor, name in zip(file.graph.tensors, ("ö/;\n*/ int", "", "x */ while"), strict=True):
        tensor.name = name.encode()


def constant_among_joined(file: File) -> None:
    given = file.input((1, 2, 4), "int8", Q)
    values = np.arange(-4, 4, dtype=np.int8).reshape(1, 2, 4)
    fixed = file.tensor((1, 2, 4), "int8", Q, values)
    file.graph.outputs = [file.tensor((1, 6, 4), "int8", Q)]
    file.operator("CONCATENATION", [fixed, given, fixed], file.graph.outputs, axis=1)


def mean_along_axes_apart(file: File) -> None:
    given = file.input((1, 3, 4, 5), "int8", Q)
    file.graph.outputs = [file.tensor((1, 4), "int8", (0.04, 2))]
    file.operator("MEAN", [given, file.integers([1, 3])], file.graph.outputs)


def computed_from_constants(file: File) -> None:
    numbers, shape = np.random.default_rng(2), (1, 2, 3)
    given = file.input(shape, "int8", Q)
    values = numbers.normal(0, 2, shape).astype(np.float32)
    fixed, rectified, doubled = (file.tensor(shape, "int8", Q) for _ in range(3))
    file.operator("QUANTIZE", [file.tensor(shape, "float32", None, values)], [fixed])
    file.operator("RELU", [fixed], [rectified])
    file.operator("ADD", [rectified, fixed], [doubled])
    file.graph.outputs = [file.tensor(shape, "int8", Q)]
    file.operator("SUB", [given, doubled], file.graph.outputs)


def fed_twice_by_one_tensor(file: File) -> None:
    given = file.input((1, 4, 3, 2), "int8", Q)
    doubled, joined = file.tensor((1, 4, 3, 2), "int8", Q), file.tensor((1, 4, 3, 4), "int8", Q)
    file.operator("ADD", [given, given], [doubled])
    file.operator("CONCATENATION", [doubled, doubled], [joined], axis=3)
    file.graph.outputs = [file.tensor((1, 4, 3, 4), "int8", (0.2, -5)), doubled]
    file.operator("MUL", [joined, joined], file.graph.outputs[:1])


def slices_backwards(file: File) -> None:
    given, turned = file.input((1, 6, 7, 4), "int8", Q), file.tensor((1, 6, 3, 4), "int8", Q)
    ends = ([0, -1, -2, 0], [1, -7, -8, 4], [1, -1, -2, 1])
    file.operator("STRIDED_SLICE", [given, *map(file.integers, ends)], [turned])
    file.graph.outputs = [file.tensor((1, 6, 3, 2), "int8", Q)]
    ends = ([0, 0, 0, -3], [0, 0, 0, -1], [1, 1, 1, 1])
    options = {"beginMask": 7, "endMask": 7}
    inputs = [turned, *map(file.integers, ends)]
    file.operator("STRIDED_SLICE", inputs, file.graph.outputs, **options)


def every_channel_is_dead(file: File) -> None:
    given = file.input((1, 5, 5, 3), "int8", Q)
    weights = file.tensor((4, 3, 3, 3), "int8", (0.01, 0), np.zeros((4, 3, 3, 3), np.int8))
    values = np.array([5, -900, 100_000, 0], np.int32)
    bias = file.tensor((4,), "int32", (Q[0] * 0.01, 0), values)
    file.graph.outputs = [file.tensor((1, 5, 5, 4), "int8", Q)]
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    file.operator("CONV_2D", [given, weights, bias], file.graph.outputs, **options)


ODD = (
    only_a_reshape,
    reshaped_to_a_scalar,
    output_is_input,
    output_is_consumed,
    output_twice,
    output_and_a_view_of_it,
    operator_and_input_for_nothing,
    strange_names,
    constant_among_joined,
    mean_along_axes_apart,
    computed_from_constants,
    fed_twice_by_one_tensor,
    slices_backwards,
    every_channel_is_dead,
)


def written(make: Callable[[File], None]) -> tuple[bytes, list[NDArray[np.int8]]]:
    """Return a file, and three of each of its inputs."""
    file, numbers = File(), np.random.default_rng(1)
    make(file)
    shapes = [file.graph.tensors[index].shape for index in file.graph.inputs]
    inputs = [numbers.integers(-128, 128, (3, *shape), np.int8) for shape in shapes]
    return file.bytes(), inputs


@pytest.mark.parametrize("make", ODD)
def test_outputs_are_those_of_litert(make: Callable[[File], None], tmp_path: Path) -> None:
    content, inputs = written(make)
    (tmp_path / "odd.tflite").write_bytes(content)
    graph, _ = passes.simplified(reader.load(tmp_path / "odd.tflite", "odd").graph)
    given = zip(inputs, graph.inputs, strict=True)
    found = graph.compute(*[values.reshape(3, *tensor.shape) for values, tensor in given])
    for got, right in zip(found, litert(content, *inputs), strict=True):
        np.testing.assert_array_equal(got.reshape(right.shape), right)


KEPT = {
    "halves": ("float16", None),
    "bytes": ("int8", (0.02, -3)),
    "bytes of channels": ("int8", (np.array([0.01, 0.02, 0.03, 0.04], np.float32), 0)),
}


@pytest.mark.parametrize("how", KEPT)
def test_float32_weights_may_be_kept_in_fewer_bits(how: str, tmp_path: Path) -> None:
    file, numbers = File(), np.random.default_rng(1)
    given, (dtype, scale) = file.input((1, 5, 4, 3), "float32"), KEPT[how]
    values = numbers.normal(0, 30, (4, 3, 3, 3)).astype(dtype)
    kept, weights = (
        file.tensor(values.shape, dtype, scale, values),
        file.tensor(values.shape, "float32"),
    )
    file.operator("DEQUANTIZE", [kept], [weights])
    bias = file.tensor((4,), "float32", None, np.ones(4, np.float32))
    file.graph.outputs = [file.tensor((1, 5, 4, 4), "float32")]
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    file.operator("CONV_2D", [given, weights, bias], file.graph.outputs, **options)
    (tmp_path / "kept.tflite").write_bytes(file.bytes())
    graph = reader.load(tmp_path / "kept.tflite", "kept").graph
    assert len(graph.operators) == 1
    inputs = numbers.normal(0, 1, (2, 5, 4, 3)).astype(np.float32)
    [found], [right] = graph.compute(inputs), litert(file.bytes(), inputs)
    np.testing.assert_allclose(found, right[:, 0], rtol=1e-4, atol=1e-4)


def test_constants_that_small_ones_would_give_by_the_million_are_refused(tmp_path: Path) -> None:
    file, size = File(), 3000
    given = file.input((1, size, size), "int8", Q)
    sides = [(1, size, 1), (1, 1, size)]
    ends = [file.tensor(side, "int8", Q, np.ones(side, np.int8)) for side in sides]
    total, output = (file.tensor((1, size, size), "int8", Q) for _ in range(2))
    file.operator("ADD", ends, [total])
    file.operator("ADD", [given, total], [output])
    file.graph.outputs = [output]
    (tmp_path / "odd.tflite").write_bytes(file.bytes())
    with pytest.raises(SpecError, match="numbers that follow from constants, got 9,000,000"):
        reader.load(tmp_path / "odd.tflite", "odd")


def test_an_input_that_nothing_here_can_hold_is_refused(tmp_path: Path) -> None:
    file = File()
    only_a_reshape(file)
    file.graph.tensors[0].quantization.zeroPoint = np.array([300])
    (tmp_path / "odd.tflite").write_bytes(file.bytes())
    with pytest.raises(SpecError, match="the input 't0': not supported: a zero"):
        reader.load(tmp_path / "odd.tflite", "odd")


@pytest.mark.emulator
@pytest.mark.parametrize("make", [output_and_a_view_of_it, strange_names, constant_among_joined])
def test_they_run(make: Callable[[File], None], tmp_path: Path) -> None:
    content, inputs = written(make)
    (tmp_path / "odd.tflite").write_bytes(content)
    outputs = [array[:, 0] for array in litert(content, *inputs)]
    names = [f"output_{n}" for n in range(len(outputs))] if len(outputs) > 1 else ["output"]
    given = dict(zip(names, outputs, strict=True))
    np.savez(tmp_path / "vectors.npz", input=inputs[0][:, 0], **given)  # type: ignore[arg-type]
    options = ("-t", "cortex-m4", "--format", "json", "--vectors", tmp_path / "vectors.npz")
    run = convgen(*options, "-o", tmp_path / "out", tmp_path / "odd.tflite")
    assert run.status == 0, run.stderr
    assert run.report["verified"]


@pytest.mark.emulator
def test_rows_that_nobody_reads_are_handed_in_when_the_output_is_there(tmp_path: Path) -> None:
    file = File()
    given, output = file.input((1, 7, 4, 2), "int8", Q), file.tensor((1, 3, 2, 2), "int8", Q)
    window = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2}
    file.operator("MAX_POOL_2D", [given], [output], padding=1, **window)
    file.graph.outputs = [output]
    (tmp_path / "odd.tflite").write_bytes(file.bytes())
    graph = reader.load(tmp_path / "odd.tflite", "odd").graph
    schedule = Planner(graph, target.load("cortex-m4"), feed="rows").plan(
        "workspace", Budget(ram=2**18, flash=2**20)
    )
    assert (schedule.rows_used, schedule.rows_fed) == (6, 7)
    command = ("-t", "cortex-m4", "--feed", "rows", "-o", tmp_path / "out")
    assert convgen(*command, tmp_path / "odd.tflite").status == 0
