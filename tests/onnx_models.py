"""ONNX models for the tests, made with the helpers of the package ``onnx``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PYTORCH = Path(__file__).resolve().parent / "pytorch.onnx"


def model(
    nodes: Sequence[Any],
    constants: dict[str, NDArray[Any]],
    given: Sequence[int | str],
    made: Sequence[int | str],
    *,
    opset: int = 17,
) -> Any:
    """A model from float32 ``x`` to float32 ``y``."""
    graph = helper.make_graph(
        nodes,
        "main_graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, made)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="tests")


def normal(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.normal(size=shape).astype(np.float32)


def small_network() -> Any:
    """A network of most kinds of operators; its last image is flattened and read by a Gemm."""
    rng = np.random.default_rng(1)
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"]),
        node("MaxPool", ["r1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p1", "w2", "b2"], ["c2"], group=4, pads=[1, 1, 1, 1]),
        node("Clip", ["c2", "low", "high"], ["k2"]),
        node("Add", ["k2", "p1"], ["a2"]),
        node("Flatten", ["a2"], ["f"]),
        node("Gemm", ["f", "w3", "b3"], ["y"], transB=1),
    ]
    constants: dict[str, NDArray[Any]] = {
        "w1": normal(rng, 4, 3, 3, 3),
        "b1": normal(rng, 4),
        "w2": normal(rng, 4, 1, 3, 3),
        "b2": normal(rng, 4),
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
        "w3": normal(rng, 5, 64),
        "b3": normal(rng, 5),
    }
    return model(nodes, constants, [1, 3, 8, 8], [1, 5])


def between_bytes(kind: str, given: int, attributes: Mapping[str, Any], seed: int) -> Any:
    """One operator of *given* int8 images and an int8 output, each of scales of its own."""
    rng = np.random.default_rng(seed)
    names = [f"x{place}" for place in range(given)]
    constants: dict[str, NDArray[Any]] = {}
    for name in (*names, "y"):
        constants[f"{name}_scale"] = rng.uniform(0.01, 0.05, ()).astype(np.float32)
        constants[f"{name}_zero"] = rng.integers(-128, 128, (), np.int8)
    numbers = {name: [name, f"{name}_scale", f"{name}_zero"] for name in (*names, "y")}
    nodes = [
        helper.make_node("DequantizeLinear", numbers[name], [f"{name}_real"]) for name in names
    ]
    nodes.append(helper.make_node(kind, [f"{name}_real" for name in names], ["real"], **attributes))
    nodes.append(helper.make_node("QuantizeLinear", ["real", *numbers["y"][1:]], ["y"]))
    graph = helper.make_graph(
        nodes,
        "bytes",
        [helper.make_tensor_value_info(name, TensorProto.INT8, [1, 4, 16, 16]) for name in names],
        [helper.make_tensor_value_info("y", TensorProto.INT8, None)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="tests")
    return onnx.shape_inference.infer_shapes(made)


def behind_each_other(kind: str, count: int, attributes: Mapping[str, Any]) -> Any:
    """So many convolutions, each followed by an operator of one input."""
    rng = np.random.default_rng(3)
    nodes, constants = [], {}
    for place in range(count):
        name, channels = f"c{place}", 8 if place else 3
        constants[f"{name}_w"] = normal(rng, 8, channels, 3, 3) * np.float32(0.5 / channels**0.5)
        before = f"a{place - 1}" if place else "x"
        last = "y" if place == count - 1 else f"a{place}"
        nodes.append(helper.make_node("Conv", [before, f"{name}_w"], [name], pads=[1] * 4))
        nodes.append(helper.make_node(kind, [name], [last], **attributes))
    return model(nodes, constants, [1, 3, 8, 8], [1, 8, 8, 8])


def as_pytorch_exports() -> Any:
    """A network in the form of ``torch.onnx.export``: its names, a batch without a size.

    Its view is ``x.view(x.size(0), -1)``, and a batch normalisation is behind a convolution.
    """
    rng = np.random.default_rng(2)
    node = helper.make_node
    zero, minus = (numpy_helper.from_array(np.array(each, np.int64)) for each in (0, [-1]))
    nodes = [
        node("Conv", ["x", "conv.weight"], ["/conv/Conv_output_0"], name="/conv/Conv",
             dilations=[1, 1], group=1, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("BatchNormalization",
             ["/conv/Conv_output_0", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"],
             ["/bn/BatchNormalization_output_0"], name="/bn/BatchNormalization", momentum=0.9),
        node("HardSwish", ["/bn/BatchNormalization_output_0"], ["/act/HardSwish_output_0"]),
        node("AveragePool", ["/act/HardSwish_output_0"], ["/pool/AveragePool_output_0"],
             kernel_shape=[2, 2], strides=[2, 2], count_include_pad=1),
        node("Shape", ["/pool/AveragePool_output_0"], ["/Shape_output_0"]),
        node("Constant", [], ["/Constant_output_0"], value=zero),
        node("Gather", ["/Shape_output_0", "/Constant_output_0"], ["/Gather_output_0"], axis=0),
        node("Constant", [], ["/Constant_1_output_0"], value=minus),
        node("Unsqueeze", ["/Gather_output_0", "axes"], ["/Unsqueeze_output_0"]),
        node("Concat", ["/Unsqueeze_output_0", "/Constant_1_output_0"], ["/Concat_output_0"],
             axis=0),
        node("Reshape", ["/pool/AveragePool_output_0", "/Concat_output_0"], ["/Reshape_output_0"]),
        node("Gemm", ["/Reshape_output_0", "fc.weight", "fc.bias"], ["y"], transB=1),
    ]  # fmt: skip
    constants = {
        "conv.weight": normal(rng, 6, 3, 3, 3),
        "bn.weight": normal(rng, 6),
        "bn.bias": normal(rng, 6),
        "bn.running_mean": normal(rng, 6),
        "bn.running_var": np.abs(normal(rng, 6)),
        "axes": np.array([0], np.int64),
        "fc.weight": normal(rng, 10, 54),
        "fc.bias": normal(rng, 10),
    }
    return model(nodes, constants, ["batch", 3, 12, 12], ["batch", 10])


def inputs(shape: Sequence[int], count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return iter([{"x": normal(rng, *shape)} for _ in range(count)])


if __name__ == "__main__":
    onnx.save(as_pytorch_exports(), sys.argv[1] if len(sys.argv) > 1 else PYTORCH)


def quantised(
    folder: Path, *, kind: str, form: str, per_channel: bool, network: Any = None
) -> Path:
    """A network, by default the small one, as ONNX Runtime's quantiser makes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnxruntime.quantization import (
            CalibrationDataReader,
            QuantFormat,
            QuantType,
            quantize_static,
        )

        class Inputs(CalibrationDataReader):  # type: ignore[misc]
            def __init__(self) -> None:
                self.left = inputs((1, 3, 8, 8), 8)

            def get_next(self) -> Any:
                return next(self.left, None)

        source, path = folder / "float.onnx", folder / "quantised.onnx"
        onnx.save(network or small_network(), source)
        quantize_static(
            source,
            path,
            Inputs(),
            quant_format=QuantFormat[form],
            per_channel=per_channel,
            activation_type=QuantType[kind],
            weight_type=QuantType.QInt8,
        )
    return path
