... 12 lines
 * Quantised  double rounding, Q31 multiplier per channel; two's complement, and >> of negative
... 44 lines
