... 12 lines
 * Quantised  double rounding, Q31 multiplier per channel; two's complement, and >> of negative
 *   integers is arithmetic
 * Numbers    SYNTHETIC: weights, bias and scales are made up from a seed, not trained
 * Note       Plain C: the kernel in assembly needs 1 group; this layer has 6.
... 40 lines
