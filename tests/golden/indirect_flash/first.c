... 3 lines
 * Algorithm  indirect_flash
 * Sums       plain C, 2 x 4 sums (pixels x channels)
... 2 lines
 * Taps outside the image share one row of zero points.
 * Printed from templates/algorithms/indirect.c.j2.
 *
... 23 lines
#define FIRST__TAPS 9
#define FIRST__TAP 3 /* elements of one tap */
#define FIRST__OUTSIDE 65535 /* the offset of a tap outside the image */
#define FIRST__OUT_C 6
#define FIRST__DEPTH 27 /* products of one sum */
#define FIRST__FINISH_MIN 0 /* activation range less the output zero point */
... 17 lines
static FIRST__CODE inline void first__dot_ptr_2x4(
    int32_t sums[2][4], const int8_t *const input[2],
    const int8_t *weights, int32_t count)
... 11 lines
        const int32_t x0 = input[0][k];
        const int32_t x1 = input[1][k];
        const int32_t w0 = weights[4 * k];
... 52 lines
/* Where a tap is; those outside the image are all in one place. */
static FIRST__CODE inline const int8_t *first__tap(const int8_t *input, int32_t offset)
{
    return offset == FIRST__OUTSIDE ? first__zero_points : input + offset;
}

/* 2 x 4 outputs. */
static FIRST__CODE FIRST__OUT_OF_LINE void first__block_2x4(
    const int8_t *input, const uint16_t *table, int32_t channel, int8_t *output)
{
... 10 lines
        const int8_t *const taps[2] = {
            first__tap(input, table[tap]),
            first__tap(input, table[FIRST__TAPS + tap]),
        };

        first__dot_ptr_2x4(sums, taps, weights, FIRST__TAP);
        weights += 4 * FIRST__TAP;
    }
... 38 lines
/* The outputs of `count` pixels. */
static FIRST__CODE void first__multiply(const int8_t *input, const uint16_t *table, int32_t count, int8_t *output)
{
    for (; count >= 2; count -= 2) {
        first__block_2x4(input, table, 0, output);
        first__block_2x2(input, table, 4, output);

        table += 2 * FIRST__TAPS;
        output += 2 * FIRST__OUT_C;
... 7 lines
    first__multiply(input, first__offsets, FIRST__OUT_H * FIRST__OUT_W, output);
}
