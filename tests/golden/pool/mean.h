/*
 * mean: average pooling
 *
 * Layer      average_pool, int8
... 5 lines
 * Algorithm  pool: window by window: no workspace
... 2 lines
 * Quantised  a mean is one multiplication in 32 bits, exact for every sum; two's complement, and
... 41 lines
