... 3 lines
 * Algorithm  kn2row_as
 * Sums       plain C, 2 x 2 sums (pixels x channels)
... 3 lines
 * Printed from templates/algorithms/kn2row_as.c.j2.
 *
... 106 lines
            grouped__tap_2x2(input + group * GROUPED__GROUP_PITCH, tap, first, partial);
        }
        input += 2 * GROUPED__PIXEL_PITCH;
... 4 lines
static GROUPED__CODE void grouped__begin(int32_t *partial, int32_t pixels)
{
    for (; pixels > 0; --pixels) {
        for (int32_t channel = 0; channel < GROUPED__OUT_C; ++channel) {
            *partial++ = grouped__bias[channel];
        }
... 3 lines
static GROUPED__CODE void grouped__store(const int32_t *partial, int32_t pixels, int8_t *output)
{
... 2 lines
            *output++ = grouped__finish(*partial++, channel);
        }
... 3 lines
/* Adds the plane of tap (i, j) to the sums it belongs to: shifted, and strided. */
static GROUPED__CODE void grouped__add_plane(
    const int32_t *plane, int32_t i, int32_t j, int32_t *partial)
{
    for (int32_t out_row = 0; out_row < GROUPED__OUT_H; ++out_row) {
        const int32_t row = out_row * GROUPED__STRIDE_H - GROUPED__PAD_TOP + i * GROUPED__DILATION_H;

        for (int32_t out_col = 0; out_col < GROUPED__OUT_W; ++out_col) {
            const int32_t col = out_col * GROUPED__STRIDE_W - GROUPED__PAD_LEFT + j * GROUPED__DILATION_W;

            if (row >= 0 && row < GROUPED__IN_H && col >= 0 && col < GROUPED__IN_W) {
                for (int32_t channel = 0; channel < GROUPED__OUT_C; ++channel) {
                    partial[channel] += plane[(row * GROUPED__IN_W + col) * GROUPED__OUT_C + channel];
                }
            }
            partial += GROUPED__OUT_C;
        }
... 6 lines
    int32_t *const partial =
        (int32_t *)(void *)((char *)workspace + 672);

    grouped__begin(partial, GROUPED__OUT_H * GROUPED__OUT_W);
    for (int32_t i = 0; i < GROUPED__KERNEL_H; ++i) {
        for (int32_t j = 0; j < GROUPED__KERNEL_W; ++j) {
            grouped__multiply(input, i * GROUPED__KERNEL_W + j, GROUPED__IN_H * GROUPED__IN_W, plane);
            grouped__add_plane(plane, i, j, partial);
        }
    }
    grouped__store(partial, GROUPED__OUT_H * GROUPED__OUT_W, output);
}
