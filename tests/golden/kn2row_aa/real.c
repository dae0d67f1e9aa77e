... 6 lines
 *
 * Sums grow in the output itself.
 * Printed from templates/algorithms/kn2row_aa.c.j2.
... 151 lines
static REAL__CODE void real__tap_2x4(
    const float *input, int32_t tap, int32_t channel, float *partial)
{
... 18 lines
/* Adds one tap to 2 x 1 partial sums. */
static REAL__CODE void real__tap_2x1(
    const float *input, int32_t tap, int32_t channel, float *partial)
... 4 lines
        for (int32_t c = 0; c < 1; ++c) {
            sums[pixel][c] = partial[pixel * REAL__PARTIAL_PITCH + channel + c];
... 14 lines
static REAL__CODE void real__tap_1x4(
    const float *input, int32_t tap, int32_t channel, float *partial)
... 15 lines
/* Adds one tap to 1 x 1 partial sums. */
static REAL__CODE void real__tap_1x1(
    const float *input, int32_t tap, int32_t channel, float *partial)
... 3 lines
    for (int32_t c = 0; c < 1; ++c) {
        sums[0][c] = partial[channel + c];
    }

    real__dot_1x1(
        sums, input, real__weights + (tap * REAL__OUT_C + channel) * REAL__DEPTH, REAL__DEPTH);

    for (int32_t c = 0; c < 1; ++c) {
        partial[channel + c] = sums[0][c];
... 3 lines
/* Multiplies `count` pixels by the weights of one tap; adds the products to the partial sums. */
static REAL__CODE void real__multiply(const float *input, int32_t tap, int32_t count, float *partial)
{
... 8 lines
        real__tap_1x4(input, tap, 0, partial);
        real__tap_1x1(input, tap, 4, partial);

... 4 lines

static REAL__CODE void real__begin(float *partial, int32_t pixels)
{
... 6 lines

static REAL__CODE void real__store(const float *partial, int32_t pixels, float *output)
{
    for (; pixels > 0; --pixels) {
        for (int32_t channel = 0; channel < REAL__OUT_C; ++channel) {
            *output++ = real__finish(*partial++);
        }
... 2 lines

/* The first of the columns 0, REAL__STRIDE_W, 2 * REAL__STRIDE_W ... that is at least `col`, as its number. */
static REAL__CODE int32_t real__first_col(int32_t col)
{
    const int32_t first = col > 0 ? (col + REAL__STRIDE_W - 1) / REAL__STRIDE_W : 0;

    return first < REAL__OUT_W ? first : REAL__OUT_W;
}

/* Adds the taps of image row `row`, kernel row `i`, to the sums of one output row. */
static REAL__CODE void real__add_row(const float *input, int32_t row, int32_t i, float *partial)
{
... 2 lines
        const int32_t shift = j * REAL__DILATION_W - REAL__PAD_LEFT;
        const int32_t first = real__first_col(-shift);
        const int32_t last = real__first_col(REAL__IN_W - shift);

        if (first < last) {
            real__multiply(
                input + (row * REAL__IN_W + first * REAL__STRIDE_W + shift) * REAL__IN_C, tap, last - first,
                partial + first * REAL__OUT_C);
        }
... 7 lines
    for (int32_t out_row = 0; out_row < REAL__OUT_H; ++out_row) {
        real__begin(output, REAL__OUT_W);
        for (int32_t i = 0; i < REAL__KERNEL_H; ++i) {
... 2 lines
            if (row >= 0 && row < REAL__IN_H) {
                real__add_row(input, row, i, output);
            }
        }
        real__store(output, REAL__OUT_W, output);
        output += REAL__OUT_W * REAL__OUT_C;
... 2 lines
