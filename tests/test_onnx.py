"""ONNX models: as ONNX Runtime computes them, emulated, and whatever is not one refused."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import onnx_models
from command import convgen, generated, refused
from convgen import api
from convgen.bench.proof import onnx_runtime, vectors
from convgen.bench.proof.onnx_runtime import Beside
from convgen.errors import SpecError
from convgen.formats.onnx import reader, tables
from convgen.formats.onnx.expanding import FORMS
from convgen.model.graph import Graph
from convgen.model.passes import simplified
from convgen.model.whole import Whole

OUT_OF_REACH = re.compile(
    "int16|uint(16|32|64)|float16|(add|sub|mul)_u?int8|int8_inbounds|maxpool_2d_uint8"
    "|3d|4d|1d_1d|3D|bcast"  # more than two dimensions, matrices that are no weights
    "|dilations|argmax|mask|training_mode|ceil_last_window_starts_on_pad"
    "|convtranspose_(1d|output_shape|kernel_shape|autopad_same|group_2)"
    "|quantizelinear_(axis|blocked)|matrix_bias|transposeA|all_attributes"
    "|qlinearmatmul_2D"  # weights with a zero point
    "|(edge|reflect|wrap)_pad|allowzero|start_out_of_bounds|_shape|test_shape"
    "|cubic|crop|antialias|axes_|not_(larger|smaller)|half_pixel_symmetric"
    "|resize_downsample_(sizes_nearest|scales_linear|sizes_linear_pytorch)"
    "|nearest_(floor_align|round_prefer_ceil|ceil)"
)
"""Node tests of what is not supported: dtypes, dimensions, attributes."""


def node_tests() -> Iterator[tuple[str, Any, list[NDArray[Any]], NDArray[Any]]]:
    """Yield the name, model, inputs and output of ONNX's own tests of supported operators."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)
    kinds = {*reader.IMPORTERS, *FORMS}
    for case in cases:
        if case.model is None or not {node.op_type for node in case.model.graph.node} <= kinds:
            continue
        assert case.data_sets
        given, made = case.data_sets[0]
        if all(isinstance(each, np.ndarray) for each in given):
            yield case.name, case.model, list(given), np.asarray(made[0])


def computed(name: str, model: Any, given: list[NDArray[Any]]) -> NDArray[Any]:
    """What convgen computes from the first input, the others being constants of the model."""
    first = model.graph.input[0].name
    for each, values in zip(model.graph.input[1:], given[1:], strict=True):
        model.graph.initializer.append(numpy_helper.from_array(values, each.name))
    del model.graph.input[1:]
    graph = reader.imported(tables.parse(model.SerializeToString()), "node").graph
    x = given[0]
    if x.dtype == np.uint8:
        x = (x.astype(np.int16) - 128).astype(np.int8)
    image = x.ndim in (3, 4) and any(
        node.op_type.removeprefix("QLinear") in reader.IMAGES and node.input[0] == first
        for node in model.graph.node
    )
    if image:
        x = np.moveaxis(x, 1, -1)
    return graph.compute(x.reshape(1, *graph.inputs[0].shape))[0]


def agrees(got: NDArray[Any], wanted: NDArray[Any]) -> bool:
    """Whether they are the same, images with channels last, bytes by at most one apart."""
    signed = wanted.astype(np.int16) - 128 if wanted.dtype == np.uint8 else wanted
    most = 1 if wanted.dtype.kind in "iu" else 1e-4 * max(1, float(np.abs(wanted).max()))
    ways = [signed, np.moveaxis(signed, 1, -1)] if signed.ndim in (3, 4) else [signed]
    found = got.astype(np.float64).ravel()
    return any(
        each.size == found.size and np.abs(found - each.astype(np.float64).ravel()).max() <= most
        for each in ways
    )


def test_the_backend_tests_of_its_operators_pass_or_are_refused_for_a_reason() -> None:
    passed: list[str] = []
    wrong: list[str] = []
    unexpected: list[str] = []
    for name, model, given, wanted in node_tests():
        try:
            right = agrees(computed(name, model, given), wanted)
        except SpecError as error:
            if not OUT_OF_REACH.search(name):
                unexpected.append(f"{name}: {error}")
            continue
        (passed if right else wrong).append(name)
    assert not wrong
    assert not unexpected
    assert len(passed) > 120


def compared(path: Path, shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    """What convgen and what ONNX Runtime make of the same random inputs."""
    graph, _ = simplified(reader.load(path, "model").graph)
    session = onnxruntime.InferenceSession(path)
    got, wanted = [], []
    for each in onnx_models.inputs(shape, 20, seed=5):
        wanted.append(session.run(None, each)[0])
        x = np.moveaxis(each["x"], 1, -1)
        got.append(graph.compute(x.reshape(1, *graph.inputs[0].shape))[0])
    return np.concatenate(got), np.concatenate(wanted)


@pytest.mark.parametrize("kind", ["QInt8", "QUInt8"])
@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_a_quantised_network_is_within_a_quantum_of_onnx_runtime(
    tmp_path: Path, kind: str, form: str, per_channel: bool, record_property: Any
) -> None:
    path = onnx_models.quantised(tmp_path, kind=kind, form=form, per_channel=per_channel)
    got, wanted = compared(path, (1, 3, 8, 8))
    scale = numpy_helper.to_array(
        next(each for each in onnx.load(path).graph.initializer if each.name == "y_scale")
    )
    quanta = np.rint(np.abs(got - wanted) / float(scale))
    record_property("differ", f"{int((quanta > 0).sum())} of {quanta.size}")
    assert quanta.max() <= 1
    assert (quanta > 0).mean() < 0.1


WINDOW = {"kernel_shape": [2, 2], "strides": [2, 2]}
OF_BYTES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "Add": ("Add", 2, {}),
    "Sub": ("Sub", 2, {}),
    "Mul": ("Mul", 2, {}),
    "AveragePool": ("AveragePool", 1, WINDOW),
    "AveragePool that counts pads": (
        "AveragePool", 1, {"kernel_shape": [3, 3], "pads": [1] * 4, "count_include_pad": 1},
    ),
    "Concat": ("Concat", 2, {"axis": 1}),
    "Flatten": ("Flatten", 1, {}),
    "GlobalAveragePool": ("GlobalAveragePool", 1, {}),
    "HardSwish": ("HardSwish", 1, {}),
    "LeakyRelu": ("LeakyRelu", 1, {"alpha": 0.1}),
    "MaxPool": ("MaxPool", 1, WINDOW),
    "Relu": ("Relu", 1, {}),
    "Sigmoid": ("Sigmoid", 1, {}),
    "Tanh": ("Tanh", 1, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_BYTES)
def test_an_operator_of_bytes_of_any_scales_is_what_onnx_runtime_computes(
    tmp_path: Path, name: str
) -> None:
    kind, given, attributes = OF_BYTES[name]
    for seed in range(4):
        path = tmp_path / f"{seed}.onnx"
        onnx.save(onnx_models.between_bytes(kind, given, attributes, seed), path)
        found = beside(path, count=3)
        assert found.differ <= found.outputs // 1000


@pytest.mark.parametrize(("kind", "attributes"), [("LeakyRelu", {"alpha": 0.1}), ("HardSwish", {})])
def test_ten_convolutions_behind_each_other_stay_with_onnx_runtime(
    tmp_path: Path, kind: str, attributes: dict[str, Any]
) -> None:
    network = onnx_models.behind_each_other(kind, 10, attributes)
    path = onnx_models.quantised(
        tmp_path, kind="QInt8", form="QDQ", per_channel=True, network=network
    )
    found = beside(path, count=10)
    assert found.differ <= found.outputs // 20  # all behind one sum in 400,000 that lies on a tie


def beside(path: Path, *, count: int) -> Beside:
    """How the reference's outputs compare with ONNX Runtime's."""
    graph = api.read(path)
    assert isinstance(graph, Graph)
    assert graph.origin.onnx
    inputs = vectors.inputs_of(Whole(graph), seed=1, count=count)
    found = onnx_runtime.beside(graph, graph.origin.onnx, inputs, graph.compute(*inputs))
    assert isinstance(found, Beside)
    return found


def test_a_network_as_pytorch_exports_it_is_what_onnx_runtime_computes() -> None:
    got, wanted = compared(onnx_models.PYTORCH, (1, 3, 12, 12))
    assert np.abs(got - wanted).max() < 1e-4


def test_the_network_in_the_form_of_pytorch_is_what_its_script_makes() -> None:
    assert onnx.load(onnx_models.PYTORCH) == onnx_models.as_pytorch_exports()


def test_nothing_is_transposed_when_it_runs() -> None:
    graph, _ = simplified(reader.load(onnx_models.PYTORCH, "model").graph)
    assert [type(operator).__name__ for operator in graph.operators] == [
        "Conv2d",
        "Pointwise",
        "Pool2d",
        "Conv2d",
    ]


@pytest.mark.emulator
def test_a_network_of_bytes_is_proved_on_emulated_cores(tmp_path: Path) -> None:
    path = onnx_models.quantised(tmp_path, kind="QUInt8", form="QDQ", per_channel=True)
    for target in ("cortex-m4", "rv32imc"):
        report = generated("-t", target, "-b", "64k", path, "-o", tmp_path / target)
        assert report["verified"]
        assert report["reference"] == "litert"
        assert len(report["operators"]) == 7


def test_its_operators_are_listed_and_one_is_taken_out(tmp_path: Path) -> None:
    path = onnx_models.quantised(tmp_path, kind="QInt8", form="QOperator", per_channel=False)
    listed = json.loads(convgen("--list-layers", "--format", "json", path).stdout)
    assert [each["kind"].lower() for each in listed][:2] == ["quantizelinear", "qlinearconv"]
    assert all(each["supported"] for each in listed)
    result = convgen("--extract", tmp_path / "layer", "--layer", "1", path)
    assert result.status == 0, result.stderr
    spec = json.loads((tmp_path / "layer" / "layer.json").read_text(encoding="utf-8"))
    assert (spec["op"], spec["out_channels"], spec["padding"]) == ("conv2d", 4, [1, 1, 1, 1])


def damaged(tmp_path: Path, model: Any) -> str:
    """What is said of *model*, bytes or a model, which must be refused."""
    path = tmp_path / "model.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return refused(2, "-t", "cortex-m4", path)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    sound = onnx_models.small_network().SerializeToString()
    assert "expected a sound .onnx file" in damaged(tmp_path, sound[: len(sound) // 2])
    assert "expected an .onnx file with" in damaged(tmp_path, b"")


def test_constants_outside_the_file_are_refused(tmp_path: Path) -> None:
    model = onnx_models.small_network()
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    assert "got external data" in damaged(tmp_path, model)


def test_absurd_shapes_and_short_constants_are_refused(tmp_path: Path) -> None:
    model = onnx_models.small_network()
    model.graph.initializer[0].dims[0] = 2**40
    assert "values, got 108" in damaged(tmp_path, model)
    model = onnx_models.small_network()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 2**40
    assert "expected at most" in damaged(tmp_path, model)


def test_an_attribute_of_another_kind_is_refused(tmp_path: Path) -> None:
    model = onnx_models.small_network()
    model.graph.node[0].attribute[0].type = onnx.AttributeProto.INT
    assert "operator 0: expected another kind of attribute as 'pads'" in damaged(tmp_path, model)


def test_a_cycle_is_refused(tmp_path: Path) -> None:
    model = onnx_models.small_network()
    model.graph.node[0].input[0] = "a2"
    assert "operator 0: expected inputs that an operator before it writes" in damaged(
        tmp_path, model
    )


def test_an_operator_without_outputs_is_refused(tmp_path: Path) -> None:
    model = onnx_models.small_network()
    del model.graph.node[1].output[:]
    assert "operator 1: expected an output, got none" in damaged(tmp_path, model)


def test_a_long_row_of_operators_is_read(tmp_path: Path) -> None:
    """What a tensor is rounded to is looked for behind all of them."""
    names = ["x", *(f"t{number}" for number in range(1200)), "y"]
    nodes = [helper.make_node("Relu", [a], [b]) for a, b in pairwise(names)]
    onnx.save(onnx_models.model(nodes, {}, [1, 4], [1, 4]), tmp_path / "deep.onnx")
    assert len(reader.load(tmp_path / "deep.onnx", "deep").entries) == len(nodes)


def test_all_operators_that_are_not_supported_are_listed(tmp_path: Path) -> None:
    model = onnx_models.small_network()
    model.graph.node[1].op_type = "Erf"
    model.graph.node[4].op_type = "Celu"
    said = damaged(tmp_path, model)
    assert "operator 1, Erf 'r1': not supported" in said
    assert "operator 4, Celu 'k2': not supported" in said
    assert said.count("not supported") == 2


def test_without_the_extra_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    said = refused(4, "-t", "cortex-m4", onnx_models.PYTORCH)
    assert 'pip install "convgen[onnx]"' in said
