"""Write the three layers of this folder, with a softmax behind them, as one .tflite model.

Usage, with the `test` extra installed: python examples/digits/export.py [FILE]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from convgen.formats import spec
from convgen.model.ops.conv2d import Conv2d, Quantization

HERE = Path(__file__).parent
LAYERS = ("conv1", "conv2", "conv3")
VERSION = 3  # of conv2d and depthwise_conv2d: weights with a scale for each channel
PROBABILITIES = (1 / 256, -128)  # what TensorFlow Lite asks of an int8 softmax
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
RELU, NONE = schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.NONE


class Model:
    """A model in the making; tensors are known by their index."""

    def __init__(self) -> None:
        """Begin with the empty buffer that every file has."""
        self.made, self.graph = schema.ModelT(), schema.SubGraphT()
        self.made.version, self.made.description = 3, b"digits: examples/digits of convgen"
        self.made.buffers, self.made.operatorCodes = [schema.BufferT()], []
        self.made.subgraphs = [self.graph]
        self.graph.name = b"digits"
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, name: str, shape: Any, scale: Any, zero_point: int = 0, axis: int = 0) -> int:
        """Add an int8 tensor."""
        made = schema.TensorT()
        made.name, made.shape, made.type = name.encode(), list(shape), schema.TensorType.INT8
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = np.atleast_1d(np.float32(scale))
        made.quantization.zeroPoint = np.full(made.quantization.scale.size, zero_point, np.int64)
        made.quantization.quantizedDimension = axis
        made.buffer = 0
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def fill(self, tensor: int, values: NDArray[Any]) -> int:
        """Make *tensor* the constant *values*."""
        made, buffer = self.graph.tensors[tensor], schema.BufferT()
        made.type = getattr(schema.TensorType, values.dtype.name.upper())
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        made.buffer = len(self.made.buffers)
        self.made.buffers.append(buffer)
        return tensor

    def operator(self, kind: str, options: Any, inputs: list[int], output: int) -> int:
        """Add an operator; return its output."""
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
        code.version = VERSION if "CONV" in kind else 1
        made.opcodeIndex = len(self.made.operatorCodes)
        made.inputs, made.outputs, made.builtinOptions = inputs, [output], options
        name = type(options).__name__.removesuffix("T")
        made.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        self.made.operatorCodes.append(code)
        self.graph.operators.append(made)
        return output

    def bytes(self, source: int, output: int) -> bytes:
        """Return the file of what goes from *source* to *output*."""
        self.graph.inputs, self.graph.outputs = [source], [output]
        builder = flatbuffers.Builder(1 << 14)
        builder.Finish(self.made.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def convolution(model: Model, layer: Conv2d, source: int) -> int:
    """Add *layer* behind the tensor *source*; return its output."""
    g, q = layer.geometry, layer.quantization
    if not isinstance(q, Quantization) or q.weight_scale is None or layer.bias is None:
        raise TypeError(f"{layer.name} is not quantised")
    is_depthwise = g.groups > 1
    weights = layer.weights.transpose(3, 1, 2, 0) if is_depthwise else layer.weights
    scales, axis = q.weight_scale, 3 if is_depthwise else 0
    kernel = model.tensor(f"{layer.name}/weights", weights.shape, scales, axis=axis)
    bias = model.tensor(f"{layer.name}/bias", [g.out_c], np.float64(q.in_scale) * scales)
    options = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
    options.strideH, options.strideW = g.stride_h, g.stride_w
    options.padding = SAME if g.has_padding else VALID
    options.fusedActivationFunction = RELU if layer.activation == "relu" else NONE
    if is_depthwise:
        options.depthMultiplier = g.out_c // g.groups
    shape = [1, g.out_h, g.out_w, g.out_c]
    output = model.tensor(layer.name, shape, q.out_scale, q.out_zero_point)
    inputs = [source, model.fill(kernel, weights), model.fill(bias, layer.bias)]
    kind = "DEPTHWISE_CONV_2D" if is_depthwise else "CONV_2D"
    return model.operator(kind, options, inputs, output)


def main(file: Path) -> None:
    """Write the model to *file*."""
    model = Model()
    layers = [spec.load(HERE / name / "layer.json") for name in LAYERS]
    (image,) = layers[0].inputs
    source = tensor = model.tensor("image", [1, *image.shape], image.scale, image.zero_point)
    for layer in layers:
        assert isinstance(layer, Conv2d)
        tensor = convolution(model, layer, tensor)
    (scores,) = layers[-1].outputs
    flat = model.tensor("scores", [1, scores.elems], scores.scale, scores.zero_point)
    shape = schema.ReshapeOptionsT()
    shape.newShape = [1, scores.elems]
    model.operator("RESHAPE", shape, [tensor], flat)
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    output = model.tensor("probabilities", [1, scores.elems], *PROBABILITIES)
    model.operator("SOFTMAX", softmax, [flat], output)
    file.write_bytes(model.bytes(source, output))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "digits.tflite")
