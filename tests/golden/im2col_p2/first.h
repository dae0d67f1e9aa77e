... 9 lines
 * Algorithm  im2col_p2: copies 2 patches at a time, then multiplies
 * Workspace  54 bytes: int8_t patches[2][27]
... 45 lines
