... 3 lines
 * Layer      conv2d, float32, 3,375 MACs
 * Input      5 x 5 x 3 (height x width x channels), 300 bytes
 * Output     5 x 5 x 5 (height x width x channels), 500 bytes
 * Kernel     3 x 3, stride 1 x 1, dilation 1 x 1, groups 1
 * Padding    1 top, 1 left, 1 bottom, 1 right
 * Activation relu6: outputs from 0 to 6
 * Algorithm  im2col_p2: copies 2 patches at a time, then multiplies
 * Workspace  216 bytes: float patches[2][27]
 * Constants  560 bytes
 * Numbers    SYNTHETIC: weights, bias and scales are made up from a seed, not trained
... 13 lines
#define REAL_INPUT_BYTES     300u
#define REAL_OUTPUT_BYTES    500u
#define REAL_WORKSPACE_BYTES 216u
#define REAL_WORKSPACE_ALIGN 4u
#define REAL_INPUT_HEIGHT    5u
#define REAL_INPUT_WIDTH     5u
#define REAL_INPUT_CHANNELS  3u
#define REAL_OUTPUT_HEIGHT   5u
#define REAL_OUTPUT_WIDTH    5u
#define REAL_OUTPUT_CHANNELS 5u

... 6 lines
void real(const float *input, float *output, void *workspace);

... 5 lines
