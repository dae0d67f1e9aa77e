... 11 lines
 * The input begins 40 bytes above the output in one pool: 240 bytes instead of 400. `between`
 *   keeps pixels for which outputs come too early.
 * Printed from templates/algorithms/winograd_pairs.c.j2.
... 161 lines
    "    .rept 1\n"
    "    ldr r4, [r0], #4\n"
    "    ldmia r1!, {r5, r6, r7}\n"
    "    smlad r2, r4, r5, r2\n"
    "    smlad r3, r4, r6, r3\n"
    "    smlad r8, r4, r7, r8\n"
    "    ldmia r1!, {r5, r6, r7}\n"
    "    smlad r9, r4, r5, r9\n"
    "    smlad r10, r4, r6, r10\n"
    "    smlad r11, r4, r7, r11\n"
    "    ldmia r1!, {r5, r6}\n"
    "    smlad r12, r4, r5, r12\n"
    "    smlad lr, r4, r6, lr\n"
    "    .endr\n"
... 103 lines
/* B^T of the differences of two rows. */
static SAME__CODE inline void same__differences(const uint32_t *a, const uint32_t *b, uint32_t *to)
{
    same__combine(
        same__subtract(a[0], b[0]), same__subtract(a[1], b[1]),
        same__subtract(a[2], b[2]), same__subtract(a[3], b[3]), to, SAME__POSITION);
}

/* B^T of the sums of two rows. */
static SAME__CODE inline void same__sums(const uint32_t *a, const uint32_t *b, uint32_t *to)
{
    same__combine(
        same__add(a[0], b[0]), same__add(a[1], b[1]),
        same__add(a[2], b[2]), same__add(a[3], b[3]), to, SAME__POSITION);
}

/* B^T d B of a tile d that lies in the image: row by row, since it fits into registers. */
static SAME__CODE SAME__OUT_OF_LINE void same__inside(const int8_t *first, uint32_t *tile)
{
    uint32_t d0[SAME__TILE], d1[SAME__TILE], d2[SAME__TILE], d3[SAME__TILE];

    for (int32_t channel = 0; channel < SAME__IN_C; channel += 4) {
        for (int32_t i = 0; i < SAME__TILE; ++i) {
            d0[i] = same__even(first + (i) * SAME__IN_C + channel);
        }
        for (int32_t i = 0; i < SAME__TILE; ++i) {
            d2[i] = same__even(first + (2 * SAME__IN_W + i) * SAME__IN_C + channel);
        }
        same__differences(d0, d2, tile);
        for (int32_t i = 0; i < SAME__TILE; ++i) {
... 2 lines
        same__sums(d1, d2, tile + SAME__TILE * SAME__POSITION);
        same__differences(d2, d1, tile + 2 * SAME__TILE * SAME__POSITION);
        for (int32_t i = 0; i < SAME__TILE; ++i) {
... 2 lines
        same__differences(d1, d3, tile + 3 * SAME__TILE * SAME__POSITION);

        tile += SAME__PAIR;
        for (int32_t i = 0; i < SAME__TILE; ++i) {
            d0[i] = same__odd(first + (i) * SAME__IN_C + channel);
        }
        for (int32_t i = 0; i < SAME__TILE; ++i) {
            d2[i] = same__odd(first + (2 * SAME__IN_W + i) * SAME__IN_C + channel);
        }
... 12 lines
    }
... 58 lines
    if (in_row >= 0 && in_row + SAME__TILE <= SAME__IN_H && in_col >= 0 && in_col + SAME__TILE <= SAME__IN_W) {
        same__inside(input + (in_row * SAME__IN_W + in_col) * SAME__IN_C, tile);
        return;
    }
    same__columns_edge(input, in_row, in_col, tile);
... 15 lines
    (void)cols;
    output[0] = same__finish(
        (int32_t)(value0 + (uint32_t)start0), multiplier, addend);
    output[SAME__OUT_C] = same__finish(
        (int32_t)(value1 + (uint32_t)start1), multiplier, addend);
}
... 27 lines
            half[1], start, start,
            multiplier, addend, cols, output + SAME__OUT_W * SAME__OUT_C);
... 7 lines
    for (int32_t tile = 0; tile < SAME__TILES; ++tile) {
... 8 lines
/* Keeps the pixels left of the tiles at outputs (row, col), before outputs are stored there. */
static SAME__CODE SAME__OUT_OF_LINE void same__keep(int8_t *input, int32_t row, int32_t col, int8_t *between)
{
    for (int32_t i = 0; i < SAME__SQUARE; ++i) {
        const int32_t in_row = row - SAME__PAD_TOP + i;

        if (in_row >= 0 && in_row < SAME__IN_H) {
            int8_t *pixel = input + (in_row * SAME__IN_W + col - SAME__PAD_LEFT) * SAME__IN_C;

            for (int32_t channel = 0; channel < SAME__IN_C; ++channel) {
                between[i * SAME__IN_C + channel] = pixel[channel];
            }
... 4 lines
/* Lets the kept pixels and the outputs in their place change places. */
static SAME__CODE SAME__OUT_OF_LINE void same__swap(int8_t *input, int32_t row, int32_t col, int8_t *between)
{
... 7 lines
                const int8_t kept = between[i * SAME__IN_C + channel];

                between[i * SAME__IN_C + channel] = pixel[channel];
                pixel[channel] = kept;
            }
... 6 lines
    int8_t *input = (int8_t *)pool + SAME_INPUT_OFFSET;
    int8_t *output = (int8_t *)pool + SAME_OUTPUT_OFFSET;
    uint32_t *const products = workspace;
... 2 lines
    int8_t *const between =
        (int8_t *)(void *)((char *)workspace + 640);
... 3 lines
            if (col > 0) {
                same__swap(input, out_row, col, between);
            }
            for (int32_t tile = 0; tile < SAME__TILES; ++tile) {
... 3 lines
            if (col > 0) {
... 2 lines
            if (col + SAME__TILES * SAME__SQUARE < SAME__OUT_W) {
                same__keep(input, out_row, col + SAME__TILES * SAME__SQUARE, between);
            }
... 9 lines
