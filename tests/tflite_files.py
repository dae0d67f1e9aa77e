"""Small .tflite files, written table by table, and what LiteRT's reference kernels make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

Quantised = tuple[float, int] | tuple[NDArray[np.float32], int]
OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2D",
    "MAX_POOL_2D": "Pool2D",
    "CONV_2D": "Conv2D",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "MEAN": "Reducer",
    "MINIMUM": "MaximumMinimum",
    "MAXIMUM": "MaximumMinimum",
    "PADV2": "PadV2",
    "SPLIT_V": "SplitV",
    "SVDF": "SVDF",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor",
}
NO_OPTIONS = ("LOGISTIC", "TANH", "RELU", "RELU6", "RELU_N1_TO_1", "PRELU", "SIN")
VERSIONS = {
    "CONV_2D": 5,
    "DEPTHWISE_CONV_2D": 6,
    "FULLY_CONNECTED": 12,
    "TRANSPOSE_CONV": 3,
    "HARD_SWISH": 1,
    "PRELU": 1,
    "RELU_N1_TO_1": 1,
    "RESHAPE": 1,
    "SHAPE": 1,
    "SVDF": 3,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 3,
    "CALL_ONCE": 1,
    "VAR_HANDLE": 1,
    "READ_VARIABLE": 1,
    "ASSIGN_VARIABLE": 1,
}


@dataclass
class File:
    """A model in the making: tensors and operators of one subgraph, the first or one more."""

    made: Any = field(default_factory=schema.ModelT)
    graph: Any = field(default_factory=schema.SubGraphT)

    def __post_init__(self) -> None:
        if self.made.buffers is None:
            self.made.version, self.made.buffers = 3, [schema.BufferT()]
            self.made.operatorCodes, self.made.subgraphs = [], []
        self.made.subgraphs.append(self.graph)
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "int8",
        quantised: Quantised | None = None,
        data: NDArray[Any] | None = None,
        axis: int = 0,
        *,
        variable: bool = False,
    ) -> int:
        """Add a tensor, a constant if it has *data*; return its index."""
        made = schema.TensorT()
        made.isVariable = variable
        made.shape, made.name = list(shape), f"t{len(self.graph.tensors)}".encode()
        made.type, made.buffer = getattr(schema.TensorType, dtype.upper()), 0
        if quantised is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.atleast_1d(np.array(quantised[0], np.float32))
            count = len(made.quantization.scale)
            made.quantization.zeroPoint = np.full(count, quantised[1], np.int64)
            made.quantization.quantizedDimension = axis
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            made.buffer = len(self.made.buffers)
            self.made.buffers.append(buffer)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def input(self, shape: Sequence[int], dtype: str = "int8", q: Quantised | None = None) -> int:
        """Add an input."""
        self.graph.inputs.append(self.tensor(shape, dtype, q))
        return int(self.graph.inputs[-1])

    def integers(self, values: Any) -> int:
        """Add a constant of int32."""
        array = np.array(values, np.int32)
        return self.tensor(array.shape, "int32", None, array)

    def operator(
        self, kind: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any
    ) -> None:
        """Add an operator; *options* are named as the schema's object API names them."""
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = VERSIONS.get(kind, 2)
        made.opcodeIndex = len(self.made.operatorCodes)
        made.inputs, made.outputs = list(inputs), list(outputs)
        if kind not in NO_OPTIONS:
            name = f"{OPTIONS.get(kind, kind.title().replace('_', ''))}Options"
            made.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            made.builtinOptions = getattr(schema, f"{name}T")()
            for option, value in options.items():
                assert hasattr(made.builtinOptions, option), (name, option)
                setattr(made.builtinOptions, option, value)
        self.made.operatorCodes.append(code)
        self.graph.operators.append(made)

    def bytes(self) -> bytes:
        """The file."""
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.made.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def litert(content: bytes, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
    """What the reference kernels make of *inputs* ``[N, *shape]``, call after call."""
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    places = [detail["index"] for detail in interpreter.get_input_details()]
    shapes = [detail["shape"] for detail in interpreter.get_input_details()]
    found: list[list[NDArray[Any]]] = []
    for vector in zip(*inputs, strict=True):
        for place, shape, values in zip(places, shapes, vector, strict=True):
            interpreter.set_tensor(place, values.reshape(shape))
        interpreter.invoke()
        outputs = interpreter.get_output_details()
        found.append([interpreter.get_tensor(detail["index"]).copy() for detail in outputs])
    return [np.stack(each) for each in zip(*found, strict=True)]
