/*
 * joined: addition
 *
 * Layer      add, int8
 * Input 0    3 x 4 x 5 (height x width x channels), 60 bytes, scale 0.0123, zero point -3
 * Input 1    3 x 4 x 5 (height x width x channels), 60 bytes, scale 0.0456, zero point 5
... 2 lines
 * Algorithm  add: element by element: no workspace
... 2 lines
 * Quantised  one line in 32 bits, equal for all 65,536 pairs of inputs; two's complement, and >>
 *   of negative integers is arithmetic
... 13 lines
#define JOINED_INPUT_0_BYTES      60u
#define JOINED_INPUT_1_BYTES      60u
#define JOINED_OUTPUT_BYTES       60u
#define JOINED_WORKSPACE_BYTES    0u /* pass NULL */
#define JOINED_WORKSPACE_ALIGN    1u
#define JOINED_INPUT_0_HEIGHT     3u
#define JOINED_INPUT_0_WIDTH      4u
#define JOINED_INPUT_0_CHANNELS   5u
... 3 lines
#define JOINED_OUTPUT_HEIGHT      3u
#define JOINED_OUTPUT_WIDTH       4u
#define JOINED_OUTPUT_CHANNELS    5u
#define JOINED_INPUT_0_SCALE      0.0123f
#define JOINED_INPUT_0_ZERO_POINT (-3)
#define JOINED_INPUT_1_SCALE      0.0456f
#define JOINED_INPUT_1_ZERO_POINT 5
#define JOINED_OUTPUT_SCALE       0.0519f
#define JOINED_OUTPUT_ZERO_POINT  (-10)
... 2 lines
 * Computes the layer from `input_0` and `input_1` to `output`, NHWC, batch 1.
 * `output` may be `input_0` or `input_1`.
... 3 lines
void joined(const int8_t *input_0, const int8_t *input_1, int8_t *output, void *workspace);
... 6 lines
