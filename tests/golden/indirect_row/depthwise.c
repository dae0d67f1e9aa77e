... 3 lines
 * Algorithm  indirect_row
... 55 lines
static DEPTHWISE__CODE inline void depthwise__lanes_ptr_1x4(
... 14 lines
        sum00 += input[0][k] * w0;
        sum01 += input[0][k + 1] * w1;
... 30 lines
/* 1 x 4 outputs; their input begins `inner` elements into each tap. */
static DEPTHWISE__CODE void depthwise__block_1x4(
    int32_t inner, const int8_t *const *table, int32_t channel, int8_t *output)
... 10 lines
            table[tap] + inner,
... 2 lines
        depthwise__lanes_ptr_1x4(sums, taps, weights, DEPTHWISE__TAP);
... 34 lines
static DEPTHWISE__CODE void depthwise__multiply(const int8_t *const *table, int32_t count, int8_t *output)
... 2 lines
        depthwise__block_1x4(0, table, 0, output);
... 2 lines
        table += DEPTHWISE__TAPS;
... 4 lines
/* Points at the taps of every pixel of one output row. */
static DEPTHWISE__CODE void depthwise__point(const int8_t *input, int32_t out_row, const int8_t **table)
... 9 lines
                *table++ = inside ? input + (row * DEPTHWISE__IN_W + col) * DEPTHWISE__IN_C : depthwise__zero_points;
... 7 lines
    const int8_t **const table = workspace;
... 2 lines
        depthwise__point(input, out_row, table);
        depthwise__multiply(table, DEPTHWISE__OUT_W, output);
... 3 lines
