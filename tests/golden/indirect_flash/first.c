... 3 lines
 * Algorithm  indirect_flash
... 3 lines
 * Taps outside the image share one row of zero points.
 * Printed from templates/algorithms/indirect.c.j2.
... 26 lines
#define FIRST__OUTSIDE 65535 /* the offset of a tap outside the image */
... 20 lines
static FIRST__CODE inline void first__dot_ptr_2x4(
    int32_t sums[2][4], const int8_t *const input[2],
... 12 lines
        const int32_t x0 = input[0][k];
... 54 lines
/* Where a tap is; those outside the image are all in one place. */
static FIRST__CODE inline const int8_t *first__tap(const int8_t *input, int32_t offset)
{
    return offset == FIRST__OUTSIDE ? first__zero_points : input + offset;
... 2 lines
/* 2 x 4 outputs. */
static FIRST__CODE FIRST__OUT_OF_LINE void first__block_2x4(
    const int8_t *input, const uint16_t *table, int32_t channel, int8_t *output)
... 11 lines
        const int8_t *const taps[2] = {
            first__tap(input, table[tap]),
            first__tap(input, table[FIRST__TAPS + tap]),
... 2 lines
        first__dot_ptr_2x4(sums, taps, weights, FIRST__TAP);
... 40 lines
/* The outputs of `count` pixels. */
static FIRST__CODE void first__multiply(const int8_t *input, const uint16_t *table, int32_t count, int8_t *output)
... 2 lines
        first__block_2x4(input, table, 0, output);
... 2 lines
        table += 2 * FIRST__TAPS;
... 8 lines
    first__multiply(input, first__offsets, FIRST__OUT_H * FIRST__OUT_W, output);
}
