"""What kernels for inputs of int16 have in common: their outputs are upper halves of products."""

from __future__ import annotations

from dataclasses import dataclass

from convgen.plans import assembly
from convgen.plans.assembly import Assembly
from convgen.plans.kernels.finishing import StreamedPlan
from convgen.plans.upper_half import UpperHalf

ELEM_BYTES = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Int16Plan(StreamedPlan):
    """One of them, fitted to a layer; ``wide``: weights are int16."""

    upper: UpperHalf
    wide: bool

    @property
    def output(self) -> UpperHalf:
        """The upper halves."""
        return self.upper

    @property
    def assembly(self) -> Assembly:
        """It loads two elements at once wherever they are."""
        return assembly.DSP_UNALIGNED

    @property
    def extras(self) -> tuple[str, ...]:
        """Shifts of channels' own, two roundings, and limits that no saturation has."""
        return self.upper.extras
