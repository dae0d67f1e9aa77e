"""Outputs of ONNX models beside those of ONNX Runtime: in report, terminal and page."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

import onnx_models
from command import convgen
from convgen import api
from convgen.bench.proof import onnx_runtime, vectors
from convgen.bench.proof.onnx_runtime import Beside
from convgen.model.graph import Graph
from convgen.model.whole import Whole

VERSION = onnxruntime.__version__
ON = ("-t", "cortex-m4", "-b", "64k", "--emulator", "unicorn")


@pytest.fixture(scope="module")
def bytes_inside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bytes")
    return onnx_models.quantised(folder, kind="QUInt8", form="QDQ", per_channel=True)


def float32(folder: Path) -> Path:
    path = folder / "float.onnx"
    onnx.save(onnx_models.small_network(), path)
    return path


def kept(out: Path) -> dict[str, Any]:
    """The report in *out*, which its schema must allow."""
    report: dict[str, Any] = json.loads((out / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, api.schema("report"))
    return report


@pytest.mark.emulator
def test_a_model_of_bytes_says_how_many_outputs_differ(bytes_inside: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = (*ON, "--io", "quantized", bytes_inside, "-o", out)
    result = convgen(*arguments)
    assert (result.status, result.stderr) == (0, "")
    report = kept(out)
    found = report["onnxruntime"]
    assert (found["version"], found["outputs"], found["max_abs_error"]) == (VERSION, 15, None)
    assert (found["differ"], found["max_quanta"]) == (0, 0)
    assert report["compared_with"] == "TensorFlow Lite's reference with single rounding"
    said = f"ONNX Runtime {VERSION}: {found['differ']} of 15 outputs differ"
    assert said in result.stdout
    assert said in (out / "report.html").read_text(encoding="utf-8")
    before, xml = (out / "report.json").read_bytes(), tmp_path / "verdict.xml"
    assert convgen(*arguments, "--junit", xml).status == 0
    differ = f'<property name="onnxruntime.differ" value="{found["differ"]}" />'
    assert differ in xml.read_text(encoding="utf-8")
    assert (out / "report.json").read_bytes() == before


@pytest.mark.emulator
def test_a_float32_model_says_how_far_outputs_are_apart(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = convgen(*ON, float32(tmp_path), "-o", out)
    found = kept(out)["onnxruntime"]
    assert (found["outputs"], found["differ"], found["max_quanta"]) == (15, 0, None)
    assert 0 < found["max_abs_error"] < 1e-2
    far = f"no output differs by more than {found['max_abs_error']:.1e}"
    assert f"ONNX Runtime {VERSION}: {far}\n" in result.stdout


@pytest.mark.emulator
def test_without_onnx_runtime_the_report_says_why(
    bytes_inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = convgen(*ON, bytes_inside, "-o", tmp_path / "out")
    assert (result.status, result.stderr) == (0, "")
    report = kept(tmp_path / "out")
    assert report["onnxruntime"] is None
    assert "pip install onnxruntime" in report["without_onnxruntime"]
    assert f"Not compared with ONNX Runtime: {report['without_onnxruntime']}\n" in result.stdout


def test_what_is_not_run_is_not_compared(bytes_inside: Path, tmp_path: Path) -> None:
    assert convgen(*ON[:-1], "none", bytes_inside, "-o", tmp_path / "out").status == 0
    report = kept(tmp_path / "out")
    assert report["onnxruntime"] is None
    assert "it did not run" in report["without_onnxruntime"]


def graph_of(path: Path, **options: Any) -> Graph:
    found = api.read(path, **options)
    assert isinstance(found, Graph)
    return found


def beside(
    graph: Graph, spoil: Callable[[NDArray[Any]], None] = lambda _: None, *, count: int = 20
) -> Beside | str:
    """How what the reference computes, *spoil*ed, compares."""
    assert graph.origin.onnx
    inputs = vectors.inputs_of(Whole(graph), seed=3, count=count)
    outputs = tuple(each.copy() for each in graph.compute(*inputs))
    spoil(outputs[0])
    return onnx_runtime.beside(graph, graph.origin.onnx, inputs, outputs)


def of_bytes(folder: Path, kind: int, zero: NDArray[Any]) -> Path:
    """A convolution of an image, whose input, output and everything between are bytes."""
    rng = np.random.default_rng(4)
    node = helper.make_node
    nodes = [
        node("DequantizeLinear", ["x", "scale", "zero"], ["real"]),
        node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["weights"], axis=0),
        node("Conv", ["real", "weights"], ["sums"], pads=[1, 1, 1, 1]),
        node("QuantizeLinear", ["sums", "y_scale", "zero"], ["y"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "scale": np.array(0.05, np.float32), "zero": zero, "y_scale": np.array(0.4, np.float32),
        "w": rng.integers(-127, 128, (5, 3, 3, 3), np.int8),
        "w_scale": rng.uniform(0.01, 0.02, 5).astype(np.float32), "w_zero": np.zeros(5, np.int8),
    }  # fmt: skip
    model = onnx_models.model(nodes, constants, [1, 3, 4, 6], [1, 5, 4, 6])
    for end in (model.graph.input[0], model.graph.output[0]):
        end.type.tensor_type.elem_type = kind
    path = folder / "bytes.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("kind", "zero"),
    [(TensorProto.UINT8, np.uint8(131)), (TensorProto.INT8, np.int8(3))],
    ids=["uint8", "int8"],
)
def test_images_of_bytes_are_handed_over_as_the_file_has_them(
    tmp_path: Path, kind: int, zero: NDArray[Any]
) -> None:
    found = beside(graph_of(of_bytes(tmp_path, kind, np.asarray(zero))))
    assert isinstance(found, Beside)
    assert found.outputs == 20 * 5 * 4 * 6
    assert found.max_quanta is not None
    assert found.max_quanta <= 1
    assert found.differ < found.outputs // 1000


def test_wrong_outputs_are_counted_in_quanta(bytes_inside: Path) -> None:
    def spoil(quantum: float) -> Callable[[NDArray[Any]], None]:
        def change(outputs: NDArray[Any]) -> None:
            outputs.reshape(-1)[:1] += np.asarray(3 * quantum, outputs.dtype)

        return change

    by_float = graph_of(bytes_inside)
    scale = onnx.numpy_helper.to_array(
        next(each for each in onnx.load(bytes_inside).graph.initializer if each.name == "y_scale")
    )
    for graph, quantum in ((by_float, float(scale)), (graph_of(bytes_inside, ends="quantized"), 1)):
        right, wrong = beside(graph), beside(graph, spoil(quantum))
        assert isinstance(right, Beside)
        assert isinstance(wrong, Beside)
        assert right.max_quanta is not None
        assert right.max_quanta <= 1
        assert wrong.max_quanta is not None
        assert 2 <= wrong.max_quanta <= 4
        assert 0 <= wrong.differ - right.differ <= 1


def test_float32_outputs_differ_beyond_what_rounding_explains(tmp_path: Path) -> None:
    def nothing_known(outputs: NDArray[Any]) -> None:
        outputs.reshape(-1)[1] = np.nan

    found = beside(graph_of(float32(tmp_path)), nothing_known)
    assert isinstance(found, Beside)
    assert found.differ == 1
    assert found.max_abs_error is not None
    assert not np.isfinite(found.max_abs_error)


def test_what_onnx_runtime_cannot_do_is_said_in_a_line(tmp_path: Path) -> None:
    graph = graph_of(float32(tmp_path))
    assert graph.origin.onnx
    broken = replace(graph.origin, onnx=replace(graph.origin.onnx, content=b"\n\nno\nmodel"))
    said = beside(replace(graph, origin=broken))
    assert isinstance(said, str)
    assert said.startswith("onnxruntime cannot run the model: ")
    assert "\n" not in said


def test_conversions_left_to_the_caller_are_no_reason_to_fail(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "scale", "zero"], ["real"]),
        helper.make_node("Softmax", ["real"], ["y"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "scale": np.array(0.05, np.float32),
        "zero": np.array(3, np.int8),
    }
    model = onnx_models.model(nodes, constants, [1, 7], [1, 7])
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT8
    onnx.save(model, tmp_path / "ends.onnx")
    assert isinstance(beside(graph_of(tmp_path / "ends.onnx")), Beside)
    said = beside(graph_of(tmp_path / "ends.onnx", ends="quantized"))
    assert isinstance(said, str)
    assert "the input, float32 here and int8 in the file" in said


def test_the_reference_of_tflm_rounds_twice(tmp_path: Path) -> None:
    path = of_bytes(tmp_path, TensorProto.INT8, np.array(3, np.int8))
    once, twice = beside(graph_of(path)), beside(graph_of(path, reference="tflm"))
    assert isinstance(once, Beside)
    assert isinstance(twice, Beside)
    assert once.differ < twice.differ
    assert twice.max_quanta == 1
