... 3 lines
 * Algorithm  winograd_4x4_t1_ram
 * Sums       assembly: two products in each SMLAD, 1 x 8 sums (tiles x channels)
... 6 lines
 * 12,800 is added to four pixels of a tile, and so to each of its transformed values: no lower
 *   half of a word is negative.
 * Printed from templates/algorithms/winograd_pairs.c.j2.
... 77 lines
#define SMALL__MATRIX 8 /* words of weights of a block and a position */
#define SMALL__BLOCK 288 /* words of a block's weights */
#define SMALL__INVERSE 954437177 /* of the odd part of what outputs are multiples of, modulo 2^32 */
#define SMALL__LIFT 12800 /* added to that of four pixels, to make each transformed value positive */
#define SMALL__START 0 /* columns of the table of what finishes outputs */
#define SMALL__START_22 1
#define SMALL__START_23 2
... 2 lines
#define SMALL__MULTIPLIER 5
#define SMALL__ADDEND 6
#define SMALL__BEND 7
#define SMALL__COLUMNS 8
... 29 lines
static SMALL__CODE inline int8_t small__finish(int32_t sum, int32_t multiplier, int32_t addend, int32_t bend)
{
    const int32_t high = small__high(sum, multiplier, addend) + (bend & (sum >> 31));
    int32_t value = small__shift(high);
... 11 lines
 *   r4               inputs: a pair of channels
 *   r5 r6 r7         weights of that pair, for some output channels at a time
 *   r2 r3 r8-r12 lr  sums
 *
... 19 lines
    "    ldr r4, [r0], #4\n"
    "    ldmia r1!, {r5, r6, r7}\n"
    "    smuad r2, r4, r5\n"
    "    smuad r3, r4, r6\n"
    "    smuad r8, r4, r7\n"
    "    ldmia r1!, {r5, r6, r7}\n"
    "    smuad r9, r4, r5\n"
    "    smuad r10, r4, r6\n"
    "    smuad r11, r4, r7\n"
    "    ldmia r1!, {r5, r6}\n"
    "    smuad r12, r4, r5\n"
    "    smuad lr, r4, r6\n"
    "    ldrd r4, r5, [sp]\n"
... 36 lines
/* Gives the upper half back what a negative lower half borrowed. */
static SMALL__CODE inline uint32_t small__settle(uint32_t pair)
{
    return (pair + 0x8000u) ^ 0x8000u;
}

/* Two channels as the halves of a word; a negative lower one borrows from the upper one. */
static SMALL__CODE inline uint32_t small__pair(const int8_t *pixel, uint32_t added)
{
    const int32_t lower = pixel[0], upper = pixel[1];

    return (uint32_t)lower + ((uint32_t)upper << 16) + added;
}
... 3 lines
    uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3, uint32_t d4, uint32_t d5, uint32_t *to, int32_t step)
{
    const uint32_t a = d4 - (d2 << 2), c = d4 - d2, e = (d3 - d1) << 1, sum = a + d3 - (d1 << 2);

    to[0] = ((d0 - d2) << 2) + c;
    to[step] = sum;
    to[2 * step] = (a << 1) - sum;
    to[3 * step] = c + e;
    to[4 * step] = c - e;
    to[5 * step] = d5 - d3 - (e << 1);
}

/* Transforms a column of all channels; `added` goes to the lower ones of its last pixels. */
static SMALL__CODE inline void small__column(
    const int8_t *const pixels[SMALL__TILE], uint32_t added, uint32_t *to)
{
    for (int32_t channel = 0; channel + 1 < SMALL__IN_C; channel += 2) {
        small__combine(
            small__pair(pixels[0] + channel, 0), small__pair(pixels[1] + channel, 0),
            small__pair(pixels[2] + channel, 0), small__pair(pixels[3] + channel, 0),
            small__pair(pixels[4] + channel, added), small__pair(pixels[5] + channel, added),
            to, SMALL__TILE * SMALL__POSITION);
... 18 lines
        small__column(pixels, (col < 4 ? 0 : SMALL__LIFT), tile + col * SMALL__POSITION);
    }
... 11 lines
                d[3 * SMALL__POSITION], d[4 * SMALL__POSITION], d[5 * SMALL__POSITION],
                d, SMALL__POSITION);
... 15 lines
    const uint32_t *m, int32_t start0, int32_t start1, int32_t start2, int32_t start3,
    int32_t multiplier, int32_t addend, int32_t bend, int32_t cols, int8_t *output)
{
    const uint32_t m0 = m[0];
    const uint32_t m1 = m[SMALL__SUMS];
    const uint32_t m2 = m[2 * SMALL__SUMS];
    const uint32_t m3 = m[3 * SMALL__SUMS];
... 2 lines
    const uint32_t a = m1 + m2, b = m1 - m2, c = m3 + m4, d = m3 - m4;

    const uint32_t value0 = m0 + a + c;
    const uint32_t value1 = b + (d << 1);
    const uint32_t value2 = a + (c << 2);
    const uint32_t value3 = b + (d << 3) + (m5 << 1);

    output[0] = small__finish(
        (int32_t)(value0 * SMALL__INVERSE + (uint32_t)start0), multiplier, addend, bend);
    if (cols > 1) {
        output[SMALL__OUT_C] = small__finish(
            (int32_t)(value1 * SMALL__INVERSE + (uint32_t)start1), multiplier, addend, bend);
    }
    if (cols > 2) {
        output[2 * SMALL__OUT_C] = small__finish(
            (int32_t)(value2 * SMALL__INVERSE + (uint32_t)start2), multiplier, addend, bend);
... 7 lines
/* A^T m of the products of a block, in place: the same columns of all its sums lie side by side. */
static SMALL__CODE SMALL__OUT_OF_LINE void small__output_columns(uint32_t *products)
{
    for (int32_t col = 0; col < SMALL__TILE * SMALL__SUMS; ++col) {
        uint32_t *m = products + col;
        const uint32_t m0 = m[0];
... 5 lines
        const uint32_t a = m1 + m2, b = m1 - m2, c = m3 + m4, d = m3 - m4;

        m[0] = m0 + a + c;
        m[SMALL__TILE * SMALL__SUMS] = b + (d << 1);
        m[2 * SMALL__TILE * SMALL__SUMS] = a + (c << 2);
        m[3 * SMALL__TILE * SMALL__SUMS] = b + (d << 3) + (m5 << 1);
    }
... 2 lines
/* The rest of A^T m A for a tile and an output channel, row by row. */
static SMALL__CODE SMALL__OUT_OF_LINE void small__outputs(
... 4 lines
    const int32_t start_22 = finish[SMALL__START_22];
    const int32_t start_23 = finish[SMALL__START_23];
... 2 lines
    const int32_t multiplier = finish[SMALL__MULTIPLIER];
    const int32_t addend = finish[SMALL__ADDEND];
    const int32_t bend = finish[SMALL__BEND];

    small__output_row(
        products + 0, start, start, start, start,
        multiplier, addend, bend, cols, output + 0);
    if (rows > 1) {
        small__output_row(
            products + SMALL__TILE * SMALL__SUMS, start, start, start, start,
            multiplier, addend, bend, cols, output + SMALL__OUT_W * SMALL__OUT_C);
    }
    if (rows > 2) {
        small__output_row(
            products + 2 * SMALL__TILE * SMALL__SUMS, start, start, start_22, start_23,
            multiplier, addend, bend, cols, output + 2 * SMALL__OUT_W * SMALL__OUT_C);
    }
... 11 lines
    small__output_columns(products);
    for (int32_t tile = 0; tile < SMALL__TILES; ++tile) {
        for (int32_t c = 0; c < SMALL__CHANNELS && channel + c < SMALL__OUT_C; ++c) {
... 7 lines
/* G g G^T of every kernel g: two input channels in each word, as the tiles have them. */
static SMALL__CODE SMALL__OUT_OF_LINE void small__transform_weights(uint32_t *transformed)
{
    const int8_t *kernel = small__weights;

    for (int32_t block = 0; block < 1; ++block) {
        for (int32_t k = 0; k < SMALL__MATRIX; ++k) {
            uint32_t *to = transformed + block * SMALL__BLOCK + k;
            uint32_t rows[SMALL__TILE][3];

            for (int32_t col = 0; col < 3; ++col) {
                const uint32_t g0 = (uint32_t)kernel[col] + ((uint32_t)kernel[9 + col] << 16);
                const uint32_t g1 = (uint32_t)kernel[3 + col] + ((uint32_t)kernel[9 + 3 + col] << 16);
                const uint32_t g2 = (uint32_t)kernel[6 + col] + ((uint32_t)kernel[9 + 6 + col] << 16);
                const uint32_t s = g0 + g2, t = g0 + (g2 << 2);

                rows[0][col] = 6u * g0;
                rows[1][col] = 0u - ((s + g1) << 2);
                rows[2][col] = (g1 - s) << 2;
                rows[3][col] = t + (g1 << 1);
                rows[4][col] = t - (g1 << 1);
                rows[5][col] = 12u * g2;
            }
            for (int32_t i = 0; i < SMALL__TILE; ++i) {
                const uint32_t g0 = rows[i][0], g1 = rows[i][1], g2 = rows[i][2];
                const uint32_t s = g0 + g2, t = g0 + (g2 << 2);

                to[0] = small__settle(6u * g0);
                to[SMALL__MATRIX] = small__settle(0u - ((s + g1) << 2));
                to[2 * SMALL__MATRIX] = small__settle((g1 - s) << 2);
                to[3 * SMALL__MATRIX] = small__settle(t + (g1 << 1));
                to[4 * SMALL__MATRIX] = small__settle(t - (g1 << 1));
                to[5 * SMALL__MATRIX] = small__settle(12u * g2);

                to += SMALL__TILE * SMALL__MATRIX;
            }
            kernel += 18; /* of two channels */
        }
... 8 lines
    uint32_t *const transformed =
        (uint32_t *)(void *)((char *)workspace + 1296);

    small__transform_weights(transformed);
    for (int32_t out_row = 0; out_row < SMALL__OUT_H; out_row += SMALL__SQUARE) {
        for (int32_t col = 0; col < SMALL__OUT_W; col += SMALL__TILES * SMALL__SQUARE) {
            for (int32_t tile = 0; tile < SMALL__TILES; ++tile) {
                small__transform(
... 3 lines
                small__multiply(tiles, transformed + channel / SMALL__CHANNELS * SMALL__BLOCK, products);
                small__block(
... 6 lines
