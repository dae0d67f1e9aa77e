"""A fully connected layer whose input comes in slices: a sum for each output.

Workspace: the sums, int32 or float32. A slice is any number of elements.

With DSP instructions a halfword of weights holds ``256 * w1 + w0`` of two channels, as in
`convgen.plans.kernels.smlad`; the sums with it are taken apart at the end of each slice, so that
few enough elements never leave 24 bits. Elements are multiplied in groups of four, (0, 2), (1, 3),
that begin at a multiple of four of the layer's input: what a slice lacks of its first and last
group is zero.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from convgen.model.arithmetic import of_dtype
from convgen.model.ops.conv2d import Conv2d
from convgen.model.quantize import INT8
from convgen.plans.assembly import Assembly
from convgen.plans.band import Band, InputSlices
from convgen.plans.constant import Constant
from convgen.plans.conv.base import folded_bias, packed, sum_buffer, sums_overflow
from convgen.plans.kernels import instruction_set, plan_kernel
from convgen.plans.kernels.base import KernelPlan, OwnSums, Runs, patch_weights
from convgen.plans.kernels.finishing import no_pairs
from convgen.plans.kernels.smlad import SCALE
from convgen.plans.order import StoreOrder, at_once
from convgen.plans.output import step_by_step
from convgen.plans.plan import Plan
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

GROUP = 4
MOST_APART = 2**23
"""Sums from which on two in a word cannot be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairForm:
    """A function for ``blocks`` of so many ``channels``, from channel ``first`` on.

    The input has so many ``groups`` of four elements, the last perhaps in part.
    """

    channels: int
    blocks: int
    first: int
    groups: int

    @property
    def pairs(self) -> int:
        """Pairs of channels of a block."""
        return self.channels // 2

    @property
    def start(self) -> int:
        """Where its weights begin, in words."""
        return self.first * self.groups

    @property
    def block_words(self) -> int:
        """Words of weights of a block."""
        return self.channels * self.groups

    @property
    def sum_bytes(self) -> int:
        """Bytes of the sums of all blocks."""
        return 4 * self.blocks * self.channels

    @property
    def block_bytes(self) -> int:
        """The same in bytes."""
        return 4 * self.block_words


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceSteps:
    """What ``algorithms/accumulate.c.j2`` prints: ``template`` has the products.

    ``pixel_blocks`` are those of an inner kernel, ``forms`` the functions that take channels in
    pairs, so many ``groups`` of elements at once, where a slice may have more. ``finishes``: the
    sums become outputs.
    """

    template: str
    forms: tuple[PairForm, ...] = ()
    groups: int | None = None
    finishes: bool = True

    pixel_blocks: ClassVar[tuple[int, ...]] = (1,)
    has_outside: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceProducts:
    """What multiplies a slice, and what it counts."""

    steps: SliceSteps
    kernel: KernelPlan | OwnSums
    weights: Constant
    sums: int
    work: Counter[str]
    assembly: Assembly | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SumsOfElements:
    """A sum for each output."""

    name: str = "accumulate_connected"
    family: str = "accumulate_connected"
    summary: str = "sums of products with what comes in slices, kept from one to the next"

    def plan(self, layer: Conv2d, target: Target, calls: int) -> Plan | Refusal:
        """Keep a sum for each output; refuse what is more than one pixel of the whole input."""
        g = layer.geometry
        reason = _not_connected(layer) or sums_overflow(layer)
        if reason:
            return Refusal(reason)
        found = products(layer, target, calls)
        output, starts = step_by_step(layer), folded_bias(layer)
        return Plan(
            variant=self,
            template="algorithms/accumulate.c.j2",
            operator=layer,
            kernel=found.kernel,
            output=output,
            workspace=(sum_buffer("partial", layer, found.sums),),
            constants=(
                found.weights,
                *((starts,) if starts.values.any() else ()),
                *output.constants,
            ),
            steps=found.steps,
            orders=(StoreOrder(stored_by=partial(at_once, g), gathers=True),),
            decisions=(),
            work=found.work + Counter({"slice.call": calls, "slice.output": g.out_c}),
            band=Band(accumulates=InputSlices(rows=g.in_elems, row_elems=1)),
            own_assembly=found.assembly,
            notes=found.notes,
        )


def _not_connected(layer: Conv2d) -> str | None:
    """Say that an output is not a sum over the whole input, if so."""
    g = layer.geometry
    if g.groups > 1:
        return needs("1 group", f"has {g.groups}")
    if g.out_pixels > 1 or g.patch_elems != g.in_elems or g.has_padding:
        windows = f"has {g.out_pixels:,} of {g.k_h}x{g.k_w}"
        return needs("one window that is the whole image", windows)
    return None


def products(layer: Conv2d, target: Target, calls: int) -> SliceProducts:
    """Return those in assembly, where the core has some and the weights suit them."""
    slices = instruction_set(target).slices
    if not of_dtype(layer.dtype).is_byte or slices is None or not target.has("unaligned"):
        return _in_blocks(layer, target, calls)
    refused = no_pairs(layer)
    if refused is None:
        return _in_pairs(layer, slices.assembly, calls)
    notes = (f"Plain C: the kernel in assembly {refused}.",)
    return replace(_in_blocks(layer, target, calls), notes=notes)


def _in_blocks(layer: Conv2d, target: Target, calls: int) -> SliceProducts:
    """Return the products of an inner kernel in plain C."""
    depth = layer.geometry.in_elems
    runs = Runs(pixels=1, pitch=depth, step=1, group=depth)
    kernel = plan_kernel(patch_weights(layer), target, runs)
    work: Counter[str] = Counter()
    for channels in kernel.channel_blocks:
        blocks = kernel.blocks(channels)
        work["slice.block"] += calls * blocks
        work["slice.sum"] += calls * blocks * channels
        work["slice.load"] += depth * blocks * (channels + 1)
        work["slice.mac"] += depth * blocks * channels
    return SliceProducts(
        steps=SliceSteps(template="parts/slice_blocks.c.j2"),
        kernel=kernel,
        weights=packed(kernel),
        sums=layer.geometry.out_c,
        work=work,
    )


def _in_pairs(layer: Conv2d, assembly: Assembly, calls: int) -> SliceProducts:
    """Return the products of two channels in a halfword."""
    forms = tuple(_forms(layer))
    last = forms[-1]
    work: Counter[str] = Counter()
    for form in forms:
        work[f"slice.block_{form.channels}"] += calls * form.blocks
        work[f"slice.group_{form.channels}"] += form.blocks * form.groups
    return SliceProducts(
        steps=SliceSteps(
            template="parts/slice_pairs.c.j2", forms=forms, groups=_groups_at_once(layer, last)
        ),
        kernel=OwnSums(name="slice", description="SMLAD, weights of two channels in int16"),
        weights=Constant(
            name="weights",
            values=np.concatenate([_pack(layer, form) for form in forms]),
            comment="256 * w1 + w0 of each 2 channels of a block, for each two elements of four",
        ),
        sums=last.first + last.channels * last.blocks,
        work=work,
        assembly=assembly,
    )


def _forms(layer: Conv2d) -> Iterator[PairForm]:
    """Yield blocks of four channels, of which one may be none, and what is left in a pair."""
    groups, out_c = -(-layer.geometry.in_elems // GROUP), layer.geometry.out_c
    fours = (out_c + 1) // 4
    if fours:
        yield PairForm(channels=4, blocks=fours, first=0, groups=groups)
    if 4 * fours < out_c:
        yield PairForm(channels=2, blocks=1, first=4 * fours, groups=groups)


def _groups_at_once(layer: Conv2d, last: PairForm) -> int | None:
    """Return how many groups' sums can be told apart, wherever they begin; None of all."""
    matrix = _padded(layer, 0, last.first + last.channels * last.blocks)
    upper = np.abs(matrix[1::2]).reshape(len(matrix) // 2, last.groups, GROUP).sum(axis=2)
    until = np.pad(upper.cumsum(axis=1), ((0, 0), (1, 0))) * -INT8.min

    def tells_apart(count: int) -> bool:
        return bool((until[:, count:] - until[:, :-count]).max() < MOST_APART)

    if tells_apart(last.groups):
        return None
    return bisect_left(range(1, last.groups), True, key=lambda count: not tells_apart(count))


def _padded(layer: Conv2d, first: int, last: int) -> NDArray[np.int64]:
    """Return the weights of channels *first* to *last* - 1, and nought where there are none."""
    elems = layer.geometry.in_elems
    matrix = np.zeros((last - first, -(-elems // GROUP) * GROUP), np.int64)
    some = layer.weights.reshape(layer.geometry.out_c, elems)[first:last]
    matrix[: len(some), :elems] = some
    return matrix


def _pack(layer: Conv2d, form: PairForm) -> NDArray[np.uint32]:
    """Return the weights of a form: ``[block][group][step][pair]``."""
    matrix = _padded(layer, form.first, form.first + form.blocks * form.channels)
    lower, upper = matrix.reshape(form.blocks, form.pairs, 2, -1).swapaxes(0, 2).swapaxes(1, 2)
    halves = (SCALE * upper + lower) & 0xFFFF
    steps = halves.reshape(form.blocks, form.pairs, form.groups, 2, 2)
    words = steps[:, :, :, 0] | steps[:, :, :, 1] << 16
    return words.transpose(0, 2, 3, 1).astype(np.uint32).reshape(-1)


CONNECTED = SumsOfElements()
