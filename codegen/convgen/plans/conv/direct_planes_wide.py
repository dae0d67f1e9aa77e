"""Depthwise with a kernel of any size, one channel after the other, its plane widened to int16.

Workspace: ``2 * rows * pitch``: the plane of a channel with what is outside the image around it,
or as many of its rows as some output rows see. Rows are ``in_w`` pixels and the padding beside
them. Which taps are outside the image plays no role then: there are zero points.

A kernel one column wide goes down the columns, which take the place of rows.

The assembly (`planes_wide`) multiplies two pixels at once. `planes_wide_layout`, which is loaded
for depthwise layers alone, makes the constants.
"""

from __future__ import annotations

from dataclasses import dataclass

from convgen.plans.conv.base import DEPTHWISE_SCALE
from convgen.plans.kernels import instruction_set
from convgen.plans.kernels.base import no_lone_channels
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectPlanesWide:
    """Depthwise by planes of int16: of all output rows, or of so many ``rows`` at a time."""

    rows: int | None = None

    @property
    def name(self) -> str:
        """``direct_planes_wide``, with the rows."""
        return f"direct_planes_wide_r{self.rows}" if self.rows else "direct_planes_wide"

    @property
    def family(self) -> str:
        """Both are direct."""
        return "direct"

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        some = f", {self.rows} output rows at a time" if self.rows else ""
        return f"depthwise of any size: widens a plane to int16 in the workspace{some}"

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Lay out the walk over a plane, and the weights in its order."""
        isa = instruction_set(target)
        if isa.wide_planes is None:
            without = "has no DSP instructions"
            return Refusal(needs("a core with DSP instructions", without, "core"))
        if reason := no_lone_channels(study.layer):
            return Refusal(reason)
        from convgen.plans.conv.planes_wide_layout import laid_out, unfit

        if reason := unfit(study.layer.geometry, self.rows):
            return Refusal(reason)
        found = study.lines(DEPTHWISE_SCALE)
        if isinstance(found, Refusal):
            return found
        return laid_out(self, study.layer, found, isa.wide_planes, self.rows)


VARIANTS = (DirectPlanesWide(), DirectPlanesWide(rows=2))
