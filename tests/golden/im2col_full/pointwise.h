... 9 lines
 * Algorithm  im2col_full: copies every patch into the whole patch matrix, then one GEMM
 * Workspace  none
... 44 lines
