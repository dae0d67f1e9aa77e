/*
 * mean: average pooling
 *
 * Layer      average_pool, int8
... 2 lines
 * Kernel     3 x 3, stride 2 x 2
... 2 lines
 * Algorithm  pool: window by window: no workspace
... 2 lines
 * Quantised  a mean is one multiplication in 32 bits, exact for every sum; two's complement, and
... 41 lines
