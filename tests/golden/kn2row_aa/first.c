... 3 lines
 * Algorithm  kn2row_aa
... 3 lines
 * Taps outside the image add -1 times their weights.
 * Printed from templates/algorithms/kn2row_aa.c.j2.
... 169 lines
/* Adds one tap to 2 x 4 partial sums. */
... 7 lines
            sums[pixel][c] = partial[pixel * FIRST__PARTIAL_PITCH + channel + c];
... 42 lines
        sums[0][c] = partial[channel + c];
... 6 lines
        partial[channel + c] = sums[0][c];
... 21 lines
/* Multiplies `count` pixels by the weights of one tap; adds the products to the partial sums. */
... 13 lines
        input += FIRST__PIXEL_PITCH;
        partial += FIRST__PARTIAL_PITCH;
... 12 lines
/* What a tap outside the image adds to each of `pixels` pixels: the zero point times its weights. */
static FIRST__CODE void first__add_outside(int32_t *partial, int32_t tap, int32_t pixels)
... 3 lines
            *partial++ += first__outside[tap * FIRST__OUT_C + channel];
... 13 lines
/* The first of the columns 0, FIRST__STRIDE_W, 2 * FIRST__STRIDE_W ... that is at least `col`, as its number. */
static FIRST__CODE int32_t first__first_col(int32_t col)
{
    const int32_t first = col > 0 ? (col + FIRST__STRIDE_W - 1) / FIRST__STRIDE_W : 0;

    return first < FIRST__OUT_W ? first : FIRST__OUT_W;
... 2 lines
/* Adds the taps of image row `row`, kernel row `i`, to the sums of one output row. */
static FIRST__CODE void first__add_row(const int8_t *input, int32_t row, int32_t i, int32_t *partial)
... 2 lines
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
... 6 lines
    int32_t *const partial = workspace;
... 2 lines
        first__begin(partial, FIRST__OUT_W);
... 3 lines
            if (row >= 0 && row < FIRST__IN_H) {
                first__add_row(input, row, i, partial);
... 2 lines
                    first__add_outside(partial, i * FIRST__KERNEL_W + j, FIRST__OUT_W);
... 3 lines
        first__store(partial, FIRST__OUT_W, output);
... 3 lines
