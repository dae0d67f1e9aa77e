"""Outputs of a network that was read from an .onnx file, beside those of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen import extras
from convgen.bench.proof.comparison import Arrays
from convgen.errors import ToolError
from convgen.model.graph import End, Graph, OnnxFile
from convgen.model.ops.convert import Dequantize
from convgen.model.passes.rewriting import writers
from convgen.model.tensor import Tensor
from convgen.model.whole import Whole
from convgen.printable import LINE, word

PACKAGE = "onnxruntime"
SILENT = 4  # severity of what it logs: what is fatal alone
SHIFT = 128  # from uint8 to int8
DTYPES = {"tensor(float)": "float32", "tensor(int8)": "int8", "tensor(uint8)": "uint8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """How ``outputs``, elements of all tensors and vectors, compare; how many ``differ``.

    Where an output has a scale it differs by whole quanta, at most ``max_quanta``; other float32
    outputs differ, by at most ``max_abs_error``, where they are further apart than those of
    ``--vectors`` may be. None: there are no such outputs.
    """

    version: str
    outputs: int
    differ: int
    max_quanta: int | None
    max_abs_error: float | None


class _NotComparedError(Exception):
    """Says why there is nothing to compare with."""


def beside(graph: Graph, file: OnnxFile, inputs: Arrays, outputs: Arrays) -> Beside | str:
    """Compare *outputs*, what the C of *graph* made of *inputs*, with those of *file*.

    Or say why that cannot be.
    """
    try:
        runtime = extras.load(PACKAGE, "computes outputs to compare with", extras.ONNX_RUNTIME)
        wanted = _computed(runtime, graph, file, inputs)
    except ToolError as error:
        return "; ".join(line.strip() for line in str(error).splitlines())
    except _NotComparedError as error:
        return str(error)
    return _compared(graph, inputs, outputs, wanted, word(str(runtime.__version__)))


def _computed(runtime: Any, graph: Graph, file: OnnxFile, inputs: Arrays) -> Arrays:
    """Return what ONNX Runtime makes of *inputs*, as the graph has its outputs.

    Raises _NotComparedError.
    """
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    try:
        session = runtime.InferenceSession(
            file.content, options, providers=["CPUExecutionProvider"]
        )
        given = {
            node.name: _as_in_the_file(node.type, end, tensor, values)
            for node, end, tensor, values in zip(
                session.get_inputs(), file.inputs, graph.inputs, inputs, strict=True
            )
        }
        calls = [
            session.run(None, {name: values[vector] for name, values in given.items()})
            for vector in range(len(inputs[0]))
        ]
    except _NotComparedError:
        raise
    except Exception as error:  # those of ONNX Runtime have no class in common
        why = " ".join(str(error).split())
        raise _NotComparedError(f"{PACKAGE} cannot run the model: {word(why, LINE)}") from None
    ends = zip(zip(*calls, strict=True), file.outputs, graph.outputs, strict=True)
    return tuple(_as_in_the_graph(end, tensor, values) for values, end, tensor in ends)


def _as_in_the_file(
    kind: str, end: End, tensor: Tensor, values: NDArray[Any]
) -> list[NDArray[Any]]:
    """Return each vector of an input as the file wants it. Raises _NotComparedError."""
    dtype = DTYPES.get(kind, kind)
    if dtype == "float32" and tensor.dtype == "int8":
        values = (values.astype(np.float32) - tensor.zero_point) * np.float32(tensor.scale or 0)
    elif not _same(end, tensor):
        raise _NotComparedError(_LEFT_OUT.format("input", tensor.dtype, dtype))
    elif dtype == "uint8":
        values = (values.astype(np.int16) + SHIFT).astype(np.uint8)
    stored = [end.shape[axis] for axis in end.order]
    back = np.argsort(end.order)
    return [np.ascontiguousarray(each.reshape(stored).transpose(back)) for each in values]


_LEFT_OUT = "--io quantized leaves to the caller what converts the {}, {} here and {} in the file"


def _same(end: End, tensor: Tensor) -> bool:
    """Whether the values of *tensor* are those that the file has there."""
    there = end.tensor
    numbers = there.dtype, there.scale, there.zero_point
    return numbers == (tensor.dtype, tensor.scale, tensor.zero_point)


def _as_in_the_graph(end: End, tensor: Tensor, values: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return an output of each vector as *tensor* has it. Raises _NotComparedError."""
    made = np.stack([each.transpose(end.order) for each in values])
    found = made.reshape(len(values), *tensor.shape)
    if found.dtype == np.float32 and tensor.dtype == "int8":
        return np.rint(found / np.float32(tensor.scale or 1)) + tensor.zero_point
    if not _same(end, tensor):
        raise _NotComparedError(_LEFT_OUT.format("output", tensor.dtype, found.dtype))
    return found.astype(np.int16) - SHIFT if found.dtype == np.uint8 else found


def _compared(
    graph: Graph, inputs: Arrays, outputs: Arrays, wanted: Arrays, version: str
) -> Beside:
    apart = [
        np.abs(got.astype(np.float64) - want) for got, want in zip(outputs, wanted, strict=True)
    ]
    quanta, errors, differ = [], [], 0
    scales = [_quantum(graph, tensor) for tensor in graph.outputs]
    bounds = Whole(graph).tolerance(*inputs) if None in scales else ()
    for number, (scale, error) in enumerate(zip(scales, apart, strict=True)):
        if scale is None:
            differ += int(np.count_nonzero(~(error <= 2 * bounds[number])))
            errors.append(float(error.max()))
        else:
            found = np.rint(error / scale)
            differ += int(np.count_nonzero(found))
            quanta.append(int(found.max()))
    return Beside(
        version=version,
        outputs=sum(each.size for each in apart),
        differ=differ,
        max_quanta=max(quanta, default=None),
        max_abs_error=max(errors, default=None),
    )


def _quantum(graph: Graph, tensor: Tensor) -> float | None:
    """Return by how much neighbouring values of an output differ; None: they are any float32."""
    if tensor.dtype != "float32":
        return 1.0
    last = writers(graph).get(tensor.name)
    return last.inputs[0].scale if isinstance(last, Dequantize) else None
