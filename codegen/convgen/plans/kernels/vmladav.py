"""Helium: sixteen products of bytes in each ``VMLADAVA``, in assembly.

A block is 2 pixels x 4 channels: eight sums take all the registers that ``VMLADAVA`` can add to.
Inputs are read where they are, sixteen at a time; the last of a run by a predicate, so that no byte
is read behind it. One stream holds all constants in order of use: where sums start, weights as
int8, of what is left of a run as many bytes as that has, multipliers, shifts.

Sums of four channels become outputs at once. ``VQRDMULH`` is TensorFlow Lite's first rounding step
and ``VRSHL``, of a number less by one where it is negative, the second; where it rounds once,
``VQDMULH`` cuts off what ``VRSHL`` would not see anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.ctext.assembler import Role
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import assembly
from convgen.plans.assembly import Assembly
from convgen.plans.kernels import forms
from convgen.plans.kernels.base import Runs
from convgen.plans.kernels.finishing import Fitting, StreamedPlan, no_blocks
from convgen.plans.kernels.forms import EdgeLimits, Form, Unrolling, Walk
from convgen.plans.output import Requantize, step_by_step
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

PIXELS, CHANNELS = 2, 4
VECTOR = 16  # bytes
SUMS = (("r0", "r2", "r4", "r6"), ("r8", "r10", "r12", "lr"))  # by pixel, by channel
INPUTS, OUTPUTS = ("r9", "r11"), ("r7", "r3")  # by pixel
WEIGHTS = ("q2", "q3")  # in turn, so that one is loaded while the other is multiplied
FARTHEST = 4095  # what an ADD or SUB holds
FINER = Refusal(needs("outputs at least twice as coarse as sums", "has finer ones"))
KEPT = 12  # bytes of the stack in front of counts: the end of the constants and both inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A pixel of a block: where its inputs and outputs are, a vector of either, its sums."""

    input: str
    output: str
    vector: str
    sums: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A vector of inputs, times a vector of weights, is added to a sum."""

    sum: str
    vector: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """An output channel of a block: the vector of its weights, and the products with it."""

    weights: str
    products: tuple[Product, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A loop over runs: counted at ``slot`` of the stack, or in r1 where that is None.

    ``skips`` are instructions that lead to where the next run begins.
    """

    walk: Walk
    slot: int | None
    skips: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class VmladavPlan(StreamedPlan):
    """The kernel fitted to a layer: what ``kernels/mve/vmladav.c.j2`` prints."""

    requantize: Requantize

    template = "kernels/mve/vmladav.c.j2"
    sizes = "kernels/mve/vmladav_sizes.c.j2"
    copying = "kernels/mve/copy.c.j2"
    name = "vmladav"
    extras = ()

    @property
    def output(self) -> Requantize:
        """TensorFlow Lite's own steps."""
        return self.requantize

    @property
    def assembly(self) -> Assembly:
        """Helium's integer instructions."""
        return assembly.MVE

    @property
    def description(self) -> str:
        """A sentence for the header comment."""
        return f"VMLADAVA, {self.pixels} x 4 (pixels x channels) in registers, 16 products at once"

    @property
    def packing(self) -> str:
        """The order of the constants."""
        return (
            "for each 4 channels: 4 starts; for each 16 elements of a run, and for what is left of "
            f"it, the weights of 4 channels; then multipliers and shifts{self.stepping}"
        )

    @property
    def weight_words(self) -> int:
        """Words that the weights of a block take."""
        return -(-self.depth * CHANNELS // 4)

    def lanes(self, form: Form) -> tuple[Lane, ...]:
        """Return the pixels of a block."""
        return tuple(
            Lane(input=INPUTS[i], output=OUTPUTS[i], vector=f"q{i}", sums=SUMS[i])
            for i in range(form.pixels)
        )

    def channels_of(self, form: Form) -> tuple[Channel, ...]:
        """Return the output channels of a block."""
        lanes = self.lanes(form)
        return tuple(
            Channel(
                weights=WEIGHTS[channel % 2],
                products=tuple(
                    Product(sum=lane.sums[channel], vector=lane.vector) for lane in lanes
                ),
            )
            for channel in range(CHANNELS)
        )

    def predicate(self, form: Form) -> str:
        """Return the instruction by which the next load of each pixel obeys the predicate."""
        return f"vps{'t' * form.pixels}"

    def counts(self, form: Form) -> tuple[Count, ...]:
        """Return the loops over runs, outermost first; r1 counts the innermost of all loops."""
        by_pointer = form.source == "taps"
        near = by_pointer or all(abs(walk.skip) <= FARTHEST for walk in form.walk)
        free = near and not form.loop.loops
        return tuple(
            Count(
                walk=walk,
                slot=None if free and place == len(form.walk) - 1 else KEPT + 4 * place,
                skips=() if by_pointer else tuple(_moved(self.lanes(form), walk.skip)),
            )
            for place, walk in enumerate(form.walk)
        )

    def roles(self, form: Form) -> tuple[Role, ...]:
        """Return what registers hold beside counts and constants."""
        lanes = self.lanes(form)
        each = "each pixel" if len(lanes) > 1 else "the pixel"
        return (
            Role(tuple(lane.input for lane in lanes), f"where inputs of {each} are read"),
            Role(tuple(lane.output for lane in lanes), f"where outputs of {each} are stored"),
            *((Role(("r11",), "the pointer to the next tap"),) if form.source == "taps" else ()),
            *(Role(lane.sums, "sums of a pixel: of channel 0, of channel 1 ...") for lane in lanes),
            Role(tuple(lane.vector for lane in lanes), f"inputs of {each}, then outputs"),
            Role(WEIGHTS, "weights; in the end multipliers and shifts"),
        )

    def frame(self, form: Form) -> int:
        """Bytes of the stack that a function takes, beside saved registers."""
        return KEPT + 4 * len(form.levels)

    def block(self, channel: int) -> NDArray[np.int64]:
        """Return the constants of four channels."""
        some = slice(channel, channel + CHANNELS)
        starts = self.layer.folded_bias[some].astype(np.int64)
        multiplier, right = right_shifts(self.requantize, self.layer.geometry.out_c)
        return np.concatenate([starts, self._weights(some), multiplier[some], -right[some]])

    def _weights(self, some: slice) -> NDArray[np.int64]:
        """Return the words that hold the weights of a block in order of use."""
        runs = self.layer.weights[some].reshape(CHANNELS, -1, self.forms[0].run_elems)
        cuts = range(0, runs.shape[2], VECTOR)
        packed = [
            runs[:, run, first : first + VECTOR].ravel()
            for run in range(runs.shape[1])
            for first in cuts
        ]
        return np.concatenate(packed).view("<i4").astype(np.int64)

    def _run_work(self, form: Form, blocks: int, unit: str) -> Counter[str]:
        runs = blocks * self.depth // form.run_elems
        loops = runs * form.loop.iterations if form.loop.loops else 0
        source = "taps" if form.source == "taps" else "rows"
        return Counter(
            {
                f"{unit}.{source}.run": runs if form.levels else 0,
                f"{unit}.group": runs * form.groups,
                f"{unit}.tail": runs if form.tail else 0,
                f"{unit}.loop": loops,
            }
        )


def _moved(lanes: tuple[Lane, ...], skip: int) -> Iterator[str]:
    """Yield what moves the inputs by *skip* bytes."""
    if abs(skip) > FARTHEST:
        yield f"ldr r1, ={skip}"
        yield from (f"add {lane.input}, r1" for lane in lanes)
    elif skip:
        way = "add" if skip > 0 else "sub"
        yield from (f"{way} {lane.input}, {lane.input}, #{abs(skip)}" for lane in lanes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vmladav:
    """The kernel."""

    unrolling: ClassVar[Unrolling] = Unrolling(group=VECTOR, most=(12, 12))
    edge_limits: ClassVar[EdgeLimits] = EdgeLimits(taps=25, patch=256)

    def edge(self, geometry: Geometry, runs: Runs) -> Form | None:
        """Go by pointers to taps, or copy the patch."""
        return forms.edge(geometry, runs, self.unrolling, self.edge_limits, forms.taps)

    def runs_on(self, target: Target) -> bool:
        """It is for Helium."""
        return target.has("mve")

    def fit(self, study: Study) -> Fitting[VmladavPlan] | Refusal:
        """Refuse channels that are no blocks, and scales that are no shifts to the right."""
        layer = study.layer
        if reason := no_blocks(layer, CHANNELS):
            return Refusal(reason)
        output = requantized(layer)
        if output is None:
            return FINER
        planned = partial(VmladavPlan, requantize=output, channels=CHANNELS)
        return Fitting(kernel=self, layer=layer, planned=planned)

    def most_pixels(self, layer: Conv2d, pitch: int) -> int:
        """Each pixel of a block has a pointer of its own."""
        return PIXELS

    def too_far(self, layer: Conv2d, pitch: int) -> str | None:
        """Nothing is."""
        return None


def requantized(layer: Conv2d) -> Requantize | None:
    """Return the steps to outputs, if what the multiplication leaves is shifted by a bit or more.

    Only then ``VRSHL`` rounds as TensorFlow Lite does.
    """
    output = step_by_step(layer)
    if not isinstance(output, Requantize):
        return None
    least = int(output.shift.min())
    rounds = least > 31 if output.form == "single" else output.form == "double_right"
    return output if rounds else None


def right_shifts(output: Requantize, channels: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return of each channel the multiplier, and the shift behind the multiplication."""
    done = 31 if output.form == "single" else 0
    each = (output.multiplier, output.shift)
    multiplier, shift = (np.broadcast_to(one, channels).astype(np.int64) for one in each)
    return multiplier, shift - done
