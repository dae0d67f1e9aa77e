... 6 lines
 *
 * Taps outside the image add -1 times their weights.
 * Printed from templates/algorithms/kn2row_aa.c.j2.
... 120 lines
static FIRST__CODE inline void first__dot_1x4(
    int32_t sums[1][4], const int8_t *input,
... 8 lines
        const int32_t x0 = input[k];
        const int32_t w0 = weights[4 * k];
... 36 lines

/* Adds one tap to 2 x 4 partial sums. */
static FIRST__CODE void first__tap_2x4(
    const int8_t *input, int32_t tap, int32_t channel, int32_t *partial)
{
    int32_t sums[2][4];
... 2 lines
        for (int32_t c = 0; c < 4; ++c) {
            sums[pixel][c] = partial[pixel * FIRST__PARTIAL_PITCH + channel + c];
        }
... 12 lines
/* Adds one tap to 2 x 2 partial sums. */
static FIRST__CODE void first__tap_2x2(
    const int8_t *input, int32_t tap, int32_t channel, int32_t *partial)
{
    int32_t sums[2][2];
... 2 lines
        for (int32_t c = 0; c < 2; ++c) {
            sums[pixel][c] = partial[pixel * FIRST__PARTIAL_PITCH + channel + c];
... 13 lines
/* Adds one tap to 1 x 4 partial sums. */
static FIRST__CODE void first__tap_1x4(
    const int8_t *input, int32_t tap, int32_t channel, int32_t *partial)
{
    int32_t sums[1][4];

    for (int32_t c = 0; c < 4; ++c) {
        sums[0][c] = partial[channel + c];
    }

    first__dot_1x4(
        sums, input, first__weights + (tap * FIRST__OUT_C + channel) * FIRST__DEPTH, FIRST__DEPTH);

    for (int32_t c = 0; c < 4; ++c) {
        partial[channel + c] = sums[0][c];
    }
... 2 lines
/* Adds one tap to 1 x 2 partial sums. */
static FIRST__CODE void first__tap_1x2(
    const int8_t *input, int32_t tap, int32_t channel, int32_t *partial)
... 3 lines
    for (int32_t c = 0; c < 2; ++c) {
        sums[0][c] = partial[channel + c];
    }

    first__dot_1x2(
        sums, input, first__weights + (tap * FIRST__OUT_C + channel) * FIRST__DEPTH, FIRST__DEPTH);

    for (int32_t c = 0; c < 2; ++c) {
        partial[channel + c] = sums[0][c];
... 2 lines

/* Multiplies `count` pixels by the weights of one tap; adds the products to the partial sums. */
static FIRST__CODE void first__multiply(const int8_t *input, int32_t tap, int32_t count, int32_t *partial)
... 2 lines
        first__tap_2x4(input, tap, 0, partial);
        first__tap_2x2(input, tap, 4, partial);

... 3 lines
    for (; count >= 1; --count) {
        first__tap_1x4(input, tap, 0, partial);
        first__tap_1x2(input, tap, 4, partial);

        input += FIRST__PIXEL_PITCH;
        partial += FIRST__PARTIAL_PITCH;
    }
... 10 lines

/* What a tap outside the image adds to each of `pixels` pixels: the zero point times its weights. */
static FIRST__CODE void first__add_outside(int32_t *partial, int32_t tap, int32_t pixels)
{
    for (; pixels > 0; --pixels) {
        for (int32_t channel = 0; channel < FIRST__OUT_C; ++channel) {
            *partial++ += first__outside[tap * FIRST__OUT_C + channel];
        }
... 11 lines

/* The first of the columns 0, FIRST__STRIDE_W, 2 * FIRST__STRIDE_W ... that is at least `col`, as its number. */
static FIRST__CODE int32_t first__first_col(int32_t col)
{
    const int32_t first = col > 0 ? (col + FIRST__STRIDE_W - 1) / FIRST__STRIDE_W : 0;

    return first < FIRST__OUT_W ? first : FIRST__OUT_W;
}

/* Adds the taps of image row `row`, kernel row `i`, to the sums of one output row. */
static FIRST__CODE void first__add_row(const int8_t *input, int32_t row, int32_t i, int32_t *partial)
{
    for (int32_t j = 0; j < FIRST__KERNEL_W; ++j) {
        const int32_t tap = i * FIRST__KERNEL_W + j;
        const int32_t shift = j * FIRST__DILATION_W - FIRST__PAD_LEFT;
        const int32_t first = first__first_col(-shift);
        const int32_t last = first__first_col(FIRST__IN_W - shift);

        first__add_outside(partial, tap, first);
        first__add_outside(partial + last * FIRST__OUT_C, tap, FIRST__OUT_W - last);
        if (first < last) {
            first__multiply(
                input + (row * FIRST__IN_W + first * FIRST__STRIDE_W + shift) * FIRST__IN_C, tap, last - first,
                partial + first * FIRST__OUT_C);
        }
... 4 lines
{
    int32_t *const partial = workspace;

    for (int32_t out_row = 0; out_row < FIRST__OUT_H; ++out_row) {
        first__begin(partial, FIRST__OUT_W);
        for (int32_t i = 0; i < FIRST__KERNEL_H; ++i) {
            const int32_t row = out_row * FIRST__STRIDE_H - FIRST__PAD_TOP + i * FIRST__DILATION_H;

            if (row >= 0 && row < FIRST__IN_H) {
                first__add_row(input, row, i, partial);
            } else {
                for (int32_t j = 0; j < FIRST__KERNEL_W; ++j) {
                    first__add_outside(partial, i * FIRST__KERNEL_W + j, FIRST__OUT_W);
                }
            }
        }
        first__store(partial, FIRST__OUT_W, output);
        output += FIRST__OUT_W * FIRST__OUT_C;
... 2 lines
