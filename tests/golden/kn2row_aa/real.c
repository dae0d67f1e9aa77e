... 7 lines
 * Sums grow in the output itself.
 * Printed from templates/algorithms/kn2row_aa.c.j2.
... 152 lines
    const float *input, int32_t tap, int32_t channel, float *partial)
{
... 77 lines
static REAL__CODE void real__multiply(const float *input, int32_t tap, int32_t count, float *partial)
{
... 16 lines
static REAL__CODE void real__begin(float *partial, int32_t pixels)
{
... 7 lines
static REAL__CODE void real__store(const float *partial, int32_t pixels, float *output)
{
... 2 lines
            *output++ = real__finish(*partial++);
        }
... 3 lines
/* The first of the columns 0, REAL__STRIDE_W, 2 * REAL__STRIDE_W ... that is at least `col`, as its number. */
static REAL__CODE int32_t real__first_col(int32_t col)
{
    const int32_t first = col > 0 ? (col + REAL__STRIDE_W - 1) / REAL__STRIDE_W : 0;

    return first < REAL__OUT_W ? first : REAL__OUT_W;
}
... 2 lines
static REAL__CODE void real__add_row(const float *input, int32_t row, int32_t i, float *partial)
{
... 3 lines
        const int32_t first = real__first_col(-shift);
        const int32_t last = real__first_col(REAL__IN_W - shift);

        if (first < last) {
            real__multiply(
                input + (row * REAL__IN_W + first * REAL__STRIDE_W + shift) * REAL__IN_C, tap, last - first,
                partial + first * REAL__OUT_C);
        }
... 8 lines
        real__begin(output, REAL__OUT_W);
        for (int32_t i = 0; i < REAL__KERNEL_H; ++i) {
... 3 lines
                real__add_row(input, row, i, output);
            }
        }
        real__store(output, REAL__OUT_W, output);
        output += REAL__OUT_W * REAL__OUT_C;
... 2 lines
