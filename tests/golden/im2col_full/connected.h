... 12 lines
 * Quantised  single rounding as one multiplication per channel, equal on every possible sum; two's
 *   complement, and >> of negative integers is arithmetic
... 41 lines
