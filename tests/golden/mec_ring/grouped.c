... 3 lines
 * Algorithm  mec_ring
... 3 lines
 * Image row r is lowered to place r modulo 5.
... 32 lines
#define GROUPED__ROWS 5 /* image rows that one output row sees */
... 52 lines
/* 2 x 2 outputs of as many windows; their first row is at `row` of the ring. */
static GROUPED__CODE void grouped__block_2x2(
    const int8_t *input, int32_t row, int32_t channel, int8_t *output)
... 11 lines
        grouped__dot_2x2(sums, input + row * GROUPED__ROW, weights, GROUPED__RUN);
        weights += 2 * GROUPED__RUN;
        row += GROUPED__DILATION_H;
        if (row >= GROUPED__ROWS) {
            row -= GROUPED__ROWS;
... 11 lines
static GROUPED__CODE void grouped__multiply(const int8_t *input, int32_t row, int8_t *output)
... 9 lines
            grouped__block_2x2(window + group * GROUPED__GROUP_PITCH, row, first, output);
... 48 lines
    int32_t lowered_rows = 0;
... 2 lines
        const int32_t top = out_row * GROUPED__STRIDE_H;

        lowered_rows = lowered_rows < top ? top : lowered_rows;
        for (; lowered_rows < top + GROUPED__ROWS; ++lowered_rows) {
            grouped__lower(input, lowered_rows - GROUPED__PAD_TOP, lowered + lowered_rows % GROUPED__ROWS * GROUPED__ROW);
        }
        grouped__multiply(lowered, top % GROUPED__ROWS, output);
... 3 lines
