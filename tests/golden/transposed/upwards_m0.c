... 8 lines
 * Printed from templates/algorithms/transposed.c.j2.
... 103 lines
/* 1 x 4 outputs of a phase, their columns of taps inside the image; `input` is the first. */
static UPWARDS__CODE UPWARDS__OUT_OF_LINE void upwards__inner_1x4(
    const int8_t *input, int32_t row, int32_t rows, int32_t cols, const int8_t *phase,
    const int32_t *bias, int32_t channel, int8_t *output)
{
    const int8_t *weights = phase + channel * rows * cols * UPWARDS__IN_C;
... 3 lines
        sums[0][c] = bias[channel + c];
... 3 lines
        const int inside = i >= 0 && i < UPWARDS__IN_H;
        const int8_t *taps = inside ? input + i * UPWARDS__IN_W * UPWARDS__IN_C : upwards__zero_points;

        upwards__dot_1x4(sums, taps, weights, cols * UPWARDS__IN_C);
        weights += 4 * cols * UPWARDS__IN_C;
... 7 lines
/* 1 x 4 outputs, their first tap at (row, col), which may be outside the image. */
static UPWARDS__CODE UPWARDS__OUT_OF_LINE void upwards__edge_1x4(
    const int8_t *input, int32_t row, int32_t col, int32_t rows, int32_t cols, const int8_t *phase,
... 11 lines
            const int inside = i >= 0 && i < UPWARDS__IN_H && j >= 0 && j < UPWARDS__IN_W;
            const int8_t *tap = inside ? input + (i * UPWARDS__IN_W + j) * UPWARDS__IN_C : upwards__zero_points;

            upwards__dot_1x4(sums, tap, weights, UPWARDS__IN_C);
            weights += 4 * UPWARDS__IN_C;
... 60 lines
static UPWARDS__CODE void upwards__inner(
    const int8_t *input, int32_t row, int32_t rows, int32_t cols, const int8_t *phase,
    const int32_t *bias, int8_t *output)
{
    upwards__inner_1x4(input, row, rows, cols, phase, bias, 0, output);
... 3 lines
static UPWARDS__CODE void upwards__edge(
... 3 lines
    upwards__edge_1x4(input, row, col, rows, cols, phase, bias, 0, output);
... 16 lines
            const int8_t *phase = upwards__weights + upwards__taps_before[number] * UPWARDS__IN_C * UPWARDS__OUT_C;
            const int32_t *bias = upwards__bias + number * UPWARDS__OUT_C;
            int32_t col = (start + UPWARDS__PAD_LEFT) / UPWARDS__STRIDE_W - cols + 1;
            int32_t out_col = start;

            while (out_col < UPWARDS__OUT_W) {
                const int inside = col >= 0 && col + UPWARDS__PIXELS - 1 + cols <= UPWARDS__IN_W
                                   && out_col + (UPWARDS__PIXELS - 1) * UPWARDS__STRIDE_W < UPWARDS__OUT_W;
... 2 lines
                    upwards__inner(input + col * UPWARDS__IN_C, row, rows, cols, phase, bias, output + out_col * UPWARDS__OUT_C);
                } else {
                    upwards__edge(input, row, col, rows, cols, phase, bias, output + out_col * UPWARDS__OUT_C);
                }
                col += inside ? UPWARDS__PIXELS : 1;
                out_col += inside ? UPWARDS__PIXELS * UPWARDS__STRIDE_W : UPWARDS__STRIDE_W;
... 5 lines
