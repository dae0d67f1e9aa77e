... 9 lines
 * Algorithm  im2col_p2: copies 2 patches at a time, then multiplies
... 2 lines
 * Quantised  double rounding, Q31 multiplier per channel; two's complement, and >> of negative
 *   integers is arithmetic
... 43 lines
