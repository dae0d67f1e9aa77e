"""Small named layers that several tests use; as specs, since that is what users write."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]


def spec(name: str, in_shape: list[int], out_channels: int, kernel: Any, **more: Any) -> Spec:
    """Make a spec whose numbers are made up from the seed."""
    dtype = more.pop("dtype", "int8")
    return {
        "name": name,
        "op": "conv2d",
        "input": {"shape": in_shape, "dtype": dtype},
        "out_channels": out_channels,
        "kernel_size": kernel,
        "padding": "same",
        **more,
    }


CASES: dict[str, Spec] = {
    "first": spec("first", [6, 7, 3], 6, 3, activation="relu"),
    "deep": spec("deep", [4, 5, 4], 5, 3, activation="relu"),
    "valid": spec("valid", [5, 6, 2], 4, [2, 3], padding="valid", stride=[1, 2]),
    "small": spec("small", [3, 4, 2], 4, 3, padding="valid"),
    "pointwise": spec("pointwise", [3, 3, 5], 8, 1),
    "depthwise": spec("depthwise", [6, 6, 6], 6, 3, groups=6, stride=2),
    "planes": spec("planes", [5, 7, 3], 3, 3, groups=3, activation="relu"),
    "steps": spec("steps", [6, 2, 8], 8, [3, 1], groups=8, padding="valid", stride=[2, 1]),
    "multiplier": spec("multiplier", [5, 5, 2], 6, 3, groups=2),
    "grouped": spec("grouped", [7, 6, 4], 4, 3, groups=2, dilation=2, padding=[2, 1, 0, 3]),
    "connected": spec("connected", [1, 1, 12], 5, 1, requantize={"rounding": "single"}),
    "halves": spec("halves", [4, 5, 6], 5, 3, dtype="int16", activation="relu"),
    "lanes": spec("lanes", [4, 5, 6], 6, 3, dtype="int16", groups=6),
    "real": spec("real", [5, 5, 3], 5, 3, dtype="float32", activation="relu6"),
}

OPERATORS: dict[str, Spec] = {
    "joined": {
        "name": "joined",
        "op": "add",
        "inputs": [
            {"shape": [3, 4, 5], "dtype": "int8", "scale": 0.0123, "zero_point": -3},
            {"shape": [3, 4, 5], "dtype": "int8", "scale": 0.0456, "zero_point": 5},
        ],
        "output": {"scale": 0.0519, "zero_point": -10},
        "activation": "relu",
    },
    "upwards": {
        "name": "upwards",
        "op": "transposed_conv2d",
        "input": {"shape": [3, 4, 5], "dtype": "int8", "scale": 0.05, "zero_point": -3},
        "out_channels": 6,
        "kernel_size": 3,
        "stride": 2,
        "padding": "same",
    },
    "mean": {
        "name": "mean",
        "op": "average_pool",
        "input": {"shape": [5, 6, 9], "dtype": "int8", "scale": 0.05, "zero_point": -128},
        "kernel_size": 3,
        "stride": 2,
        "padding": "same",
    },
    "most": {
        "name": "most",
        "op": "max_pool",
        "input": {"shape": [4, 6, 8], "dtype": "int8", "scale": 0.05, "zero_point": -128},
        "kernel_size": 2,
        "stride": 2,
    },
}
"""Operators that are no convolutions."""
