"""The one list of algorithms: adding one is a module, a template and a line here."""

from __future__ import annotations

from convgen.algorithms import im2col, indirect, kn2row, kn2row_aa, mec, winograd
from convgen.algorithms.base import Algorithm
from convgen.algorithms.direct import Direct

ALGORITHMS: tuple[Algorithm, ...] = (
    Direct(),
    *im2col.VARIANTS,
    *kn2row.VARIANTS,
    *kn2row_aa.VARIANTS,
    *indirect.VARIANTS,
    *mec.VARIANTS,
    *winograd.VARIANTS,
)

FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(algorithm.family for algorithm in ALGORITHMS))
