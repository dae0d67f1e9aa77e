"""In which order an algorithm reads its input and stores its output.

Output pixels are stored block by block. A block reads the pixels that its outputs' taps see; one
that gathers does so before it stores anything, another may do both in any order. What the order
allows when output overwrites input is for `convgen.schedule.overlap` to find.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from convgen.model.geometry import Geometry
from convgen.plans.buffers import Buffer

Blocks = NDArray[np.int64]
Blocking = Callable[[], Blocks]
"""Makes blocks when they are asked for: of all candidates together they would fill a memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoreOrder:
    """One order: ``stored`` says for each output pixel which block stores it, ``[out_h, out_w]``.

    ``stored_by`` and ``kept_by`` make ``stored`` and ``kept``. Blocks are counted from 0 in the
    order of time. ``gathers``: a block reads all its input before it stores anything.
    ``by_channel``: all blocks of one channel come before those of the next. ``needs_all``: every
    block reads the whole input. ``kept`` says for each input pixel, ``[in_h, in_w]``, which block
    has read it into the workspace: no later one reads it where it was.

    ``reverse``: the generated loops go backwards. ``swap`` is a part of the workspace that only
    this order needs: the pixels of ``kept`` lie in it, and change places with the outputs that
    overwrote them while a block reads its input.
    """

    stored_by: Blocking
    gathers: bool
    by_channel: bool = False
    needs_all: bool = False
    kept_by: Blocking | None = None
    reverse: bool = False
    swap: Buffer | None = None

    @property
    def stored(self) -> Blocks:
        """Which block stores each output pixel."""
        return self.stored_by()

    @property
    def kept(self) -> Blocks | None:
        """Which block has read each input pixel into the workspace."""
        return self.kept_by and self.kept_by()

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return int(self.stored.max()) + 1


def in_blocks(g: Geometry, sizes: Sequence[int]) -> Blocks:
    """Return blocks of so many pixels, row by row: each row, or the whole image, in these."""
    of_them = np.repeat(np.arange(len(sizes)), sizes)
    times = g.out_pixels // len(of_them)
    return (np.arange(times)[:, None] * len(sizes) + of_them).reshape(g.out_h, g.out_w)


def in_tiles(g: Geometry, height: int, width: int) -> Blocks:
    """Return blocks of *height* rows and *width* columns, row of tiles by row of tiles."""
    across = -(-g.out_w // width)
    rows, cols = np.arange(g.out_h) // height, np.arange(g.out_w) // width
    return rows[:, None] * across + cols[None, :]


def at_once(g: Geometry) -> Blocks:
    """Return a single block."""
    return np.zeros((g.out_h, g.out_w), np.int64)


def cut(pixels: int, blocks: Sequence[int]) -> list[int]:
    """Cut a row of *pixels* into *blocks*, each as often as it fits, widest first.

    >>> cut(7, (4, 1)), cut(0, (4, 1))
    ([4, 1, 1, 1], [])
    """
    sizes = []
    for block in blocks:
        sizes += [block] * (pixels // block)
        pixels %= block
    return sizes


def both_ways(
    stored: Blocking, mirrored: Blocking | None = None, *, gathers: bool
) -> tuple[StoreOrder, ...]:
    """Return the order of *stored*, and the one from the last pixel to the first.

    *mirrored* are the blocks of that, of the image turned by half; the same where None is given.
    """
    forward = StoreOrder(stored_by=stored, gathers=gathers)
    if forward.blocks == 1:
        return (forward,)
    turned = partial(_turned, stored if mirrored is None else mirrored)
    return forward, StoreOrder(stored_by=turned, gathers=gathers, reverse=True)


def _turned(stored: Blocking) -> Blocks:
    return stored()[::-1, ::-1]


def last_reads(g: Geometry, order: StoreOrder) -> Blocks:
    """Return the last block that reads each input pixel in its place, ``[in_h, in_w]``; or -1."""
    if order.needs_all:
        return np.full((g.in_h, g.in_w), order.blocks - 1)
    last, kept = _reads(g, order.stored), order.kept
    return last if kept is None else np.minimum(last, kept)


def first_reads(g: Geometry, stored: Blocks) -> Blocks:
    """Return the first block that reads each input pixel, ``[in_h, in_w]``, or what is beyond."""
    end = int(stored.max())
    return end - _reads(g, end - stored)


def _reads(g: Geometry, stored: Blocks) -> Blocks:
    """Return the largest number among the blocks that read a pixel, or -1.

    The outputs that read a pixel are rows times columns, so that the largest of each row's largest
    is it. What lies between is as small as it can be.
    """
    by_rows = partial(_largest, stride=g.stride_h, pad=g.pad_top, dilation=g.dilation_h)
    by_cols = partial(_largest, stride=g.stride_w, pad=g.pad_left, dilation=g.dilation_w)
    if g.in_h * g.out_w <= g.out_h * g.in_w:
        return by_cols(by_rows(stored, g.in_h, g.k_h).T, g.in_w, g.k_w).T
    return by_rows(by_cols(stored.T, g.in_w, g.k_w).T, g.in_h, g.k_h)


def _largest(
    stored: Blocks, size: int, taps: int, *, stride: int, pad: int, dilation: int
) -> Blocks:
    """Return for each row of an image of *size* the largest of *stored* that read it, or -1."""
    largest = np.full((size, stored.shape[1]), -1)
    for first in range(-pad, taps * dilation - pad, dilation):  # what the first output's tap reads
        start = max(0, -(first // stride))
        stop = min(len(stored), (size - 1 - first) // stride + 1)
        if start < stop:
            read = largest[first + start * stride : first + (stop - 1) * stride + 1 : stride]
            np.maximum(read, stored[start:stop], out=read)
    return largest
