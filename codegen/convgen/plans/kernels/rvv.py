"""RV32 with vectors of integers (Zve32x): what scalar cores have, and vectors."""

from __future__ import annotations

from dataclasses import replace

from convgen.plans.kernels.isa import InstructionSet
from convgen.plans.kernels.rv32 import RV32
from convgen.targets.target import Target


def _suits(target: Target) -> bool:
    return target.cpu.isa == "rv32v"


RVV: InstructionSet = replace(RV32, name="rvv", suits=_suits)
