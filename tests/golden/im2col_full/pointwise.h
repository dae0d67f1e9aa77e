... 8 lines
 * Activation none: outputs from -128 to 127
 * Algorithm  im2col_full: copies every patch into the whole patch matrix, then one GEMM
 * Workspace  none
... 44 lines
