"""Random layers of the shapes that people have: to fit prices to, and others to check them with.

A layer is decided by its number alone. `sparse` picks the algorithms that a layer is measured with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from random import Random
from typing import Any

from convgen.plans.plan import Plan

TRAINING = (*range(160), *range(300_000, 300_200), *range(400_000, 400_200))
"""Numbers of layers that prices are fitted to; the first of them where fewer do."""

VALIDATION = 3_000_000
"""The first number of those that none ever is."""

MACS = (300, 600_000)  # a run takes a fraction of a second
MOST_ELEMS = 20_000  # of each tensor: within the RAM and flash of every board
CHANNELS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 16, 20, 24, 32, 32, 40, 48, 64, 96, 128)
KERNELS = (1, 2, 3, 3, 3, 3, 4, 5, 5, 7)
ACTIVATIONS = ("none", "relu", "relu", "relu6", {"min": -100, "max": 90})
ZERO_POINTS = (-128, -128, -128, 0, -1, 17)

Spec = dict[str, Any]


def draw(number: int) -> Spec:
    """Return the layer of a number: int8, weights made up."""
    random = Random(number)  # noqa: S311
    kinds = (_plain, _plain, _plain, _dilated, _depthwise, _depthwise, _grouped, _pointwise)
    while True:
        spec = random.choice((*kinds, *kinds, _connected))(random)
        if _is_measurable(spec):
            return spec


def sparse(able: Iterable[Plan], seed: int | str) -> list[Plan]:
    """Return one plan of each family, of a large family a quarter: others for each *seed*."""
    random = Random(seed)  # noqa: S311
    chosen: list[Plan] = []
    for _, some in groupby(sorted(able, key=lambda plan: plan.family), lambda plan: plan.family):
        variants = list(some)
        chosen += random.sample(variants, max(1, len(variants) // 4))
    return chosen


def two_of(plans: Sequence[Plan], seed: int | str) -> list[Plan]:
    """Return two plans, or the only one: others for each *seed*."""
    random = Random(f"two {seed}")  # noqa: S311
    return random.sample(plans, min(2, len(plans)))


def _layer(random: Random, channels: int, out_channels: int, **more: Any) -> Spec:
    height, width = random.randint(1, 48), random.randint(1, 48)
    if random.random() < 0.6:
        width = height
    return {
        "name": "layer",
        "op": "conv2d",
        "input": {
            "shape": [height, width, channels],
            "dtype": "int8",
            "zero_point": random.choice(ZERO_POINTS),
        },
        "out_channels": out_channels,
        "kernel_size": _kernel(random),
        "stride": random.choice((1, 1, 1, 2, 2, [2, 1], [1, 2], 3)),
        "padding": random.choice(("same", "same", "same", "valid", _padding(random))),
        "activation": random.choice(ACTIVATIONS),
        **more,
    }


def _kernel(random: Random) -> list[int]:
    height, width = random.choice(KERNELS), random.choice(KERNELS)
    return [height, width if random.random() < 0.3 else height]


def _padding(random: Random) -> list[int]:
    return [random.randint(0, 3) for _ in range(4)]


def _plain(random: Random) -> Spec:
    return _layer(random, random.choice(CHANNELS), random.choice(CHANNELS))


def _dilated(random: Random) -> Spec:
    return {**_plain(random), "stride": 1, "dilation": random.choice((2, 2, 3, [1, 2], [2, 1]))}


def _depthwise(random: Random) -> Spec:
    channels, multiplier = random.choice(CHANNELS), random.choice((1, 1, 1, 1, 2, 3, 4))
    spec = _layer(random, channels, channels * multiplier, groups=channels)
    return {**spec, "dilation": random.choice((1, 1, 1, 1, 2))}


def _grouped(random: Random) -> Spec:
    groups, inputs, outputs = (random.choice(some) for some in (
        (2, 2, 3, 4, 8), (1, 2, 3, 4, 8, 12), (1, 2, 3, 4, 5, 8, 12)
    ))  # fmt: skip
    spec = _layer(random, groups * inputs, groups * outputs, groups=groups)
    return {**spec, "dilation": random.choice((1, 1, 1, 2))}


def _pointwise(random: Random) -> Spec:
    return {**_plain(random), "kernel_size": 1, "padding": "valid"}


def _connected(random: Random) -> Spec:
    spec = _pointwise(random)
    shape = [1, 1, random.choice((10, 32, 64, 100, 256, 300))]
    return {**spec, "input": {**spec["input"], "shape": shape}, "stride": 1}


def _is_measurable(spec: Mapping[str, Any]) -> bool:
    """Whether the kernel fits into the image, and the layer is neither tiny nor large."""
    height, width, channels = spec["input"]["shape"]
    outputs = [_outputs(spec, axis) for axis in (0, 1)]
    if min(outputs) < 1:
        return False
    kernel, groups = spec["kernel_size"], spec.get("groups", 1)
    taps = kernel[0] * kernel[1] if isinstance(kernel, list) else kernel**2
    patch, pixels = taps * channels // groups, outputs[0] * outputs[1]
    elems = (height * width * channels, pixels * spec["out_channels"], patch * spec["out_channels"])
    macs = pixels * spec["out_channels"] * patch
    return bool(max(elems) <= MOST_ELEMS and MACS[0] <= macs <= MACS[1])


def _outputs(spec: Mapping[str, Any], axis: int) -> int:
    """Return the outputs along an axis; none where the kernel is larger than the padded image."""

    def along(field: str) -> int:
        value = spec.get(field, 1)
        return int(value[axis]) if isinstance(value, list) else int(value)

    size = int(spec["input"]["shape"][axis])
    padding, stride = spec["padding"], along("stride")
    if padding == "same":
        return -(-size // stride)
    added = 0 if padding == "valid" else padding[axis] + padding[axis + 2]
    reach = along("dilation") * (along("kernel_size") - 1)
    return (size + added - reach - 1) // stride + 1
