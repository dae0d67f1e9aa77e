... 9 lines
 * Algorithm  im2col_full: copies every patch into the whole patch matrix, then one GEMM
... 45 lines
