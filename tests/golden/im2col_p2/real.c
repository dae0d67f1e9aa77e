... 6 lines
 *
 * Taps outside the image become 0 in the patch.
 * Printed from templates/algorithms/im2col.c.j2.
... 33 lines

/* Sum to output: the activation. */
static REAL__CODE float real__finish(float sum)
{
    sum = sum < 0.0f ? 0.0f : sum;
    sum = sum > 6.0f ? 6.0f : sum;
    return sum;
}

/* Adds `count` products to each of 2 x 4 sums (pixels x channels), which share inputs and weights. */
static REAL__CODE inline void real__dot_2x4(
    float sums[2][4], const float *input,
    const float *weights, int32_t count)
{
    float sum00 = sums[0][0];
    float sum01 = sums[0][1];
    float sum02 = sums[0][2];
    float sum03 = sums[0][3];
    float sum10 = sums[1][0];
    float sum11 = sums[1][1];
    float sum12 = sums[1][2];
    float sum13 = sums[1][3];

    for (int32_t k = 0; k < count; ++k) {
        const float x0 = input[k];
        const float x1 = input[REAL__PIXEL_PITCH + k];
        const float w0 = weights[4 * k];
        const float w1 = weights[4 * k + 1];
        const float w2 = weights[4 * k + 2];
        const float w3 = weights[4 * k + 3];

... 2 lines
        sum02 += x0 * w2;
        sum03 += x0 * w3;
        sum10 += x1 * w0;
        sum11 += x1 * w1;
        sum12 += x1 * w2;
        sum13 += x1 * w3;
    }
... 4 lines
    sums[0][3] = sum03;
    sums[1][0] = sum10;
    sums[1][1] = sum11;
    sums[1][2] = sum12;
    sums[1][3] = sum13;
}

/* Adds `count` products to each of 2 x 1 sums (pixels x channels), which share inputs and weights. */
static REAL__CODE inline void real__dot_2x1(
    float sums[2][1], const float *input,
    const float *weights, int32_t count)
{
    float sum00 = sums[0][0];
    float sum10 = sums[1][0];

... 2 lines
        const float x1 = input[REAL__PIXEL_PITCH + k];
        const float w0 = weights[k];

        sum00 += x0 * w0;
        sum10 += x1 * w0;
    }

    sums[0][0] = sum00;
    sums[1][0] = sum10;
}

/* Adds `count` products to each of 1 x 4 sums (pixels x channels), which share inputs and weights. */
static REAL__CODE inline void real__dot_1x4(
    float sums[1][4], const float *input,
    const float *weights, int32_t count)
... 4 lines
    float sum03 = sums[0][3];

    for (int32_t k = 0; k < count; ++k) {
        const float x0 = input[k];
        const float w0 = weights[4 * k];
... 7 lines
        sum03 += x0 * w3;
    }
... 7 lines
/* Adds `count` products to each of 1 x 1 sums (pixels x channels), which share inputs and weights. */
static REAL__CODE inline void real__dot_1x1(
    float sums[1][1], const float *input,
    const float *weights, int32_t count)
{
    float sum00 = sums[0][0];

    for (int32_t k = 0; k < count; ++k) {
        const float x0 = input[k];
        const float w0 = weights[k];

        sum00 += x0 * w0;
    }

    sums[0][0] = sum00;
}

/* 2 x 4 outputs of as many patches. */
static REAL__CODE void real__block_2x4(
    const float *input, int32_t channel, float *output)
{
    float sums[2][4];

    for (int32_t pixel = 0; pixel < 2; ++pixel) {
        for (int32_t c = 0; c < 4; ++c) {
            sums[pixel][c] = real__bias[channel + c];
... 2 lines

    real__dot_2x4(sums, input, real__weights + channel * REAL__DEPTH, REAL__DEPTH);

    for (int32_t pixel = 0; pixel < 2; ++pixel) {
        for (int32_t c = 0; c < 4; ++c) {
            output[pixel * REAL__OUT_C + channel + c] = real__finish(sums[pixel][c]);
        }
... 3 lines
/* 2 x 1 outputs of as many patches. */
static REAL__CODE void real__block_2x1(
    const float *input, int32_t channel, float *output)
{
    float sums[2][1];

    for (int32_t pixel = 0; pixel < 2; ++pixel) {
        for (int32_t c = 0; c < 1; ++c) {
            sums[pixel][c] = real__bias[channel + c];
... 2 lines

    real__dot_2x1(sums, input, real__weights + channel * REAL__DEPTH, REAL__DEPTH);

    for (int32_t pixel = 0; pixel < 2; ++pixel) {
        for (int32_t c = 0; c < 1; ++c) {
            output[pixel * REAL__OUT_C + channel + c] = real__finish(sums[pixel][c]);
... 4 lines
/* 1 x 4 outputs of as many patches. */
static REAL__CODE void real__block_1x4(
    const float *input, int32_t channel, float *output)
{
    float sums[1][4];

... 3 lines

    real__dot_1x4(sums, input, real__weights + channel * REAL__DEPTH, REAL__DEPTH);

    for (int32_t c = 0; c < 4; ++c) {
        output[channel + c] = real__finish(sums[0][c]);
    }
... 2 lines
/* 1 x 1 outputs of as many patches. */
static REAL__CODE void real__block_1x1(
    const float *input, int32_t channel, float *output)
{
    float sums[1][1];

    for (int32_t c = 0; c < 1; ++c) {
        sums[0][c] = real__bias[channel + c];
    }

    real__dot_1x1(sums, input, real__weights + channel * REAL__DEPTH, REAL__DEPTH);

    for (int32_t c = 0; c < 1; ++c) {
        output[channel + c] = real__finish(sums[0][c]);
... 3 lines
/* Multiplies `count` patches by all weights and stores their output pixels. */
static REAL__CODE void real__multiply(const float *input, int32_t count, float *output)
{
    for (; count >= 2; count -= 2) {
        real__block_2x4(input, 0, output);
        real__block_2x1(input, 4, output);

        input += 2 * REAL__PATCH;
... 2 lines
    for (; count >= 1; --count) {
        real__block_1x4(input, 0, output);
        real__block_1x1(input, 4, output);

        input += REAL__PATCH;
... 4 lines
/* A loop, since runs are often too short for memcpy to pay. */
static REAL__CODE void real__copy(float *to, const float *from, int32_t count)
{
... 4 lines

static REAL__CODE void real__fill(float *to, int32_t count)
{
    for (int32_t k = 0; k < count; ++k) {
        to[k] = 0;
    }
... 2 lines
/* Gathers the patch whose first tap is at (in_row, in_col). */
static REAL__CODE void real__gather(const float *input, int32_t in_row, int32_t in_col, float *patch)
{
... 21 lines

REAL__CODE void real(const float *input, float *output, void *workspace)
{
    float *const patches = workspace;

    float *patch = patches;

... 14 lines
