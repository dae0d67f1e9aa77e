/*
 * most: max pooling
 *
 * Layer      max_pool, int8
 * Input      4 x 6 x 8 (height x width x channels), 192 bytes, scale 0.05, zero point -128
 * Output     2 x 3 x 8 (height x width x channels), 48 bytes, scale 0.05, zero point -128
 * Kernel     2 x 2, stride 2 x 2
 * Padding    none
... 3 lines
 * Constants  0 bytes
 *
... 39 lines
