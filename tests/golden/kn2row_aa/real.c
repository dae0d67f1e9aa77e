... 7 lines
 * Sums grow in the output itself.
... 263 lines
            *output++ = real__finish(*partial++);
... 4 lines
/* The first of the columns 0, REAL__STRIDE_W, 2 * REAL__STRIDE_W ... that is at least `col`, as its number. */
static REAL__CODE int32_t real__first_col(int32_t col)
{
    const int32_t first = col > 0 ? (col + REAL__STRIDE_W - 1) / REAL__STRIDE_W : 0;

    return first < REAL__OUT_W ? first : REAL__OUT_W;
... 8 lines
        const int32_t first = real__first_col(-shift);
        const int32_t last = real__first_col(REAL__IN_W - shift);

        if (first < last) {
            real__multiply(
                input + (row * REAL__IN_W + first * REAL__STRIDE_W + shift) * REAL__IN_C, tap, last - first,
                partial + first * REAL__OUT_C);
... 9 lines
        real__begin(output, REAL__OUT_W);
... 4 lines
                real__add_row(input, row, i, output);
... 2 lines
        real__store(output, REAL__OUT_W, output);
... 3 lines
