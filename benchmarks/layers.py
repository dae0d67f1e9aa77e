"""The layers of `fit_cost` that are not random: every feature on small images, and real networks.

Costs grow linearly with the image, so a few rows and columns, inner and edge, exercise a feature.
The real layers make the prices right for what people have: those of MLPerf Tiny's image
classification (ResNet8), keyword spotting (DS-CNN), person detection (MobileNet v1 0.25) and
anomaly detection, each shape once.
"""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]

SINGLE = {"rounding": "single"}
NO_SHIFT = {"multiplier": 2**30, "shift": 0}  # not to the right: the form `double`
RANGE = {"min": -100, "max": 90}


def _layer(shape: tuple[int, int, int], out_channels: int, kernel: Any, **more: Any) -> Spec:
    zero_point = more.pop("zero_point", -128)  # as after a ReLU
    return {
        "name": "layer",
        "op": "conv2d",
        "input": {"shape": list(shape), "dtype": "int8", "zero_point": zero_point},
        "out_channels": out_channels,
        "kernel_size": kernel,
        "padding": "same",
        **more,
    }


LAYERS: dict[str, Spec] = {
    # First layers: few input channels.
    "first_rgb": _layer((9, 9, 3), 16, 3, zero_point=-1),
    "first_rgb_stride": _layer((15, 15, 3), 8, 3, stride=2, zero_point=0),
    "first_sound": _layer((21, 10, 1), 32, [10, 4], stride=2, zero_point=83),
    "first_grey": _layer((8, 8, 1), 8, 3, zero_point=0),
    # 3x3 in the middle of a network.
    "c16": _layer((8, 9, 16), 16, 3, activation="relu"),
    "c16_stride": _layer((12, 12, 16), 32, 3, stride=2),
    "c32": _layer((6, 7, 32), 16, 3),
    "c64": _layer((5, 5, 64), 16, 3, activation="relu6"),
    "c8_valid": _layer((8, 8, 8), 12, 3, padding="valid"),
    "c8_zero": _layer((7, 7, 8), 8, 3, zero_point=0),
    "c8_dilated": _layer((10, 10, 8), 8, 3, dilation=2),
    "c8_5x5": _layer((8, 8, 8), 8, 5),
    # Groups.
    "grouped": _layer((7, 8, 16), 16, 3, groups=2),
    # 1x1.
    "pointwise_8": _layer((9, 8, 8), 16, 1),
    "pointwise_64": _layer((5, 5, 64), 32, 1, activation="relu"),
    "pointwise_square": _layer((5, 6, 64), 64, 1, activation="relu"),
    "pointwise_stride": _layer((9, 10, 16), 32, 1, stride=2),
    # Depthwise.
    "depthwise": _layer((8, 6, 32), 32, 3, groups=32, activation="relu"),
    "depthwise_64": _layer((9, 5, 64), 64, 3, groups=64, activation="relu"),
    "depthwise_stride": _layer((13, 11, 16), 16, 3, groups=16, stride=2),
    "depthwise_valid": _layer((9, 9, 14), 14, 3, groups=14, padding="valid", zero_point=0),
    "depthwise_odd": _layer((7, 7, 5), 5, 3, groups=5),
    "depthwise_5x5": _layer((9, 9, 8), 8, 5, groups=8),
    "depthwise_5x5_stride": _layer((20, 20, 12), 12, 5, groups=12, stride=2, activation="relu6"),
    "depthwise_7x7": _layer((10, 10, 16), 16, 7, groups=16, activation="relu6"),
    "depthwise_7x7_small": _layer((5, 5, 24), 24, 7, groups=24, activation="relu"),
    "depthwise_column": _layer((40, 1, 16), 16, [5, 1], groups=16, activation="relu"),
    "depthwise_step": _layer((9, 1, 32), 32, [9, 1], groups=32, padding="valid"),
    "depthwise_steps": _layer((12, 1, 48), 48, [5, 1], groups=48, padding="valid"),
    "depthwise_long_step": _layer(
        (23, 1, 64), 64, [23, 1], groups=64, padding="valid", activation="relu"
    ),
    "depthwise_valid_4": _layer(
        (9, 9, 16), 16, 3, groups=16, padding="valid", activation="relu6", zero_point=0
    ),
    "depthwise_twice": _layer((7, 7, 8), 16, 3, groups=8),
    # Fully connected.
    "connected_64": _layer((1, 1, 64), 12, 1, requantize=SINGLE),
    "connected_400": _layer((1, 1, 400), 10, 1),
    # Every width of the last block of channels, and of pixels.
    "tail_1": _layer((5, 7, 12), 1, 3),
    "tail_2": _layer((5, 7, 12), 6, 3),
    "tail_3": _layer((5, 7, 12), 7, 3),
    # The other ways to finish a sum.
    "single": _layer((8, 8, 4), 16, 1, requantize=SINGLE),
    "double": _layer((8, 8, 4), 16, 1, requantize=NO_SHIFT),
    # A range that ends on neither side with int8's.
    "range_first": _layer((9, 9, 3), 12, 3, activation=RANGE),
    "range_16": _layer((8, 9, 16), 16, 3, activation=RANGE),
    "range_depthwise": _layer((7, 8, 12), 12, 3, groups=12, activation=RANGE),
    "range_pointwise": _layer((5, 5, 18), 12, 1, activation=RANGE),
    # ResNet8.
    "resnet8_first": _layer((32, 32, 3), 16, 3),
    "resnet8_stack1": _layer((32, 32, 16), 16, 3),
    "resnet8_stack2": _layer((16, 16, 32), 32, 3),
    "resnet8_stack3": _layer((8, 8, 64), 64, 3),
    "resnet8_down2": _layer((32, 32, 16), 32, 3, stride=2),
    "resnet8_down3": _layer((16, 16, 32), 64, 3, stride=2),
    "resnet8_skip2": _layer((32, 32, 16), 32, 1, stride=2),
    "resnet8_skip3": _layer((16, 16, 32), 64, 1, stride=2),
    "resnet8_last": _layer((1, 1, 64), 10, 1, requantize=SINGLE),
    # DS-CNN.
    "dscnn_first": _layer((49, 10, 1), 64, [10, 4], stride=2, zero_point=83),
    "dscnn_depthwise": _layer((25, 5, 64), 64, 3, groups=64),
    "dscnn_pointwise": _layer((25, 5, 64), 64, 1),
    "dscnn_last": _layer((1, 1, 64), 12, 1, requantize=SINGLE),
    # MobileNet.
    "mobilenet_first": _layer((96, 96, 3), 8, 3, stride=2),
    "mobilenet_depthwise": _layer((48, 48, 8), 8, 3, groups=8),
    "mobilenet_depthwise_stride": _layer((48, 48, 16), 16, 3, groups=16, stride=2),
    "mobilenet_pointwise": _layer((6, 6, 128), 128, 1),
    "mobilenet_pointwise_last": _layer((3, 3, 256), 256, 1),
    # The anomaly detector, and what none of them has.
    "anomaly_first": _layer((1, 1, 640), 128, 1, requantize=SINGLE),
    "wide_5x5": _layer((16, 16, 32), 32, 5),
    "wide_dilated": _layer((16, 16, 16), 16, 3, dilation=2),
}


REAL = tuple(
    name
    for name in LAYERS
    if name.startswith(
        (
            "resnet8_",
            "dscnn_",
            "mobilenet_",
            "depthwise_5",
            "depthwise_7",
            "depthwise_column",
            "depthwise_step",
            "anomaly_",
            "wide_",
            "single",
            "double",
        )
    )
)
"""Of real networks; large ones; the ways to finish a sum that random layers do not have."""

FLOAT32 = (
    "first_rgb", "first_rgb_stride", "first_grey", "c16", "c16_stride", "c8_valid", "c8_dilated",
    "c8_zero", "grouped", "pointwise_8", "pointwise_64", "pointwise_stride", "depthwise",
    "depthwise_stride", "depthwise_odd", "depthwise_5x5", "depthwise_twice", "connected_400",
    "tail_1", "tail_2", "tail_3",
)  # fmt: skip


def as_float32(layer: Spec) -> Spec:
    """Return the same layer in float32."""
    return {**layer, "input": {"shape": layer["input"]["shape"], "dtype": "float32"}}
