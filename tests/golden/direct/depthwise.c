... 4 lines
 * Sums       plain C, 1 x 4 sums (pixels x channels)
... 38 lines
#define DEPTHWISE__RUN 3 /* elements of one kernel row */
#define DEPTHWISE__OUT_C 6
#define DEPTHWISE__DEPTH 9 /* products of one sum */
#define DEPTHWISE__TAP_STEP 6 /* elements from tap to tap of a run */
#define DEPTHWISE__FINISH_MIN (-128) /* activation range less the output zero point */
#define DEPTHWISE__FINISH_MAX 127
#define DEPTHWISE__OUT_ZERO_POINT 0

/* Sum to output: TensorFlow Lite's double rounding, then activation and zero point. */
static DEPTHWISE__CODE int8_t depthwise__finish(int32_t sum, int32_t channel)
{
    const int32_t shift = depthwise__shift[channel];
    const int32_t half = 1 << (shift - 1);
    const int64_t product = (int64_t)sum * depthwise__multiplier[channel];
    const int32_t high = (int32_t)((product + (1 << 30)) >> 31);
    int32_t value = (high + half - (high < 0)) >> shift;
    value = value < DEPTHWISE__FINISH_MIN ? DEPTHWISE__FINISH_MIN : value;
    value = value > DEPTHWISE__FINISH_MAX ? DEPTHWISE__FINISH_MAX : value;
    return (int8_t)(value + DEPTHWISE__OUT_ZERO_POINT);
... 2 lines
/* Adds `count` products to each of 1 x 4 sums (pixels x channels); each channel has its own input. */
static DEPTHWISE__CODE inline void depthwise__lanes_1x4(
    int32_t sums[1][4], const int8_t *input,
    const int8_t *weights, int32_t count)
{
    int32_t sum00 = sums[0][0];
... 4 lines
    for (int32_t k = 0; k < count; ++k) {
        const int32_t w0 = weights[4 * k];
        const int32_t w1 = weights[4 * k + 1];
... 3 lines
        sum00 += input[k * DEPTHWISE__TAP_STEP] * w0;
        sum01 += input[k * DEPTHWISE__TAP_STEP + 1] * w1;
... 4 lines
    sums[0][0] = sum00;
... 25 lines
/* 1 x 4 outputs whose taps are all inside the image; `input` is the first tap. */
static DEPTHWISE__CODE void depthwise__inner_1x4(
    const int8_t *input, int32_t channel, int8_t *output)
{
    const int8_t *weights = depthwise__weights + channel * DEPTHWISE__DEPTH;
... 3 lines
        sums[0][c] = depthwise__bias[channel + c];
... 3 lines
        depthwise__lanes_1x4(sums, input + i * DEPTHWISE__DILATION_H * DEPTHWISE__IN_W * DEPTHWISE__IN_C, weights, DEPTHWISE__RUN);
        weights += 4 * DEPTHWISE__RUN;
... 3 lines
        output[channel + c] = depthwise__finish(sums[0][c], channel + c);
... 24 lines
static DEPTHWISE__CODE void depthwise__pixels_1(const int8_t *input, int8_t *output)
{
    depthwise__inner_1x4(input + 0, 0, output);
... 3 lines
/* 1 x 4 outputs, their first tap at (in_row, in_col), which may be outside the image. */
static DEPTHWISE__CODE void depthwise__edge_1x4(
    const int8_t *input, int32_t in_row, int32_t in_col, int32_t channel, int8_t *output)
... 8 lines
    for (int32_t row = in_row; row < in_row + DEPTHWISE__KERNEL_H * DEPTHWISE__DILATION_H; row += DEPTHWISE__DILATION_H) {
        for (int32_t col = in_col; col < in_col + DEPTHWISE__KERNEL_W * DEPTHWISE__DILATION_W; col += DEPTHWISE__DILATION_W) {
            const int inside = row >= 0 && row < DEPTHWISE__IN_H && col >= 0 && col < DEPTHWISE__IN_W;
            const int8_t *tap = inside ? input + (row * DEPTHWISE__IN_W + col) * DEPTHWISE__IN_C : depthwise__zero_points;

            depthwise__lanes_1x4(sums, tap, weights, DEPTHWISE__TAP);
            weights += 4 * DEPTHWISE__TAP;
... 34 lines
static DEPTHWISE__CODE void depthwise__edge(const int8_t *input, int32_t in_row, int32_t in_col, int8_t *output)
{
    depthwise__edge_1x4(input + 0, in_row, in_col, 0, output);
... 14 lines
            depthwise__edge(input, in_row, col * DEPTHWISE__STRIDE_W - DEPTHWISE__PAD_LEFT, output);
... 3 lines
        for (; col < DEPTHWISE__INNER_RIGHT; ++col) {
            depthwise__pixels_1(
                input + (in_row * DEPTHWISE__IN_W + col * DEPTHWISE__STRIDE_W - DEPTHWISE__PAD_LEFT) * DEPTHWISE__IN_C, output);
... 8 lines
