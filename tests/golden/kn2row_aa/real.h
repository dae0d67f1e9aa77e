... 8 lines
 * Activation relu6: outputs from 0 to 6
 * Algorithm  kn2row_aa: each tap's GEMM adds into the sums of one output row
 * Workspace  none
... 16 lines
#define REAL_OUTPUT_BYTES    500u
#define REAL_WORKSPACE_BYTES 0u /* pass NULL */
#define REAL_WORKSPACE_ALIGN 1u
... 19 lines
