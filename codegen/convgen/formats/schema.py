"""The layer spec as pydantic models: what ``layer.json`` may say, and how mistakes are told.

The models check the structure only. What depends on several fields, on files or on arithmetic is
`convgen.formats.spec`'s.
"""

from __future__ import annotations

import difflib
import json
import re
import typing
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from convgen.ctext import identifiers
from convgen.errors import SpecError
from convgen.formats.limits import MAX_SIZE
from convgen.model.quantize import INT8, INT32, MAX_SHIFT, MIN_SHIFT, Rounding, as_float32
from convgen.printable import word

MAX_FIELDS = 1000  # of one object
MAX_PROBLEMS = 20  # reported at once


@dataclass(frozen=True, slots=True)
class Expected:
    """Annotation: one sentence for every way in which a value can be wrong."""

    what: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Wrap the value's own validator."""
        return core_schema.no_info_wrap_validator_function(self._validate, handler(source))

    def _validate(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise _expected(self.what) from None


def _expected(what: str) -> PydanticCustomError:
    return PydanticCustomError("expected", "{what}", {"what": what})


def _free_name(name: str) -> str:
    if problem := identifiers.objection(name):
        raise _expected(problem)
    return name


def _positive_float32(value: float) -> float:
    rounded = as_float32(value)
    if not 0 < rounded < float("inf"):
        raise ValueError
    return rounded


_DEPTHWISE = '"conv2d" with "groups" equal to the input channels'
_CONNECTED = '"fully_connected"'
_TRANSPOSED = '"transposed_conv2d"'
OPS = {
    _DEPTHWISE: ("depthwise", "depthwiseconv", "dw", "dwconv", "separable"),
    '"conv2d" with "groups"': ("group", "groups", "grouped"),
    _TRANSPOSED: (
        *("transpose", "transposed", "deconv", "deconvolution", "convtranspose", "transposeconv"),
        *("upconv", "upconvolution"),
    ),
    _CONNECTED: (
        *("fully", "fullyconnected", "fc", "dense", "linear", "gemm", "matmul", "inner"),
        *("innerproduct", "mat"),
    ),
    '"conv2d" with a 1x1 kernel': ("pointwise", "1x1"),
    '"conv2d" on an image of height 1': ("1d", "conv1d", "convolution1d"),
    '"average_pool"': ("average", "averagepool", "averagepooling", "avg", "avgpool", "mean"),
    '"max_pool"': ("max", "maxpool", "maxpooling", "maximum"),
    '"add"': ("addition", "plus", "sum", "residual"),
}
"""How to say here what others call otherwise, by the words in their names."""
_SAID = {word: said for said, words in OPS.items() for word in words}
_WORD = re.compile(r"\d+[xX]\d+|[A-Z]+(?![a-z])\d*[dD]?|[A-Z]?[a-z]+\d*[dD]?|\d+[dD]")
_LONG = 5  # letters, below which a word nearly the same is another word


def _known_op(name: Any) -> Any:
    if isinstance(name, str) and name in MODELS:
        return name
    found = {_meant(word) for word in _words(name)} if isinstance(name, str) else ()
    raise _expected(next((said for said in OPS if said in found), _one_of(MODELS)))


def _one_of(names: Iterable[str]) -> str:
    *others, last = (f'"{name}"' for name in names)
    return f"{', '.join(others)} or {last}"


def _words(name: str) -> list[str]:
    """Return the words of a name: they begin at capitals and after other characters.

    >>> _words("DepthwiseConv2dNative"), _words("nn.FC_1x1"), _words("tfconv2d")
    (['depthwise', 'conv', 'native'], ['nn', 'fc', '1x1'], ['tfconv'])
    """
    found = (word.lower() for word in _WORD.findall(name))
    return [word if word in _SAID else re.sub(r"2d?$", "", word) for word in found]


def _meant(word: str) -> str | None:
    """Return how to say what *word* stands for, if it is written right or nearly so."""
    near = difflib.get_close_matches(word, _SAID, n=1, cutoff=0.85) if len(word) >= _LONG else ()
    return _SAID.get(near[0] if near else word)


def _one_or_many(value: Any) -> str:
    return _MANY if isinstance(value, list) else _ONE


_ONE, _MANY = "<one>", "<many>"  # pydantic adds the tag to an error's path; never shown
_EMPTY = '""'  # a field whose name is no character long
_FIRST = Field(fail_fast=True)  # of a list's items only the first wrong one is told
_T = TypeVar("_T")

OneOrMany = Annotated[
    Annotated[_T, Tag(_ONE)] | Annotated[list[_T], _FIRST, Tag(_MANY)],
    Discriminator(_one_or_many),
]
Name = Annotated[str, Expected("a C identifier"), AfterValidator(_free_name)]
Size = Annotated[int, Field(ge=1, le=MAX_SIZE), Expected(f"a whole number from 1 to {MAX_SIZE}")]
Pair = Annotated[
    Size | Annotated[list[Size], Field(fail_fast=True, min_length=2, max_length=2)],
    Expected(f"[height, width], or one number for both, each from 1 to {MAX_SIZE}"),
]
Shape = Annotated[
    list[Size],
    Field(fail_fast=True, min_length=3, max_length=3),
    Expected(f"[height, width, channels], each from 1 to {MAX_SIZE}"),
]
Pads = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_SIZE)]],
    Field(fail_fast=True, min_length=4, max_length=4),
]
Padding = Annotated[
    Literal["same", "valid"] | Pads,
    Expected(f'"same", "valid" or [top, left, bottom, right], each from 0 to {MAX_SIZE}'),
]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Scale = Annotated[
    Finite, AfterValidator(_positive_float32), Expected("a positive number that float32 can hold")
]
ZeroPoint = Annotated[
    int, Field(ge=INT8.min, le=INT8.max), Expected("a whole number from -128 to 127")
]
Multiplier = Annotated[
    int, Field(ge=0, le=INT32.max), Expected(f"a whole number from 0 to {INT32.max}")
]
Shift = Annotated[
    int,
    Field(ge=MIN_SHIFT, le=MAX_SHIFT),
    Expected(f"a whole number from {MIN_SHIFT} (right) to {MAX_SHIFT} (left)"),
]


class _Strict(BaseModel):
    """What checks it is built when the first is read: a run reads one spec."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class InputSpec(_Strict):
    """The input tensor, NHWC with batch 1."""

    shape: Annotated[Shape, Field(description="[height, width, channels]")]
    dtype: Annotated[
        Literal["int8", "int16", "float32"],
        Field(description="of input and output"),
        Expected('"int8", "int16" or "float32"'),
    ]
    scale: Annotated[Scale | None, Field(description="integers: value of one step")] = None
    zero_point: Annotated[
        ZeroPoint | None, Field(description="int8: the input that stands for zero; int16: 0")
    ] = None


class OutputSpec(_Strict):
    """The output tensor; its dtype is the input's."""

    shape: Annotated[
        Shape | None, Field(description="checked against the computed shape when given")
    ] = None
    scale: Annotated[Scale | None, Field(description="integers: value of one step")] = None
    zero_point: Annotated[
        ZeroPoint | None, Field(description="int8: the output that stands for zero; int16: 0")
    ] = None


class ArraySpec(_Strict):
    """An array: from an .npz (``file``, ``array``), an .npy (``file``), or inline (``values``)."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["file"]}, {"required": ["values"]}]}
    )

    file: Annotated[
        str | None,
        Field(description=".npz or .npy, relative to the spec's folder"),
        Expected("a path"),
    ] = None
    array: Annotated[
        str | None, Field(description="the array's name in an .npz"), Expected("a name")
    ] = None
    values: Annotated[
        list[Any] | None, Field(description="nested lists of numbers"), Expected("nested lists")
    ] = None

    @model_validator(mode="after")
    def _one_source(self) -> ArraySpec:
        if (self.file is None) == (self.values is None):
            raise _expected('either "file" or "values"')
        if self.array is not None and self.file is None:
            raise _expected('"array" only beside "file"')
        return self


class WeightsSpec(ArraySpec):
    """``[out_channels, kernel_h, kernel_w, in_channels / groups]``, zero point 0."""

    bits: Annotated[
        Literal[4, 8] | None,
        Field(description="integers: of each weight; 4 is for arrays of int8 from -8 to 7"),
        Expected("4 or 8"),
    ] = None
    scale: Annotated[
        OneOrMany[Scale] | None,
        Field(description="integers: value of one step, one or one per output channel"),
    ] = None


class RequantizeSpec(_Strict):
    """Integers: how a sum becomes an output; what is left out comes from the scales."""

    multiplier: Annotated[
        OneOrMany[Multiplier] | None, Field(description="Q31, one or one per output channel")
    ] = None
    shift: Annotated[
        OneOrMany[Shift] | None,
        Field(description="positive = left, one or one per output channel"),
    ] = None
    rounding: Annotated[
        Rounding,
        Field(
            description="double: high multiply, then divide, each rounded; single: once; reduced: "
            "once, with multipliers of 16 bits, which int16 layers have without a bias of int32"
        ),
        Expected('"double", "single" or "reduced"'),
    ] = "double"


class ClampSpec(_Strict):
    """A clamp in units of the output dtype."""

    min: Finite
    max: Finite


def _optional_padding(described: dict[str, Any]) -> None:
    """Let the JSON Schema say where padding may be left out."""
    described["required"].remove("padding")
    single = {"properties": {"kernel_size": {"enum": [1, [1, 1]]}}}
    described["anyOf"] = [{"required": ["padding"]}, single]


Activation = Annotated[
    Literal["none", "relu", "relu6"] | ClampSpec,
    Expected('"none", "relu", "relu6" or {"min": a, "max": b}'),
]


Prefix = Annotated[Name, Field(description="C identifier; prefixes every symbol and file")]


KernelSize = Annotated[Pair, Field(description="[height, width] or one number for both")]
Weights = Annotated[
    WeightsSpec | None, Field(description="left out: weights, bias and scales are made up")
]
Bias = Annotated[
    ArraySpec | None,
    Field(description="int32, or int64 of int16 layers, at input scale * weight scale; or float32"),
]


class LayerSpec(_Strict):
    """A convolution layer for convgen."""

    model_config = ConfigDict(json_schema_extra=_optional_padding)

    name: Prefix
    op: Annotated[Literal["conv2d"], BeforeValidator(_known_op)]
    input: InputSpec
    output: OutputSpec = OutputSpec()
    out_channels: Size
    kernel_size: KernelSize
    stride: Pair = 1
    padding: Annotated[
        Padding,
        Field(
            description="same is TensorFlow's rule: the odd pixel goes to the end; may be left out "
            "for a 1x1 kernel, where same and valid are one"
        ),
    ]
    dilation: Pair = 1
    groups: Annotated[Size, Field(description="must divide both channel counts")] = 1
    activation: Activation = "none"
    weights: Weights = None
    bias: Bias = None
    requantize: RequantizeSpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_padding(cls, value: Any) -> Any:
        """Fill in the padding of a 1x1 kernel."""
        if not isinstance(value, dict) or value.get("kernel_size") not in (1, [1, 1]):
            return value
        return {"padding": "valid"} | value


class TransposedSpec(_Strict):
    """A transposed convolution: each input pixel adds a kernel of products to the outputs."""

    name: Prefix
    op: Literal["transposed_conv2d"]
    input: InputSpec
    output: OutputSpec = OutputSpec()
    out_channels: Size
    kernel_size: KernelSize
    stride: Annotated[Pair, Field(description="from pixel to pixel in the output")] = 1
    padding: Annotated[
        Padding,
        Field(
            description="same makes stride times the input; numbers are outputs left out; of sizes "
            "that are all right output.shape may say which"
        ),
    ]
    activation: Activation = "none"
    weights: Weights = None
    bias: Bias = None
    requantize: RequantizeSpec | None = None


class ConnectedSpec(_Strict):
    """A fully connected layer: each output is a sum over the whole input."""

    name: Prefix
    op: Literal["fully_connected"]
    input: InputSpec
    output: OutputSpec = OutputSpec()
    out_channels: Size
    activation: Activation = "none"
    weights: Weights = None
    bias: Bias = None
    requantize: Annotated[
        RequantizeSpec | None, Field(description="rounding is single where it is left out")
    ] = None


class PoolSpec(_Strict):
    """A pooling: the average or the maximum of a window, channel by channel."""

    name: Prefix
    op: Literal["average_pool", "max_pool"]
    input: InputSpec
    output: OutputSpec = OutputSpec()
    kernel_size: KernelSize
    stride: Pair = 1
    padding: Annotated[
        Padding, Field(description="as of a convolution; taps in it do not count")
    ] = "valid"
    activation: Activation = "none"


class AddSpec(_Strict):
    """The sum of two tensors of one shape, element by element."""

    name: Prefix
    op: Literal["add"]
    inputs: Annotated[
        list[InputSpec],
        Field(min_length=2, max_length=2, description="of one shape and dtype"),
    ]
    output: OutputSpec = OutputSpec()
    activation: Activation = "none"


AnySpec = LayerSpec | TransposedSpec | ConnectedSpec | PoolSpec | AddSpec

MODELS: dict[str, type[AnySpec]] = {
    "conv2d": LayerSpec,
    "transposed_conv2d": TransposedSpec,
    "fully_connected": ConnectedSpec,
    "average_pool": PoolSpec,
    "max_pool": PoolSpec,
    "add": AddSpec,
}
"""The model of each operator's spec, by its ``op``."""


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the spec: that of a convolution, unless ``op`` says otherwise."""
    from pydantic.json_schema import models_json_schema

    models = dict.fromkeys(MODELS.values())
    _, schema = models_json_schema([(model, "validation") for model in models])
    conv2d, *others = (
        ([op for op in MODELS if MODELS[op] is model], {"$ref": f"#/$defs/{model.__name__}"})
        for model in models
    )
    elsewhere = [op for ops, _ in others for op in ops]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An operator for convgen",
        "type": "object",
        "required": ["name", "op"],
        "allOf": [
            {"if": _has_op(elsewhere), "else": conv2d[1]},
            *({"if": _has_op(ops), "then": model} for ops, model in others),
        ],
        "$defs": schema["$defs"],
    }


_WHOLE = {"op": _one_of(MODELS), "inputs": "two tensors"}
"""What fields are whose own validators tell of their parts."""


def _has_op(ops: list[str]) -> dict[str, Any]:
    return {"properties": {"op": {"enum": ops}}, "required": ["op"]}


def parse(text: str) -> AnySpec:
    """Return the spec that *text* holds; SpecError names every structural problem."""
    value = _parse_json(text)
    op = value.get("op") if isinstance(value, dict) else None
    model = MODELS.get(op, LayerSpec) if isinstance(op, str) else LayerSpec
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = [_problem(detail, model) for detail in details[:MAX_PROBLEMS]]
    if len(details) > MAX_PROBLEMS:
        problems.append(f"... and {len(details) - MAX_PROBLEMS} more problems")
    raise SpecError(problems) from None


def _parse_json(text: str) -> Any:
    """Parse JSON; the models refuse the NaN and Infinity that Python lets through."""
    problems: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(pairs) > MAX_FIELDS:
            expected = f"objects of at most {MAX_FIELDS} fields"
            raise SpecError([f"the spec: expected {expected}, got one of {len(pairs)}"])
        fields = dict(pairs)
        if len(fields) < len(pairs) and len(problems) < MAX_PROBLEMS:
            counts = Counter(key for key, _ in pairs)
            problems.extend(
                f"{dotted((key,))}: expected once, got {n} times"
                for key, n in counts.items()
                if n > 1
            )
        return fields

    if not text.strip():
        raise SpecError(["the spec: expected JSON, got an empty file"])
    try:
        value = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SpecError(
            [f"the spec: expected JSON, got an error at {where}: {error.msg}"]
        ) from None
    except RecursionError:
        raise SpecError(["the spec: expected lists a few levels deep, got too many"]) from None
    except ValueError:
        raise SpecError(["the spec: expected numbers of a sane length, got a longer one"]) from None
    if problems:
        raise SpecError(problems[:MAX_PROBLEMS])
    return value


def _problem(detail: ErrorDetails, root: type[BaseModel]) -> str:
    path = _fields(detail)
    got = show(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            known = list(_model_at(root, path[:-1]).model_fields)
            return f"{dotted(path)}: unknown field; {_nearest(str(path[-1]), known)}"
        case "missing":
            field = _model_at(root, path[:-1]).model_fields[str(path[-1])]
            what = next((m.what for m in field.metadata if isinstance(m, Expected)), "an object")
            what = _WHOLE.get(str(path[-1]), what)
            return f"{dotted(path)}: expected {what}, got nothing"
        case "too_short" | "too_long" | "list_type":
            return f"{dotted(path)}: expected {_WHOLE[str(path[-1])]}, got {got}"
        case "string_unicode":  # half of a pair of surrogates in the name of a field
            known = list(_model_at(root, path).model_fields)
            return f"{dotted([*path, detail['input']])}: unknown field; {_nearest('', known)}"
        case "expected":
            return f"{dotted(path)}: expected {detail['ctx']['what']}, got {got}"
        case _:
            return f"{dotted(path)}: expected an object, got {got}"


def _fields(detail: ErrorDetails) -> list[int | str]:
    """Return the path of what is wrong, without pydantic's tags; a field may be called so."""
    *parents, last = detail["loc"] or ("",)
    path = [part for part in parents if part not in (_ONE, _MANY)]
    is_tag = last in (_ONE, _MANY) and detail["type"] != "extra_forbidden"
    return path if is_tag or not detail["loc"] else [*path, last]


def _model_at(root: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """Return the model of the object at *path* of one of *root*."""
    model = root
    for part in path:
        if isinstance(part, int):
            continue  # an item of what the field before it holds
        annotation = model.model_fields[str(part)].annotation
        choices = (annotation, *typing.get_args(annotation))
        model = next(c for c in choices if isinstance(c, type) and issubclass(c, BaseModel))
    return model


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f'did you mean "{close[0]}"?' if close else f"expected one of {', '.join(known)}"


def dotted(path: Sequence[int | str]) -> str:
    """Return *path* as users write it.

    >>> dotted(("weights", "scale", 3))
    'weights.scale[3]'
    """
    parts = [f"[{part}]" if isinstance(part, int) else f".{word(part) or _EMPTY}" for part in path]
    return "".join(parts).removeprefix(".") or "the spec"


def show(value: Any) -> str:
    """Return a JSON value as messages quote it: short, on one line.

    >>> show([1, None]), show([0] * 9), show({"min": 0.5})
    ('[1, null]', 'a list of 9', '{"min": 0.5}')
    """
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        short = len(items) <= 8 and not any(isinstance(item, dict | list) for item in items)
        if not short:
            return "an object" if isinstance(value, dict) else f"a list of {len(items)}"
        if isinstance(value, list):
            return f"[{', '.join(map(show, value))}]"
        return "{" + ", ".join(f"{show(key)}: {show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return f'"{word(value)}"'
    return word(json.dumps(value))
