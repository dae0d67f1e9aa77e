"""How often each stretch of a program ran: what an emulator that looks on can tell of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class BasicBlock(NamedTuple):
    """Instructions that ran one after the other: the first one's address, and their bytes.

    Blocks may overlap: where a jump leads into the middle of one, another begins there. None goes
    on behind a jump.
    """

    address: int
    bytes: int

    @property
    def end(self) -> int:
        """The address after the last, where execution goes on unless that is a branch taken."""
        return self.address + self.bytes


OUTSIDE = -2  # owns what is around a layer

OwnerOf = Callable[[BasicBlock], int | None]
"""Tells who owns a block; None: nobody."""

Counts = Mapping[BasicBlock, int]
"""Times that each ran from its first to its last instruction, in all calls of the layer."""
