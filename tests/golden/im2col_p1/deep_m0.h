... 9 lines
 * Algorithm  im2col_p1: copies 1 patch at a time, then multiplies
... 5 lines
 * Note       Plain C: this core's kernel in assembly takes weights of 16 bits each.
 *
... 40 lines
