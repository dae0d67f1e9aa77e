"""Armv6-M: one multiplication of words, MULS; few registers and short branches."""

from __future__ import annotations

from convgen.plans import assembly
from convgen.plans.kernels.forms import Unrolling
from convgen.plans.kernels.isa import InstructionSet, Products
from convgen.plans.kernels.paired import Core, Paired

CORE = Core(
    isa="armv6-m",
    title="MULS",
    template="kernels/armv6m/paired.c.j2",
    assembly=assembly.THUMB,
    pixels=1,
    blocks=(4,),
    unrolling=Unrolling(group=2, most=(6,)),
    farthest=0,
    clamping="unsigned",
    counts_halves=False,
)


ARMV6M = InstructionSet(
    name="armv6m",
    finishing={16: Paired(core=CORE)},
    products=Products(
        description="assembly with MULS",
        unrolled=16,
        template="kernels/armv6m/winograd.c.j2",
        assembly=assembly.THUMB,
    ),
    branches="kernels/armv6m/branches.c.j2",
)
