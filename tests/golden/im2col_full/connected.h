... 12 lines
 * Quantised  single rounding as one multiplication per channel, equal on every possible sum; two's
... 42 lines
