"""A .tflite file as plain values: every length and index checked before it is followed.

The flatbuffers tables of the package ``tflite`` read wherever an offset leads, inside the file or
out of it. Here that ends in one sentence: no vector is longer than the file, names are bounded
before they are copied, numbers of tensors and operators are bounded, buffers stay views.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import tflite
from numpy.typing import NDArray

from convgen.errors import SpecError
from convgen.formats.limits import MAX_TENSOR_BYTES

MAX_FILE_BYTES = MAX_TENSOR_BYTES
MAX_OPERATORS = 2000  # of all subgraphs together, as of tensors
MAX_TENSORS = 6000
MAX_BUFFERS = 8000
MAX_SUBGRAPHS = 16
MAX_CODES = 1000
MAX_RANK = 6
MAX_OPERANDS = 256
MAX_NAME = 1000
MAX_CONSTANT_BYTES = MAX_TENSOR_BYTES  # of all tensors together, which may share buffers

IDENTIFIER = b"TFL3"
ABSENT = -1  # in place of an operand

_T = TypeVar("_T")
DTYPES: dict[int, str] = {
    value: name.lower() for name, value in vars(tflite.TensorType).items() if name.isupper()
}
_KINDS: dict[int, str] = {
    value: name for name, value in vars(tflite.BuiltinOperator).items() if name.isupper()
}
_OPTIONS: dict[int, str] = {
    value: name for name, value in vars(tflite.BuiltinOptions).items() if name != "NONE"
}
_STORED = {
    "int4": "u1",
    "float32": "<f4",
    "float16": "<f2",
    "int8": "i1",
    "uint8": "u1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "bool": "u1",
}
"""dtypes of constants, as they lie in a file; two of int4 are in a byte."""
_LISTED = ("int32", "int64")
"""dtypes of shapes and axes, of which there may be none, as in tensors that only have a scale."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FileTensor:
    """A tensor of the file; ``shape`` has the batch too, ``data`` is None unless it is constant.
    ``is_variable``: it keeps its values from one call to the next.

    Constants of int4 are int8 here.
    ``scales`` and ``zero_points`` are empty where the tensor is not quantised.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int
    data: NDArray[Any] | None
    is_variable: bool = False

    @property
    def elems(self) -> int:
        """How many elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The attributes of an operator, named as in the schema; those it lacks are the defaults.

    ``of`` is what the schema calls them all: ``Conv2DOptions`` and the like. ``pads``, from the top
    left on, are in place of ``padding`` where another format has them.
    """

    of: str
    padding: int = 0
    stride_w: int = 0
    stride_h: int = 0
    dilation_w_factor: int = 1
    dilation_h_factor: int = 1
    depth_multiplier: int = 0
    filter_width: int = 0
    filter_height: int = 0
    fused_activation_function: int = 0
    weights_format: int = 0
    keep_num_dims: int = 0
    asymmetric_quantize_inputs: int = 0
    keep_dims: int = 0
    axis: int = 0
    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0
    offset: int = 0
    align_corners: int = 0
    half_pixel_centers: int = 0
    pot_scale_int16: int = 0
    init_subgraph_index: int = 0
    rank: int = 0
    time_major: int = 0
    diagonal_recurrent_tensors: int = 0
    cell_clip: float = 0.0
    beta: float = 1.0
    alpha: float = 0.0
    new_shape: tuple[int, ...] | None = None
    squeeze_dims: tuple[int, ...] = ()
    pads: tuple[int, ...] | None = None
    shared_name: str = ""
    container: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class FileOperator:
    """An operator of the file: ``kind`` in the schema's capitals, operands as indices of tensors.

    ``options`` is None where the file has none, or those of another kind. ``intermediates`` are
    tensors that only say of what scale something inside is.
    """

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options | None
    intermediates: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class SubGraph:
    """Operators in order, with the tensors that they name."""

    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class UnsoundError(Exception):
    """What is wrong with the file, in words."""


def parse(content: bytes) -> tuple[SubGraph, ...]:
    """Return the subgraphs of the .tflite file *content*. Raises SpecError."""
    try:
        return _parse(content)
    except UnsoundError as error:
        raise SpecError([f"{error}"]) from None
    except Exception:
        # flatbuffers, struct and NumPy raise half a dozen kinds of exception.
        raise SpecError(
            ["expected a sound .tflite file, got one whose offsets lead nowhere"]
        ) from None


def _parse(content: bytes) -> tuple[SubGraph, ...]:
    if content[4:8] != IDENTIFIER:
        raise UnsoundError('expected a .tflite file, with "TFL3" at byte 4')
    model = tflite.Model.GetRootAsModel(content, 0)
    kinds = [_kind(code) for code in _each(model, "OperatorCodes", MAX_CODES)]
    buffers = [_buffer(buffer) for buffer in _each(model, "Buffers", MAX_BUFFERS)]
    graphs = list(_each(model, "Subgraphs", MAX_SUBGRAPHS))
    _check_total("operators", MAX_OPERATORS, sum(graph.OperatorsLength() for graph in graphs))
    _check_total("tensors", MAX_TENSORS, sum(graph.TensorsLength() for graph in graphs))
    found = tuple(_subgraph(graph, kinds, buffers) for graph in graphs)
    if not found:
        raise UnsoundError("expected a subgraph, got none")
    data = (tensor.data for graph in found for tensor in graph.tensors)
    constants = sum(values.nbytes for values in data if values is not None)
    _check_total("bytes of constants", MAX_CONSTANT_BYTES, constants)
    return found


def _check_total(what: str, most: int, count: int) -> None:
    if count > most:
        raise UnsoundError(f"expected at most {most:,} {what}, got {count:,}")


def _each(table: Any, field: str, most: int) -> Iterator[Any]:
    """Yield what the vector *field* of a *table* holds, *most* at most."""
    count = getattr(table, f"{field}Length")()
    _check_total(_words(field), most, count)
    one: Callable[[int], Any] = getattr(table, field)
    for index in range(count):
        yield one(index)


def _words(field: str) -> str:
    return {"OperatorCodes": "operator codes"}.get(field, field.lower())


def _kind(code: Any) -> str:
    """Return the operator's name; the oldest files have it in a byte."""
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if number == tflite.BuiltinOperator.CUSTOM:
        return f"CUSTOM {_name(code, code.CustomCode, 1)}"
    return _KINDS.get(number, f"operator code {number}")


def _buffer(buffer: Any) -> NDArray[np.uint8]:
    if buffer.Offset() > 1 or buffer.Size() > 1:
        raise UnsoundError("expected constants inside the flatbuffer, got some behind it")
    return _numbers(buffer.DataAsNumpy(), np.uint8)


def _numbers(found: Any, dtype: type[_T]) -> NDArray[Any]:
    """Return a vector as the package gives it: 0 where there is none."""
    return found if isinstance(found, np.ndarray) else np.zeros(0, dtype)


def _integers(found: Any, most: int, what: str) -> tuple[int, ...]:
    values = _numbers(found, np.int32)
    if len(values) > most:
        raise UnsoundError(f"expected at most {most} {what}, got {len(values):,}")
    return tuple(int(value) for value in values)


def _name(table: Any, read: Callable[[], Any], field: int) -> str:
    """Return the string that is the *field*-th of a *table*; *read* would copy it whole."""
    place = table._tab.Offset(4 + 2 * field)
    if not place:
        return ""
    if (length := table._tab.VectorLen(place)) > MAX_NAME:
        raise UnsoundError(f"expected names of at most {MAX_NAME} bytes, got one of {length:,}")
    content: bytes = read()
    return content.decode("utf-8", "replace")


def _subgraph(graph: Any, kinds: list[str], buffers: list[NDArray[np.uint8]]) -> SubGraph:
    tensors = tuple(
        _tensor(index, tensor, buffers)
        for index, tensor in enumerate(_each(graph, "Tensors", MAX_TENSORS))
    )
    operators = tuple(
        _operator(index, operator, kinds, len(tensors))
        for index, operator in enumerate(_each(graph, "Operators", MAX_OPERATORS))
    )
    inputs = _operands(graph.InputsAsNumpy(), len(tensors), "the model's inputs")
    outputs = _operands(graph.OutputsAsNumpy(), len(tensors), "the model's outputs")
    used = {*inputs, *outputs}.union(*((*each.inputs, *each.outputs) for each in operators))
    for index in sorted(used - {ABSENT}):
        if tensors[index].shape == (0,) and tensors[index].dtype not in _LISTED:
            raise UnsoundError(f"tensor {index}: expected sizes of at least 1, got [0]")
    return SubGraph(tensors=tensors, operators=operators, inputs=inputs, outputs=outputs)


def _operands(found: Any, count: int, where: str, least: int = 0) -> tuple[int, ...]:
    indices = _integers(found, MAX_OPERANDS, "operands")
    for index in indices:
        if not least <= index < count:
            expected = f"tensors from 0 to {count - 1}" if count else "no tensor"
            raise UnsoundError(f"{where}: expected {expected}, got {index}")
    return indices


def _tensor(index: int, tensor: Any, buffers: list[NDArray[np.uint8]]) -> FileTensor:
    where = f"tensor {index}"
    shape = _integers(tensor.ShapeAsNumpy(), MAX_RANK, "axes")
    dtype = DTYPES.get(tensor.Type(), f"type {tensor.Type()}")
    if shape != (0,) and any(size < 1 for size in shape):
        raise UnsoundError(f"{where}: expected sizes of at least 1, got {list(shape)}")
    if (size := math.prod(shape) * _width(dtype)) > MAX_TENSOR_BYTES:
        raise UnsoundError(f"{where}: expected at most {MAX_TENSOR_BYTES:,} bytes, got {size:,}")
    scales, zero_points, axis = _quantization(tensor.Quantization(), where)
    data = _data(tensor, dtype, shape, buffers, where)
    return FileTensor(
        index=index,
        name=_name(tensor, tensor.Name, 3),
        shape=shape,
        dtype="int8" if data is not None and dtype == "int4" else dtype,
        scales=scales,
        zero_points=zero_points,
        axis=axis,
        data=data,
        is_variable=tensor.IsVariable(),
    )


def _width(dtype: str) -> int:
    return np.dtype(_STORED[dtype]).itemsize if dtype in _STORED else 16


def _quantization(given: Any, where: str) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    if given is None:
        return np.zeros(0, np.float32), np.zeros(0, np.int64), 0
    scales = _numbers(given.ScaleAsNumpy(), np.float32)
    zero_points = _numbers(given.ZeroPointAsNumpy(), np.int64)
    if not (np.isfinite(scales) & (scales >= 0)).all():
        raise UnsoundError(f"{where}: expected scales that are finite and not negative")
    if len(zero_points) not in (0, len(scales)):
        raise UnsoundError(f"{where}: expected as many zero points as scales")
    if np.abs(zero_points.astype(np.float64)).max(initial=0) > 2**31:
        raise UnsoundError(f"{where}: expected zero points that fit in int32")
    return scales, zero_points, given.QuantizedDimension()


def _data(
    tensor: Any,
    dtype: str,
    shape: tuple[int, ...],
    buffers: list[NDArray[np.uint8]],
    where: str,
) -> NDArray[Any] | None:
    """Return the constant's values, a view of the file unless int4; None: it is no constant."""
    if tensor.Buffer() >= len(buffers):
        raise UnsoundError(
            f"{where}: expected one of {len(buffers)} buffers, got {tensor.Buffer()}"
        )
    content = buffers[tensor.Buffer()]
    if shape == (0,):
        return np.zeros(0, _STORED[dtype])
    if not len(content) or dtype not in _STORED:
        return None
    if tensor.Sparsity() is not None:
        raise UnsoundError(f"{where}: expected a dense constant, got a sparse one")
    stored = math.prod(shape) * _width(dtype)
    if dtype == "int4":
        stored = -(-stored // 2)
    if len(content) != stored:
        expected = f"{stored:,} bytes for {dtype} {list(shape)}"
        raise UnsoundError(f"{where}: expected {expected}, got {len(content):,}")
    if dtype == "int4":
        return _nibbles(content, math.prod(shape)).reshape(shape)
    values: NDArray[Any] = content.view(_STORED[dtype]).reshape(shape)
    return values


def _nibbles(content: NDArray[np.uint8], count: int) -> NDArray[np.int8]:
    """Return *count* numbers of four bits, the lower half of a byte first, as int8.

    >>> _nibbles(np.array([0x7F, 0x08], np.uint8), 3).tolist()
    [-1, 7, -8]
    """
    halves = np.stack([content << 4, content & 0xF0], axis=-1).view(np.int8).reshape(-1)
    return halves[:count] >> 4


def _operator(index: int, operator: Any, kinds: list[str], tensors: int) -> FileOperator:
    where = f"operator {index}"
    code = operator.OpcodeIndex()
    if code >= len(kinds):
        raise UnsoundError(f"{where}: expected one of {len(kinds)} operator codes, got {code}")
    return FileOperator(
        index=index,
        kind=kinds[code],
        inputs=_operands(operator.InputsAsNumpy(), tensors, where, ABSENT),
        outputs=_operands(operator.OutputsAsNumpy(), tensors, where),
        options=_options(operator),
        intermediates=_operands(operator.IntermediatesAsNumpy(), tensors, where),
    )


_OURS = ("of", "pads")  # which the schema does not have
_FIELDS = {
    name: name.title().replace("_", "")
    for name in Options.__dataclass_fields__
    if name not in _OURS
}
_ARRAYS = ("new_shape", "squeeze_dims")
_TEXTS = {"container": 0, "shared_name": 1}


def _options(operator: Any) -> Options | None:
    """Return what an operator's options say, whatever their kind."""
    name = _OPTIONS.get(operator.BuiltinOptionsType())
    given = operator.BuiltinOptions()
    if name is None or given is None or not hasattr(tflite, name):
        return None
    table = getattr(tflite, name)()
    table.Init(given.Bytes, given.Pos)
    found: dict[str, Any] = {"of": name}
    for field, method in _FIELDS.items():
        if field in _ARRAYS and hasattr(table, f"{method}AsNumpy"):
            values = _integers(getattr(table, f"{method}AsNumpy")(), MAX_RANK, "axes")
            found[field] = values or Options.__dataclass_fields__[field].default
        elif field in _TEXTS and hasattr(table, method):
            found[field] = _name(table, getattr(table, method), _TEXTS[field])
        elif hasattr(table, method):
            found[field] = getattr(table, method)()
    return Options(**found)
