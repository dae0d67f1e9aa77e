... 3 lines
 * Algorithm  im2col_p2
 * Sums       plain C, 2 x 3 sums (pixels x channels)
... 36 lines
#define MULTIPLIER__TAP_STEP 2 /* elements from tap to tap of a run */
#define MULTIPLIER__PIXEL_PITCH 18 /* elements from pixel to pixel of a block */
... 9 lines
    const int32_t half = 1 << (shift - 1);
    const int64_t product = (int64_t)sum * multiplier__multiplier[channel];
    const int32_t high = (int32_t)((product + (1 << 30)) >> 31);
... 6 lines
/* Adds `count` products to each of 2 x 3 sums (pixels x channels), which share inputs and weights. */
static MULTIPLIER__CODE inline void multiplier__dot_2x3(
    int32_t sums[2][3], const int8_t *input,
    const int8_t *weights, int32_t count)
... 3 lines
    int32_t sum02 = sums[0][2];
    int32_t sum10 = sums[1][0];
    int32_t sum11 = sums[1][1];
    int32_t sum12 = sums[1][2];

    for (int32_t k = 0; k < count; ++k) {
        const int32_t x0 = input[k * MULTIPLIER__TAP_STEP];
        const int32_t x1 = input[MULTIPLIER__PIXEL_PITCH + k * MULTIPLIER__TAP_STEP];
        const int32_t w0 = weights[3 * k];
        const int32_t w1 = weights[3 * k + 1];
        const int32_t w2 = weights[3 * k + 2];

        sum00 += x0 * w0;
        sum01 += x0 * w1;
        sum02 += x0 * w2;
        sum10 += x1 * w0;
        sum11 += x1 * w1;
        sum12 += x1 * w2;
    }
... 3 lines
    sums[0][2] = sum02;
    sums[1][0] = sum10;
    sums[1][1] = sum11;
    sums[1][2] = sum12;
}

/* Adds `count` products to each of 1 x 3 sums (pixels x channels), which share inputs and weights. */
static MULTIPLIER__CODE inline void multiplier__dot_1x3(
    int32_t sums[1][3], const int8_t *input,
    const int8_t *weights, int32_t count)
... 3 lines
    int32_t sum02 = sums[0][2];

    for (int32_t k = 0; k < count; ++k) {
        const int32_t x0 = input[k * MULTIPLIER__TAP_STEP];
        const int32_t w0 = weights[3 * k];
... 5 lines
        sum02 += x0 * w2;
    }
... 3 lines
    sums[0][2] = sum02;
}

/* 2 x 3 outputs of as many patches. */
static MULTIPLIER__CODE void multiplier__block_2x3(
    const int8_t *input, int32_t channel, int8_t *output)
{
    int32_t sums[2][3];

    for (int32_t pixel = 0; pixel < 2; ++pixel) {
        for (int32_t c = 0; c < 3; ++c) {
            sums[pixel][c] = multiplier__bias[channel + c];
... 2 lines

    multiplier__dot_2x3(sums, input, multiplier__weights + channel * MULTIPLIER__DEPTH, MULTIPLIER__DEPTH);

    for (int32_t pixel = 0; pixel < 2; ++pixel) {
        for (int32_t c = 0; c < 3; ++c) {
            output[pixel * MULTIPLIER__OUT_C + channel + c] = multiplier__finish(sums[pixel][c], channel + c);
... 4 lines
/* 1 x 3 outputs of as many patches. */
static MULTIPLIER__CODE void multiplier__block_1x3(
    const int8_t *input, int32_t channel, int8_t *output)
{
    int32_t sums[1][3];

    for (int32_t c = 0; c < 3; ++c) {
        sums[0][c] = multiplier__bias[channel + c];
    }

    multiplier__dot_1x3(sums, input, multiplier__weights + channel * MULTIPLIER__DEPTH, MULTIPLIER__DEPTH);

    for (int32_t c = 0; c < 3; ++c) {
        output[channel + c] = multiplier__finish(sums[0][c], channel + c);
... 2 lines

/* Multiplies `count` patches by all weights and stores their output pixels. */
... 2 lines
    for (; count >= 2; count -= 2) {
        for (int32_t group = 0; group < 2; ++group) {
            const int32_t first = group * 3;

            multiplier__block_2x3(input + group * MULTIPLIER__GROUP_PITCH, first, output);
        }
        input += 2 * MULTIPLIER__PATCH;
... 2 lines
    for (; count >= 1; --count) {
        for (int32_t group = 0; group < 2; ++group) {
            const int32_t first = group * 3;

            multiplier__block_1x3(input + group * MULTIPLIER__GROUP_PITCH, first, output);
        }
        input += MULTIPLIER__PATCH;
... 61 lines
    }
    multiplier__multiply(patches, 1, output);
}
