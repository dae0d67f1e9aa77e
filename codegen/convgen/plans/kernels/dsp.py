"""Armv7E-M and Armv8-M with DSP instructions: two products at once, four bytes of a word."""

from __future__ import annotations

from convgen.plans import assembly
from convgen.plans.kernels.isa import InstructionSet, Planes, Products, Slices
from convgen.plans.kernels.lanes_int16 import LanesInt16
from convgen.plans.kernels.smlad import Smlad
from convgen.plans.kernels.smlad_int16 import SmladInt16

INT8 = {bits: Smlad(bits=bits) for bits in (4, 8, 16)}
INT16 = {8: SmladInt16(wide=False), 16: SmladInt16(wide=True)}

DSP = InstructionSet(
    name="dsp",
    finishing=INT8,
    depthwise_int16={8: LanesInt16(wide=False), 16: LanesInt16(wide=True)},
    finishing_int16=INT16,
    spaced={"int8": INT8, "int16": INT16},
    products=Products(
        description="assembly: two products in each SMLAD",
        unrolled=32,
        template="kernels/dsp/winograd.c.j2",
        assembly=assembly.DSP,
        inlines_outputs=True,
    ),
    planes=Planes(template="kernels/dsp/planes.c.j2", assembly=assembly.DSP),
    wide_planes=Planes(template="kernels/dsp/planes_wide.c.j2", assembly=assembly.DSP),
    lanes=Planes(template="kernels/dsp/lanes.c.j2", assembly=assembly.DSP_UNALIGNED),
    slices=Slices(template="kernels/dsp/slices.c.j2", assembly=assembly.DSP_UNALIGNED),
    bytewise=assembly.LANES,
    saturating=assembly.SATURATING,
    rounding=assembly.ROUNDING,
    saturating_float=assembly.SATURATING_FLOAT,
    line="kernels/dsp/line.c.j2",
    branches="kernels/armv7m/branches.c.j2",
)
