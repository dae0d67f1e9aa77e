/*
 * mean: average pooling
 *
 * Layer      average_pool, int8
 * Input      5 x 6 x 9 (height x width x channels), 270 bytes, scale 0.05, zero point -128
 * Output     3 x 3 x 9 (height x width x channels), 81 bytes, scale 0.05, zero point -128
 * Kernel     3 x 3, stride 2 x 2
 * Padding    1 top, 0 left, 1 bottom, 1 right
 * Activation none: outputs from -128 to 127
 * Algorithm  pool: window by window: no workspace
 * Workspace  none
 * Constants  36 bytes
 * Quantised  a mean is one multiplication in 32 bits, exact for every sum; two's complement, and
 *   >> of negative integers is arithmetic
 *
... 39 lines
