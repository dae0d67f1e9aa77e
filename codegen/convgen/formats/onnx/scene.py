"""What is known of an ONNX model while its operators become operators of a .tflite file.

Images are kept as NHWC from the model's inputs on. A transposition moves nothing: a value only
says in which order its axes are stored, and weights are put into that order here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen.formats.limits import MAX_TENSOR_BYTES
from convgen.formats.onnx.tables import Model, Node
from convgen.formats.tflite.scene import Shape, UnsupportedError
from convgen.formats.tflite.tables import ABSENT, MAX_RANK, FileOperator, FileTensor, Options

SHIFT = 128  # from uint8 to int8
KEEPS_NUMBERS = frozenset(
    (
        *("Relu", "Clip", "MaxPool", "Slice", "Transpose"),
        *("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Dropout"),
    )
)
"""Operators behind which rounding gives what rounding before them gives."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """How int8 values stand for real ones: scales, as many as channels along ``axis``."""

    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int = 0

    def same(self, other: Numbers | None) -> bool:
        """Whether bytes mean the same to both."""
        return (
            other is not None
            and np.array_equal(self.scales, other.scales)
            and np.array_equal(self.zero_points, other.zero_points)
        )


@dataclass(frozen=True, eq=False)
class Initializer:
    """Values known beforehand; integers that stand for real numbers have ``numbers``."""

    values: NDArray[Any]
    numbers: Numbers | None = None

    @property
    def real(self) -> NDArray[Any]:
        """What the values stand for."""
        if self.numbers is None:
            return self.values
        return dequantized(self.values, self.numbers)


def dequantized(values: NDArray[Any], numbers: Numbers) -> NDArray[np.float32]:
    """Return real numbers."""
    sizes = [1] * values.ndim
    if numbers.scales.size > 1:
        sizes[numbers.axis] = -1
    scales = numbers.scales.reshape(sizes) if values.ndim else numbers.scales.reshape(())
    zeros = np.broadcast_to(numbers.zero_points, numbers.scales.shape).reshape(scales.shape)
    found: NDArray[np.float32] = (values.astype(np.int64) - zeros).astype(np.float32) * scales
    return found


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor that operators write: ``shape`` is ONNX's, that of ``tensor`` the stored one.

    Axis ``i`` of what is stored is axis ``order[i]`` of ``before``: ONNX's shape before it was
    viewed as ``shape``.
    """

    tensor: FileTensor
    shape: Shape
    before: Shape
    order: tuple[int, ...]

    @property
    def numbers(self) -> Numbers | None:
        """What its bytes stand for; None: they are float32."""
        if self.tensor.dtype == "float32":
            return None
        return Numbers(self.tensor.scales, self.tensor.zero_points)


@dataclass
class OnnxScene:
    """The model, what is known of it so far, and the operators that it has become."""

    model: Model
    constants: dict[str, Initializer] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    unsigned: set[str] = field(default_factory=set)
    tensors: list[FileTensor] = field(default_factory=list)
    operators: list[FileOperator] = field(default_factory=list)
    joined: set[int] = field(default_factory=set)
    readers: Mapping[str, list[Node]] = field(default_factory=dict)

    def is_known(self, name: str) -> bool:
        """Whether anything so far is called *name*."""
        return name in self.values or name in self.constants or name in self.unknown

    def has(self, node: Node, place: int) -> bool:
        """Whether there is such an operand."""
        return len(node.inputs) > place and bool(node.inputs[place])

    def value(self, node: Node, place: int = 0) -> Value:
        """Return an operand that is no constant. Raises UnsupportedError."""
        if not self.has(node, place) or node.inputs[place] not in self.values:
            raise UnsupportedError(f"no tensor that the model computes as input {place}")
        return self.values[node.inputs[place]]

    def known(self, node: Node, place: int) -> Initializer | None:
        """Return an operand that is a constant, if it is."""
        return self.constants.get(node.inputs[place]) if self.has(node, place) else None

    def constant(self, node: Node, place: int, what: str) -> Initializer:
        """Return an operand, which must be a constant. Raises UnsupportedError."""
        found = self.known(node, place)
        if found is None:
            raise UnsupportedError(f"{what} that the model computes, or none")
        return found

    def integers(self, node: Node, place: int, attribute: str) -> tuple[int, ...] | None:
        """Return whole numbers: an attribute of old versions, an operand of new ones."""
        if attribute in node.attributes:
            return tuple(int(each) for each in node.attributes[attribute])
        if not self.has(node, place):
            return None
        values = self.constant(node, place, attribute).values
        if values.dtype.kind not in "iu" or values.size > 64:
            raise UnsupportedError(f"{attribute} of {values.dtype} {list(values.shape)}")
        return tuple(int(each) for each in values.ravel())

    def tensor(
        self, name: str, shape: Sequence[int], numbers: Numbers | None, data: Any = None
    ) -> FileTensor:
        """Return a new tensor of the file that this becomes. Raises UnsupportedError."""
        if len(shape) > MAX_RANK or min(shape, default=1) < 1:
            raise UnsupportedError(f"a tensor of {list(shape)}")
        if math.prod(shape) > MAX_TENSOR_BYTES:
            raise UnsupportedError(f"a tensor of {math.prod(shape):,} elements")
        dtype = "float32" if numbers is None else "int8"
        if data is not None:
            data = np.ascontiguousarray(data)
            dtype = data.dtype.name
        none: NDArray[Any] = np.zeros(0)
        found = FileTensor(
            index=len(self.tensors),
            name=name,
            shape=tuple(int(size) for size in shape),
            dtype=dtype,
            scales=none.astype(np.float32) if numbers is None else numbers.scales,
            zero_points=none.astype(np.int64) if numbers is None else numbers.zero_points,
            axis=0,
            data=data,
        )
        self.tensors.append(found)
        return found

    def emit(
        self,
        kind: str,
        inputs: Sequence[FileTensor | None],
        output: FileTensor,
        options: Options | None = None,
    ) -> FileTensor:
        """Add an operator, and return what it writes."""
        self.operators.append(
            FileOperator(
                index=len(self.operators),
                kind=kind,
                inputs=tuple(ABSENT if each is None else each.index for each in inputs),
                outputs=(output.index,),
                options=options,
            )
        )
        return output

    def numbers(self, values: NDArray[Any], name: str) -> FileTensor:
        """Return a constant of whole numbers."""
        return self.tensor(name, values.shape, None, values.astype(np.int32))

    def put(
        self, name: str, tensor: FileTensor, shape: Sequence[int], order: Sequence[int]
    ) -> None:
        """Say that *tensor* is what the model calls *name*."""
        self.values[name] = Value(tensor, tuple(shape), tuple(shape), tuple(order))

    def target(self, name: str) -> Numbers | None:
        """Return what the float32 tensor *name* is rounded to, if nobody reads it as it is."""
        found: Numbers | None = None
        seen, waiting = {name}, [name]
        while waiting:
            here = waiting.pop()
            readers = self.readers.get(here, [])
            if here in self.model.outputs or not readers:
                return None
            for reader in readers:
                if reader.kind == "QuantizeLinear" and reader.inputs[0] == here:
                    one = quantization(self, reader)
                    if not (found is None or one.same(found)):
                        return None
                    found = one
                elif reader.kind in KEEPS_NUMBERS and reader.inputs[0] == here:
                    waiting += {reader.outputs[0]} - seen
                    seen.add(reader.outputs[0])
                else:
                    return None
        return found

    def dequantized(self, value: Value) -> Value:
        """Return *value* as float32."""
        if value.tensor.dtype == "float32":
            return value
        given = value.tensor
        output = self.tensor(f"{given.name}:float", given.shape, None)
        return replace(value, tensor=self.emit("DEQUANTIZE", [given], output))

    def rounded(self, value: Value, numbers: Numbers, name: str) -> Value:
        """Return *value* as bytes of *numbers*."""
        if numbers.same(value.numbers):
            return value
        output = self.tensor(name, value.tensor.shape, numbers)
        return replace(value, tensor=self.emit("QUANTIZE", [value.tensor], output))

    def stored(self, value: Value, order: Sequence[int]) -> FileTensor:
        """Return *value* stored in this *order* of axes; what moves elements costs a copy."""
        if value.before != value.shape:
            value = self._unviewed(value)
        given, wanted = value.tensor, tuple(order)
        if value.order == wanted:
            return given
        axes = [value.order.index(axis) for axis in wanted]
        shape = [value.shape[axis] for axis in wanted]
        name = f"{given.name}:{''.join(map(str, wanted))}"
        output = self.tensor(name, shape, value.numbers)
        moved = [axis for axis in axes if given.shape[axis] > 1]
        if moved == sorted(moved):
            return self.emit("RESHAPE", [given], output)
        return self.emit("TRANSPOSE", [given, self.numbers(np.array(axes), "axes")], output)

    def _unviewed(self, value: Value) -> Value:
        order = tuple(range(len(value.before)))
        tensor = self.stored(replace(value, shape=value.before), order)
        output = self.tensor(f"{tensor.name}:view", value.shape, value.numbers)
        self.emit("RESHAPE", [tensor], output)
        order = tuple(range(len(value.shape)))
        return Value(output, value.shape, value.shape, order)


def quantization(scene: OnnxScene, node: Node) -> Numbers:
    """Return the scales and zero points of a QuantizeLinear or DequantizeLinear, as of int8.

    Raises UnsupportedError.
    """
    scales = scene.constant(node, 1, "scales").values
    zeros = scene.known(node, 2)
    if zeros is None and scene.has(node, 2):
        raise UnsupportedError("zero points that the model computes")
    if scales.dtype != np.float32 or scales.ndim > 1 or not (scales > 0).all():
        raise UnsupportedError(f"scales of {scales.dtype} {list(scales.shape)}")
    kind = _kind(scene, node) if zeros is None else zeros.values.dtype.name
    points = np.zeros(1, np.int64) if zeros is None else zeros.values.ravel().astype(np.int64)
    if kind not in ("uint8", "int8", "int32") or points.size not in (1, scales.size):
        raise UnsupportedError(f"{kind} zero points")
    if kind == "uint8":
        points = points - SHIFT
    return Numbers(scales.ravel(), points, int(node.attributes.get("axis", 1)))


def _kind(scene: OnnxScene, node: Node) -> str:
    """Return the dtype of the bytes where no zero point says it."""
    if node.kind == "QuantizeLinear" or node.inputs[0] in scene.unsigned:
        return "uint8"
    known = scene.known(node, 0)
    return "int8" if known is None else known.values.dtype.name


def straight(rank: int) -> tuple[int, ...]:
    """Return the order of axes that ONNX has."""
    return tuple(range(rank))


def image_order(rank: int) -> tuple[int, ...]:
    """Return the order of axes with channels last."""
    return (0, *range(2, rank), 1)


def axis_of(axis: int, rank: int) -> int:
    """Return an axis, counted from the front. Raises UnsupportedError."""
    if not -rank <= axis < rank:
        raise UnsupportedError(f"axis {axis} of {rank}")
    return axis % rank


def check(what: bool, problem: str) -> None:
    """Refuse an operator that is not what it must be. Raises UnsupportedError."""
    if not what:
        raise UnsupportedError(problem)
