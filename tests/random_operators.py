"""Random operators that are no convolutions, from specs; the same for a number each time."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import native
from convgen.bench.proof import vectors
from convgen.formats import spec
from convgen.model.operator import Operator
from convgen.targets.target import Target
from native import Job

KINDS = ("add", "average_pool", "max_pool", "fully_connected", "transposed_conv2d")
"""Each drawn by the function of its name below."""

IN_TURN = {
    "fully_connected": ("direct", "direct_w16", "direct_p1", "im2col_p1"),
    "transposed_conv2d": ("transposed", "transposed_w16"),
}
"""Algorithms that layers of a kind take in turn; the first can do all."""


def jobs(kind: str, board: Target, numbers: Iterable[int], dtype: str = "int8") -> list[Job]:
    """Return operators, half of them in one pool."""
    made = []
    for number in numbers:
        operator = draw(kind, number, dtype)
        names = IN_TURN.get(kind, ("add" if kind == "add" else "pool",))
        wanted = names[number // 2 % len(names)]
        found = native.variants(operator, board, {wanted, names[0]}, overlapping=number % 2 > 0)
        chosen = [v for v in found if v.plan.algorithm == wanted] or found[:1]
        first, *more = vectors.inputs_of(operator, number, 2)
        made.append(Job(chosen, board, first, tuple(more)))
    return made


def draw(kind: str, number: int, dtype: str = "int8") -> Operator:
    """Return the *number*-th operator of a *kind*; the same each time."""
    rng = random.Random(f"{kind} {dtype} {number}")  # noqa: S311
    fields = DRAWERS.get(kind, _pool)(rng, dtype)
    name = f"{kind}_{dtype}_{number}"
    activation = rng.choice(["none", "relu", "relu6"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layer.json"
        path.write_text(json.dumps({"name": name, "op": kind, "activation": activation} | fields))
        return spec.load(path, seed=number)


def _numbers(rng: random.Random, dtype: str) -> dict[str, Any]:
    if dtype == "float32":
        return {}
    scale = rng.choice([rng.uniform(0.01, 0.1), 10 ** rng.uniform(-3, 0), 2.0**-7])
    return {"scale": scale, "zero_point": rng.randint(-128, 127)}


def _tensor(rng: random.Random, dtype: str, most: int = 9) -> dict[str, Any]:
    shape = [rng.randint(1, most), rng.randint(1, most), rng.randint(1, 2 * most)]
    return {"shape": shape, "dtype": dtype, **_numbers(rng, dtype)}


def _add(rng: random.Random, dtype: str) -> dict[str, Any]:
    first = _tensor(rng, dtype)
    second, output = first | _numbers(rng, dtype), _numbers(rng, dtype)
    if dtype == "int8" and rng.random() < 0.3:  # ties, and sums that are exact
        second["scale"] = first["scale"]
        output["scale"] = first["scale"] * rng.choice([1, 2, 0.5])
    return {"inputs": [first, second], "output": output}


def _pool(rng: random.Random, dtype: str) -> dict[str, Any]:
    image = _tensor(rng, dtype, 12)
    height, width, _ = image["shape"]
    padding = rng.choice(["same", "valid"])
    most = (height, width) if padding == "valid" else (6, 6)
    kernel = [rng.randint(1, min(size, 7)) for size in most]
    if rng.random() < 0.2:
        kernel, padding = [height, width], "valid"
    stride = [rng.randint(1, 3), rng.randint(1, 3)]
    return {"input": image, "kernel_size": kernel, "stride": stride, "padding": padding}


def _fully_connected(rng: random.Random, dtype: str) -> dict[str, Any]:
    return {
        "input": _tensor(rng, dtype, 4),
        "output": _numbers(rng, dtype),
        "out_channels": rng.randint(1, 12),
    }


def _transposed_conv2d(rng: random.Random, dtype: str) -> dict[str, Any]:
    image = _tensor(rng, dtype, 6)
    kernel, stride = ([rng.randint(1, most) for _ in range(2)] for most in (5, 3))
    padding: Any = rng.choice(["same", "valid"])
    if stride == [1, 1]:
        stride = [2, 1]
    if rng.random() < 0.4:  # as TensorFlow Lite's "same" has it for other sizes of the output
        total = [
            rng.randint(max(0, size - step), size - 1)
            for size, step in zip(kernel, stride, strict=True)
        ]
        padding = [*(each // 2 for each in total), *(each - each // 2 for each in total)]
    return _fully_connected(rng, dtype) | {
        "input": image,
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
    }


DRAWERS = {
    "add": _add,
    "fully_connected": _fully_connected,
    "transposed_conv2d": _transposed_conv2d,
}
