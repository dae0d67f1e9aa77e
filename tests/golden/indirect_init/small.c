... 2 lines
 *
 * Algorithm  indirect_init
 * Sums       plain C, 2 x 4 sums (pixels x channels)
 * Numbers    SYNTHETIC: weights, bias and scales are made up from a seed, not trained
 *
 * No tap leaves the image.
 * Printed from templates/algorithms/indirect.c.j2.
... 91 lines
static SMALL__CODE void small__block_2x4(
    const int8_t *const *table, int32_t channel, int8_t *output)
{
... 10 lines
        const int8_t *const taps[2] = {
            table[tap],
            table[SMALL__TAPS + tap],
        };
... 15 lines
    for (; count >= 2; count -= 2) {
        small__block_2x4(table, 0, output);

... 13 lines
                const int32_t col = out_col * SMALL__STRIDE_W - SMALL__PAD_LEFT + j * SMALL__DILATION_W;

                *table++ = input + (row * SMALL__IN_W + col) * SMALL__IN_C;
            }
... 3 lines

SMALL__CODE void small_init(const int8_t *input, void *workspace)
{
... 2 lines
    for (int32_t out_row = 0; out_row < SMALL__OUT_H; ++out_row) {
        small__point(input, out_row, table + out_row * SMALL__OUT_W * SMALL__TAPS);
    }
... 5 lines

    (void)input;
    small__multiply(table, SMALL__OUT_H * SMALL__OUT_W, output);
}
