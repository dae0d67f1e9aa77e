"""Armv7-M, and Armv8-M without DSP instructions: MLA, products of 64 bits, SSAT."""

from __future__ import annotations

from convgen.plans import assembly
from convgen.plans.kernels.forms import Unrolling
from convgen.plans.kernels.isa import InstructionSet, Products
from convgen.plans.kernels.paired import Core, Paired

CORE = Core(
    isa="armv7-m",
    title="MLA",
    template="kernels/armv7m/paired.c.j2",
    assembly=assembly.THUMB2,
    pixels=1,
    blocks=(4,),
    unrolling=Unrolling(group=2, most=(8,)),
    farthest=0,
    clamping="saturate",
    counts_halves=True,
)


ARMV7M = InstructionSet(
    name="armv7m",
    finishing={16: Paired(core=CORE)},
    products=Products(
        description="assembly with MLA",
        unrolled=8,
        template="kernels/armv7m/winograd.c.j2",
        assembly=assembly.THUMB2,
        inlines_outputs=True,
    ),
    saturating=assembly.SATURATING,
    branches="kernels/armv7m/branches.c.j2",
)
