... 3 lines
 * Layer      conv2d, float32, 3,375 MACs
 * Input      5 x 5 x 3 (height x width x channels), 300 bytes
 * Output     5 x 5 x 5 (height x width x channels), 500 bytes
... 2 lines
 * Activation relu6: outputs from 0 to 6
... 17 lines
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
... 14 lines
