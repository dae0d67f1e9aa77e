"""How kernels move: strides, dilations and pads of ONNX's convolutions and poolings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convgen.formats.limits import MAX_SIZE
from convgen.formats.onnx.scene import check
from convgen.formats.onnx.tables import Node
from convgen.formats.tflite.tables import Options


@dataclass(frozen=True, slots=True)
class Window:
    """A kernel of one or two dimensions, and how it moves."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    def reach(self, axis: int) -> int:
        """How far apart its ends are."""
        return (self.kernel[axis] - 1) * self.dilation[axis] + 1

    def options(self, kind: str, pads: Sequence[int]) -> Options:
        """Return the attributes of a .tflite file's operator, which has two dimensions."""
        rank = len(self.kernel)
        lead = (1,) * (2 - rank)
        (s_h, s_w), (d_h, d_w), (k_h, k_w) = (
            (*lead, *each) for each in (self.stride, self.dilation, self.kernel)
        )
        none = (0,) * (2 - rank)
        return Options(
            of=kind,
            stride_h=s_h,
            stride_w=s_w,
            dilation_h_factor=d_h,
            dilation_w_factor=d_w,
            filter_height=k_h,
            filter_width=k_w,
            pads=(*none, *pads[:rank], *none, *pads[rank:]),
        )


def window_of(node: Node, kernel: Sequence[int]) -> Window:
    """Return the window of *node*. Raises UnsupportedError."""
    ones = (1,) * len(kernel)
    found = Window(tuple(kernel), _sizes(node, "strides", ones), _sizes(node, "dilations", ones))
    each: list[int] = [*found.kernel, *found.stride, *found.dilation]
    check(len(each) == 3 * len(kernel) > 0, "strides or dilations for other axes")
    check(min(each) >= 1 and max(each) <= MAX_SIZE >> 4, f"sizes {each} of a window")
    return found


def _sizes(node: Node, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
    given: Any = node.attributes.get(name, default)
    return tuple(int(size) for size in given)


def pads_of(node: Node, window: Window, sizes: Sequence[int]) -> tuple[int, ...]:
    """Return pads of an image of *sizes*: all those before, then those after.

    Raises UnsupportedError.
    """
    rank = len(window.kernel)
    how = node.attributes.get("auto_pad", "NOTSET")
    if how in ("SAME_UPPER", "SAME_LOWER"):
        before, after = [], []
        for axis, size in enumerate(sizes):
            step = window.stride[axis]
            total = max((size - 1) // step * step + window.reach(axis) - size, 0)
            small, large = total // 2, total - total // 2
            before.append(small if how == "SAME_UPPER" else large)
            after.append(large if how == "SAME_UPPER" else small)
        return (*before, *after)
    pads = _sizes(node, "pads", (0,) * 2 * rank) if how == "NOTSET" else (0,) * 2 * rank
    fit = len(pads) == 2 * rank and min(pads) >= 0 and max(pads) <= MAX_SIZE
    check(fit and how in ("NOTSET", "VALID"), f"pads {list(pads)}, {how}")
    return pads


def swept(window: Window, sizes: Sequence[int], pads: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of what comes out. Raises UnsupportedError."""
    rank = len(window.kernel)
    found = tuple(
        (sizes[axis] + pads[axis] + pads[axis + rank] - window.reach(axis)) // window.stride[axis]
        + 1
        for axis in range(rank)
    )
    check(min(found, default=1) >= 1, f"an output of {list(found)}")
    return found
