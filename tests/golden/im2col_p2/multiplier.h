... 8 lines
 * Activation none: outputs from -128 to 127
 * Algorithm  im2col_p2: copies 2 patches at a time, then multiplies
 * Workspace  36 bytes: int8_t patches[2][18]
 * Constants  108 bytes
 * Quantised  double rounding, Q31 multiplier per channel; two's complement, and >> of negative
 *   integers is arithmetic
... 43 lines
