... 9 lines
 * Algorithm  kn2row_aa_holes: each tap's GEMM adds into the sums of the whole image; punches holes
 *   in it
 * Workspace  416 bytes: int32_t partial[4][5][5], int8_t columns[4][1][4]
... 35 lines
 * `input` is changed during the call, and restored.
... 4 lines
void deep(int8_t *input, int8_t *output, void *workspace);
... 6 lines
