... 4 lines
 * Input      4 x 5 x 6 (height x width x channels), 240 bytes, scale 3.0517578e-05, zero point 0
... 3 lines
 * Activation relu: outputs from 0 to 32767
... 3 lines
 * Quantised  reduced rounding, exactly, as one multiplication per channel; two's complement, and
 *   >> of negative integers is arithmetic
... 24 lines
#define HALVES_INPUT_SCALE       3.0517578e-05f
#define HALVES_INPUT_ZERO_POINT  0
... 15 lines
