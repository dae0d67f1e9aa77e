"""What an inner kernel is: a block of pixels times a block of channels, summed over runs.

An algorithm moves data and hands the kernel *runs*: stretches of input elements with a constant
step, the same for each pixel of the block but for a constant pitch. The kernel packs the weights
in the order its code reads them and owns the C that multiplies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from convgen.layer import Layer
from convgen.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """How an algorithm lays out the input of one block.

    ``pixels`` is the number of output pixels it can offer side by side, ``pitch`` the elements
    from one to the next, ``step`` from one element of a run to the next, ``group`` from one
    group's input to the next.
    """

    pixels: int
    pitch: int
    step: int
    group: int

    @property
    def has_step(self) -> bool:
        """Whether the elements of a run lie apart."""
        return self.step > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Channels ``first`` to ``last`` of a group, in blocks of ``channels``."""

    first: int
    last: int
    channels: int

    @property
    def loops(self) -> bool:
        """Whether it takes more than one block."""
        return self.blocks > 1

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return (self.last - self.first) // self.channels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelPlan:
    """One inner kernel, fitted to a layer.

    Within each of ``groups`` groups of ``group_channels`` output channels the ``spans`` name the
    channel blocks. ``lanes``: each output channel reads its own input channel (depthwise), so a
    block's input starts at its channel; otherwise all channels of a group share their input.
    ``out_of_line``: a block is long enough that a call of it costs little, while inlining it into
    the loops around would cost registers. ``weights`` are packed so that the block of channel
    ``c`` starts at ``c * patch_elems``; ``packing`` says in words in which order.
    """

    name: str
    template: str
    description: str
    pixels: int
    runs: Runs
    lanes: bool
    out_of_line: bool
    groups: int
    group_channels: int
    spans: tuple[Span, ...]
    weights: NDArray[Any]
    packing: str

    @property
    def has_groups(self) -> bool:
        """Whether channels come in groups with inputs of their own."""
        return self.groups > 1

    @property
    def has_pixels(self) -> bool:
        """Whether a block has several pixels."""
        return self.pixels > 1

    @property
    def channel_blocks(self) -> tuple[int, ...]:
        """The distinct block widths, widest first."""
        return tuple(span.channels for span in self.spans)

    def blocks(self, channels: int) -> int:
        """How many blocks of *channels* channels one pixel takes."""
        return self.groups * sum(span.blocks for span in self.spans if span.channels == channels)


class InnerKernel(Protocol):
    """An inner kernel before it is fitted to a layer."""

    def suits(self, layer: Layer, target: Target) -> bool:
        """Whether it can do *layer* on *target*."""
        ...

    def plan(self, layer: Layer, target: Target, runs: Runs) -> KernelPlan:
        """Fit it."""
        ...


def spans_of(channels: int, block: int) -> tuple[Span, ...]:
    """Cut *channels* into blocks of *block* and one narrower rest.

    >>> [(span.first, span.last, span.channels) for span in spans_of(10, 4)]
    [(0, 8, 4), (8, 10, 2)]
    """
    whole = channels - channels % block
    spans = []
    if whole:
        spans.append(Span(first=0, last=whole, channels=block))
    if whole < channels:
        spans.append(Span(first=whole, last=channels, channels=channels - whole))
    return tuple(spans)
