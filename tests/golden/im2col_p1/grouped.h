... 9 lines
 * Algorithm  im2col_p1: copies 1 patch at a time, then multiplies
 * Workspace  36 bytes: int8_t patches[1][36]
... 46 lines
