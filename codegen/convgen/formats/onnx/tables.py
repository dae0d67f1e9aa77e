"""An .onnx file as plain values: every length checked before it is followed.

Only the protobuf reader of the package ``onnx`` touches the file. Tensors outside the file are
refused: a model is one file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convgen import extras
from convgen.errors import SpecError
from convgen.formats.limits import MAX_TENSOR_BYTES
from convgen.formats.tflite.tables import MAX_NAME, MAX_OPERANDS, MAX_OPERATORS, MAX_RANK
from convgen.printable import word

OWN = ("", "ai.onnx")  # ONNX's own domain of operators
DOMAINS = (*OWN, "com.microsoft")
"""Of operators: those of ONNX, and ONNX Runtime's quantised ones, whose names differ."""

_STORED: dict[int, tuple[str, str]] = {
    1: ("<f4", "float_data"),
    2: ("u1", "int32_data"),
    3: ("i1", "int32_data"),
    5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    11: ("<f8", "double_data"),
}
"""By their number in the schema: how constants lie in a file, and where numbers of fields do."""

_ATTRIBUTES = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints"}
_KINDS = {
    **dict.fromkeys(("axis", "group", "transA", "transB", "ceil_mode", "count_include_pad"), "i"),
    **dict.fromkeys(("training_mode", "allowzero", "antialias", "to", "start", "end"), "i"),
    **dict.fromkeys(("strides", "pads", "dilations", "kernel_shape", "output_padding"), "ints"),
    **dict.fromkeys(("perm", "axes", "starts", "ends", "sizes", "shape", "value_ints"), "ints"),
    **dict.fromkeys(("alpha", "beta", "epsilon", "min", "max", "value_float"), "f"),
    **dict.fromkeys(("mode", "auto_pad", "nearest_mode", "coordinate_transformation_mode"), "s"),
    **{"value_int": "i", "value_floats": "floats"},
}
"""Of which kind attributes are that readers ask for."""

EXTERNAL = 1  # where a tensor's data are not in the file


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """An operator of the file: ``kind`` as ONNX writes it, operands by their names, or ""."""

    index: int
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the model; a first axis without a size is a batch of one."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """Operators in order, with the constants that they name; ``content`` is the whole file."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, NDArray[Any]]
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    opset: int
    content: bytes


def parse(content: bytes) -> Model:
    """Return what the .onnx file *content* holds. Raises SpecError, ToolError."""
    onnx = extras.load("onnx", "reads .onnx models", extras.ONNX)
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception:  # protobuf's own class of error depends on how it was built
        raise SpecError(["expected a sound .onnx file, got a broken one"]) from None
    graph = model.graph
    _check_total("operators", MAX_OPERATORS, len(graph.node))
    _check_total("constants", MAX_OPERATORS * 4, len(graph.initializer))
    if not (graph.node and graph.input and graph.output):
        expected = "expected an .onnx file with inputs, outputs and operators"
        raise SpecError([f"{expected}, got none"])
    if graph.sparse_initializer:
        raise SpecError(["expected dense constants, got sparse ones"])
    constants = {_name(each.name): values_of(each) for each in graph.initializer}
    _check_total("bytes of constants", MAX_TENSOR_BYTES, sum(v.nbytes for v in constants.values()))
    return Model(
        nodes=tuple(_node(index, node) for index, node in enumerate(graph.node)),
        constants=constants,
        inputs=tuple(_input(each) for each in graph.input if each.name not in constants),
        outputs=tuple(_name(each.name) for each in graph.output),
        opset=max((o.version for o in model.opset_import if o.domain in OWN), default=1),
        content=content,
    )


def _check_total(what: str, most: int, count: int) -> None:
    if count > most:
        raise SpecError([f"expected at most {most:,} {what}, got {count:,}"])


def _name(name: str) -> str:
    if len(name) > MAX_NAME:
        raise SpecError([f"expected names of at most {MAX_NAME} characters"])
    return name


def _node(index: int, node: Any) -> Node:
    _check_total("operands of an operator", MAX_OPERANDS, len(node.input) + len(node.output))
    if not node.output:
        raise SpecError([f"operator {index}: expected an output, got none"])
    known = node.domain in DOMAINS
    return Node(
        index=index,
        kind=_name(node.op_type if known else f"{node.domain}.{node.op_type}"),
        inputs=tuple(map(_name, node.input)),
        outputs=tuple(map(_name, node.output)),
        attributes={each.name: _attribute(index, each) for each in node.attribute},
    )


def _attribute(index: int, given: Any) -> Any:
    """Return a number, text, an array or numbers; None of other kinds, which nothing here takes."""
    field = _ATTRIBUTES.get(given.type)
    if field != _KINDS.get(given.name, field):
        name = word(given.name)
        raise SpecError([f"operator {index}: expected another kind of attribute as {name!r}"])
    if field is None:
        return None
    value = getattr(given, field)
    if field == "s":
        return value.decode("utf-8", "replace")
    if field == "t":
        return values_of(value)
    return tuple(value) if field in ("ints", "floats") else value


def values_of(given: Any) -> NDArray[Any]:
    """Return a constant of the file as an array. Raises SpecError."""
    where = f"constant {word(given.name, 60)!r}"
    shape = tuple(given.dims)
    if given.data_location == EXTERNAL or given.external_data:
        expected = "its values in the model's own file"
        raise SpecError([f"{where}: expected {expected}, got external data"])
    if given.data_type not in _STORED:
        expected = "numbers of a type that convgen knows"
        raise SpecError([f"{where}: expected {expected}, got type {given.data_type}"])
    stored, field = _STORED[given.data_type]
    if len(shape) > MAX_RANK or min(shape, default=1) < 0:
        expected = f"at most {MAX_RANK} axes"
        raise SpecError([f"{where}: expected {expected}, got a shape of {list(shape)}"])
    dtype, raw = np.dtype(stored), given.raw_data
    if raw and len(raw) % dtype.itemsize:
        raise SpecError([f"{where}: expected whole values, got {len(raw):,} bytes"])
    found = np.frombuffer(raw, dtype) if raw else np.array(getattr(given, field)).astype(dtype)
    if found.size != math.prod(shape):
        raise SpecError([f"{where}: expected {math.prod(shape):,} values, got {found.size:,}"])
    return found.reshape(shape).astype(dtype.newbyteorder("="))


def _input(given: Any) -> Input:
    name = _name(given.name)
    kind = given.type.tensor_type
    dims = kind.shape.dim
    shape = tuple(dim.dim_value or (1 if place == 0 else 0) for place, dim in enumerate(dims))
    where = f"input {word(name, 60)!r}"
    if kind.elem_type not in _STORED:
        raise SpecError([f"{where}: expected a tensor of numbers, got type {kind.elem_type}"])
    if not kind.HasField("shape") or len(shape) > MAX_RANK or min(shape, default=1) < 1:
        expected = f"at most {MAX_RANK} axes, of which only the first, the batch, has no size"
        raise SpecError([f"{where}: expected {expected}, got {list(shape)}"])
    if math.prod(shape) > MAX_TENSOR_BYTES:
        raise SpecError([f"{where}: expected at most {MAX_TENSOR_BYTES:,} elements"])
    return Input(name, shape, np.dtype(_STORED[kind.elem_type][0]).name)
