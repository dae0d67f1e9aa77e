"""What an inner kernel is: a block of pixels times a block of channels, summed over runs.

An algorithm moves data and hands the kernel *runs*: stretches of input elements with a constant
step, the same for each pixel of the block but for a constant pitch, or found through a pointer for
each pixel. The kernel packs the weights in the order its code reads them and owns the C that
multiplies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from numpy.typing import NDArray

from convgen.ctext.expressions import plus, times
from convgen.ctext.literals import ctype
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.refusal import counted, needs
from convgen.targets.target import Target

MODULAR = "uint32_t"
"""The C type of a sum of products of weights of int16: it may wrap, so it is unsigned."""

OutOfLine = Literal["run", "block", "edge"]
"""What stays a function of its own: the loop over a run, or a block of sums with all its runs."""

MOST_UNROLLED = 16
"""The most elements of a run that compilers unroll: GCC's limit at -O3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A loop over runs: ``count`` of them, from one to the next ``pitch`` elements."""

    count: int
    pitch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """How an algorithm lays out the input of one block.

    ``pixels`` is the number of output pixels it can offer side by side, ``pitch`` the elements
    from one to the next, None where each pixel has a pointer of its own; ``step`` is the elements
    from one element of a run to the next, ``group`` from one group's input to the next. ``count``
    runs of the same length make up a sum; ``levels`` tell where they are, outermost first, to
    kernels that walk through them.
    """

    pixels: int
    pitch: int | None
    step: int
    group: int
    count: int = 1
    levels: tuple[Level, ...] = ()

    @property
    def has_step(self) -> bool:
        """Whether the elements of a run lie apart."""
        return self.step > 1

    @property
    def by_pointer(self) -> bool:
        """Whether each pixel of a block is found through a pointer."""
        return self.pitch is None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """What the input is multiplied by: one matrix, or one for each tap or tile position.

    ``values`` are ``[matrices, output channels, depth]``; ``given`` is the dtype of the input,
    ``sums`` that of the sums; ``lanes`` tells that each output channel reads its own input channel.
    """

    values: NDArray[Any]
    given: str
    sums: str
    groups: int
    lanes: bool

    @property
    def depth(self) -> int:
        """Products of one sum."""
        return int(self.values.shape[2])

    @property
    def out_c(self) -> int:
        """Output channels, of all groups."""
        return int(self.values.shape[1])


def no_bytes(layer: Conv2d) -> str | None:
    """Refuse what is not int8."""
    return None if layer.dtype == "int8" else needs("int8", f"is {layer.dtype}")


def no_lone_channels(layer: Conv2d) -> str | None:
    """Refuse what is not int8, or mixes channels: each output has one input channel of its own."""
    g = layer.geometry
    if g.in_c == g.out_c == g.groups:
        return no_bytes(layer)
    return no_bytes(layer) or needs(
        "one input and one output channel in each group",
        f"has {g.in_c} inputs and {g.out_c} outputs in {counted(g.groups, 'group')}",
    )


def has_lanes(geometry: Geometry) -> bool:
    """Whether each output channel reads its own input channel and no other."""
    return geometry.is_depthwise and geometry.group_out_c == 1


def patch_weights(layer: Conv2d) -> Weights:
    """Return one matrix: the whole patch of each output channel, ``[1, out_c, taps * in_c]``."""
    g = layer.geometry
    values = layer.weights.reshape(1, g.out_c, g.patch_elems)
    return Weights(
        values=values, given=layer.dtype, sums=layer.sums_dtype, groups=g.groups, lanes=has_lanes(g)
    )


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
    ``out_of_line``: what is long enough that a call of it costs little, while inlining it into the
    code around would cost registers or flash. ``weights`` are packed so that the block of channel
    ``c`` of matrix ``m`` starts at ``(m * out_c + c) * depth``; ``packing`` says in words in which
    order. They are of ``dtype``, what they are multiplied by is of ``given``, and sums of ``sums``.
    Registers are left for ``kept`` weights where no loop needs them for more.
    """

    name: str
    template: str
    description: str
    dtype: str
    given: str
    sums: str
    depth: int
    pixels: int
    runs: Runs
    lanes: bool
    out_of_line: OutOfLine | None
    groups: int
    group_channels: int
    spans: tuple[Span, ...]
    weights: NDArray[Any]
    packing: str
    kept: int = 0

    sizes: ClassVar[str] = "parts/sizes.c.j2"
    finishes: ClassVar[bool] = False

    @property
    def run_elems(self) -> int:
        """Products of one run."""
        return self.depth // self.runs.count

    @property
    def has_groups(self) -> bool:
        """Whether channels come in groups with inputs of their own."""
        return self.groups > 1

    @property
    def has_pitch(self) -> bool:
        """Whether a block has several pixels, a pitch apart."""
        return self.pixels > 1 and not self.runs.by_pointer

    @property
    def elem(self) -> str:
        """The C type of what is multiplied by the weights."""
        return ctype(self.given)

    @property
    def weight(self) -> str:
        """The C type of a weight."""
        return ctype(self.dtype)

    @property
    def sum(self) -> str:
        """The C type of a sum."""
        return ctype(self.sums)

    @property
    def factor(self) -> str:
        """The C type in which factors are multiplied."""
        return "float" if self.dtype == "float32" else "int32_t"

    @property
    def wraps(self) -> bool:
        """Whether sums may leave int32: then they are unsigned."""
        return self.sum == MODULAR

    @property
    def is_cast(self) -> bool:
        """Whether a product is not yet of the type of a sum."""
        return self.sum != self.factor

    def product(self, factors: str) -> str:
        """Return the product *factors* as what it is added to."""
        return f"({self.sum})({factors})" if self.is_cast else factors

    def linkage(self, part: OutOfLine, otherwise: str = "") -> str:
        """Return how *part* of it is declared."""
        return f"static CODE{' OUT_OF_LINE' if self.out_of_line == part else otherwise} void"

    def input(self, pixels: int) -> str:
        """Return how the input of a block of *pixels* is declared, behind its type."""
        return f"const input[{pixels}]" if self.runs.by_pointer else "input"

    def pixel(self, number: int) -> str:
        """Return the subscript of a pixel of a block, ready to be added to."""
        if self.runs.by_pointer:
            return f"input[{number}]["
        return f"input[{times(number)}PIXEL_PITCH + " if number else "input["

    def subscripts(self, count: int) -> list[str]:
        """Return those of *count* pixels."""
        return [self.pixel(number) for number in range(count)]

    def block_input(self, input: str, channel: str, offset: str) -> str:
        """Return where the channels of a block from *channel* on read, as an argument.

        *input* is where the pixels are; nothing where each is found through a pointer, then it is
        the place within each. *offset* is that of the group.
        """
        inner = channel if self.lanes else offset
        where = plus(input, inner) if inner else input
        return f"{where}, " if where else ""

    @property
    def has_offsets(self) -> bool:
        """Whether some channel blocks read from another place of a pixel than others."""
        return self.lanes or self.has_groups

    @property
    def channel_blocks(self) -> tuple[int, ...]:
        """The distinct block widths, widest first."""
        return tuple(span.channels for span in self.spans)

    def blocks(self, channels: int) -> int:
        """How many blocks of *channels* channels one pixel takes."""
        return self.groups * sum(span.blocks for span in self.spans if span.channels == channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSums:
    """The sums of an algorithm that has no inner kernel: only what is said of them."""

    name: str
    description: str
    out_of_line: OutOfLine | None = None


class InnerKernel(Protocol):
    """An inner kernel before it is fitted to a layer."""

    def suits(self, weights: Weights, target: Target) -> bool:
        """Whether it can multiply by *weights* on *target*."""
        ...

    def block(self, target: Target) -> tuple[int, int]:
        """Return the most pixels and channels of a block on *target*."""
        ...

    def plan(self, weights: Weights, target: Target, runs: Runs) -> KernelPlan:
        """Fit it to *weights*, ``[matrices, out_c, depth]``, and to input that lies as *runs* say.

        The plan's weights are packed, flat, in the order in which its code reads them.
        """
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
