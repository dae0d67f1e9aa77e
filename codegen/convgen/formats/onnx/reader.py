"""An .onnx file as a graph, or every operator of it that is not supported.

Each operator becomes operators of a .tflite file, for which there is one reader: what they compute
and what of them is supported is said there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.choices import Reference
from convgen.errors import SpecError
from convgen.formats.onnx import elementwise, images, layers, moves, tables
from convgen.formats.onnx.expanding import expanded
from convgen.formats.onnx.scene import (
    Initializer,
    Numbers,
    OnnxScene,
    Value,
    check,
    image_order,
    quantization,
    straight,
)
from convgen.formats.onnx.tables import Model, Node
from convgen.formats.tflite import reader as tflite
from convgen.formats.tflite.reader import Imported, ReadOperator
from convgen.formats.tflite.scene import Shape, UnsupportedError
from convgen.formats.tflite.tables import MAX_FILE_BYTES, SubGraph
from convgen.model.graph import End, OnnxFile
from convgen.model.quantize import Rounding
from convgen.model.tensor import Tensor
from convgen.printable import word
from convgen.system import files
from convgen.system.files import Unreadable

Importer = Callable[[OnnxScene, Node], None]
IMPORTERS: Mapping[str, Importer] = {
    "Add": elementwise.arithmetic,
    "AveragePool": images.pool,
    "BatchNormalization": layers.batch_normalization,
    "Clip": elementwise.clip,
    "Concat": moves.concat,
    "Conv": layers.conv,
    "ConvTranspose": layers.conv_transpose,
    "DequantizeLinear": elementwise.dequantize_linear,
    "Dropout": moves.identity,
    "Flatten": moves.view,
    "Gemm": layers.gemm,
    "GlobalAveragePool": images.global_pool,
    "HardSwish": elementwise.function,
    "Identity": moves.identity,
    "LeakyRelu": elementwise.function,
    "MatMul": layers.matmul,
    "MaxPool": images.pool,
    "Mul": elementwise.arithmetic,
    "Pad": moves.pad,
    "QuantizeLinear": elementwise.quantize_linear,
    "Relu": elementwise.function,
    "Reshape": moves.view,
    "Resize": images.resize,
    "Shape": moves.known_shape,
    "Sigmoid": elementwise.function,
    "Slice": moves.slice_,
    "Softmax": elementwise.softmax,
    "Squeeze": moves.view,
    "Sub": elementwise.arithmetic,
    "Tanh": elementwise.function,
    "Transpose": moves.transpose,
    "Unsqueeze": moves.view,
    "Upsample": images.resize,
}
"""What makes an operator of each kind."""

IMAGES = frozenset(
    (
        *("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool"),
        *("BatchNormalization", "Resize", "Upsample"),
    )
)
"""Operators whose input is an image, channels first."""

SEEN_THROUGH = frozenset(
    (
        *("Add", "Mul", "Sub", "Relu", "Clip", "LeakyRelu", "HardSwish", "Sigmoid", "Tanh"),
        *("QuantizeLinear", "DequantizeLinear", "Pad", "Identity", "Dropout"),
    )
)
"""Operators to which no axis is special."""


def load(path: Path, name: str, reference: Reference = "litert") -> Imported:
    """Read the model at *path* as a graph called *name*. Raises SpecError."""
    return imported(read(path), name, reference)


def read(path: Path) -> Model:
    """Return what the file at *path* holds. Raises SpecError."""
    try:
        return tables.parse(files.read(path, MAX_FILE_BYTES))
    except Unreadable as error:
        raise SpecError([f"cannot read the model: {error}"]) from None


def entries(model: Model) -> tuple[ReadOperator, ...]:
    """Return the operators of a model, whether they are supported or not. Raises SpecError."""
    return _Lowering(model).entries()[0]


def imported(model: Model, name: str, reference: Reference = "litert") -> Imported:
    """Return the model as a graph called *name*, with the arithmetic of *reference*.

    Raises SpecError that lists every operator which is not supported.
    """
    lowering = _Lowering(model, reference)
    found, reading = lowering.entries()
    tflite.refuse_unsupported(found)
    graph = reading.graph(name, found)
    file = OnnxFile(
        content=model.content,
        inputs=_ends(graph.inputs, lowering.given),
        outputs=_ends(graph.outputs, lowering.made),
    )
    return Imported(graph=graph, entries=found, onnx=file)


Axes = tuple[Shape, Sequence[int]]
"""The shape of an input or output in the file, and in which order its axes are stored."""


def _ends(tensors: Sequence[Tensor], axes: Sequence[Axes]) -> tuple[End, ...]:
    """Return inputs or outputs of a graph as the file has them."""
    both = zip(tensors, axes, strict=True)
    return tuple(End(tensor=each, shape=shape, order=tuple(order)) for each, (shape, order) in both)


@dataclass(frozen=True, slots=True)
class _Made:
    """An operator of the file: where what it became begins and ends, and what is wrong with it."""

    node: Node
    first: int
    last: int
    problem: str | None


class _Lowering:
    """One model as it is read."""

    def __init__(self, model: Model, reference: Reference = "litert") -> None:
        self.model, self.reference = model, reference
        self.parts = [tuple(expanded(node)) for node in model.nodes]
        readers: dict[str, list[Node]] = defaultdict(list)
        for node in (each for part in self.parts for each in part):
            for name in node.inputs:
                readers[name].append(node)
        constants = {name: Initializer(values) for name, values in model.constants.items()}
        self.scene = OnnxScene(model=model, constants=constants, readers=readers)
        for node in model.nodes:
            if node.kind == "Constant" and len(node.outputs) == 1:
                constants[node.outputs[0]] = Initializer(_constant(node))
        self.inputs: list[int] = []
        self.given: list[Axes] = []
        self.made: list[Axes] = []
        for given in model.inputs:
            self._input(given)

    def _input(self, given: tables.Input) -> None:
        scene, rank = self.scene, len(given.shape)
        image = rank in (3, 4) and _is_image(scene, given.name)
        order = image_order(rank) if image else straight(rank)
        shape = [given.shape[axis] for axis in order]
        numbers = None
        if given.dtype in ("int8", "uint8"):
            numbers = self._input_numbers(given)
        elif given.dtype != "float32":
            expected = "float32, int8 or uint8"
            raise SpecError([f"input {word(given.name)!r}: expected {expected}, got {given.dtype}"])
        tensor = scene.tensor(given.name, shape, numbers)
        self.inputs.append(tensor.index)
        self.given.append((given.shape, order))
        scene.values[given.name] = Value(tensor, given.shape, given.shape, order)

    def _input_numbers(self, given: tables.Input) -> Numbers:
        """Return what the bytes of an input stand for: what the first that reads them says."""
        if given.dtype == "uint8":
            self.scene.unsigned.add(given.name)
        for node in self.scene.readers[given.name]:
            if node.kind == "DequantizeLinear" and node.inputs[0] == given.name:
                try:
                    return quantization(self.scene, node)
                except UnsupportedError as error:
                    why = f"input {word(given.name)!r}: not supported: {error}"
                    raise SpecError([why]) from None
        expected = "bytes that a DequantizeLinear or QLinear operator reads"
        raise SpecError([f"input {word(given.name)!r}: expected {expected}"])

    def entries(self) -> tuple[tuple[ReadOperator, ...], tflite.ModelReading]:
        """Read the operators in order, and then what they became."""
        both = zip(self.model.nodes, self.parts, strict=True)
        made = [self._made(node, parts) for node, parts in both]
        outputs = [self._output(name) for name in self.model.outputs]
        scene = self.scene
        graph = SubGraph(
            tensors=tuple(scene.tensors),
            operators=tuple(scene.operators),
            inputs=tuple(self.inputs),
            outputs=tuple(index for index in outputs if index is not None),
        )
        # ONNX Runtime rounds once, in float32: rounding twice differs from it 300 times as often.
        rounding: Rounding = "single" if self.reference == "litert" else "double"
        reading = tflite.ModelReading((graph,), self.reference, rounding)
        lowered = reading.entries()
        found = [_entry(each, lowered[each.first : each.last]) for each in made]
        rest = lowered[made[-1].last :]
        if rest:
            found[-1] = _entry(made[-1], lowered[made[-1].first :])
        return tuple(found), reading

    def _output(self, name: str) -> int | None:
        """Return the tensor that is an output of the model, channels last if it is an image."""
        scene = self.scene
        value = scene.values.get(name)
        if value is None:
            if name in scene.unknown:
                return None
            raise SpecError([f"output {word(name)!r}: expected what an operator computes"])
        writer = [node for part in self.parts for node in part if name in node.outputs]
        if writer and writer[0].kind in ("DequantizeLinear", *KEEPS_FLOAT):
            value = scene.dequantized(value)
        rank = len(value.shape)
        image = value.before == value.shape and rank in (3, 4)
        image = image and value.order == image_order(rank)
        order = image_order(rank) if image else straight(rank)
        self.made.append((value.shape, order))
        return scene.stored(value, order).index

    def _made(self, node: Node, parts: tuple[Node, ...]) -> _Made:
        scene, first = self.scene, len(self.scene.operators)
        self._check_order(node)
        problem = None
        for part in parts:
            try:
                self._make(part)
            except UnsupportedError as error:
                problem = word(str(error), 200)
                break
        for name in node.outputs:
            if name and name not in scene.values and name not in scene.constants:
                scene.unknown.add(name)
        return _Made(node, first, len(scene.operators), problem)

    def _check_order(self, node: Node) -> None:
        """Refuse what no order of running makes sense of."""
        scene, where = self.scene, f"operator {node.index}"
        for name in node.inputs:
            if name and not scene.is_known(name):
                expected = "inputs that an operator before it writes"
                raise SpecError([f"{where}: expected {expected}, got {word(name)!r}"])
        if node.index in scene.joined or node.kind == "Constant":
            return
        for name in node.outputs:
            if name and (scene.is_known(name) or node.outputs.count(name) > 1):
                expected = "outputs that nothing else writes"
                raise SpecError([f"{where}: expected {expected}, got {word(name)!r}"])

    def _make(self, node: Node) -> None:
        """Make what *node* becomes. Raises UnsupportedError."""
        scene = self.scene
        if node.kind == "Constant" or node.index in scene.joined:
            return
        check(node.kind in IMPORTERS or node.kind in FOLDED, "no such operator here")
        if any(name in scene.unknown for name in node.inputs):
            return  # what is wrong is said of an operator before it
        check(bool(node.outputs and node.outputs[0]) and any(node.inputs), "no inputs or outputs")
        known = [scene.known(node, place) for place in range(len(node.inputs))]
        values = [each.real for each in known if each is not None]
        if node.kind in FOLDED and len(values) == len(known):
            scene.constants[node.outputs[0]] = Initializer(_folded(node, values))
            return
        check(node.kind in IMPORTERS, "an operator of what is no constant")
        IMPORTERS[node.kind](scene, node)


KEEPS_FLOAT = tuple(kind for kind in IMPORTERS if kind != "QuantizeLinear")


def _entry(made: _Made, lowered: tuple[ReadOperator, ...]) -> ReadOperator:
    """Return an operator of the file with what became of its parts."""
    problems = [entry.problem for entry in lowered if entry.problem]
    return ReadOperator(
        index=made.node.index,
        kind=made.node.kind,
        name=made.node.outputs[0] if made.node.outputs else "",
        inputs=tuple(shape for entry in lowered[:1] for shape in entry.inputs),
        outputs=tuple(shape for entry in lowered[-1:] for shape in entry.outputs),
        parameters=sum(entry.parameters for entry in lowered),
        operators=tuple(op for entry in lowered for op in entry.operators),
        problem=made.problem or (problems[0] if problems else None),
    )


def _is_image(scene: OnnxScene, name: str) -> bool:
    """Whether operators on images read it, perhaps behind others to which no axis is special."""
    seen, waiting = {name}, [name]
    while waiting:
        for node in scene.readers.get(waiting.pop(), []):
            if node.kind in IMAGES:
                return True
            if node.kind in SEEN_THROUGH:
                waiting += [each for each in node.outputs if each not in seen]
                seen.update(node.outputs)
    return False


def _constant(node: Node) -> NDArray[Any]:
    """Return what a Constant holds."""
    given = node.attributes
    if isinstance(given.get("value"), np.ndarray):
        found: NDArray[Any] = given["value"]
        return found
    for name, dtype in (
        ("value_int", "int64"),
        ("value_ints", "int64"),
        ("value_float", "float32"),
        ("value_floats", "float32"),
    ):
        if name in given:
            return np.array(given[name], dtype)
    raise SpecError([f"operator {node.index}: expected a constant of numbers"])


MOST_FOLDED = 64
_CAST = {1: "float32", 6: "int32", 7: "int64"}


def _gather(node: Node, values: list[NDArray[Any]]) -> NDArray[Any]:
    return np.take(values[0], values[1], axis=int(node.attributes.get("axis", 0)))


def _unsqueezed(node: Node, values: list[NDArray[Any]]) -> NDArray[Any]:
    axes = node.attributes.get("axes") or tuple(int(axis) for axis in values[1].ravel())
    return np.expand_dims(values[0], tuple(axes))


def _sliced(node: Node, values: list[NDArray[Any]]) -> NDArray[Any]:
    [start], [end] = (each.ravel() for each in values[1:3])
    step = values[4].ravel()[0] if len(values) > 4 else 1
    return values[0][slice(int(start), int(end), int(step))]


FOLDED: Mapping[str, Callable[[Node, list[NDArray[Any]]], NDArray[Any]]] = {
    "Add": lambda _, values: np.add(*values),
    "Cast": lambda node, values: values[0].astype(_CAST[int(node.attributes["to"])]),
    "Concat": lambda node, values: np.concatenate(values, int(node.attributes["axis"])),
    "Gather": _gather,
    "Mul": lambda _, values: np.multiply(*values),
    "Slice": _sliced,
    "Squeeze": lambda _, values: values[0].reshape(-1)[:1].reshape(()),
    "Sub": lambda _, values: np.subtract(*values),
    "Unsqueeze": _unsqueezed,
}
"""What constant arithmetic on shapes does."""


def _folded(node: Node, values: list[NDArray[Any]]) -> NDArray[Any]:
    """Return what constants become. Raises UnsupportedError."""
    if max(each.size for each in values) > MOST_FOLDED:
        raise UnsupportedError("constant inputs")
    try:
        found = np.asarray(FOLDED[node.kind](node, values))
    except (ValueError, IndexError, KeyError, TypeError, OverflowError):
        raise UnsupportedError("constant inputs") from None
    if found.size > MOST_FOLDED:
        raise UnsupportedError("constant inputs")
    return found
