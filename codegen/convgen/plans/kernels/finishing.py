"""What a finishing kernel is: functions from pixels to requantised outputs of all channels.

Sums stay in registers from the first product to the output, and one stream holds all constants
in order of use. It knows the whole layer, where an inner kernel knows only its weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.assembly import Assembly
from convgen.plans.kernels import forms
from convgen.plans.kernels.base import OutOfLine, Runs, no_bytes
from convgen.plans.kernels.forms import EdgeLimits, Form, Unrolling
from convgen.plans.lines import Lines
from convgen.plans.output import Requantize
from convgen.plans.study import Study
from convgen.plans.upper_half import UpperHalf
from convgen.refusal import Refusal, counted, needs
from convgen.targets.target import Target


@dataclass(frozen=True, kw_only=True, eq=False)
class FinishingPlan(ABC):
    """A finishing kernel fitted to a layer: what its template prints.

    ``forms`` are the functions it needs. Outputs of ``channels`` channels are a block. What
    ``copying`` prints copies bytes; None where C does.
    """

    layer: Conv2d
    runs: Runs
    forms: tuple[Form, ...]
    channels: int
    out_of_line: OutOfLine | None = None

    template: ClassVar[str]
    sizes: ClassVar[str]
    copying: ClassVar[str | None] = None
    finishes: ClassVar[bool] = True

    @property
    @abstractmethod
    def name(self) -> str:
        """What its prices are found by."""

    @property
    @abstractmethod
    def output(self) -> Lines | Requantize | UpperHalf:
        """How its sums become outputs."""

    @property
    @abstractmethod
    def assembly(self) -> Assembly:
        """What its assembly needs."""

    @property
    @abstractmethod
    def description(self) -> str:
        """A sentence for the header comment."""

    @property
    @abstractmethod
    def packing(self) -> str:
        """The order of the constants."""

    @property
    @abstractmethod
    def weights(self) -> NDArray[np.uint32]:
        """All constants."""

    @property
    def pixels(self) -> int:
        """The most pixels a function takes."""
        return max(form.pixels for form in self.forms)

    @property
    def depth(self) -> int:
        """Products of one sum."""
        return self.layer.geometry.patch_elems

    @property
    def blocks(self) -> int:
        """Blocks of channels."""
        return -(-self.layer.geometry.out_c // self.channels)

    @property
    def pitch(self) -> int | None:
        """Elements from pixel to pixel."""
        return self.runs.pitch

    @property
    def reads_bytes(self) -> bool:
        """Whether it reads int8, not patches of int16."""
        return self.forms[0].source != "pairs"

    @property
    def reads_taps(self) -> bool:
        """Whether the edges are read tap by tap."""
        return self.forms[-1].source in ("taps", "masked")

    @property
    def edge_points_outside(self) -> bool:
        """Whether the edges are read through pointers, or copied: from zero points too."""
        return self.forms[-1].source != "masked" and self.out_of_line == "edge"

    @property
    def edge(self) -> str:
        """The template of what calls the last function, that of the edges."""
        parts = {"taps": "taps", "masked": "mask"}
        return f"parts/edge_by_{parts.get(self.forms[-1].source, 'patch')}.c.j2"

    def work(self, form: Form, calls: int) -> Counter[str]:
        """Count the work of *calls* calls of one function."""
        blocks = calls * self.blocks
        unit = f"{self.name}_{form.pixels}"
        counts = Counter({f"{unit}.call": calls, f"{unit}.block": blocks})
        counts += Counter(dict.fromkeys((f"{unit}.{each}" for each in self.extras), blocks))
        return counts + self._run_work(form, blocks, unit)

    @property
    @abstractmethod
    def extras(self) -> tuple[str, ...]:
        """What the sums of a block take more than usual, as units of work."""

    def _run_work(self, form: Form, blocks: int, unit: str) -> Counter[str]:
        if form.source == "pairs":
            loop = form.loop
            return Counter({f"{unit}.step": blocks * (loop.iterations * loop.repeat + loop.rest)})
        runs = blocks * self.depth // form.run_elems
        source = "taps" if form.source == "masked" else form.source
        counts = Counter(
            {
                f"{unit}.{source}.run": runs,
                f"{unit}.group": runs * form.groups,
                f"{unit}.tail": runs * len(form.tail_steps),
            }
        )
        if form.loop.loops:
            counts[f"{unit}.loop"] = runs * form.loop.iterations
        return counts


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamedPlan(FinishingPlan):
    """A finishing kernel whose constants are a stream, block after block.

    The last block starts ``back`` channels early where they do not divide the layer's: in Thumb,
    ``stepping_back`` moves r0 by so many outputs as r2 says. The outputs of a block are ``apart``
    pixels from each other.
    """

    apart: int = 1

    stepping_back: ClassVar[str] = "subs r0, r2"

    @abstractmethod
    def block(self, channel: int) -> NDArray[np.int64]:
        """Return the constants of the block from *channel* on, modulo 2^32."""

    @cached_property
    def stream(self) -> NDArray[np.uint32]:
        """The blocks' constants in order of use; what else there is, comes behind."""
        words = np.concatenate([self._stepping(block) for block in range(self.blocks)])
        return (words & 0xFFFFFFFF).astype(np.uint32)

    @property
    def weights(self) -> NDArray[np.uint32]:
        """All constants."""
        return self.stream

    @property
    def stream_bytes(self) -> int:
        """Size of the stream."""
        return self.stream.nbytes

    def stream_bytes_of(self, form: Form) -> int:
        """Return the size of that of one function."""
        return self.stream_bytes if form.stream is None else 4 * form.stream

    @property
    def out_pitch(self) -> int:
        """Elements from an output of a block to that of the next pixel."""
        return self.apart * self.layer.geometry.out_c

    @property
    def out_pitch_name(self) -> str:
        """The same as a macro."""
        return "OUT_C" if self.apart == 1 else "OUT_STEP"

    def _stepping(self, block: int) -> NDArray[np.int64]:
        """Return a block's constants, the last of them how far back the next block begins."""
        left = self.blocks - 1 - block
        constants = self.block(block * self.channels - (0 if left else self.back))
        if not self.back:
            return constants
        return np.append(constants, self.back if left == 1 else 0)

    @property
    def back(self) -> int:
        """Channels that the last block has in common with the one before."""
        return self.blocks * self.channels - self.layer.geometry.out_c

    @property
    def stepping(self) -> str:
        """What the packing says of a block's last constant."""
        return "; how far back the next outputs begin" if self.back else ""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinedPlan(StreamedPlan):
    """A finishing kernel that requantises by ``lines``."""

    lines: Lines

    @property
    def output(self) -> Lines:
        """The lines."""
        return self.lines

    @property
    def extras(self) -> tuple[str, ...]:
        """Addends of negative sums or a second rounding, and a second saturation."""
        bent = self.lines.bends or self.lines.rounds
        clamped = self.lines.clamp.middle is not None
        return (*(("bent",) if bent else ()), *(("clamp",) if clamped else ()))


class FinishingKernel(Protocol):
    """A finishing kernel before it is fitted to a layer."""

    @property
    def unrolling(self) -> Unrolling:
        """How it goes along a run."""
        ...

    @property
    def edge_limits(self) -> EdgeLimits:
        """What a pixel at the edge may keep on the stack."""
        ...

    def edge(self, geometry: Geometry, runs: Runs) -> Form | None:
        """Return the function for a pixel at the edge of the image; None where there is none."""
        ...

    def runs_on(self, target: Target) -> bool:
        """Whether *target* has its instructions."""
        ...

    def fit(self, study: Study) -> Fitting[FinishingPlan] | Refusal:
        """Return what it needs to know to do a layer, or say in a sentence why it cannot."""
        ...

    def most_pixels(self, layer: Conv2d, pitch: int) -> int:
        """Return how many pixels, *pitch* elements apart, a function takes."""
        ...

    def too_far(self, layer: Conv2d, pitch: int) -> str | None:
        """Say in a sentence that it takes fewer pixels than it could, *pitch* elements apart."""
        ...


P_co = TypeVar("P_co", bound=FinishingPlan, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitting(Generic[P_co]):
    """A finishing kernel that suits a layer: ``planned`` makes its plan of runs and functions."""

    kernel: FinishingKernel
    layer: Conv2d
    planned: Callable[..., P_co]

    def most_pixels(self, pitch: int | None) -> int:
        """Return how many pixels, *pitch* elements apart, a function takes."""
        return self.kernel.most_pixels(self.layer, pitch or 0)

    def too_far(self, pitch: int) -> str | None:
        """Say in a sentence that it takes fewer pixels than it could, *pitch* elements apart."""
        return self.kernel.too_far(self.layer, pitch)

    def rows(self, pixels: int, runs: Runs) -> Form:
        """Return the function that reads the input of *pixels* where it is."""
        return forms.rows(pixels, runs, self.layer.geometry.patch_elems, self.kernel.unrolling)

    def edge(self, runs: Runs) -> Form | Refusal:
        """Return the function for a pixel at the edge of the image, or why there is none."""
        g, limits = self.layer.geometry, self.kernel.edge_limits
        return self.kernel.edge(g, runs) or Refusal(
            needs(
                f"for pixels at the edge at most {limits.taps} taps, or a patch of at most "
                f"{limits.patch} elements",
                f"has {g.taps} taps of {g.in_c} channels",
            )
        )

    def plan(self, runs: Runs, forms: tuple[Form, ...]) -> P_co:
        """Return the kernel with functions *forms* along *runs*."""
        return self.planned(layer=self.layer, runs=runs, forms=forms)


LEAST_NIBBLE = -7  # of which four, in a halfword, each borrow from the next
LEAST_PAIRED = -127  # two weights in a word: what the product with the lower one may borrow


def no_blocks(layer: Conv2d, least: int) -> str | None:
    """Refuse what has no blocks of *least* int8 channels with the same inputs."""
    return no_bytes(layer) or too_few_channels(layer, least)


def too_few_channels(layer: Conv2d, least: int) -> str | None:
    """Refuse what has no blocks of *least* channels with the same inputs."""
    g = layer.geometry
    if g.groups > 1:
        return needs("1 group", f"has {g.groups}")
    if g.out_c < least:
        return needs(f"at least {least} output channels", f"has {g.out_c}")
    return None


def beyond(farthest: int, most: int) -> str:
    """Say that the pixels of a layer lie too far apart."""
    return needs(f"pixels at most {most:,} bytes apart", f"has some {farthest:,} apart")


def no_nibbles(layer: Conv2d) -> str | None:
    """Refuse weights of which four do not fit into a halfword."""
    low, high = int(layer.weights.min()), int(layer.weights.max())
    if low >= LEAST_NIBBLE and high <= -LEAST_NIBBLE:
        return None
    return needs("weights from -7 to 7", f"has weights from {low} to {high}")


def no_pairs(layer: Conv2d) -> str | None:
    """Refuse weights of which two do not fit into one word."""
    smallest = layer.weights.min(axis=(1, 2, 3))
    channels = np.flatnonzero(smallest < LEAST_PAIRED)
    if not channels.size:
        return None
    others = f" and {counted(channels.size - 1, 'other')}" if channels.size > 1 else ""
    where = f"output channel {channels[0]}{others}"
    return needs(f"weights from {LEAST_PAIRED} on", f"has {smallest.min()} in {where}")
