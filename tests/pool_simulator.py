"""Executes the order that a plan states, in one pool whose every byte knows who owns it.

It shares nothing with `convgen.schedule.overlap` but the order itself: taps are looked up one by
one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from convgen.model.geometry import Geometry
from convgen.plans.order import StoreOrder
from convgen.schedule.overlap import Pool

FREE, OUTPUT = -1, -2  # owners of bytes; an input byte owns itself, by its number


def survives(g: Geometry, order: StoreOrder, pool: Pool, elem_bytes: int = 1) -> bool:
    """Whether every input byte is still there whenever it is read, and every output in the end."""
    memory = _Memory(g, order, pool, elem_bytes)
    channels = range(g.in_c) if order.by_channel else [None]
    for channel in channels:
        memory.kept.clear()
        for block in range(order.blocks):
            if order.gathers and not memory.reads(block, channel):
                return False
            memory.stores(block, channel)
            if not order.gathers and not memory.reads(block, channel):
                return False
    return memory.holds_all_outputs()


class _Memory:
    """The pool. ``owner`` is whose each byte is, ``kept`` the input pixels that lie elsewhere."""

    def __init__(self, g: Geometry, order: StoreOrder, pool: Pool, elem_bytes: int) -> None:
        self.g, self.order, self.pool, self.elem_bytes = g, order, pool, elem_bytes
        self.owner = np.full(pool.bytes, FREE)
        inputs = np.arange(g.in_elems * elem_bytes)
        assert pool.input_offset + inputs.size <= pool.bytes
        assert pool.output_offset + g.out_elems * elem_bytes <= pool.bytes
        self.owner[pool.input_offset + inputs] = inputs
        self.kept: set[int] = set()
        self.blocks = _pixels_of_blocks(order.stored.tobytes(), order.blocks)
        self.keeping = {} if order.kept is None else _by_block(order.kept.reshape(-1))

    def reads(self, block: int, channel: int | None) -> bool:
        """Read what the block's taps see; and keep what it is to keep."""
        reads = pixel_reads(self.g)
        pixels = {p for output in self.blocks[block] for p in reads[output]}
        if self.order.needs_all:
            pixels = set(range(self.g.in_h * self.g.in_w))
        keeps = set(self.keeping.get(block, ())) & pixels
        found = self._intact((pixels - self.kept) | keeps, channel)
        self.kept |= keeps
        return found

    def stores(self, block: int, channel: int | None) -> None:
        places = self._bytes(self.blocks[block], self.g.out_c, channel)
        self.owner[self.pool.output_offset + places] = OUTPUT - places

    def holds_all_outputs(self) -> bool:
        places = np.arange(self.g.out_elems * self.elem_bytes)
        return bool((self.owner[self.pool.output_offset + places] == OUTPUT - places).all())

    def _intact(self, pixels: set[int], channel: int | None) -> bool:
        places = self._bytes(sorted(pixels), self.g.in_c, channel)
        return bool((self.owner[self.pool.input_offset + places] == places).all())

    def _bytes(self, pixels: list[int], channels: int, channel: int | None) -> np.ndarray:
        of_pixel = np.arange(channels) if channel is None else np.array([channel])
        elems = np.array(pixels, int)[:, None] * channels + of_pixel
        places = elems[..., None] * self.elem_bytes + np.arange(self.elem_bytes)
        flat: np.ndarray = places.reshape(-1)
        return flat


def _by_block(numbers: np.ndarray) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pixel, block in enumerate(numbers.tolist()):
        found.setdefault(block, []).append(pixel)
    return found


@lru_cache(maxsize=8)
def _pixels_of_blocks(stored: bytes, count: int) -> list[list[int]]:
    found = _by_block(np.frombuffer(stored, np.int64))
    assert sorted(found) == list(range(count))
    return [found[block] for block in range(count)]


@lru_cache(maxsize=8)
def pixel_reads(g: Geometry) -> list[list[int]]:
    """Return the input pixels that each output pixel reads."""
    return [list(_reads(g, *divmod(pixel, g.out_w))) for pixel in range(g.out_pixels)]


def _reads(g: Geometry, row: int, col: int) -> Iterator[int]:
    for i in range(g.k_h):
        in_row = row * g.stride_h - g.pad_top + i * g.dilation_h
        for j in range(g.k_w):
            in_col = col * g.stride_w - g.pad_left + j * g.dilation_w
            if 0 <= in_row < g.in_h and 0 <= in_col < g.in_w:
                yield in_row * g.in_w + in_col
