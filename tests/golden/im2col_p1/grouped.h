... 9 lines
 * Algorithm  im2col_p1: copies 1 patch at a time, then multiplies
... 47 lines
