"""A convolution, and what several algorithms ask about it: each found once, when first asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from convgen.model.ops.conv2d import Conv2d
from convgen.plans.lines import Lines, LineSearch, Staircases, exact_lines
from convgen.plans.winograd_forms import WinogradForm, transform
from convgen.refusal import Refusal


@dataclass(frozen=True, eq=False)
class Study:
    """A layer to be planned, for all algorithms and any number of cores.

    ``like`` is the study of one with the same numbers, of another width: what it found holds here.
    """

    layer: Conv2d
    like: Study | None = None
    _searches: dict[int, LineSearch] = field(default_factory=dict, init=False, repr=False)
    _transformed: dict[WinogradForm, NDArray[Any]] = field(
        default_factory=dict, init=False, repr=False
    )

    @cached_property
    def staircases(self) -> Staircases:
        """Of an int8 layer: its outputs over its sums."""
        return self.like.staircases if self.like else Staircases(self.layer)

    def lines(self, scale: int, *, own_shifts: bool = False) -> Lines | Refusal:
        """Return the lines of an int8 layer for sums *scale* times the accumulators, or why not.

        With *own_shifts* channels may have some of their own, where one for all does not do.
        """
        if self.like:
            return self.like.lines(scale, own_shifts=own_shifts)
        if scale not in self._searches:
            self._searches[scale] = LineSearch(self.staircases, scale)
        search = self._searches[scale]
        return search.with_own_shifts if own_shifts else search.common

    @cached_property
    def exact_lines(self) -> Lines | None:
        """The reference's own steps on sums twice the accumulators, if these fit."""
        return exact_lines(self.staircases)

    def transformed(self, form: WinogradForm) -> NDArray[Any]:
        """Return the weights as Winograd's *form* multiplies by them.

        ``[position, out_c, in_c / groups]``, int16 for int8 layers, else float32.
        """
        if self.like:
            return self.like.transformed(form)
        if form not in self._transformed:
            self._transformed[form] = transform(self.layer, form)
        return self._transformed[form]
