"""Armv8.1-M with Helium: vectors of 16 bytes, in assembly and by compilers; else as DSP."""

from __future__ import annotations

from dataclasses import replace

from convgen.plans import assembly
from convgen.plans.kernels.dsp import DSP
from convgen.plans.kernels.isa import Planes
from convgen.plans.kernels.smlad import Smlad
from convgen.plans.kernels.vmladav import Vmladav

MVE = replace(
    DSP,
    name="mve",
    finishing={8: Vmladav(), 16: Smlad(bits=16)},
    quads=Planes(template="kernels/mve/quads.c.j2", assembly=assembly.MVE),
    has_vectors=True,
)
