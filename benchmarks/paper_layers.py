"""The layers `paper` measures and the figures their papers print: data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]

MOST_PRODUCTS = 250_000_000
"""Multiplications of a run: more take minutes to emulate."""

MOST_NUMBERS = 5_000_000
"""Constants of a run: more take minutes to compile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """Elements of both workspaces, by the formulas of the paper."""

    im2col: int
    mec: int


def layer(
    name: str,
    image: tuple[int, int, int],
    kernel: int,
    out_channels: int,
    *,
    stride: int = 1,
    padding: str = "same",
) -> Spec:
    """Return the spec of a float32 layer."""
    return {
        "name": name,
        "op": "conv2d",
        "input": {"shape": list(image), "dtype": "float32"},
        "out_channels": out_channels,
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
    }


def as_int8(spec: Spec) -> Spec:
    """Return the same layer in int8, with the zero point that follows a ReLU."""
    return {**spec, "input": {**spec["input"], "dtype": "int8", "zero_point": -128}}


def _cv(number: int, size: int, channels: int, kernel: int, out_channels: int, stride: int) -> Spec:
    return layer(
        f"cv{number}",
        (size, size, channels),
        kernel,
        out_channels,
        stride=stride,
        padding="valid",
    )


# M. Cho, D. Brand, "MEC: Memory-efficient Convolution for Deep Neural Network", ICML 2017,
# arXiv 1706.06873: the benchmark layers, with padding done beforehand.
MEC_LAYERS: tuple[Spec, ...] = (
    _cv(1, 227, 3, 11, 96, 4),
    _cv(2, 231, 3, 11, 96, 4),
    _cv(3, 227, 3, 7, 64, 2),
    _cv(4, 224, 64, 7, 64, 2),
    _cv(5, 24, 96, 5, 256, 1),
    _cv(6, 12, 256, 3, 512, 1),
    _cv(7, 224, 3, 3, 64, 1),
    _cv(8, 112, 64, 3, 128, 1),
    _cv(9, 56, 64, 3, 64, 1),
    _cv(10, 28, 128, 3, 128, 1),
    _cv(11, 14, 256, 3, 256, 1),
    _cv(12, 7, 512, 3, 512, 1),
)

MEC_LOWERED: dict[str, Lowered] = {
    "cv1": Lowered(im2col=1_098_075, mec=412_005),
    "cv2": Lowered(im2col=1_138_368, mec=426_888),
    "cv3": Lowered(im2col=1_811_187, mec=529_137),
    "cv4": Lowered(im2col=37_258_816, mec=10_889_536),
    "cv5": Lowered(im2col=960_000, mec=230_400),
    "cv6": Lowered(im2col=230_400, mec=92_160),
    "cv7": Lowered(im2col=1_330_668, mec=447_552),
    "cv8": Lowered(im2col=6_969_600, mec=2_365_440),
    "cv9": Lowered(im2col=1_679_616, mec=580_608),
    "cv10": Lowered(im2col=778_752, mec=279_552),
    "cv11": Lowered(im2col=331_776, mec=129_024),
    "cv12": Lowered(im2col=115_200, mec=53_760),
}

RESNET101: dict[str, int] = {"cv4": 1, "cv9": 3, "cv10": 4, "cv11": 23, "cv12": 3}
"""How often the paper counts each layer for ResNet-101."""

RESNET101_RATIO = "3.2"
"""By how much MEC's memory is the smaller there, as the paper prints it."""

EXAMPLE = layer("example", (7, 7, 1), 3, 1, padding="valid")
EXAMPLE_LOWERED = Lowered(im2col=225, mec=105)

# M. Dukhan, "The Indirect Convolution Algorithm", arXiv 1907.02129, is about the depth of the
# input and about 1x1 kernels; the images are small, since costs grow linearly with them.
INDIRECT_FASTER_PERCENT = 62
"""At most, compared with GEMM-based convolution, where that needs im2col."""

INDIRECT_LAYERS: tuple[Spec, ...] = tuple(
    layer(f"c{channels}_{kernel}x{kernel}", (8, 8, channels), kernel, 32)
    for kernel in (3, 1)
    for channels in (3, 16, 64, 256)
)

# A. Vasudevan, A. Anderson, D. Gregg, arXiv 1704.04428, and A. Anderson et al., arXiv 1709.03395,
# measure VGG-16; these are its channels on the 32x32 images of CIFAR-10.
VGG_LAYERS: tuple[Spec, ...] = (
    layer("conv1_1", (32, 32, 3), 3, 64),
    layer("conv1_2", (32, 32, 64), 3, 64),
    layer("conv2_1", (16, 16, 64), 3, 128),
    layer("conv3_1", (8, 8, 128), 3, 256),
    layer("conv4_1", (4, 4, 256), 3, 512),
)
