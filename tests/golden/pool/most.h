/*
 * most: max pooling
 *
 * Layer      max_pool, int8
 * Input      4 x 6 x 8 (height x width x channels), 192 bytes, scale 0.05, zero point -128
... 2 lines
 * Padding    none
... 4 lines
 *
... 39 lines
