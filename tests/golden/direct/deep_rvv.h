... 12 lines
 * Quantised  double rounding as one multiplication per channel, in two steps, a shift of its own,
 *   equal on every possible sum; two's complement, and >> of negative integers is arithmetic
... 41 lines
