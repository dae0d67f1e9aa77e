"""Winograd's minimal filtering for 3x3 kernels: F(2x2, 3x3) and F(4x4, 3x3), exact for int8.

A tile d of ``(m + 2) x (m + 2)`` pixels gives ``m x m`` outputs ``A^T [(G g G^T) . (B^T d B)] A``.
For int8 each row of the rational ``G`` is scaled to integers; scaling the columns of ``A^T`` by
what is then missing gives ``4`` or ``576`` times the sums, modulo 2^32. Multiplying by the inverse
of the odd part leaves ``4`` or ``64`` times the sums, exactly, while those stay below 2^29 or 2^25.

Workspace, for T tiles: ``(m + 2)^2 * C * T`` elements, int16 for int8 layers, and ``(m + 2)^2``
sums for each output of one block. ``_ram`` variants transform the weights in each call and need
``(m + 2)^2 * M * C`` elements more; the others store as many in flash.

Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv 1509.09308.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from convgen.model.arithmetic import of_dtype
from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.band import Band
from convgen.plans.buffers import Buffer, buffer
from convgen.plans.constant import Constant
from convgen.plans.conv import winograd_pairs as pairs
from convgen.plans.conv.base import (
    chunk_work,
    ending,
    overflow,
    row_blocks,
    sums_overflow,
    times,
    zero_points,
)
from convgen.plans.conv.inside import least_taps_inside
from convgen.plans.kernels import only_so_many, plan_kernel, too_many_pixels
from convgen.plans.kernels.base import KernelPlan, Runs, Weights
from convgen.plans.kernels.portable import pack
from convgen.plans.order import Blocks, StoreOrder, in_tiles
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.plans.winograd_forms import (
    F2,
    F4,
    Summand,
    WinogradForm,
    has_outside,
    terms,
    tiles_in_row,
)
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target

# F(4x4) in float32 rounds as coarsely as the largest values of a tile, of which an output may see
# none; with fewer than these even random values exceed what the contract allows
LEAST_CHANNELS_4X4 = 8
LEAST_TAPS_4X4 = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WinogradSteps:
    """What ``algorithms/winograd.c.j2`` prints.

    ``tiles`` are transformed before they are multiplied; from one position of them to the next it
    is ``position_elems``. ``in_ram``: weights are transformed in each call; those of a position
    are ``matrix_elems``. ``has_outside``: some tile has pixels outside the image. ``wraps``: sums
    are unsigned and scaled.
    """

    form: WinogradForm
    tiles: int
    pixel_blocks: tuple[int, ...]
    position_elems: int
    matrix_elems: int
    in_ram: bool
    has_outside: bool
    wraps: bool
    kernel_terms: tuple[tuple[Summand, ...], ...]
    output_terms: tuple[tuple[Summand, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Winograd:
    """One form, ``tiles`` at a time, with its weights transformed in flash or in RAM."""

    form: WinogradForm
    tiles: int
    in_ram: bool

    @property
    def name(self) -> str:
        """``winograd_<form>_t<tiles>``, with ``_ram`` where weights are transformed there."""
        return f"winograd_{self.form.name}_t{self.tiles}{'_ram' if self.in_ram else ''}"

    @property
    def family(self) -> str:
        """All are Winograd."""
        return "winograd"

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        count = "1 tile" if self.tiles == 1 else f"{self.tiles} tiles"
        where = "RAM, in each call" if self.in_ram else "flash"
        return f"F({self.form.name}, 3x3), {count} at a time, weights transformed in {where}"

    def _too_many_tiles(self, layer: Conv2d, target: Target, *, in_pairs: bool) -> str | None:
        if self.tiles == 1:
            return None
        row = tiles_in_row(layer.geometry, self.form)
        if self.tiles > row:
            return needs(f"rows of at least {self.tiles} tiles", f"has {row} in a row")
        if in_pairs:
            return only_so_many(self.tiles, max(pairs.shapes(target)))
        return too_many_pixels(self.tiles, target, lanes=False)

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Transform the weights and fit the kernel to the tiles.

        Refuse other kernels, sums that would not be exact, and more tiles than are of use.
        """
        layer = study.layer
        no_pairs = pairs.refused(layer, self.form)
        reason = (
            _too_wide(layer)
            or _wrong_shape(layer.geometry)
            or _inexact(layer, self.form)
            or sums_overflow(layer)
            or self._too_many_tiles(layer, target, in_pairs=no_pairs is None)
        )
        if reason:
            return Refusal(reason)
        if no_pairs:
            return self._plan_portable(study, target, no_pairs)
        return self._plan_pairs(study, target)

    def _plan_pairs(self, study: Study, target: Target) -> Plan:
        layer = study.layer
        steps, output = pairs.plan_steps(study, target, self.form, self.tiles, in_ram=self.in_ram)
        kernel = pairs.kernel_plan(study, steps)
        return Plan(
            variant=self,
            template="algorithms/winograd_pairs.c.j2",
            operator=layer,
            kernel=kernel,
            output=output,
            workspace=pairs.workspace(steps),
            constants=pairs.constants(layer, steps, kernel, output),
            steps=steps,
            orders=self._orders(layer),
            decisions=(*_decisions(self.form, layer), *pairs.decisions(layer, steps)),
            work=pairs.work(layer, steps, output),
            own_assembly=steps.products.assembly,
            notes=pairs.notes(study, target, steps, output),
            band=Band(step=self.form.outputs),
        )

    def _orders(self, layer: Conv2d) -> tuple[StoreOrder, ...]:
        """Return tiles that are multiplied together, as they are or with pixels between kept."""
        g, height, width = layer.geometry, self.form.outputs, self.form.outputs * self.tiles
        order = StoreOrder(stored_by=partial(in_tiles, g, height, width), gathers=True)
        columns = np.arange(width, g.out_w, width) - g.pad_left
        if g.pad_left != 1 or not columns.size or columns[-1] >= g.in_w:
            return (order,)
        kept = partial(_kept, g, order, height, columns)
        between = buffer("between", layer.dtype, height, g.in_c)
        return order, replace(order, kept_by=kept, swap=between)

    def _plan_portable(self, study: Study, target: Target, no_pairs: str) -> Plan:
        layer, g = study.layer, study.layer.geometry
        form = self.form
        transformed = study.transformed(form)
        runs = Runs(pixels=self.tiles, pitch=g.in_c, step=1, group=g.group_in_c)
        wide = of_dtype(layer.dtype)
        weights = Weights(
            values=transformed, given=wide.wider, sums=wide.modular, groups=g.groups, lanes=False
        )
        # a block is as many runs as a tile has positions, and a transform: never worth inlining
        kernel = replace(plan_kernel(weights, target, runs), out_of_line="block")
        row = tiles_in_row(g, form)
        steps = WinogradSteps(
            form=form,
            tiles=self.tiles,
            pixel_blocks=row_blocks(row, kernel.pixels),
            position_elems=self.tiles * g.in_c,
            matrix_elems=g.out_c * g.group_in_c,
            in_ram=self.in_ram,
            has_outside=has_outside(g, form),
            wraps=of_dtype(layer.dtype).is_exact,
            kernel_terms=terms(form.kernel_rows(layer)),
            output_terms=terms(form.output_rows(layer)),
        )
        ends = ending(layer, kernel, known=False)
        return Plan(
            variant=self,
            template="algorithms/winograd.c.j2",
            operator=layer,
            kernel=kernel,
            output=ends.output,
            workspace=_workspace(kernel, steps, layer),
            constants=(
                _weights(kernel, layer) if self.in_ram else _transformed(kernel),
                *ends.tables,
                *((zero_points(layer, g.in_c),) if steps.has_outside else ()),
            ),
            steps=steps,
            orders=self._orders(layer),
            decisions=_decisions(form, layer),
            work=_work(kernel, steps, g, row) + ends.work,
            rounds_coarsely=form is F4 and not of_dtype(layer.dtype).is_exact,
            notes=_notes(layer, no_pairs),
            band=Band(step=form.outputs),
        )


def _kept(g: Geometry, order: StoreOrder, height: int, columns: NDArray[np.int64]) -> Blocks:
    """Return the block that keeps each pixel: of a tile's first rows, left of the next tiles.

    Where input and output have the same shape and the input begins ``pad_top`` rows above the
    output, these are all the pixels that a block overwrites and a later one reads.
    """
    kept = np.full((g.in_h, g.in_w), order.blocks)
    rows = np.arange(min(g.in_h, g.out_h - g.pad_top))
    before = order.stored[rows + g.pad_top][:, columns + g.pad_left - 1]
    kept[np.ix_(rows, columns)] = before
    return kept


def _wrong_shape(g: Geometry) -> str | None:
    if (g.k_h, g.k_w) != (3, 3):
        return needs("a 3x3 kernel", f"has {g.k_h}x{g.k_w}")
    if (g.stride_h, g.stride_w, g.dilation_h, g.dilation_w) != (1, 1, 1, 1):
        return needs(
            "stride 1x1 and dilation 1x1",
            f"has stride {g.stride_h}x{g.stride_w}, dilation {g.dilation_h}x{g.dilation_w}",
        )
    if g.is_depthwise:
        several = "several input channels for each output, or transforms cost more than they save"
        return needs(several, "has 1")
    return None


def _too_wide(layer: Conv2d) -> str | None:
    """Refuse what has no transformed tiles of 16 bits, or of float32."""
    numbers = of_dtype(layer.dtype)
    if numbers.is_byte or not numbers.is_exact:
        return None
    return needs("int8 or float32", f"is {layer.dtype}")


def _inexact(layer: Conv2d, form: WinogradForm) -> str | None:
    """Say why *form* would not be exact for int8, or not within the bound for float32."""
    if of_dtype(layer.dtype).is_exact:
        return overflow(*layer.product_range, bits=31 - form.shift)
    if form is not F4:
        return None
    if layer.geometry.group_in_c < LEAST_CHANNELS_4X4:
        channels = layer.geometry.group_in_c
        least = f"at least {LEAST_CHANNELS_4X4} input channels for each output in float32"
        return needs(f"{least}, or it rounds too coarsely", f"has {channels}")
    taps = least_taps_inside(layer.geometry)
    if taps < LEAST_TAPS_4X4:
        least = f"outputs that see at least {LEAST_TAPS_4X4} taps of the image in float32"
        return needs(f"{least}, or it rounds too coarsely", f"has some that see {taps}")
    return None


def _workspace(kernel: KernelPlan, steps: WinogradSteps, layer: Conv2d) -> tuple[Buffer, ...]:
    g, form, arithmetic = layer.geometry, steps.form, of_dtype(layer.dtype)
    block = kernel.pixels * kernel.channel_blocks[0]
    products = buffer("products", arithmetic.modular, form.positions, block)
    transformed = buffer("transformed", arithmetic.wider, form.positions, g.out_c, g.group_in_c)
    tiles = buffer("tiles", arithmetic.wider, form.positions, steps.tiles, g.in_c)
    return (products, *((transformed,) if steps.in_ram else ()), tiles)


def _transformed(kernel: KernelPlan) -> Constant:
    comment = f"transformed, {kernel.packing}"
    return Constant(name="weights", values=kernel.weights, comment=comment)


def _weights(kernel: KernelPlan, layer: Conv2d) -> Constant:
    """Return the weights as given, whole kernels in the order of the transformed ones."""
    g = layer.geometry
    kernels = layer.weights.reshape(g.out_c, g.taps, g.group_in_c).swapaxes(1, 2)
    return Constant(
        name="weights",
        values=pack(kernels[None], kernel.groups, kernel.spans),
        comment="[channel block][depth][channel][tap], to be transformed in each call",
    )


def _decisions(form: WinogradForm, layer: Conv2d) -> tuple[str, ...]:
    saved = (
        f"{form.positions} products for {form.outputs**2} outputs instead of {9 * form.outputs**2}."
    )
    if not of_dtype(layer.dtype).is_exact:
        coarse = "Rounds as coarsely as the largest values of a tile, seen by an output or not."
        return (saved, coarse) if form is F4 else (saved,)
    low, high = layer.product_range
    largest = max(int(-low.min()), int(high.max()))
    return (
        saved,
        f"Sums stay within {largest:,}, below 2^{31 - form.shift}: exact modulo 2^32.",
    )


def _notes(layer: Conv2d, no_pairs: str) -> tuple[str, ...]:
    if not of_dtype(layer.dtype).is_exact:
        return ()
    return (f"Plain C: multiplying two channels at once {no_pairs}.",)


def _work(kernel: KernelPlan, steps: WinogradSteps, g: Geometry, row: int) -> Counter[str]:
    """Count the transforms of a tile, and a GEMM for each position."""
    form = steps.form
    tile_rows = -(-g.out_h // form.outputs)
    tiles = tile_rows * row
    of_row = chunk_work(kernel, steps.pixel_blocks, row, steps.tiles)
    work = times(of_row, form.positions * tile_rows)
    own = f"winograd_{form.name}"
    work[f"{own}.tile"] += tiles
    work[f"{own}.input"] += tiles * g.in_c
    work[f"{own}.output"] += tiles * g.out_c
    work[f"{own}.weights"] += steps.matrix_elems if steps.in_ram else 0
    return work


VARIANTS = tuple(
    Winograd(form=form, tiles=tiles, in_ram=in_ram)
    for form in (F2, F4)
    for tiles in (1, 2, 4)
    for in_ram in (False, True)
)
