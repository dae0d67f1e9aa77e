/*
 * digits: a neural network
 *
 * Network    4 operators, 18,944 MACs
 * Input      8x8x1 int8, 64 bytes, scale 0.0625, zero point -128
 * Output     10 int8, 10 bytes, scale 0.00390625, zero point -128
 * Arena      616 bytes
... 2 lines
 * 0  conv1          direct_w16            8x8x1 to 8x8x16
 * 1  conv2          direct_p1             8x8x16 to 4x4x32
 * 2  conv3          accumulate_connected  4x4x32 to 1x1x10
 * 3  probabilities  softmax               10 to 10
... 13 lines
#define DIGITS_ARENA_BYTES       616u /* everything but stack and constants */
#define DIGITS_ARENA_ALIGN       8u
... 7 lines
#define DIGITS_OUTPUT_DIMENSION  10u
... 6 lines
 * `arena` is memory of DIGITS_ARENA_BYTES, aligned to DIGITS_ARENA_ALIGN. Put the input at
 *   DIGITS_INPUT_OFFSET bytes from its start; after the call the output stands at its offset, and
 *   all else is overwritten. Nothing need be kept between calls.
... 2 lines
void digits(void *arena);
... 6 lines
