... 8 lines
 * Activation none: outputs from -128 to 127
 * Algorithm  im2col_full_w16: copies every patch into the whole patch matrix, then one GEMM;
 *   weights take 16 bits each in flash
 * Workspace  none
... 44 lines
