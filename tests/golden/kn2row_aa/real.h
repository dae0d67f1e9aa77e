... 9 lines
 * Algorithm  kn2row_aa: each tap's GEMM adds into the sums of one output row
 * Workspace  none
... 17 lines
#define REAL_WORKSPACE_BYTES 0u /* pass NULL */
#define REAL_WORKSPACE_ALIGN 1u
... 19 lines
