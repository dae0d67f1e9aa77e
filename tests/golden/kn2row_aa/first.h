... 9 lines
 * Algorithm  kn2row_aa: each tap's GEMM adds into the sums of one output row
 * Workspace  168 bytes: int32_t partial[7][6]
... 46 lines
