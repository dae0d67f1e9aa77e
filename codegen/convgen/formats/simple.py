"""From a spec to an operator without weights, or every reason why not: pooling and addition."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from convgen.errors import refuse
from convgen.formats.activation import activation_range, clamp_problems
from convgen.formats.limits import MAX_TENSOR_BYTES
from convgen.formats.schema import AddSpec, ClampSpec, InputSpec, OutputSpec, PoolSpec, show
from convgen.formats.window import geometry_of
from convgen.model.ops.add import LEFT_SHIFTS, Add
from convgen.model.ops.pool import Pool2d
from convgen.model.tensor import Tensor, numbered

DEFAULT_SCALE = 2.0**-7
DEFAULT_ZERO_POINT = -1


def pool(spec: PoolSpec) -> Pool2d:
    """Return the pooling that *spec* describes."""
    geometry, problems = geometry_of(spec)
    refuse([*problems, *_pool_problems(spec), *_common_problems(spec, {"input": spec.input})])
    image = _tensor("input", spec.input)
    low, high = activation_range(spec.activation, spec.input.dtype, image.scale, image.zero_point)
    return Pool2d(
        name=spec.name,
        kind=spec.op,
        input=image,
        geometry=geometry,
        activation=_word(spec),
        activation_min=low,
        activation_max=high,
        synthetic=_is_made_up([spec.input]),
    )


def _pool_problems(spec: PoolSpec) -> Iterable[str]:
    """Yield what a pooling cannot do: change the scale, or see nothing but padding."""
    if spec.input.dtype != "float32":
        yield from _missing_numbers({"input": spec.input})
    for field in ("scale", "zero_point"):
        given, own = getattr(spec.output, field), getattr(spec.input, field)
        if given is not None and given != own:
            same = f"the input's, {show(own)}, since a pooling keeps it"
            yield f"output.{field}: expected {same}, got {show(given)}"
    if isinstance(spec.padding, list):
        size = spec.kernel_size
        sides = [size, size] if isinstance(size, int) else size
        for axis, pad in enumerate(spec.padding):
            if pad >= sides[axis % 2]:
                expected = f"less than the kernel's {sides[axis % 2]}"
                yield f"padding[{axis}]: expected {expected}, got {pad}"


def add(spec: AddSpec) -> Add:
    """Return the sum that *spec* describes."""
    names = numbered("input", 2)
    first, second = spec.inputs
    fields = {f"inputs[{index}]": given for index, given in enumerate(spec.inputs)}
    refuse([*_add_problems(first, second, spec.output), *_common_problems(spec, fields)])
    output = Tensor(
        name="output",
        shape=tuple(first.shape),
        dtype=first.dtype,
        **_numbers(spec.output, first.dtype, twice=True),
    )
    low, high = activation_range(spec.activation, first.dtype, output.scale, output.zero_point)
    one, two = (_tensor(name, given) for name, given in zip(names, spec.inputs, strict=True))
    return Add(
        name=spec.name,
        inputs=(one, two),
        output=output,
        activation=_word(spec),
        activation_min=low,
        activation_max=high,
        synthetic=_is_made_up([first, second, spec.output]),
    )


def _add_problems(first: InputSpec, second: InputSpec, output: OutputSpec) -> Iterable[str]:
    """Yield in what two tensors cannot be added."""
    for field in ("shape", "dtype"):
        one, two = getattr(first, field), getattr(second, field)
        if one != two:
            yield f"inputs[1].{field}: expected that of inputs[0], {show(one)}, got {show(two)}"
    if output.shape not in (None, first.shape):
        expected = f"that of the inputs, {show(first.shape)}"
        yield f"output.shape: expected {expected}, got {show(output.shape)}"
    if first.dtype != "float32":
        yield from _missing_numbers({"inputs[0]": first, "inputs[1]": second, "output": output})
    scales = [given.scale or _scale(given.dtype) for given in (first, second)]
    room = 2 ** LEFT_SHIFTS.get(first.dtype, 0)
    if first.dtype != "float32" and output.scale and 2 * max(scales) / output.scale >= room:
        least = f"more than {2 * max(scales) / room:g}, by the inputs' scales"
        yield f"output.scale: expected {least}, got {output.scale:g}"


def _missing_numbers(tensors: Mapping[str, InputSpec | OutputSpec]) -> Iterable[str]:
    """Yield which scales and zero points are missing, unless all are, to be made up."""
    is_symmetric = any(getattr(given, "dtype", None) == "int16" for given in tensors.values())
    numbers = {
        f"{field}.{part}": getattr(given, part)
        for field, given in tensors.items()
        for part in ("scale", *(() if is_symmetric else ("zero_point",)))
    }
    if any(value is not None for value in numbers.values()):
        for field, value in numbers.items():
            if value is None:
                yield f"{field}: expected a number, since others are given, got nothing"


def _common_problems(spec: PoolSpec | AddSpec, inputs: Mapping[str, InputSpec]) -> Iterable[str]:
    """Yield what is wrong with numbers and sizes of any such operator."""
    dtype = next(iter(inputs.values())).dtype
    if isinstance(spec.activation, ClampSpec):
        yield from clamp_problems(spec.activation, dtype)
    tensors: list[tuple[str, InputSpec | OutputSpec]] = [*inputs.items(), ("output", spec.output)]
    for field, given in tensors:
        if dtype == "float32":
            yield from _quantised(field, given)
        yield from asymmetric(dtype, field, given)
    for field, given in inputs.items():
        size = math.prod(given.shape) * np.dtype(dtype).itemsize
        if size > MAX_TENSOR_BYTES:
            expected = f"a tensor of at most {MAX_TENSOR_BYTES} bytes"
            yield f"{field}.shape: expected {expected}, got {size} for {given.shape}"


def asymmetric(dtype: str, field: str, given: InputSpec | OutputSpec) -> Iterable[str]:
    """Yield that a tensor of int16 has a zero point, if it does."""
    if dtype == "int16" and given.zero_point:
        expected = "0, since int16 tensors are symmetric"
        yield f"{field}.zero_point: expected {expected}, got {show(given.zero_point)}"


def _quantised(field: str, given: InputSpec | OutputSpec) -> Iterable[str]:
    for part in ("scale", "zero_point"):
        value = getattr(given, part)
        if value is not None:
            expected = "none, since float32 tensors are not quantised"
            yield f"{field}.{part}: expected {expected}, got {show(value)}"


def _tensor(name: str, given: InputSpec) -> Tensor:
    return Tensor(
        name=name,
        shape=tuple(given.shape),
        dtype=given.dtype,
        **_numbers(given, given.dtype),
    )


def _numbers(given: InputSpec | OutputSpec, dtype: str, *, twice: bool = False) -> dict[str, Any]:
    """Return scale and zero point; made up where they are left out, *twice* as wide for sums."""
    if dtype == "float32":
        return {}
    scale = _scale(dtype) * (2 if twice else 1) if given.scale is None else given.scale
    usual = DEFAULT_ZERO_POINT if dtype == "int8" else 0
    zero_point = usual if given.zero_point is None else given.zero_point
    return {"scale": scale, "zero_point": zero_point}


def _scale(dtype: str) -> float:
    """Return the scale that is made up: of values from -1 to 1."""
    return DEFAULT_SCALE if dtype == "int8" else 2.0**-15


def _is_made_up(given: Iterable[InputSpec | OutputSpec]) -> bool:
    return any(p.scale is None and getattr(p, "dtype", "int8") != "float32" for p in given)


def _word(spec: PoolSpec | AddSpec) -> str:
    return "clamp" if isinstance(spec.activation, ClampSpec) else spec.activation
