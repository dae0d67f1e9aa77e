"""The one list of algorithms: adding one is a module, a template and a line here."""

from __future__ import annotations

from convgen.plans.conv import (
    direct,
    direct_lanes,
    direct_planes,
    direct_planes_wide,
    direct_quads,
    im2col,
    im2col_wide,
    indirect,
    kn2row,
    kn2row_aa,
    mec,
    winograd,
)
from convgen.plans.conv.base import Algorithm

ALGORITHMS: tuple[Algorithm, ...] = (
    *direct.VARIANTS,
    *direct_lanes.VARIANTS,
    *direct_planes.VARIANTS,
    *direct_planes_wide.VARIANTS,
    *direct_quads.VARIANTS,
    *im2col.VARIANTS,
    *im2col_wide.VARIANTS,
    *kn2row.VARIANTS,
    *kn2row_aa.VARIANTS,
    *indirect.VARIANTS,
    *mec.VARIANTS,
    *winograd.VARIANTS,
)
