"""What is known of a model while its operators become those of a graph, one after the other."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from convgen.choices import Reference
from convgen.ctext import identifiers
from convgen.formats.tflite.tables import ABSENT, FileOperator, FileTensor, Options
from convgen.model.graph import State
from convgen.model.operator import Operator
from convgen.model.quantize import INT32, Rounding, activation_range, as_float32
from convgen.model.tensor import DType, Tensor

ACTIVATIONS = {0: "none", 1: "relu", 2: "relu_n1_to_1", 3: "relu6"}
LARGEST_SCALE = 2.0**40  # and the smallest is its inverse: float32 holds quotients of products
LONGEST_NAME = 40
BYTES_OR_FLOATS = ("int8", "float32")
NUMBERS = (*BYTES_OR_FLOATS, "int16")
MOST_INTEGERS = 64  # of a constant that says a shape, or how to pad, split or slice

Shape = tuple[int, ...]


class UnsupportedError(Exception):
    """What about an operator is not supported, in words."""


@dataclass(frozen=True, slots=True)
class FusedActivation:
    """An activation, and what it leaves of outputs, in units of their dtype."""

    activation: str
    low: float
    high: float


@dataclass
class TfliteScene:
    """The file's tensors, and which of them are known so far.

    ``names``: what tensors are called in the graph; those of one name are the same bytes.
    ``constants``: what is known without running anything; ``states``: the variables of operators
    that keep them themselves, by their indices. ``reference``: whose kernels are right;
    ``rounding``: that of operators, but for fully connected ones; ``single`` is ONNX Runtime's.
    """

    tensors: tuple[FileTensor, ...]
    names: dict[int, str] = field(default_factory=dict)
    constants: dict[int, NDArray[Any]] = field(default_factory=dict)
    states: dict[int, State] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    folding: bool = False
    reference: Reference = "litert"
    rounding: Rounding = "double"

    def file_tensor(self, operator: FileOperator, place: int, what: str) -> FileTensor:
        """Return the *place*-th input of *operator*, which is called *what*.

        Raises UnsupportedError.
        """
        if len(operator.inputs) <= place or operator.inputs[place] == ABSENT:
            raise UnsupportedError(f"no {what}")
        return self.tensors[operator.inputs[place]]

    def optional(self, operator: FileOperator, place: int) -> FileTensor | None:
        """Return the *place*-th input of *operator* if there is one."""
        if len(operator.inputs) <= place or operator.inputs[place] == ABSENT:
            return None
        return self.tensors[operator.inputs[place]]

    def output(self, operator: FileOperator) -> FileTensor:
        """Return the one output of *operator*. Raises UnsupportedError."""
        if len(operator.outputs) != 1:
            raise UnsupportedError(f"{len(operator.outputs)} outputs")
        return self.tensors[operator.outputs[0]]

    def constant(self, given: FileTensor, what: str) -> NDArray[Any]:
        """Return the values of *given*, which must be known. Raises UnsupportedError."""
        if given.index not in self.constants:
            raise UnsupportedError(f"{what} that the model computes")
        return self.constants[given.index]

    def integers(self, operator: FileOperator, place: int, what: str) -> list[int]:
        """Return the constant whole numbers that the *place*-th input holds.

        Raises UnsupportedError.
        """
        given = self.file_tensor(operator, place, what)
        values = self.constant(given, what)
        if given.dtype not in ("int32", "int64") or values.size > MOST_INTEGERS:
            raise UnsupportedError(f"{what} of {given.dtype} {list(given.shape)}")
        return [int(value) for value in values.ravel()]

    def integer(self, operator: FileOperator, place: int, what: str) -> int:
        """Return the one constant whole number that the *place*-th input holds.

        Raises UnsupportedError.
        """
        values = self.integers(operator, place, what)
        if len(values) != 1:
            raise UnsupportedError(f"{what} of {len(values)} numbers")
        return values[0]

    def seen(self, given: FileTensor, shape: Sequence[int] | None = None) -> Tensor:
        """Return *given* as the graph has it, in another *shape* if one is given.

        A batch of one is dropped. Raises UnsupportedError.
        """
        if shape is None:
            shape = without_batch(given.shape)
        if math.prod(shape) != given.elems:
            raise UnsupportedError(f"{list(given.shape)} where {list(shape)} fits")
        scale, zero_point = None, 0
        if not self.folding or given.dtype in get_args(DType):
            scale, zero_point = _numbers(given)
        return Tensor(
            name=self.name(given),
            shape=tuple(shape),
            dtype=cast(DType, given.dtype),
            scale=scale,
            zero_point=zero_point,
        )

    def name(self, given: FileTensor) -> str:
        """Return what *given* is called in the graph. Raises UnsupportedError."""
        if given.index not in self.names:
            raise UnsupportedError("a variable where a value is expected")
        return self.names[given.index]

    def introduce(self, given: FileTensor) -> None:
        """Give *given*, which nothing has written before, a name that no other tensor has."""
        self.names[given.index] = self._free_name(given)

    def kept(self, given: FileTensor, shape: Shape) -> Tensor:
        """Return the variable *given* as a state of *shape*, which begins with zeros.

        Raises UnsupportedError.
        """
        if not given.is_variable:
            raise UnsupportedError("a state that is no variable")
        if given.index in self.states:
            raise UnsupportedError("a state that another operator keeps")
        scale, zero_point = _numbers(given)
        tensor = Tensor(
            name=self._free_name(given),
            shape=shape,
            dtype=cast(DType, given.dtype),
            scale=scale,
            zero_point=zero_point,
        )
        initial = np.full(shape, zero_point, given.dtype)
        self.states[given.index] = State(tensor=tensor, initial=initial, new=tensor)
        return tensor

    def _free_name(self, given: FileTensor) -> str:
        name = given.name or f"tensor_{given.index}"
        if name in self.taken:
            name = f"{name}:{given.index}"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name


def without_batch(shape: Shape) -> Shape:
    """Return *shape* without a batch of one."""
    return shape[1:] if shape[:1] == (1,) else shape


def _numbers(given: FileTensor) -> tuple[float | None, int]:
    """Return scale and zero point of a tensor that operators read or write."""
    if given.dtype not in get_args(DType):
        raise UnsupportedError(f"{given.dtype} tensors")
    if given.dtype == "float32" or not given.scales.size:
        return None, 0
    if given.scales.size > 1:
        raise UnsupportedError("a scale for each channel of what is no weight")
    limits = np.iinfo(given.dtype)
    zero_point = int(given.zero_points[0]) if given.zero_points.size else 0
    if not limits.min <= zero_point <= limits.max:
        raise UnsupportedError(f"a zero point of {zero_point} for {given.dtype}")
    scale = float(given.scales[0])
    if not 1 / LARGEST_SCALE <= scale <= LARGEST_SCALE:
        raise UnsupportedError(f"a scale of {scale:g}")
    return scale, zero_point


def scaled(tensor: Tensor) -> Tensor:
    """Return *tensor*; refuse one of bytes that has no scale. Raises UnsupportedError."""
    if tensor.dtype != "float32" and tensor.scale is None:
        raise UnsupportedError(f"{tensor.dtype} tensors without a scale")
    return tensor


def symmetric(*tensors: Tensor) -> None:
    """Refuse tensors of int16 with a zero point, which no kernel takes. Raises UnsupportedError."""
    if any(tensor.dtype == "int16" and tensor.zero_point for tensor in tensors):
        raise UnsupportedError("int16 tensors with a zero point")


def of_one_dtype(*tensors: Tensor, among: tuple[str, ...] = BYTES_OR_FLOATS) -> None:
    """Refuse tensors of several dtypes, and of dtypes that are not *among* the right ones.

    Raises UnsupportedError.
    """
    dtypes = [tensor.dtype for tensor in tensors]
    if len(set(dtypes)) > 1 or dtypes[0] not in among:
        raise UnsupportedError(f"{', '.join(dict.fromkeys(dtypes))} tensors")


def options_of(operator: FileOperator, kind: str) -> Options:
    """Return the attributes of *operator*, which must be those of *kind*.

    Raises UnsupportedError.
    """
    if operator.options is None or operator.options.of != kind:
        raise UnsupportedError("no attributes")
    return operator.options


def clamp(options: Options, output: Tensor) -> FusedActivation:
    """Return the activation that is part of an operator.

    From ``CalculateActivationRangeQuantized``. Raises UnsupportedError.
    """
    number = options.fused_activation_function
    if number not in ACTIVATIONS:
        raise UnsupportedError(f"activation {number}")
    word = ACTIVATIONS[number]
    if output.dtype == "float32":
        low, high = {
            "none": (-math.inf, math.inf),
            "relu": (0.0, math.inf),
            "relu_n1_to_1": (-1.0, 1.0),
            "relu6": (0.0, 6.0),
        }[word]
        return FusedActivation("clamp" if word == "relu_n1_to_1" else word, low, high)
    if word != "none":
        scaled(output)
    if word == "relu_n1_to_1":
        one = math.floor(as_float32(1 / (scaled(output).scale or 1)) + 0.5)
        if one > INT32.max:
            raise UnsupportedError(f"a relu_n1_to_1 of {one} steps")
        ends = output.zero_point - one, output.zero_point + one
        least, most = output.arithmetic.least, output.arithmetic.most
        return FusedActivation("clamp", max(ends[0], least), min(ends[1], most))
    try:
        limits = activation_range(word, output.scale, output.zero_point, output.dtype)
        return FusedActivation(word, *limits)
    except OverflowError as error:
        raise UnsupportedError(f"a relu6 for which {error}") from None


def identifier(given: str, taken: set[str]) -> str:
    """Return a C identifier for what the model calls *given*, and add it to those *taken*.

    None differs from another in case alone: macros would not.
    """
    words = re.sub(r"[^A-Za-z0-9]+", "_", given.partition(";")[0]).strip("_")
    name = words[-LONGEST_NAME:].lstrip("_0123456789") or "tensor"
    if identifiers.objection(name) or identifiers.is_helper(name):
        name = f"{name}_op"
    again = f"{name}_op" if identifiers.is_helper(f"{name}_2") else name
    names = chain([name, again], (f"{again}_{number}" for number in count(2)))
    found = next(each for each in names if each.lower() not in taken)
    taken.add(found.lower())
    return found


Built = list[Operator]
