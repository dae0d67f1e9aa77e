... 65 lines
/* Adds `count` products to each of 1 x 4 sums (pixels x channels), which share inputs and weights. */
static DEEP__CODE DEEP__OUT_OF_LINE void deep__dot_1x4(
    int32_t sums[1][4], const int8_t *input,
... 26 lines
/* Adds `count` products to each of 1 x 1 sums (pixels x channels), which share inputs and weights. */
static DEEP__CODE DEEP__OUT_OF_LINE void deep__dot_1x1(
    int32_t sums[1][1], const int8_t *input,
... 15 lines
static DEEP__CODE void deep__block_1x4(
    const int8_t *input, int32_t channel, int8_t *output)
... 15 lines
static DEEP__CODE void deep__block_1x1(
    const int8_t *input, int32_t channel, int8_t *output)
... 9 lines
    for (int32_t c = 0; c < 1; ++c) {
        output[channel + c] = deep__finish(sums[0][c], channel + c);
... 74 lines
