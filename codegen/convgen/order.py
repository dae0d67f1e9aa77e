"""In which order an algorithm reads its input and stores its output.

Output pixels are stored block by block. A block reads the pixels that its outputs' taps see; one
that gathers does so before it stores anything, another may do both in any order. What the order
allows when output overwrites input is for `convgen.overlap` to find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convgen.buffers import Buffer
from convgen.layer import Geometry

Blocks = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoreOrder:
    """One order: ``stored`` says for each output pixel which block stores it, ``[out_h, out_w]``.

    Blocks are counted from 0 in the order of time. ``gathers``: a block reads all its input before
    it stores anything. ``by_channel``: all blocks of one channel come before those of the next.
    ``needs_all``: every block reads the whole input. ``kept`` says for each input pixel, ``[in_h,
    in_w]``, which block has read it into the workspace: no later one reads it where it was.

    ``reverse``: the generated loops go backwards. ``swap`` is a part of the workspace that only
    this order needs: the pixels of ``kept`` lie in it, and change places with the outputs that
    overwrote them while a block reads its input.
    """

    stored: Blocks
    gathers: bool
    by_channel: bool = False
    needs_all: bool = False
    kept: Blocks | None = None
    reverse: bool = False
    swap: Buffer | None = None

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
    stored: Blocks, mirrored: Blocks | None = None, *, gathers: bool
) -> tuple[StoreOrder, ...]:
    """Return the order of *stored*, and the one from the last pixel to the first.

    *mirrored* are the blocks of that, of the image turned by half; the same where None is given.
    """
    forward = StoreOrder(stored=stored, gathers=gathers)
    if forward.blocks == 1:
        return (forward,)
    turned = (stored if mirrored is None else mirrored)[::-1, ::-1]
    return forward, StoreOrder(stored=turned, gathers=gathers, reverse=True)


def last_reads(g: Geometry, order: StoreOrder) -> Blocks:
    """Return the last block that reads each input pixel in its place, ``[in_h, in_w]``; or -1."""
    if order.needs_all:
        return np.full((g.in_h, g.in_w), order.blocks - 1)
    last = _reads(g, order.stored)
    return last if order.kept is None else np.minimum(last, order.kept)


def first_reads(g: Geometry, stored: Blocks) -> Blocks:
    """Return the first block that reads each input pixel, ``[in_h, in_w]``, or what is beyond."""
    end = int(stored.max())
    return end - _reads(g, end - stored)


def _reads(g: Geometry, stored: Blocks) -> Blocks:
    """Return the largest number among the blocks that read a pixel, or -1."""
    last = np.full((g.in_h, g.in_w), -1)
    rows, cols = g.tap_positions()
    rows_inside, cols_inside = (rows >= 0) & (rows < g.in_h), (cols >= 0) & (cols < g.in_w)
    for i in range(g.k_h):
        out_rows = np.flatnonzero(rows_inside[:, i])
        for j in range(g.k_w):
            out_cols = np.flatnonzero(cols_inside[:, j])
            place = np.ix_(rows[out_rows, i], cols[out_cols, j])
            last[place] = np.maximum(last[place], stored[np.ix_(out_rows, out_cols)])
    return last
