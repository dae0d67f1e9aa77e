"""How large what a file describes may be: far above any microcontroller's, far below a PC's."""

from __future__ import annotations

MAX_TENSOR_BYTES = 64 * 2**20

# Of any dimension, stride, dilation, pad or dilated kernel. Positions in the padded image, even one
# dilation past a kernel's end, then stay below 5 * 2**20, and offsets are computed inside tensors
# only, of 2**26 bytes. With the bound on a step between columns and im2col's on its matrix,
# nothing the generated C computes for indices leaves int32.
MAX_SIZE = 2**20

# What a plan, a run and the reference take grows with these; a microcontroller's layers are far
# below. 2**33 products are a minute and more of any of its cores.
MAX_MACS = 2**33
MAX_PIXELS = 2**21

LARGEST_BIAS = 2**40  # of int64: sums stay far from the 2^47 that TensorFlow Lite asserts
