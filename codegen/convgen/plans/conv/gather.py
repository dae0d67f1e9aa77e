"""How im2col and MEC copy the input: by kernel rows where they are contiguous, else by taps."""

from __future__ import annotations

from dataclasses import dataclass

from convgen.model.geometry import Geometry
from convgen.model.ops.conv2d import Conv2d
from convgen.plans.kernels.base import KernelPlan
from convgen.plans.kernels.finishing import FinishingPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """The copies of one patch or column.

    A copy of a tap moves ``elems`` to each of ``groups`` parts; ``by_row`` tells that a kernel row
    inside the image is one copy, ``by_tap`` that taps may be copied one by one.
    """

    groups: int
    elems: int
    by_row: bool
    by_tap: bool

    @property
    def has_groups(self) -> bool:
        """Whether each group has a part of its own."""
        return self.groups > 1

    @property
    def is_lone(self) -> bool:
        """Whether all that is copied at a time is one element: that takes no loop."""
        return self.elems == 1 and not self.by_row

    def unit(self, family: str, what: str) -> str:
        """Return the unit of work that counts copies or elements: short copies cost more.

        >>> Gather(groups=4, elems=2, by_row=False, by_tap=True).unit("mec", "elem")
        'mec.group_elem'
        """
        kind = "group_" if self.has_groups else "lone_" if self.is_lone else ""
        return f"{family}.{kind}{what}"

    def goes_by_words(self, layer: Conv2d, kernel: KernelPlan | FinishingPlan) -> bool:
        """Whether GCC moves bytes by words: copies in C, from and to whole words."""
        in_assembly = isinstance(kernel, FinishingPlan) and kernel.copying is not None
        aligned = self.elems % 4 == 0 and not self.has_groups
        return aligned and layer.elem_bytes == 1 and not in_assembly

    def copies(self, taps: int, whole_rows: int, k_w: int) -> int:
        """Count the copies of *taps*, of which *whole_rows* kernel rows are inside the image."""
        return taps * self.groups - (whole_rows * (k_w - 1) if self.by_row else 0)


def plan_gather(geometry: Geometry) -> Gather:
    """Return how the taps of *geometry* are copied."""
    is_run = geometry.dilation_w == 1 and geometry.k_w <= geometry.in_w
    by_row = is_run and not geometry.is_grouped
    return Gather(
        groups=geometry.groups if geometry.is_grouped else 1,
        elems=geometry.group_in_c if geometry.is_grouped else geometry.in_c,
        by_row=by_row,
        by_tap=not by_row or geometry.has_padding,
    )
