"""The frozen plan of one algorithm for one layer: the only thing templates see.

Sizes are computed here once; selection, the header, the harness and the report read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

from convgen.model.geometry import Geometry
from convgen.model.operator import Operator, Windowed
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.assembly import Assembly
from convgen.plans.band import Band
from convgen.plans.buffers import Buffer
from convgen.plans.constant import Constant
from convgen.plans.kernels.base import KernelPlan, OwnSums
from convgen.plans.kernels.finishing import FinishingPlan
from convgen.plans.order import StoreOrder
from convgen.plans.output import Output
from convgen.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferPlace:
    """Where a buffer lies in the workspace, in bytes."""

    buffer: Buffer
    offset: int


class Variant(Protocol):
    """An algorithm as far as it is named."""

    @property
    def name(self) -> str:
        """Its id in the command line and the report."""
        ...

    @property
    def family(self) -> str:
        """The id it shares with its variants."""
        ...

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """How one algorithm, ``variant``, does one operator.

    ``steps`` is the algorithm's own dataclass for its template; ``work`` counts the units of
    work that the cost model prices, by name; ``decisions`` are sentences for the header comment.
    ``output`` is how sums become outputs; a finishing kernel has it too, to pack its constants.
    ``orders`` are those in which it can go through the layer, the usual one first.

    ``writes_input``: the function changes its input while it works and restores it. ``has_init``:
    the caller first calls ``NAME_init``, and keeps the workspace as that leaves it.
    ``rounds_coarsely``: float32 outputs may leave the bound that the other algorithms keep.
    ``own_assembly``: what its assembly needs, where that is not the kernel's.
    ``is_elementwise``: an output reads of each input only what is at its own place, or later: it
    may take the place of an input.
    ``above``: for each input how many bytes or more above the output it may begin, where it is
    neither elementwise nor in one of ``orders``.
    ``notes``: sentences that say why it does not do it by a faster kernel that there is.
    ``band``: how it makes a part of the output rows, or takes a part of the input's, or why it can
    only do all of them.
    """

    variant: Variant
    template: str
    operator: Operator
    kernel: KernelPlan | FinishingPlan | OwnSums
    output: Output
    workspace: tuple[Buffer, ...]
    constants: tuple[Constant, ...]
    steps: Any
    orders: tuple[StoreOrder, ...]  # none where elementwise, or ``above`` says it
    decisions: tuple[str, ...]
    work: Mapping[str, int]
    band: Band | Refusal
    writes_input: bool = False
    has_init: bool = False
    rounds_coarsely: bool = False
    own_assembly: Assembly | None = None
    notes: tuple[str, ...] = ()
    is_elementwise: bool = False
    above: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Fail while generating, not in the compiler or on the board."""
        names = [constant.name for constant in self.constants]
        aligns = [buffer.align for buffer in self.workspace]
        checks = {
            "constants have names of their own": len(set(names)) == len(names),
            "buffers stand with the most aligned first": aligns == sorted(aligns, reverse=True),
            "kernel and plan finish outputs in one way": self._agrees_with_kernel,
            "indices of the workspace are 32 bits": self.workspace_bytes < 2**31,
            "work is counted upwards": all(count >= 0 for count in self.work.values()),
        }
        broken = [rule for rule, holds in checks.items() if not holds]
        if broken:
            raise ValueError(f"{self.algorithm}: {'; '.join(broken)}")

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be done, so that there is no function for it."""
        return not self.template

    @property
    def algorithm(self) -> str:
        """The id of what does it."""
        return self.variant.name

    @property
    def family(self) -> str:
        """The id that this shares with others."""
        return self.variant.family

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return self.variant.summary

    @property
    def layer(self) -> Conv2d:
        """The convolution, where the operator is one."""
        if not isinstance(self.operator, Conv2d):
            raise TypeError(f"{self.operator.name} is no convolution")
        return self.operator

    @property
    def geometry(self) -> Geometry:
        """The window, of an operator that has one."""
        if not isinstance(self.operator, Windowed):
            raise TypeError(f"{self.operator.name} has no window")
        return self.operator.geometry

    @property
    def order(self) -> StoreOrder:
        """The one that is printed."""
        return self.orders[0]

    @property
    def places(self) -> tuple[BufferPlace, ...]:
        """The buffers of the workspace, one after the other."""
        offsets = accumulate((buffer.bytes for buffer in self.workspace), initial=0)
        return tuple(
            BufferPlace(buffer=buffer, offset=offset)
            for buffer, offset in zip(self.workspace, offsets, strict=False)
        )

    @property
    def workspace_bytes(self) -> int:
        """What the caller must provide."""
        return sum(buffer.bytes for buffer in self.workspace)

    @property
    def workspace_align(self) -> int:
        """Alignment of the workspace in bytes; 1 when there is none.

        A multiple of 4 wherever there is one, so that no caller has to think of less.
        """
        return max(4, *(buffer.align for buffer in self.workspace)) if self.workspace else 1

    @property
    def _agrees_with_kernel(self) -> bool:
        return not isinstance(self.kernel, FinishingPlan) or self.kernel.output is self.output

    @property
    def assembly(self) -> Assembly | None:
        """What the assembly needs; None if there is none."""
        if isinstance(self.kernel, FinishingPlan):
            return self.kernel.assembly
        return self.own_assembly

    @property
    def sums_in_assembly(self) -> bool:
        """Whether whole functions are in assembly, not only instructions amid C."""
        assembly = self.assembly
        return assembly is not None and assembly.has_functions

    @property
    def has_bias(self) -> bool:
        """Whether sums start at a table; at zero otherwise."""
        return any(constant.name == "bias" for constant in self.constants)

    @property
    def constant_bytes(self) -> int:
        """Size of all constant arrays in flash."""
        return sum(constant.values.nbytes for constant in self.constants)
