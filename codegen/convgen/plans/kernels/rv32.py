"""RV32 with multiplication: many registers, no instruction that saturates."""

from __future__ import annotations

from convgen.plans import assembly
from convgen.plans.kernels.forms import Unrolling
from convgen.plans.kernels.isa import InstructionSet, Products
from convgen.plans.kernels.paired import Core, Paired

CORE = Core(
    isa="rv32",
    title="MUL",
    template="kernels/rv32/paired.c.j2",
    assembly=assembly.RV32M,
    pixels=2,
    blocks=(8, 4),
    unrolling=Unrolling(group=2, most=(4, 4)),
    farthest=2047,
    clamping="range",
    counts_halves=False,
)


RV32 = InstructionSet(
    name="rv32",
    finishing={16: Paired(core=CORE)},
    products=Products(
        description="assembly",
        unrolled=4,
        template="kernels/rv32/winograd.c.j2",
        assembly=assembly.RV32M,
    ),
)
