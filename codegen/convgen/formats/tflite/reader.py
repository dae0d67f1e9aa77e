"""A .tflite file as a graph, or every operator of it that is not supported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.choices import Reference
from convgen.errors import SpecError, refuse
from convgen.formats.limits import MAX_MACS
from convgen.formats.tflite import (
    convolutions,
    elementwise,
    images,
    moves,
    pools,
    recurrent,
    states,
    tables,
)
from convgen.formats.tflite.scene import Built, Shape, TfliteScene, UnsupportedError, identifier
from convgen.formats.tflite.states import Variables
from convgen.formats.tflite.tables import (
    ABSENT,
    MAX_CONSTANT_BYTES,
    MAX_FILE_BYTES,
    FileOperator,
    FileTensor,
    SubGraph,
)
from convgen.model.graph import Graph, OnnxFile
from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.move import Copy
from convgen.model.ops.transposed_conv2d import TransposedConv2d
from convgen.model.quantize import Rounding
from convgen.model.tensor import Tensor
from convgen.printable import word
from convgen.system import files
from convgen.system.files import Unreadable

Builder = Callable[[FileOperator, TfliteScene], Built]
BUILDERS: Mapping[str, Builder] = {
    "ADD": elementwise.add,
    "AVERAGE_POOL_2D": pools.average_pool_2d,
    "CONCATENATION": moves.concatenation,
    "CONV_2D": convolutions.conv_2d,
    "DEPTHWISE_CONV_2D": convolutions.depthwise_conv_2d,
    "DEQUANTIZE": elementwise.dequantize,
    "EXPAND_DIMS": moves.view,
    "FULLY_CONNECTED": convolutions.fully_connected,
    "HARD_SWISH": elementwise.function,
    "LEAKY_RELU": elementwise.leaky_relu,
    "LOGISTIC": elementwise.function,
    "LOG_SOFTMAX": elementwise.log_softmax,
    "MAXIMUM": elementwise.maximum,
    "MAX_POOL_2D": pools.max_pool_2d,
    "MEAN": pools.mean,
    "MINIMUM": elementwise.minimum,
    "MUL": elementwise.mul,
    "PACK": moves.pack,
    "PAD": moves.pad,
    "PADV2": moves.pad,
    "PRELU": elementwise.prelu,
    "QUANTIZE": elementwise.quantize,
    "RELU": elementwise.function,
    "RELU6": elementwise.function,
    "RELU_N1_TO_1": elementwise.function,
    "RESHAPE": moves.view,
    "RESIZE_BILINEAR": images.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": images.resize_nearest_neighbor,
    "SHAPE": moves.shape,
    "SLICE": moves.slice_,
    "SOFTMAX": elementwise.softmax,
    "SPLIT": moves.split,
    "SPLIT_V": moves.split_v,
    "SQUEEZE": moves.view,
    "STRIDED_SLICE": moves.strided_slice,
    "SUB": elementwise.sub,
    "SVDF": recurrent.svdf,
    "TANH": elementwise.function,
    "TRANSPOSE": moves.transpose,
    "TRANSPOSE_CONV": images.transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": recurrent.lstm,
    "UNPACK": moves.unpack,
}
"""What reads an operator of each kind."""

FOLDED: Mapping[str, Callable[..., Any]] = {"ADD": np.add, "MUL": np.multiply, "SUB": np.subtract}
"""What constant arithmetic on shapes does."""

MAX_FOLDED = 2**22  # numbers in all, of which each may take ten times its bytes meanwhile
KNOWN_BEFOREHAND = frozenset(
    kind
    for kind, builder in BUILDERS.items()
    if builder.__module__ in (moves.__name__, elementwise.__name__)
)
"""What is done while a model is read if it needs nothing but constants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOperator:
    """An operator of the file: its index and kind there, its first output's name, what it became.

    Shapes are the file's, batch included. ``parameters`` counts constant elements.
    """

    index: int
    kind: str
    name: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    parameters: int
    operators: tuple[Operator, ...]
    problem: str | None

    @property
    def macs(self) -> int:
        """Nominal multiply-accumulates."""
        return sum(operator.macs for operator in self.operators)


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A model: the graph, and what each operator of the file became in it.

    ``onnx`` is the file if it is one of ONNX.
    """

    graph: Graph
    entries: tuple[ReadOperator, ...]
    onnx: OnnxFile | None = None

    @property
    def numbers(self) -> dict[str, int]:
        """The indices in the file of operators, by what the graph calls them."""
        return {op.name: entry.index for entry in self.entries for op in entry.operators}


def load(path: Path, name: str, reference: Reference = "litert") -> Imported:
    """Read the model at *path* as a graph called *name*. Raises SpecError."""
    return imported(read(path), name, reference)


def read(path: Path) -> tuple[SubGraph, ...]:
    """Return what the file at *path* holds. Raises SpecError."""
    try:
        return tables.parse(files.read(path, MAX_FILE_BYTES))
    except Unreadable as error:
        raise SpecError([f"cannot read the model: {error}"]) from None


def entries(subgraphs: tuple[SubGraph, ...]) -> tuple[ReadOperator, ...]:
    """Return the operators of a model, whether they are supported or not. Raises SpecError."""
    return ModelReading(subgraphs).entries()


def imported(
    subgraphs: tuple[SubGraph, ...], name: str, reference: Reference = "litert"
) -> Imported:
    """Return the model as a graph called *name*, with the arithmetic of *reference*.

    Raises SpecError that lists every operator which is not supported.
    """
    reading = ModelReading(subgraphs, reference)
    found = reading.entries()
    refuse_unsupported(found)
    return Imported(graph=reading.graph(name, found), entries=found)


def refuse_unsupported(found: tuple[ReadOperator, ...]) -> None:
    """Refuse a model with operators that are not supported. Raises SpecError that lists them."""
    refuse(
        [
            f"operator {entry.index}, {entry.kind} {word(entry.name)!r}: not supported: "
            f"{entry.problem}"
            for entry in found
            if entry.problem
        ]
    )


class ModelReading:
    """One model as it is read."""

    def __init__(
        self,
        subgraphs: tuple[SubGraph, ...],
        reference: Reference = "litert",
        rounding: Rounding = "double",
    ) -> None:
        """Begin with the model's constants and inputs. Raises SpecError."""
        self.main = subgraphs[0]
        self.scene = TfliteScene(self.main.tensors, reference=reference, rounding=rounding)
        self.variables = Variables(subgraphs)
        self.identifiers: set[str] = set()
        self.macs = self.constant_bytes = self.folded = 0
        self.known: set[int] = {ABSENT, *self.main.inputs}
        for tensor in self.main.tensors:
            if tensor.data is not None:
                self.scene.constants[tensor.index] = tensor.data
            if tensor.data is not None or tensor.is_variable:
                self.known.add(tensor.index)
        for index in self.main.inputs:
            if index in self.scene.constants or index in self.scene.names:
                expected = "tensors that are no constants, each once"
                raise SpecError([f"the model's inputs: expected {expected}, got tensor {index}"])
            self.scene.introduce(self.main.tensors[index])

    def entries(self) -> tuple[ReadOperator, ...]:
        """Read the operators in order."""
        return tuple(self._entry(operator) for operator in self.main.operators)

    def _entry(self, operator: FileOperator) -> ReadOperator:
        self._check_order(operator)
        for index in operator.outputs:
            self.scene.introduce(self.main.tensors[index])
        built: tuple[Operator, ...] = ()
        problem = None
        try:
            built = self._built(operator)
        except UnsupportedError as error:
            problem = word(str(error), 200)
        self.known.update(operator.outputs)
        tensors = self.main.tensors
        given = [tensors[index] for index in operator.inputs if index != ABSENT]
        return ReadOperator(
            index=operator.index,
            kind=operator.kind,
            name=tensors[operator.outputs[0]].name if operator.outputs else "",
            inputs=tuple(tensor.shape for tensor in given),
            outputs=tuple(tensors[index].shape for index in operator.outputs),
            parameters=sum(tensor.elems for tensor in given if tensor.data is not None),
            operators=built,
            problem=problem,
        )

    def _check_order(self, operator: FileOperator) -> None:
        """Refuse what no order of running makes sense of."""
        where = f"operator {operator.index}"
        for index in operator.inputs:
            if index not in self.known:
                expected = "inputs that are constants or that an operator before it writes"
                found = f"tensor {index} of {self.main.tensors[index].dtype}"
                raise SpecError([f"{where}: expected {expected}, got {found}"])
        for index in operator.outputs:
            if index in self.known or operator.outputs.count(index) > 1:
                expected = "outputs that nothing else writes"
                raise SpecError([f"{where}: expected {expected}, got tensor {index}"])

    def _built(self, operator: FileOperator) -> tuple[Operator, ...]:
        if operator.kind in states.KINDS:
            self.variables.take(operator, self.scene)
            return ()
        given = [index for index in operator.inputs if index != ABSENT]
        if given and all(index in self.scene.constants for index in given):
            self._fold(operator)
            return ()
        if operator.kind not in BUILDERS:
            raise UnsupportedError("no such operator here")
        built = BUILDERS[operator.kind](operator, self.scene)
        found = []
        for each in built:
            self.scene.taken.update(tensor.name for tensor in each.outputs)
            name = identifier(each.outputs[0].name, self.identifiers)
            found.append(replace(each, name=name))  # type: ignore[type-var]
            self._count(each)
        return tuple(found)

    def _count(self, operator: Operator) -> None:
        """Refuse a model that is out of all proportion before more of it is read."""
        self.macs += operator.macs
        if self.macs > MAX_MACS:
            most = f"at most {MAX_MACS:,} multiply-accumulates"
            raise SpecError([f"expected {most}"])
        if isinstance(operator, Conv2d | TransposedConv2d):
            self.constant_bytes += operator.weights.nbytes
        if self.constant_bytes > MAX_CONSTANT_BYTES:
            raise SpecError([f"expected at most {MAX_CONSTANT_BYTES:,} bytes of weights"])

    def _fold(self, operator: FileOperator) -> None:
        """Do now what needs nothing but constants: shapes that a model computes, weights."""
        scene, tensors = self.scene, self.main.tensors
        self.folded += sum(tensors[index].elems for index in operator.outputs)
        if self.folded > MAX_FOLDED:
            most = f"at most {MAX_FOLDED:,} numbers that follow from constants"
            raise SpecError([f"expected {most}, got {self.folded:,}"])
        given = [scene.constants[index] for index in operator.inputs if index != ABSENT]
        if operator.kind == "DEQUANTIZE":
            scene.constants[scene.output(operator).index] = elementwise.dequantized(operator, scene)
            return
        if operator.kind in FOLDED and given[0].dtype in (np.int32, np.int64):
            output = scene.output(operator)
            scene.constants[output.index] = _folded(operator.kind, given, output)
            return
        if operator.kind not in KNOWN_BEFOREHAND:
            raise UnsupportedError("constant inputs")
        for index in (*operator.inputs, *operator.outputs):
            if index != ABSENT and index not in scene.names:
                scene.introduce(tensors[index])
        by_name = {scene.names[i]: scene.constants[i] for i in operator.inputs if i != ABSENT}
        scene.folding = True
        try:
            built = BUILDERS[operator.kind](operator, scene)
        finally:
            scene.folding = False
        for one, index in zip(built, operator.outputs, strict=False):
            values = [by_name[t.name].reshape(1, *t.shape) for t in one.inputs]
            [found] = one.compute(*values)
            shape, dtype = tensors[index].shape, tensors[index].dtype
            scene.constants[index] = found.reshape(shape).astype(dtype)

    def graph(self, name: str, entries: tuple[ReadOperator, ...]) -> Graph:
        """Return the graph of what was read. Raises SpecError."""
        main = self.main
        inputs = tuple(self._end(index, "input") for index in main.inputs)
        operators = tuple(operator for entry in entries for operator in entry.operators)
        operators = (*operators, *self._copies())
        written = {tensor.name for operator in operators for tensor in operator.outputs}
        problems = [
            f"the model's outputs: expected what an operator writes, got tensor {index}"
            for index in main.outputs
            if self.scene.names.get(index) not in written
        ]
        if not (main.inputs and main.outputs):
            problems.append("expected an input and an output, got none")
        refuse(problems)
        return Graph(
            name=name,
            operators=operators,
            inputs=inputs,
            outputs=tuple(self._end(index, "output") for index in main.outputs),
            states=(*self.variables.states(), *self.scene.states.values()),
        )

    def _copies(self) -> Iterator[Operator]:
        """Yield what writes outputs that are inputs, or views of them."""
        given = {self.scene.names[index] for index in self.main.inputs}
        for index in dict.fromkeys(self.main.outputs):
            if self.scene.names.get(index) not in given:
                continue
            tensor = self.main.tensors[index]
            before = self._end(index, "output")
            self.scene.introduce(replace(tensor, name=f"{tensor.name}:out"))
            output = self._end(index, "output")
            name = identifier(output.name, self.identifiers)
            yield Copy(name=name, inputs=(before,), output=output)

    def _end(self, index: int, what: str) -> Tensor:
        """Return an input or output of the model. Raises SpecError."""
        tensor = self.main.tensors[index]
        try:
            return self.scene.seen(tensor)
        except UnsupportedError as error:
            raise SpecError([f"the {what} {word(tensor.name)!r}: not supported: {error}"]) from None


def _folded(kind: str, given: list[NDArray[Any]], output: FileTensor) -> NDArray[Any]:
    """Return what arithmetic makes of whole numbers."""
    whole = output.dtype in ("int32", "int64") and len(given) == 2
    if whole and all(str(values.dtype) == output.dtype for values in given):
        try:
            shape = np.broadcast_shapes(*(values.shape for values in given))
        except ValueError:
            raise UnsupportedError("constants of several shapes") from None
        if shape == output.shape:
            found: NDArray[Any] = FOLDED[kind](*given)
            return found
    raise UnsupportedError("constant inputs")
