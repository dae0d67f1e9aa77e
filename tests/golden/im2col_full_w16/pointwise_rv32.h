... 9 lines
 * Algorithm  im2col_full_w16: copies every patch into the whole patch matrix, then one GEMM;
 *   weights take 16 bits each in flash
... 45 lines
