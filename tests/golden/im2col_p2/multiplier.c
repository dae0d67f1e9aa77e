... 4 lines
 * Sums       plain C, 2 x 3 sums (pixels x channels)
... 37 lines
#define MULTIPLIER__PIXEL_PITCH 18 /* elements from pixel to pixel of a block */
... 10 lines
    const int64_t product = (int64_t)sum * multiplier__multiplier[channel];
    const int32_t high = (int32_t)((product + (1 << 30)) >> 31);
... 19 lines
        const int32_t x0 = input[k * MULTIPLIER__TAP_STEP];
        const int32_t x1 = input[MULTIPLIER__PIXEL_PITCH + k * MULTIPLIER__TAP_STEP];
        const int32_t w0 = weights[3 * k];
... 30 lines
        const int32_t w0 = weights[3 * k];
... 13 lines
/* 2 x 3 outputs of as many patches. */
static MULTIPLIER__CODE void multiplier__block_2x3(
... 2 lines
    int32_t sums[2][3];
... 7 lines
    multiplier__dot_2x3(sums, input, multiplier__weights + channel * MULTIPLIER__DEPTH, MULTIPLIER__DEPTH);

... 24 lines
/* Multiplies `count` patches by all weights and stores their output pixels. */
... 3 lines
        for (int32_t group = 0; group < 2; ++group) {
... 2 lines
            multiplier__block_2x3(input + group * MULTIPLIER__GROUP_PITCH, first, output);
        }
        input += 2 * MULTIPLIER__PATCH;
... 3 lines
        for (int32_t group = 0; group < 2; ++group) {
... 4 lines
        input += MULTIPLIER__PATCH;
... 63 lines
    multiplier__multiply(patches, 1, output);
}
