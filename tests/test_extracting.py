"""One operator of a model as a layer: taken by itself, and written as a spec."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import random_models
from convgen import cli, extracting
from convgen.bench.proof import vectors
from convgen.formats import spec, writing
from convgen.formats.tflite import reader
from convgen.options import ReadOptions
from tflite_files import File

KINDS = (
    "ADD",
    "AVERAGE_POOL_2D",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MAX_POOL_2D",
    "TRANSPOSE_CONV",
)
EACH = 15
MOST = 30 * EACH


def main(*arguments: str) -> int:
    return cli.main(list(arguments))


def written(content: bytes, folder: Path) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_reads_as_the_same_operator(kind: str, dtype: str, tmp_path: Path) -> None:
    tried = 0
    for number in range(MOST):
        path = written(random_models.draw(kind, number, dtype)[0], tmp_path)
        graph = reader.load(path, "model").graph
        if not writing.is_writable(graph.operators[-1]):
            continue  # an addition of a constant
        out = tmp_path / f"out{number}"
        options = ReadOptions(layer="0", name=f"layer_{number}", seed=number)
        extracting.extract(path, out, options)
        layer, model = spec.load(out / "layer.json"), graph.operators[-1]
        assert layer.name == f"layer_{number}"
        given = vectors.load(out / "vectors.npz", layer)
        assert given.expected is not None
        shapes = [(-1, *tensor.shape) for tensor in model.inputs]
        [right] = model.compute(*(a.reshape(s) for a, s in zip(given.inputs, shapes, strict=True)))
        [found] = layer.compute(*given.inputs)
        assert np.array_equal(found, right.reshape(found.shape))
        assert np.array_equal(found.astype(given.expected[0].dtype), given.expected[0])
        tried += 1
        if tried == EACH:
            return
    raise AssertionError(f"only {tried} of {EACH}")


def small_model() -> bytes:
    """A convolution, a view and a softmax."""
    file, numbers = File(), np.random.default_rng(0)
    given = file.input((1, 5, 5, 4), "int8", (0.02, -3))
    weights = numbers.integers(-127, 128, (8, 5, 5, 4), np.int8)
    scales = np.full(8, 0.001, np.float32)
    constants = [
        file.tensor(weights.shape, "int8", (scales, 0), weights),
        file.tensor((8,), "int32", (np.float32(0.02) * scales, 0), np.arange(8, dtype=np.int32)),
    ]
    sums = file.tensor((1, 1, 1, 8), "int8", (0.1, 5))
    options = {"padding": 1, "strideH": 1, "strideW": 1}
    file.operator("CONV_2D", [given, *constants], [sums], **options)
    flat = file.tensor((1, 8), "int8", (0.1, 5))
    file.operator("RESHAPE", [sums, file.integers([1, 8])], [flat])
    output = file.tensor((1, 8), "int8", (1 / 256, -128))
    file.operator("SOFTMAX", [flat], [output], beta=1.0)
    file.graph.outputs = [output]
    file.graph.tensors[sums].name = b"a/sum;of*products"
    return file.bytes()


def test_layers_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(small_model(), tmp_path)
    assert main("--list-layers", str(path)) == 0
    first, *rows = capsys.readouterr().out.splitlines()
    assert first.split()[:3] == ["index", "kind", "name"]
    assert rows[0].split()[:3] == ["0", "conv_2d", "a/sum;of*products"]
    assert rows[1].endswith("nothing: known beforehand or a view")
    assert main("--list-layers", "--format", "json", str(path)) == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["kind"] for entry in found] == ["CONV_2D", "RESHAPE", "SOFTMAX"]
    assert found[0] == {
        "index": 0,
        "kind": "CONV_2D",
        "name": "a/sum;of*products",
        "inputs": [[1, 5, 5, 4], [8, 5, 5, 4], [8]],
        "outputs": [[1, 1, 1, 8]],
        "macs": 800,
        "parameters": 808,
        "supported": True,
        "becomes": "convolution layer",
    }


def test_what_is_not_supported_is_listed_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = File()
    given = file.input((1, 4), "float32")
    output = file.tensor((1, 4), "float32")
    file.operator("SIN", [given], [output])
    file.graph.outputs = [output]
    path = written(file.bytes(), tmp_path)
    assert main("--list-layers", str(path)) == 0
    assert "not supported: no such operator here" in capsys.readouterr().out
    assert main("-t", "cortex-m4", "--layer", "0", str(path)) == 2
    assert "operator 0, SIN 't1': not supported" in capsys.readouterr().err


@pytest.mark.parametrize("which", ["0", "a/sum;of*products", "a_sum"])
def test_an_operator_is_taken_by_index_or_name(which: str, tmp_path: Path) -> None:
    path = written(small_model(), tmp_path)
    layer = extracting.layer_of(path, which, ReadOptions())
    assert layer.name == "a_sum"
    assert [tensor.name for tensor in (*layer.inputs, *layer.outputs)] == ["input", "output"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layer", "7"], "--layer: expected an index from 0 to 2 or the name of an output (a/s"),
        (["--layer", "1"], "got operator 1, RESHAPE: nothing that computes"),
        (["--layer", "2"], "got operator 2, SOFTMAX: softmax"),
        (["--layer", "0", "--name", "int"], "--name: expected"),
    ],
)
def test_what_is_no_layer_is_refused(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(small_model(), tmp_path)
    out = tmp_path / "out"
    assert main("-t", "cortex-m4", "-o", str(out), *options, str(path)) == 2
    assert message in capsys.readouterr().err
    assert main("--extract", str(out), *options, str(path)) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--list-layers", "--layer", "0"], "--layer: expected without --list-layers"),
        (["--list-layers", "--io", "quantized"], "--io: expected without --list-layers"),
        (["--list-targets", "--feed", "whole"], "--feed: expected without --list-targets"),
        (["--extract", "out", "--feed", "rows"], "--feed: expected without --extract"),
        (["--extract", "out", "--io", "quantized"], "--io: expected without --extract"),
        (["--extract", "out", "--name", "n"], "--name: expected with --layer"),
    ],
)
def test_options_that_would_change_nothing_are_refused(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = written(small_model(), tmp_path)
    options = [str(tmp_path / "out") if option == "out" else option for option in options]
    assert main(*options, str(model)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["model.tflite", "model.onnx"])
@pytest.mark.parametrize("options", [["--list-layers"], ["-t", "cortex-m4"]])
def test_a_broken_model_is_called_by_its_path(
    what: str, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / what
    path.write_bytes(b"\xff\xff\xff\x7fTFL3" + bytes(64))
    assert main(*options, str(path)) == 2
    assert capsys.readouterr().err.startswith(
        f"convgen: {path}: expected a sound {path.suffix} file"
    )


@pytest.mark.parametrize("options", [["--list-layers"], ["-t", "cortex-m4"]])
def test_what_only_the_graph_shows_is_said_of_the_model_by_its_path(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = File()
    given = file.input((1, 4), "float32")
    file.operator("LOGISTIC", [given], [file.tensor((1, 4), "float32")])
    path = written(file.bytes(), tmp_path)
    assert main(*options, str(path)) == 2
    assert capsys.readouterr().err.startswith(
        f"convgen: {path}: expected an input and an output, got none"
    )


def test_what_is_in_the_way_is_said_of_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(small_model(), tmp_path)
    assert main("--extract", str(path), str(path)) == 2
    assert f"--extract: expected a folder, but {path} is a file" in capsys.readouterr().err
    mine = tmp_path / "out" / "00_a_sum" / "layer.json"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert main("--extract", str(tmp_path / "out"), str(path)) == 2
    assert "--extract: " in capsys.readouterr().err
    assert mine.read_text() == "mine"


def test_every_layer_is_written_into_a_folder_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = written(small_model(), tmp_path), tmp_path / "out"
    for _ in range(2):  # what convgen wrote it may replace
        assert main("--extract", str(out), str(path)) == 0
        said = capsys.readouterr().out.splitlines()
        assert said == [
            f"{out / '00_a_sum' / 'layer.json'}: convolution layer",
            "not written, as no spec can say them: 1 reshape, 2 softmax",
        ]
    files = {file.name for file in (out / "00_a_sum").iterdir()}
    assert files == {"layer.json", "data.npz", "vectors.npz"}
    (out / "00_a_sum" / "layer.json").write_text("mine")
    assert main("--extract", str(out), str(path)) == 2
    assert (out / "00_a_sum" / "layer.json").read_text() == "mine"


@pytest.mark.emulator
def test_an_operator_of_a_model_is_run_as_a_layer(tmp_path: Path) -> None:
    path, out = written(small_model(), tmp_path), tmp_path / "out"
    options = ["-t", "cortex-m4", "--layer", "0", "--name", "sums", "-o", str(out)]
    assert main(*options, str(path)) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["verified"]
    assert report["layer"] == "sums"
    assert "--layer 0" in (out / "sums.c").read_text()
