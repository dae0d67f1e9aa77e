... 3 lines
 * Algorithm  kn2row_as
... 4 lines
 * Printed from templates/algorithms/kn2row_as.c.j2.
... 107 lines
            grouped__tap_2x2(input + group * GROUPED__GROUP_PITCH, tap, first, partial);
... 6 lines
static GROUPED__CODE void grouped__begin(int32_t *partial, int32_t pixels)
{
    for (; pixels > 0; --pixels) {
        for (int32_t channel = 0; channel < GROUPED__OUT_C; ++channel) {
            *partial++ = grouped__bias[channel];
... 4 lines
static GROUPED__CODE void grouped__store(const int32_t *partial, int32_t pixels, int8_t *output)
... 3 lines
            *output++ = grouped__finish(*partial++, channel);
... 4 lines
/* Adds the plane of tap (i, j) to the sums it belongs to: shifted, and strided. */
static GROUPED__CODE void grouped__add_plane(
    const int32_t *plane, int32_t i, int32_t j, int32_t *partial)
... 2 lines
        const int32_t row = out_row * GROUPED__STRIDE_H - GROUPED__PAD_TOP + i * GROUPED__DILATION_H;
... 6 lines
                    partial[channel] += plane[(row * GROUPED__IN_W + col) * GROUPED__OUT_C + channel];
... 2 lines
            partial += GROUPED__OUT_C;
... 7 lines
    int32_t *const partial =
        (int32_t *)(void *)((char *)workspace + 672);

    grouped__begin(partial, GROUPED__OUT_H * GROUPED__OUT_W);
... 2 lines
            grouped__multiply(input, i * GROUPED__KERNEL_W + j, GROUPED__IN_H * GROUPED__IN_W, plane);
            grouped__add_plane(plane, i, j, partial);
... 2 lines
    grouped__store(partial, GROUPED__OUT_H * GROUPED__OUT_W, output);
}
