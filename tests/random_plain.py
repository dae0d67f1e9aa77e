"""Random operators that have no spec of their own: those that only models have."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from convgen.model import lookup
from convgen.model.operator import Operator
from convgen.model.ops.softmax import Softmax
from convgen.model.ops.table import Table
from convgen.model.tensor import DType, Tensor

Rng = random.Random
SOFTMAX_OUTPUT: dict[str, Any] = {"scale": 1 / 256, "zero_point": -128}


def draw(kind: str, number: int) -> Operator:
    """Return the *number*-th operator of a *kind*; the same each time."""
    return KINDS[kind](random.Random(f"{kind} {number}"), f"{kind}_{number}")  # noqa: S311


def tensor(name: str, shape: tuple[int, ...], dtype: DType, **numbers: Any) -> Tensor:
    """Return a tensor; of float32 without the *numbers* that bytes have."""
    return Tensor(name=name, shape=shape, dtype=dtype, **({} if dtype == "float32" else numbers))


def _shape(rng: Rng, most: int = 9) -> tuple[int, ...]:
    """Return one to four sizes."""
    return tuple(rng.randint(1, most) for _ in range(rng.randint(1, 4)))


def _numbers(rng: Rng, dtype: DType = "int8") -> dict[str, Any]:
    scale = rng.choice([rng.uniform(0.01, 0.1), 10 ** rng.uniform(-3, 0), 2.0**-7])
    limits = np.iinfo(np.uint8 if dtype == "uint8" else np.int8)
    zero_point = rng.choice([rng.randint(limits.min, limits.max), limits.min])
    return {"scale": float(np.float32(scale)), "zero_point": int(zero_point)}


def _softmax(dtype: DType) -> Callable[[Rng, str], Operator]:
    def draw(rng: Rng, name: str) -> Operator:
        shape = (*_shape(rng, 4)[:2], rng.choice([1, 2, 10, rng.randint(3, 99)]))
        if rng.random() < 0.02:
            shape = (600,)
        return Softmax(
            name=name,
            inputs=(tensor("input", shape, dtype, **_numbers(rng)),),
            output=tensor("output", shape, dtype, **SOFTMAX_OUTPUT),
            beta=rng.choice([1.0, 1.0, rng.uniform(0.3, 3)]),
        )

    return draw


def _logistic(rng: Rng, name: str) -> Operator:
    given = tensor("input", _shape(rng), "int8", **_numbers(rng))
    return _table(name, given, tensor("output", given.shape, "int8", **SOFTMAX_OUTPUT), "logistic")


def _requantize(rng: Rng, name: str) -> Operator:
    pairs: list[tuple[DType, DType]] = [("int8", "uint8"), ("uint8", "int8"), ("int8", "int8")]
    one, two = rng.choice(pairs)
    given = tensor("input", _shape(rng), one, **_numbers(rng, one))
    output = tensor("output", given.shape, two, **_numbers(rng, two))
    return _table(name, given, output, "quantize")


def _table(name: str, given: Tensor, output: Tensor, kind: str) -> Table:
    values = lookup.FUNCTIONS[kind](given, output, 0.0)
    return Table(name=name, inputs=(given,), output=output, kind=kind, values=values)


KINDS: Mapping[str, Callable[[Rng, str], Operator]] = {
    "softmax": _softmax("int8"),
    "softmax_float32": _softmax("float32"),
    "logistic": _logistic,
    "requantize": _requantize,
}
"""What draws each."""
