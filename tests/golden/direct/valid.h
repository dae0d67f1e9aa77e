... 3 lines
 * Layer      conv2d, int8, 384 MACs
 * Input      5 x 6 x 2 (height x width x channels), 60 bytes, scale 0.0078125, zero point -1
 * Output     4 x 2 x 4 (height x width x channels), 32 bytes, scale 0.023529412, zero point 0
 * Kernel     2 x 3, stride 1 x 2, dilation 1 x 1, groups 1
 * Padding    none
 * Activation none: outputs from -128 to 127
... 3 lines
 * Quantised  double rounding as one multiplication per channel, another addend below zero, equal
 *   on every possible sum; two's complement, and >> of negative integers is arithmetic
... 27 lines
#define VALID_OUTPUT_ZERO_POINT 0
... 13 lines
