"""One-operator models, run by TensorFlow Lite's reference kernels (LiteRT)."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from convgen.model.operator import Operator
from convgen.model.ops.add import Add
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.pool import Pool2d
from convgen.model.ops.transposed_conv2d import TransposedConv2d
from convgen.model.tensor import Tensor

TYPES = {
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
    "float32": schema.TensorType.FLOAT32,
}
ACTIVATIONS = {
    "none": schema.ActivationFunctionType.NONE,
    "relu": schema.ActivationFunctionType.RELU,
    "relu6": schema.ActivationFunctionType.RELU6,
}
VERSIONS = {"int8": 12, "float32": 1}
"""Of the fully connected operator: the first that has weights with a scale for each channel."""


def outputs(operator: Operator, *inputs: NDArray[Any]) -> NDArray[Any]:
    """What the reference kernel makes of *inputs* ``[N, *shape]``, one vector after the other."""
    interpreter = Interpreter(
        model_content=model(operator), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    places = [detail["index"] for detail in interpreter.get_input_details()]
    place = interpreter.get_output_details()[0]["index"]
    found = []
    for vector in range(len(inputs[0])):
        for index, values in zip(places, inputs, strict=True):
            interpreter.set_tensor(index, values[vector : vector + 1])
        interpreter.invoke()
        found.append(interpreter.get_tensor(place))
    return np.concatenate(found).reshape(-1, *operator.outputs[0].shape)


def model(operator: Operator) -> bytes:
    """The .tflite of one operator, batch 1."""
    made, graph = schema.ModelT(), schema.SubGraphT()
    made.version, made.buffers = 3, [schema.BufferT()]
    inputs = [_tensor(tensor) for tensor in operator.inputs]
    constants = _constants(operator, made.buffers)
    graph.tensors = [*inputs, *constants, *(_tensor(tensor) for tensor in operator.outputs)]
    step, code = _operator(operator)
    step.inputs = list(range(len(inputs) + len(constants)))
    if isinstance(operator, TransposedConv2d):
        step.inputs = [3, 1, 0, 2]
    step.outputs = graph.outputs = [len(graph.tensors) - 1]
    graph.inputs, graph.operators = list(range(len(inputs))), [step]
    made.operatorCodes, made.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(tensor: Tensor) -> schema.TensorT:
    made = schema.TensorT()
    made.name, made.shape = tensor.name.encode(), [1, *tensor.shape]
    made.type, made.buffer = TYPES[tensor.dtype], 0
    if tensor.scale is not None:
        made.quantization = _quantization([tensor.scale], tensor.zero_point)
    return made


def _quantization(scales: Any, zero_point: int = 0) -> schema.QuantizationParametersT:
    made = schema.QuantizationParametersT()
    made.scale = np.array(scales, np.float32)
    made.zeroPoint = np.full(len(made.scale), zero_point, np.int64)
    return made


def _constants(operator: Operator, buffers: list[schema.BufferT]) -> list[schema.TensorT]:
    """Weights and bias; of a transposed convolution the sizes of the output too."""
    if not isinstance(operator, Conv2d | TransposedConv2d):
        return []
    layer = operator if isinstance(operator, Conv2d) else operator.convolution
    q, count = layer.quantization, layer.geometry.out_c
    none = np.zeros(count, np.int32 if q else np.float32)
    arrays: dict[str, NDArray[Any]] = {
        "weights": layer.weights.reshape(count, -1),
        "bias": none if layer.bias is None else layer.bias,
    }
    if isinstance(operator, TransposedConv2d):
        arrays["weights"] = operator.weights[:, ::-1, ::-1]
        arrays["sizes"] = np.array([1, *operator.outputs[0].shape], np.int32)
    found = []
    for name, values in arrays.items():
        made, buffer = schema.TensorT(), schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        made.name, made.shape = name.encode(), list(values.shape)
        made.type, made.buffer = TYPES[str(values.dtype)], len(buffers)
        if q and name != "sizes":
            assert q.weight_scale is not None
            assert q.in_scale is not None
            scales = np.broadcast_to(q.weight_scale, count)
            made.quantization = _quantization(scales if name == "weights" else q.in_scale * scales)
        buffers.append(buffer)
        found.append(made)
    return found


def _operator(operator: Operator) -> tuple[schema.OperatorT, schema.OperatorCodeT]:
    step, code = schema.OperatorT(), schema.OperatorCodeT()
    code.version = 2
    match operator:
        case Add():
            code.builtinCode = schema.BuiltinOperator.ADD
            step.builtinOptionsType = schema.BuiltinOptions.AddOptions
            step.builtinOptions = schema.AddOptionsT()
        case Conv2d():
            code.builtinCode = schema.BuiltinOperator.FULLY_CONNECTED
            code.version = VERSIONS[operator.dtype]
            step.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
            step.builtinOptions = schema.FullyConnectedOptionsT()
        case TransposedConv2d():
            code.builtinCode = schema.BuiltinOperator.TRANSPOSE_CONV
            code.version = 4
            step.builtinOptionsType = schema.BuiltinOptions.TransposeConvOptions
            step.builtinOptions = schema.TransposeConvOptionsT()
            step.builtinOptions.strideH, step.builtinOptions.strideW = operator.strides
            step.builtinOptions.padding = _transposed_padding(operator)
        case Pool2d():
            code.builtinCode = {
                "average_pool": schema.BuiltinOperator.AVERAGE_POOL_2D,
                "max_pool": schema.BuiltinOperator.MAX_POOL_2D,
            }[operator.kind]
            step.builtinOptionsType = schema.BuiltinOptions.Pool2DOptions
            step.builtinOptions = _pool_options(operator)
    code.deprecatedBuiltinCode = code.builtinCode
    step.builtinOptions.fusedActivationFunction = ACTIVATIONS[operator.activation]
    return step, code


def _transposed_padding(operator: TransposedConv2d) -> Any:
    """Of both that which makes the output's size, as the interpreter checks it."""
    sizes = zip(operator.input.shape, operator.outputs[0].shape, operator.strides, strict=False)
    is_same = all(-(-out // step) == size for size, out, step in sizes)
    return schema.Padding.SAME if is_same else schema.Padding.VALID


def _pool_options(pool: Pool2d) -> schema.Pool2DOptionsT:
    made, g = schema.Pool2DOptionsT(), pool.geometry
    made.strideH, made.strideW = g.stride_h, g.stride_w
    made.filterHeight, made.filterWidth = g.k_h, g.k_w
    is_same = g.out_h == -(-g.in_h // g.stride_h) and g.out_w == -(-g.in_w // g.stride_w)
    made.padding = schema.Padding.SAME if is_same else schema.Padding.VALID
    return made
