"""Random networks: convolutions, poolings and additions behind and beside each other."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from convgen.formats import spec
from convgen.model.graph import Graph
from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d
from convgen.model.passes.rewriting import reading, writing
from convgen.model.tensor import DType, Tensor


@dataclass
class _Drawn:
    """A network as far as it has come; ``tensors`` are those that may be read."""

    rng: random.Random
    dtype: DType
    operators: list[Operator] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)

    def numbers(self) -> dict[str, Any]:
        if self.dtype == "float32":
            return {}
        return {"scale": self.rng.uniform(0.02, 0.1), "zero_point": self.rng.randint(-128, 127)}

    def seen(self, tensor: Tensor) -> dict[str, Any]:
        """Return *tensor* as a spec has it."""
        numbers = {"scale": tensor.scale, "zero_point": tensor.zero_point}
        seen = {"shape": list(tensor.shape), "dtype": self.dtype}
        return seen | (numbers if self.dtype == "int8" else {})

    def add(self, kind: str, fields: dict[str, Any], given: list[Tensor]) -> None:
        number = len(self.operators)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "layer.json"
            path.write_text(json.dumps({"name": f"op{number}", "op": kind} | fields))
            operator = spec.load(path, seed=number)
        names = [tensor.name for tensor in operator.inputs]
        linked = dict(zip(names, (tensor.name for tensor in given), strict=True))
        operator = writing(reading(operator, linked), f"t{number}")
        self.operators.append(operator)
        self.tensors.append(operator.outputs[0])


def draw(number: int, dtype: DType = "int8") -> Graph:
    """Return the *number*-th network; the same each time."""
    rng = random.Random(f"{dtype} {number}")  # noqa: S311 - no secret
    shape = (rng.randint(3, 9), rng.randint(3, 9), rng.randint(1, 8))
    image = Tensor(name="image", shape=shape, dtype=dtype, scale=None)
    if dtype == "int8":
        image = replace(image, scale=0.05, zero_point=rng.randint(-128, 127))
    drawn = _Drawn(rng=rng, dtype=dtype, tensors=[image])
    for _ in range(rng.randint(2, 7)):
        _one_more(drawn)
    used = {tensor.name for operator in drawn.operators for tensor in operator.inputs}
    outputs = [tensor for tensor in drawn.tensors[1:] if tensor.name not in used]
    return Graph(
        name=f"net{number}",
        operators=tuple(drawn.operators),
        inputs=(image,),
        outputs=tuple(outputs),
    )


def _one_more(drawn: _Drawn) -> None:
    """Add an operator that reads one of the last tensors, or two that are alike."""
    rng = drawn.rng
    given = rng.choice(drawn.tensors[-2:])
    alike = [t for t in drawn.tensors if t.shape == given.shape and t.name != given.name]
    how = rng.choice(["dense", "dense", "pointwise", "depthwise", "pool", "add", "add"])
    if how == "add" and alike:
        pair = [given, rng.choice(alike)]
        output = {} if drawn.dtype == "float32" else {"output": drawn.numbers()}
        drawn.add("add", {"inputs": [drawn.seen(t) for t in pair], **output}, pair)
    elif how == "pool":
        kind = rng.choice(["max_pool", "average_pool"])
        window = {"kernel_size": 2, "stride": rng.choice([1, 2]), "padding": "same"}
        drawn.add(kind, {"input": drawn.seen(given), **window}, [given])
    else:
        drawn.add("conv2d", _convolution(drawn, given, how), [given])


def _convolution(drawn: _Drawn, given: Tensor, how: str) -> dict[str, Any]:
    rng, channels = drawn.rng, given.shape[2]
    keeps = rng.random() < 0.6  # the shape, so that additions find a partner
    fields = {
        "input": drawn.seen(given),
        "out_channels": channels if how == "depthwise" or keeps else rng.randint(1, 12),
        "kernel_size": 1 if how == "pointwise" else rng.choice([3, 3, 2]),
        "stride": 1 if keeps else rng.choice([1, 2]),
        "padding": "same",
        "groups": channels if how == "depthwise" else 1,
        "activation": rng.choice(["none", "relu"]),
    }
    return fields | ({} if drawn.dtype == "float32" else {"output": drawn.numbers()})


def layers(graph: Graph) -> list[Conv2d]:
    """Return the convolutions of *graph*."""
    return [operator for operator in graph.operators if isinstance(operator, Conv2d)]
