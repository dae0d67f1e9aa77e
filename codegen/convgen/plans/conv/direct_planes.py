"""Depthwise 3x3, one channel after the other: its whole plane with the weights in registers.

Workspace: 0; for `direct_planes_inplace` a row of pixels, W bytes, or with DSP instructions ``4 *
ceil((W + left) / 2)`` where ``left`` is the padding. A layer with one output channel for each input
channel is as many images of one channel. Nine weights and what requantises stay in registers while
a window slides over one of them. Which taps are outside the image is known beforehand: border rows
and columns have code of their own, and sums that start without those taps.

Outputs in place of their input destroy the row above, which the next one reads again: the variant
in place keeps a copy of it.

Cores with DSP instructions walk along the rows in assembly (`planes_dsp`), others in plain C
(`planes`), down the columns where rows are short. `planes_layout`, which is loaded for depthwise
layers alone, folds borders and scale into the constants.
"""

from __future__ import annotations

from dataclasses import dataclass

from convgen.plans.conv.base import DEPTHWISE_SCALE
from convgen.plans.kernels.base import no_lone_channels
from convgen.plans.lines import Lines
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectPlanes:
    """Depthwise layers plane by plane; ``in_place`` with a copy of the line above."""

    in_place: bool = False

    @property
    def name(self) -> str:
        """``direct_planes`` or ``direct_planes_inplace``."""
        return "direct_planes_inplace" if self.in_place else "direct_planes"

    @property
    def family(self) -> str:
        """Both are direct."""
        return "direct"

    @property
    def summary(self) -> str:
        """One line for ``--list-algorithms``."""
        if self.in_place:
            return "depthwise 3x3 in place: keeps a line of a plane's pixels in the workspace"
        return "depthwise 3x3, plane by plane with the weights in registers"

    def lines(self, study: Study) -> Lines | Refusal:
        """Return what requantises a depthwise 3x3 layer of int8 with narrow borders; refuse others.

        Each channel needs a line that reaches its outputs exactly.
        """
        if reason := no_lone_channels(study.layer):
            return Refusal(reason)
        from convgen.plans.conv.planes_layout import unfit

        reason = unfit(study.layer.geometry, keeps=self.in_place)
        return Refusal(reason) if reason else study.lines(DEPTHWISE_SCALE)

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Fold borders and scale into the constants and lay out the walk over a plane."""
        found = self.lines(study)
        if isinstance(found, Refusal):
            return found
        from convgen.plans.conv.planes_layout import laid_out

        return laid_out(self, study.layer, found, target, keeps=self.in_place)


VARIANTS = (DirectPlanes(), DirectPlanes(in_place=True))
