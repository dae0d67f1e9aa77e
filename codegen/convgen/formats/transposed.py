"""From a spec to a transposed convolution, or every reason why not.

It is the convolution of its image spread, with the kernel turned by half: `conv2d.build` makes
that, and checks arrays and numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from convgen.errors import refuse
from convgen.formats import conv2d
from convgen.formats.schema import LayerSpec, TransposedSpec
from convgen.formats.window import pair
from convgen.model.ops.conv2d import Conv2d
from convgen.model.ops.transposed_conv2d import TransposedConv2d


@dataclass(frozen=True, slots=True)
class _Axis:
    """Height or width: sizes, and the outputs that are left out ``before`` and ``after``."""

    size: int
    kernel: int
    stride: int
    out: int
    before: int
    after: int

    @property
    def spread(self) -> int:
        """The size of the image spread."""
        return (self.size - 1) * self.stride + 1

    @property
    def pads(self) -> tuple[int, int]:
        """How much padding the convolution has, before and after."""
        first = self.kernel - 1 - self.before
        return first, self.out + self.kernel - 1 - self.spread - first

    def fits(self, padding: str | list[int]) -> bool:
        """Whether a convolution of the output has the input's size."""
        if padding == "same":
            return -(-self.out // self.stride) == self.size
        whole = self.out + self.before + self.after - self.kernel
        return self.out > 0 and whole // self.stride + 1 == self.size


def build(
    spec: TransposedSpec, folder: Path, *, allow_outside: bool, seed: int
) -> TransposedConv2d | Conv2d:
    """Return what *spec* describes; without a stride it is a convolution.

    Raises SpecError.
    """
    axes = _axis(spec, 0), _axis(spec, 1)
    refuse(_problems(spec, axes))
    (top, bottom), (left, right) = axes[0].pads, axes[1].pads
    shape = [axes[0].spread, axes[1].spread, spec.input.shape[2]]
    given = LayerSpec.model_construct(
        **dict(spec)
        | {
            "op": "conv2d",
            "input": spec.input.model_copy(update={"shape": shape}),
            "stride": 1,
            "padding": [top, left, bottom, right],
            "dilation": 1,
            "groups": 1,
        }
    )
    layer = conv2d.build(given, folder, allow_outside=allow_outside, seed=seed)
    turned = replace(
        layer, weights=layer.weights[:, ::-1, ::-1].copy(), title=TransposedConv2d.title
    )
    strides = axes[0].stride, axes[1].stride
    if strides == (1, 1):
        return turned
    image = replace(turned.inputs[0], shape=tuple(spec.input.shape))
    return TransposedConv2d(name=spec.name, input=image, convolution=turned, strides=strides)


def _axis(spec: TransposedSpec, axis: int) -> _Axis:
    """Return sizes of one axis: the output's own, else the largest for ``same``, else the least.

    ``same`` leaves out as much as ``ComputePadding`` of the convolution from output to input.
    """
    size, kernel = spec.input.shape[axis], pair(spec.kernel_size)[axis]
    stride, padding = pair(spec.stride)[axis], spec.padding
    whole = (size - 1) * stride + kernel
    before, after = (padding[axis], padding[axis + 2]) if isinstance(padding, list) else (0, 0)
    usual = size * stride if padding == "same" else whole - before - after
    if padding == "valid":
        usual = max(usual, size * stride)
    out = usual if spec.output.shape is None else spec.output.shape[axis]
    if padding == "same":
        total = max(whole - out, 0)
        before, after = total // 2, total - total // 2
    return _Axis(size, kernel, stride, out, before, after)


def _problems(spec: TransposedSpec, axes: tuple[_Axis, _Axis]) -> list[str]:
    if isinstance(spec.padding, list):
        beyond = [
            f"padding[{index}]: expected less than the kernel's {axes[index % 2].kernel}, got {pad}"
            for index, pad in enumerate(spec.padding)
            if pad >= axes[index % 2].kernel
        ]
        if beyond:
            return beyond
    shape = [axes[0].out, axes[1].out, spec.out_channels]
    if spec.output.shape in (None, shape) and all(axis.fits(spec.padding) for axis in axes):
        return []
    if spec.output.shape is None:
        return [f"padding: expected some output to be left, got {axes[0].out} x {axes[1].out}"]
    image = " x ".join(str(axis.size) for axis in axes)
    expected = (
        f"{spec.out_channels} channels, and a size of which the convolution makes {image} pixels"
    )
    return [f"output.shape: expected {expected}, got {spec.output.shape}"]
