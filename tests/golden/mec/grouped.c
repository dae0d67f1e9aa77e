... 3 lines
 * Algorithm  mec
... 3 lines
 * Taps outside the image become -1 in the lowered matrix.
 * Printed from templates/algorithms/mec.c.j2.
... 28 lines
#define GROUPED__GROUPS 2
#define GROUPED__GROUP_IN_C 2
#define GROUPED__ROWS 9 /* image rows that the lowered matrix holds */
#define GROUPED__ROW 6 /* elements of one of them, for one output column */
#define GROUPED__COLUMN 108 /* elements for one output column, all groups */
#define GROUPED__RUN 6 /* elements of a kernel row */
... 49 lines
/* 2 x 2 outputs of as many windows. */
static GROUPED__CODE void grouped__block_2x2(
... 12 lines
        grouped__dot_2x2(sums, input + i * GROUPED__DILATION_H * GROUPED__ROW, weights, GROUPED__RUN);
... 10 lines
/* Multiplies the windows of one output row by all weights. */
static GROUPED__CODE void grouped__multiply(const int8_t *input, int8_t *output)
... 4 lines
        const int8_t *window = input + col * GROUPED__COLUMN;
... 4 lines
            grouped__block_2x2(window + group * GROUPED__GROUP_PITCH, first, output);
... 20 lines
/* Lowers one image row: for each output column, the kernel's columns of it. */
static GROUPED__CODE void grouped__lower(const int8_t *input, int32_t row, int8_t *to)
... 5 lines
            const int32_t col = out_col * GROUPED__STRIDE_W - GROUPED__PAD_LEFT + j * GROUPED__DILATION_W;
            const int inside = row_inside && col >= 0 && col < GROUPED__IN_W;
            const int8_t *tap = inside ? input + (row * GROUPED__IN_W + col) * GROUPED__IN_C : input;
            int8_t *part = to + j * GROUPED__GROUP_IN_C;

            for (int32_t group = 0; group < GROUPED__GROUPS; ++group) {
                if (inside) {
                    grouped__copy(part + group * GROUPED__GROUP_PITCH, tap + group * GROUPED__GROUP_IN_C, GROUPED__GROUP_IN_C);
                } else {
                    grouped__fill(part + group * GROUPED__GROUP_PITCH, GROUPED__GROUP_IN_C);
... 3 lines
        to += GROUPED__COLUMN;
... 5 lines
    int8_t *const lowered = workspace;

    for (int32_t row = 0; row < GROUPED__ROWS; ++row) {
        grouped__lower(input, row - GROUPED__PAD_TOP, lowered + row * GROUPED__ROW);
... 2 lines
        grouped__multiply(lowered + out_row * GROUPED__STRIDE_H * GROUPED__ROW, output);
        output += GROUPED__OUT_W * GROUPED__OUT_C;
... 2 lines
