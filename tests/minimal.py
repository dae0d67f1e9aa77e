"""A small valid spec to start from, and a short way to load a changed one."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from convgen.formats import spec
from convgen.model import quantize
from convgen.model.operator import Operator
from convgen.model.ops.conv2d import Conv2d


def made_up(**changes: Any) -> dict[str, Any]:
    """Return an int8 layer without numbers, with *changes* to its fields."""
    fields: dict[str, Any] = {
        "name": "stem",
        "op": "conv2d",
        "input": {"shape": [6, 5, 4], "dtype": "int8"},
        "out_channels": 8,
        "kernel_size": 3,
        "padding": "same",
    }
    return fields | changes


def inline(**changes: Any) -> dict[str, Any]:
    """Return a 1x1 int8 layer of two channels with its numbers, with *changes* to its fields."""
    fields = made_up(
        input={"shape": [2, 2, 2], "dtype": "int8", "scale": 0.5, "zero_point": -1},
        output={"scale": 1.0, "zero_point": 3},
        out_channels=2,
        kernel_size=1,
        weights={"values": [[[[1, -128]]], [[[127, 0]]]], "scale": [0.5, 0.25]},
        bias={"values": [-5, 7]},
    )
    return fields | changes


def load(fields: dict[str, Any], seed: int = 0) -> Conv2d:
    """Load the spec of a convolution that names no files."""
    layer = operator(fields, seed)
    assert isinstance(layer, Conv2d)
    return layer


def operator(fields: dict[str, Any], seed: int = 0) -> Operator:
    """Load a spec that names no files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "layer.json")
        path.write_text(json.dumps(fields))
        return spec.load(path, seed=seed)


def read(path: Path, *, allow_outside: bool = False, seed: int = 0) -> Conv2d:
    """Load the spec of a convolution."""
    layer = spec.load(path, allow_outside=allow_outside, seed=seed)
    assert isinstance(layer, Conv2d)
    return layer


def scaled(layer: Conv2d, factors: np.ndarray, edge: int | None = None) -> Conv2d:
    """Scale weights by *factors*, with the biases' outputs as they are.

    Channel *edge* gets the bias whose output is about to change.
    """
    q = layer.quantization
    assert q is not None
    assert layer.bias is not None
    real = q.multiplier * 2.0 ** (q.shift - 31) * factors
    pairs = [quantize.quantize_multiplier(float(value), q.rounding) for value in real]
    multiplier, shift = np.array(pairs, np.int32).T
    levels = layer.folded_bias * real / factors.clip(1e-30)
    if edge is not None:
        levels[edge] = 2.5
    most = 2**30
    folded = np.rint(np.divide(levels, real, out=np.zeros(len(real)), where=real > 0))
    share = layer.folded_bias - layer.bias
    return replace(
        layer,
        bias=(folded - share).clip(-most, most).astype(np.int32),
        quantization=replace(q, multiplier=multiplier, shift=shift),
    )


DEEP = made_up(input={"shape": [3, 3, 64], "dtype": "int8"}, out_channels=16)


def long(bias: int = 2**33, **changes: Any) -> Conv2d:
    """Return an int16 layer whose sums take 64 bits, or less by another *bias*."""
    layer = load(made_up(input={"shape": [4, 5, 8], "dtype": "int16"}, **changes))
    return replace(layer, bias=np.full(layer.geometry.out_c, bias))


def apart() -> Conv2d:
    """Return `DEEP` with channels whose scales lie so far apart that no shift suits all."""
    factors = 10.0 ** -np.random.default_rng(2).uniform(0, 6, 16)
    factors[0] = 1
    return scaled(load(DEEP), factors)


def report(**figures: Any) -> dict[str, Any]:
    """A report of a model, as far as a comparison reads it."""
    return {
        "convgen": "0.1.0", "model": "kws", "target": "cortex-m4", "verified": True,
        "instructions": 1000,
        "memory": {"arena": 600, "stack": 100, "total": 700},
        "flash": {"code": 3000, "constants": 1000, "total": 4000},
        "operators": [
            {"name": "conv", "algorithm": "direct", "instructions": 900},
            {"name": "softmax", "algorithm": "softmax", "instructions": 100},
        ],
    } | figures  # fmt: skip
