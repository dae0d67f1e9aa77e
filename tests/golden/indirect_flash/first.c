... 2 lines
 *
 * Algorithm  indirect_flash
 * Sums       plain C, 2 x 4 sums (pixels x channels)
 * Numbers    SYNTHETIC: weights, bias and scales are made up from a seed, not trained
 *
 * Taps outside the image share one row of zero points.
 * Printed from templates/algorithms/indirect.c.j2.
 *
... 15 lines
#define FIRST__OUT_W 7
#define FIRST__TAPS 9
#define FIRST__TAP 3 /* elements of one tap */
#define FIRST__OUTSIDE 65535 /* the offset of a tap outside the image */
#define FIRST__OUT_C 6
#define FIRST__DEPTH 27 /* products of one sum */
#define FIRST__FINISH_MIN 0 /* activation range less the output zero point */
... 16 lines
/* Adds `count` products to each of 2 x 4 sums (pixels x channels), which share inputs and weights. */
static FIRST__CODE inline void first__dot_ptr_2x4(
    int32_t sums[2][4], const int8_t *const input[2],
    const int8_t *weights, int32_t count)
... 10 lines
    for (int32_t k = 0; k < count; ++k) {
        const int32_t x0 = input[0][k];
        const int32_t x1 = input[1][k];
        const int32_t w0 = weights[4 * k];
... 24 lines
/* Adds `count` products to each of 2 x 2 sums (pixels x channels), which share inputs and weights. */
static FIRST__CODE inline void first__dot_ptr_2x2(
    int32_t sums[2][2], const int8_t *const input[2],
    const int8_t *weights, int32_t count)
... 8 lines
        const int32_t x1 = input[1][k];
        const int32_t w0 = weights[2 * k];
... 13 lines

/* Where a tap is; those outside the image are all in one place. */
static FIRST__CODE inline const int8_t *first__tap(const int8_t *input, int32_t offset)
{
    return offset == FIRST__OUTSIDE ? first__zero_points : input + offset;
}

/* 2 x 4 outputs. */
static FIRST__CODE void first__block_2x4(
    const int8_t *input, const uint16_t *table, int32_t channel, int8_t *output)
{
    const int8_t *weights = first__weights + channel * FIRST__DEPTH;
    int32_t sums[2][4];
... 7 lines
    for (int32_t tap = 0; tap < FIRST__TAPS; ++tap) {
        const int8_t *const taps[2] = {
            first__tap(input, table[tap]),
            first__tap(input, table[FIRST__TAPS + tap]),
        };

        first__dot_ptr_2x4(sums, taps, weights, FIRST__TAP);
        weights += 4 * FIRST__TAP;
    }
... 2 lines
        for (int32_t c = 0; c < 4; ++c) {
            output[pixel * FIRST__OUT_C + channel + c] = first__finish(sums[pixel][c], channel + c);
... 4 lines
/* 2 x 2 outputs. */
static FIRST__CODE void first__block_2x2(
    const int8_t *input, const uint16_t *table, int32_t channel, int8_t *output)
... 15 lines

        first__dot_ptr_2x2(sums, taps, weights, FIRST__TAP);
        weights += 2 * FIRST__TAP;
    }
... 7 lines

/* The outputs of `count` pixels. */
static FIRST__CODE void first__multiply(const int8_t *input, const uint16_t *table, int32_t count, int8_t *output)
{
    for (; count >= 2; count -= 2) {
        first__block_2x4(input, table, 0, output);
        first__block_2x2(input, table, 4, output);

        table += 2 * FIRST__TAPS;
        output += 2 * FIRST__OUT_C;
... 6 lines

    first__multiply(input, first__offsets, FIRST__OUT_H * FIRST__OUT_W, output);
}
