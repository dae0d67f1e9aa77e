"""The pieces that most algorithms of convolutions share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from convgen.model.arithmetic import of_dtype
from convgen.model.ops.conv2d import Conv2d
from convgen.plans import algorithm
from convgen.plans.buffers import Buffer, buffer
from convgen.plans.constant import Constant
from convgen.plans.kernels.base import MOST_UNROLLED, KernelPlan
from convgen.plans.kernels.finishing import FinishingPlan
from convgen.plans.kernels.portable import MANY_REGISTERS, WORKING
from convgen.plans.lines import Lines
from convgen.plans.output import Output, Requantize, step_by_step
from convgen.plans.study import Study
from convgen.refusal import needs

Algorithm = algorithm.Algorithm[Study]
"""One way to compute a convolution: a variant of a family, such as ``im2col_p2`` of ``im2col``."""

RUN_UNROLLED, BLOCK_UNROLLED = 150, 170
"""The most loads and products in a run, and in all runs of a block, that GCC unrolls at -O3."""

LOOP_UNROLLED = 300
"""The same of a loop over blocks of a pixel, or over groups; an output is `FINISHED` more."""

FINISHED = 20

DEPTHWISE_SCALE = 256
"""Of weights, so that they just fit into 16 bits: coarser scales have fewer lines."""


def with_weights_of(bits: int, name: str) -> str:
    """Return the id of the variant of *name* whose weights take so many *bits* each in flash.

    >>> with_weights_of(8, "direct"), with_weights_of(16, "direct")
    ('direct', 'direct_w16')
    """
    return name if bits == 8 else f"{name}_w{bits}"


def weights_of(bits: int) -> str:
    """Return what a summary says of weights that take so many *bits*: nothing of 8."""
    return "" if bits == 8 else f"; weights take {bits} bits each in flash"


def sums_overflow(layer: Conv2d) -> str | None:
    """Say in a sentence that the sums of an int8 layer can leave int32, if they can."""
    if not of_dtype(layer.dtype).is_byte:
        return None
    return overflow(*layer.accumulator_range, bits=31)


def overflow(low: NDArray[np.int64], high: NDArray[np.int64], *, bits: int) -> str | None:
    """Say in a sentence that sums between *low* and *high* reach ``2**bits``, if they do."""
    largest = max(int(-low.min()) - 1, int(high.max()))
    if largest < 2**bits:
        return None
    return needs(f"sums below 2^{bits} to be exact", f"has sums of up to {largest:,}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ending:
    """How the sums of a kernel become outputs, and what that takes beside the kernel.

    ``tables`` are where sums start and what finishes them; ``work`` counts the outputs by the
    arithmetic that finishes them.
    """

    output: Output
    tables: tuple[Constant, ...] = ()
    work: Counter[str] = field(default_factory=Counter)


def ending(
    layer: Conv2d,
    kernel: KernelPlan | FinishingPlan,
    *,
    starts: Constant | None = None,
    known: bool | None = None,
) -> Ending:
    """Return what follows from the kernel; *starts* is the bias, where that is not the folded one.

    A finishing kernel has what requantises among its weights, and counts what that takes. *known*:
    whether the channel is a constant where an output is finished, if not as the kernel has it.
    """
    if isinstance(kernel, FinishingPlan):
        return Ending(output=kernel.output, work=loop_work(layer))
    output = step_by_step(layer)
    starts = starts or folded_bias(layer)
    return Ending(
        output=output,
        tables=(*((starts,) if starts.values.any() else ()), *output.constants),
        work=output_work(layer, output, known=knows_channels(kernel) if known is None else known),
    )


def packed(kernel: KernelPlan | FinishingPlan) -> Constant:
    """Return the weights as the kernel reads them, with what else it keeps among them."""
    return Constant(name="weights", values=kernel.weights, comment=kernel.packing)


def folded_bias(layer: Conv2d) -> Constant:
    """Return where sums over every tap of raw inputs start."""
    folded = "less the input zero point's share" if layer.zero_point else "as given"
    return Constant(
        name="bias",
        values=layer.folded_bias.astype(_sum_dtype(layer)),
        comment=f"where each sum starts: the bias {folded}",
    )


def zero_points(layer: Conv2d, count: int) -> Constant:
    """Return what stands for pixels outside the image: *count* zero points."""
    values = np.full(count, layer.zero_point, layer.dtype)
    return Constant(name="zero_points", values=values, comment="what a tap outside reads")


def plain_bias(layer: Conv2d) -> Constant:
    """Return where sums start whose parts each make up for the zero point."""
    values = np.zeros(layer.geometry.out_c) if layer.bias is None else layer.bias
    return Constant(
        name="bias",
        values=values.astype(_sum_dtype(layer)),
        comment="where each sum starts: the bias as given",
    )


def _sum_dtype(layer: Conv2d) -> str:
    return layer.sums_dtype


def sum_buffer(name: str, layer: Conv2d, *shape: int) -> Buffer:
    """Return a buffer of partial sums: int32 or int64, or float32."""
    return buffer(name, _sum_dtype(layer), *shape)


def row_blocks(pixels: int, block: int) -> tuple[int, ...]:
    """Return the pixel blocks that make up a row of *pixels*, widest first.

    >>> row_blocks(6, 2), row_blocks(7, 2), row_blocks(1, 1)
    ((2,), (2, 1), (1,))
    """
    return (block,) if pixels % block == 0 else (block, 1)


def row_work(kernel: KernelPlan, blocks: Sequence[int], pixels: int) -> Counter[str]:
    """Count the work of a row of *pixels*, in *blocks* as `row_blocks` gives them."""
    return rows_work(kernel, blocks, np.array([pixels]))


def rows_work(kernel: KernelPlan, blocks: Sequence[int], pixels: NDArray[np.int64]) -> Counter[str]:
    """Count the work of a row for each number of *pixels*."""
    work: Counter[str] = Counter()
    for block in blocks:
        count = int((pixels // block).sum())
        work += block_work(kernel, block, count, count * kernel.runs.count, kernel.run_elems)
        pixels = pixels % block
    return work


def chunk_work(kernel: KernelPlan, blocks: Sequence[int], pixels: int, chunk: int) -> Counter[str]:
    """Count the work of *pixels* in rows of *chunk* and one shorter rest."""
    whole = times(row_work(kernel, blocks, chunk), pixels // chunk)
    return whole + row_work(kernel, blocks, pixels % chunk)


def times(work: Counter[str], count: int) -> Counter[str]:
    """Return *work*, *count* times."""
    return Counter({unit: count * units for unit, units in work.items()})


def block_work(
    kernel: KernelPlan, pixels: int, count: int, runs: int, elems: int, *, branches: bool = False
) -> Counter[str]:
    """Count the work of *count* pixel blocks, in all *runs* runs of *elems* elements each.

    Steps, which the compiler fits into registers as it can, have a unit for each shape of block
    and for what becomes of their loop. *branches*: whether a run is asked where it begins.
    """
    work: Counter[str] = Counter()
    of_block = 0 if branches or not count else runs // count
    for channels in kernel.channel_blocks:
        blocks = kernel.blocks(channels)
        place = "" if kernel.out_of_line else "inlined_"
        loop = _loop(kernel, pixels, channels, elems, of_block)
        own = blocks * (count if loop in ("flat", "once") else runs)
        steps = blocks * runs * elems
        kept = steps * _kept(kernel, loop, pixels * channels)
        work[f"{kernel.name}.{place}block"] += blocks * count
        work[f"{kernel.name}.{place}run"] += 0 if loop in ("flat", "once") else own
        work[f"{kernel.name}.{place}run_sum"] += own * pixels * channels
        work[f"{kernel.name}_{pixels}x{channels}.{place}{loop}"] += steps - int(kept)
        work[f"{kernel.name}_{pixels}x{channels}.{place}{_kept_loop(loop)}"] += int(kept)
        unrolled = 0 if loop == "step" else of_block * elems if loop == "flat" else elems
        work["spilled"] += own * _spilled(kernel, pixels, channels, unrolled)
    return work


def _loop(kernel: KernelPlan, pixels: int, channels: int, elems: int, runs: int) -> str:
    """Return what the compiler is likely to make of the loops of a block: GCC's limits of -O3.

    *runs*: how many a block has, 0 if they cannot be unrolled.
    """
    if kernel.out_of_line == "run":
        return "step"
    if runs == elems == 1:
        return "once"
    size = _size(kernel, pixels, channels, elems)
    if elems > MOST_UNROLLED or size > RUN_UNROLLED:
        return "step"
    return "flat" if 0 < runs <= MOST_UNROLLED and runs * size <= BLOCK_UNROLLED else "unrolled"


def _size(kernel: KernelPlan, pixels: int, channels: int, elems: int) -> int:
    """Return the loads and products of *elems* steps of a block."""
    products = pixels * channels
    return elems * (products + (products if kernel.lanes else pixels) + channels)


def _spilled(kernel: KernelPlan, pixels: int, channels: int, elems: int) -> int:
    """Count the inputs and weights of *elems* unrolled steps that wait for their turn on the stack.

    Where there are many registers GCC loads what it can before the first product.
    """
    if not elems or kernel.kept < MANY_REGISTERS - WORKING:
        return 0
    sums = pixels * channels
    loaded = _size(kernel, pixels, channels, elems) - elems * sums
    pointers = 1 + (pixels if kernel.runs.by_pointer else 1)
    return max(0, loaded + sums + pointers - kernel.kept - WORKING)


def _kept_loop(loop: str) -> str:
    """Return how steps whose weights stay in registers are called."""
    return "once_kept" if loop == "once" else "kept"


def _kept(kernel: KernelPlan, loop: str, sums: int) -> Fraction:
    """Return which share of the weights of unrolled blocks stays in registers between pixels.

    Each of the *sums* of a block but the first leaves room for one less.
    """
    if loop not in ("flat", "once") or kernel.out_of_line or not knows_channels(kernel):
        return Fraction(0)
    weights = kernel.depth * kernel.groups * kernel.group_channels
    return Fraction(min(weights, max(0, kernel.kept + 1 - sums)), weights)


def knows_channels(kernel: KernelPlan) -> bool:
    """Whether each block has channels of its own, whose constants need not be looked up.

    Loops over few short blocks are unrolled.
    """
    sizes = {span: span.blocks * _finished_size(kernel, span.channels) for span in kernel.spans}
    if kernel.groups == 1:
        loops = [size for span, size in sizes.items() if span.loops]
    else:
        loops = [kernel.groups * sum(sizes.values())]
    return not loops or (kernel.out_of_line is None and max(loops) <= LOOP_UNROLLED)


def _finished_size(kernel: KernelPlan, channels: int) -> int:
    """Return the size of a block of *channels*, with what its outputs take."""
    sums = kernel.pixels * channels
    return _size(kernel, kernel.pixels, channels, kernel.depth) + FINISHED * sums


def output_work(layer: Conv2d, output: Output, *, known: bool = False) -> Counter[str]:
    """Count the outputs, by the arithmetic that finishes them, and the loops around them.

    Lines are what kernels count. *known*: the channel is a constant where an output is finished.
    """
    each: Counter[str] = Counter()
    if isinstance(output, Requantize):
        scale = "" if output.per_channel else ".constant"
        form = "single" if output.multiplies_wide else output.form
        each[f"output.{form}{scale}{'.known' if known else ''}"] = 1
        each["output.clamp"] = 0 if output.saturates else 2
    elif not isinstance(output, Lines):
        each = Counter(
            {f"output.{output.form}": 1, "output.clamp": layer.clamps_low + layer.clamps_high}
        )
    return loop_work(layer) + times(each, layer.geometry.out_elems)


def loop_work(layer: Conv2d) -> Counter[str]:
    """Count what is done once for a call, and once for each row of outputs."""
    return Counter({"call": 1, "row": layer.geometry.out_h})
