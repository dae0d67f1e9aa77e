"""Depthwise with a kernel of at most 4x4: sixteen products in each ``VMLADAV`` of Helium.

Workspace: ``4 * cols * C`` bytes: four rows of all channels and the padding beside them, the four
pixels of a column in a word. One load gathers four columns of one channel: all that up to 2x2
outputs see, each by weights of its own, which are zero where it does not look. What is outside the
image is there too, as zero points: no bounds are checked.

Outputs are stored four at a time: as many columns of two rows, or of one.
"""

from __future__ import annotations

from dataclasses import dataclass

from convgen.plans.kernels import instruction_set
from convgen.plans.plan import Plan
from convgen.plans.study import Study
from convgen.refusal import Refusal, needs
from convgen.targets.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectQuads:
    """Depthwise by gathered windows."""

    name: str = "direct_quads"
    family: str = "direct"
    summary: str = "depthwise of at most 4x4 with Helium: packs four rows in the workspace"

    def plan(self, study: Study, target: Target) -> Plan | Refusal:
        """Lay out the packed rows, and each channel's constants in order of use."""
        isa = instruction_set(target)
        if isa.quads is None:
            return Refusal(needs("a core with Helium", "has none", "core"))
        from convgen.plans.conv.quads_layout import laid_out

        return laid_out(self, study.layer, isa.quads)


VARIANTS = (DirectQuads(),)
