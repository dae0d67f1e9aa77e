"""One-operator models, run by TensorFlow Lite's reference kernels (LiteRT)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from convgen.model.operator import Operator
from convgen.model.ops.add import Add
from convgen.model.ops.pool import Pool2d
from convgen.model.tensor import Tensor

TYPES = {"int8": schema.TensorType.INT8, "float32": schema.TensorType.FLOAT32}
ACTIVATIONS = {
    "none": schema.ActivationFunctionType.NONE,
    "relu": schema.ActivationFunctionType.RELU,
    "relu6": schema.ActivationFunctionType.RELU6,
}


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
    return np.concatenate(found)


def model(operator: Operator) -> bytes:
    """The .tflite of one operator, batch 1."""
    made = schema.ModelT()
    made.version = 3
    made.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    tensors = (*operator.inputs, *operator.outputs)
    graph.tensors = [_tensor(tensor) for tensor in tensors]
    graph.inputs = list(range(len(operator.inputs)))
    graph.outputs = list(range(len(operator.inputs), len(tensors)))
    step, code = _operator(operator)
    step.inputs, step.outputs = graph.inputs, graph.outputs
    graph.operators = [step]
    made.operatorCodes = [code]
    made.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(tensor: Tensor) -> schema.TensorT:
    made = schema.TensorT()
    made.name, made.shape = tensor.name.encode(), [1, *tensor.shape]
    made.type, made.buffer = TYPES[tensor.dtype], 0
    if tensor.scale is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = np.array([tensor.scale], np.float32)
        made.quantization.zeroPoint = np.array([tensor.zero_point], np.int64)
    return made


def _operator(operator: Operator) -> tuple[schema.OperatorT, schema.OperatorCodeT]:
    step, code = schema.OperatorT(), schema.OperatorCodeT()
    code.version = 2
    match operator:
        case Add():
            code.builtinCode = schema.BuiltinOperator.ADD
            step.builtinOptionsType = schema.BuiltinOptions.AddOptions
            step.builtinOptions = schema.AddOptionsT()
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


def _pool_options(pool: Pool2d) -> schema.Pool2DOptionsT:
    made, g = schema.Pool2DOptionsT(), pool.geometry
    made.strideH, made.strideW = g.stride_h, g.stride_w
    made.filterHeight, made.filterWidth = g.k_h, g.k_w
    is_same = g.out_h == -(-g.in_h // g.stride_h) and g.out_w == -(-g.in_w // g.stride_w)
    made.padding = schema.Padding.SAME if is_same else schema.Padding.VALID
    return made


def names(operators: Sequence[Operator]) -> list[str]:
    """What they are called, for messages."""
    return [operator.name for operator in operators]
