... 8 lines
 * Activation relu: outputs from -128 to 127
 * Algorithm  im2col_p1: copies 1 patch at a time, then multiplies
... 4 lines
 * Numbers    SYNTHETIC: weights, bias and scales are made up from a seed, not trained
 * Note       Plain C: this core's kernel in assembly takes weights of 16 bits each.
 *
... 40 lines
