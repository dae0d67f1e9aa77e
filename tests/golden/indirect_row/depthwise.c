... 3 lines
 * Algorithm  indirect_row
 * Sums       plain C, 1 x 4 sums (pixels x channels)
... 32 lines
#define DEPTHWISE__TAPS 9
#define DEPTHWISE__TAP 1 /* elements of one tap */
#define DEPTHWISE__OUT_C 6
#define DEPTHWISE__DEPTH 9 /* products of one sum */
#define DEPTHWISE__FINISH_MIN (-128) /* activation range less the output zero point */
... 17 lines
static DEPTHWISE__CODE inline void depthwise__lanes_ptr_1x4(
    int32_t sums[1][4], const int8_t *const input[1],
... 13 lines
        sum00 += input[0][k] * w0;
        sum01 += input[0][k + 1] * w1;
        sum02 += input[0][k + 2] * w2;
        sum03 += input[0][k + 3] * w3;
    }
... 27 lines
/* 1 x 4 outputs; their input begins `inner` elements into each tap. */
static DEPTHWISE__CODE void depthwise__block_1x4(
    int32_t inner, const int8_t *const *table, int32_t channel, int8_t *output)
{
... 9 lines
            table[tap] + inner,
        };

        depthwise__lanes_ptr_1x4(sums, taps, weights, DEPTHWISE__TAP);
        weights += 4 * DEPTHWISE__TAP;
... 33 lines
static DEPTHWISE__CODE void depthwise__multiply(const int8_t *const *table, int32_t count, int8_t *output)
{
    for (; count >= 1; --count) {
        depthwise__block_1x4(0, table, 0, output);
        depthwise__block_1x2(4, table, 4, output);

        table += DEPTHWISE__TAPS;
        output += DEPTHWISE__OUT_C;
... 3 lines
/* Points at the taps of every pixel of one output row. */
static DEPTHWISE__CODE void depthwise__point(const int8_t *input, int32_t out_row, const int8_t **table)
{
    for (int32_t out_col = 0; out_col < DEPTHWISE__OUT_W; ++out_col) {
        for (int32_t i = 0; i < DEPTHWISE__KERNEL_H; ++i) {
... 2 lines
            for (int32_t j = 0; j < DEPTHWISE__KERNEL_W; ++j) {
                const int32_t col = out_col * DEPTHWISE__STRIDE_W - DEPTHWISE__PAD_LEFT + j * DEPTHWISE__DILATION_W;
                const int inside = row >= 0 && row < DEPTHWISE__IN_H && col >= 0 && col < DEPTHWISE__IN_W;

                *table++ = inside ? input + (row * DEPTHWISE__IN_W + col) * DEPTHWISE__IN_C : depthwise__zero_points;
            }
... 6 lines
    const int8_t **const table = workspace;

    for (int32_t out_row = 0; out_row < DEPTHWISE__OUT_H; ++out_row) {
        depthwise__point(input, out_row, table);
        depthwise__multiply(table, DEPTHWISE__OUT_W, output);
        output += DEPTHWISE__OUT_W * DEPTHWISE__OUT_C;
... 2 lines
