"""Armv8.1-M with Helium: what the DSP instructions have, and vectors that compilers make."""

from __future__ import annotations

from dataclasses import replace

from convgen.plans.kernels.dsp import DSP
from convgen.targets.target import Target


def _suits(target: Target) -> bool:
    return DSP.suits(target) and target.has("mve")


MVE = replace(DSP, name="mve", suits=_suits, has_vectors=True)
