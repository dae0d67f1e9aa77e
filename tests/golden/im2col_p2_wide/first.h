... 9 lines
 * Algorithm  im2col_p2_wide: copies 2 patches at a time, widened to int16, then multiplies
 * Workspace  112 bytes: int16_t patches[14][2][2]
... 45 lines
