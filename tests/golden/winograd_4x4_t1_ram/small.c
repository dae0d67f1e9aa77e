... 3 lines
 * Algorithm  winograd_4x4_t1_ram
... 7 lines
 * 12,800 is added to four pixels of a tile, and so to each of its transformed values: no lower
 *   half of a word is negative.
... 78 lines
#define SMALL__MATRIX 8 /* words of weights of a block and a position */
#define SMALL__BLOCK 288 /* words of a block's weights */
#define SMALL__INVERSE 954437177 /* of the odd part of what outputs are multiples of, modulo 2^32 */
#define SMALL__LIFT 12800 /* added to that of four pixels, to make each transformed value positive */
#define SMALL__START 0 /* columns of the table of what finishes outputs */
#define SMALL__START_22 1
... 5 lines
#define SMALL__BEND 7
... 30 lines
static SMALL__CODE inline int8_t small__finish(int32_t sum, int32_t multiplier, int32_t addend, int32_t bend)
{
    const int32_t high = small__high(sum, multiplier, addend) + (bend & (sum >> 31));
... 12 lines
 *   r4               inputs: a pair of channels
 *   r5 r6 r7         weights of that pair, for some output channels at a time
 *   r2 r3 r8-r12 lr  sums
... 21 lines
    "    ldmia r1!, {r5, r6, r7}\n"
... 47 lines
/* Gives the upper half back what a negative lower half borrowed. */
static SMALL__CODE inline uint32_t small__settle(uint32_t pair)
{
    return (pair + 0x8000u) ^ 0x8000u;
... 2 lines
/* Two channels as the halves of a word; a negative lower one borrows from the upper one. */
static SMALL__CODE inline uint32_t small__pair(const int8_t *pixel, uint32_t added)
... 3 lines
    return (uint32_t)lower + ((uint32_t)upper << 16) + added;
... 4 lines
    uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3, uint32_t d4, uint32_t d5, uint32_t *to, int32_t step)
{
    const uint32_t a = d4 - (d2 << 2), c = d4 - d2, e = (d3 - d1) << 1, sum = a + d3 - (d1 << 2);

    to[0] = ((d0 - d2) << 2) + c;
    to[step] = sum;
    to[2 * step] = (a << 1) - sum;
    to[3 * step] = c + e;
    to[4 * step] = c - e;
    to[5 * step] = d5 - d3 - (e << 1);
... 2 lines
/* Transforms a column of all channels; `added` goes to the lower ones of its last pixels. */
static SMALL__CODE inline void small__column(
    const int8_t *const pixels[SMALL__TILE], uint32_t added, uint32_t *to)
{
    for (int32_t channel = 0; channel + 1 < SMALL__IN_C; channel += 2) {
        small__combine(
            small__pair(pixels[0] + channel, 0), small__pair(pixels[1] + channel, 0),
            small__pair(pixels[2] + channel, 0), small__pair(pixels[3] + channel, 0),
            small__pair(pixels[4] + channel, added), small__pair(pixels[5] + channel, added),
... 19 lines
        small__column(pixels, (col < 4 ? 0 : SMALL__LIFT), tile + col * SMALL__POSITION);
... 12 lines
                d[3 * SMALL__POSITION], d[4 * SMALL__POSITION], d[5 * SMALL__POSITION],
... 16 lines
    const uint32_t *m, int32_t start0, int32_t start1, int32_t start2, int32_t start3,
    int32_t multiplier, int32_t addend, int32_t bend, int32_t cols, int8_t *output)
... 2 lines
    const uint32_t m1 = m[SMALL__SUMS];
    const uint32_t m2 = m[2 * SMALL__SUMS];
... 3 lines
    const uint32_t a = m1 + m2, b = m1 - m2, c = m3 + m4, d = m3 - m4;

    const uint32_t value0 = m0 + a + c;
    const uint32_t value1 = b + (d << 1);
    const uint32_t value2 = a + (c << 2);
    const uint32_t value3 = b + (d << 3) + (m5 << 1);
... 2 lines
        (int32_t)(value0 * SMALL__INVERSE + (uint32_t)start0), multiplier, addend, bend);
... 5 lines
        output[2 * SMALL__OUT_C] = small__finish(
... 8 lines
/* A^T m of the products of a block, in place: the same columns of all its sums lie side by side. */
static SMALL__CODE SMALL__OUT_OF_LINE void small__output_columns(uint32_t *products)
{
    for (int32_t col = 0; col < SMALL__TILE * SMALL__SUMS; ++col) {
        uint32_t *m = products + col;
... 8 lines
        m[0] = m0 + a + c;
        m[SMALL__TILE * SMALL__SUMS] = b + (d << 1);
        m[2 * SMALL__TILE * SMALL__SUMS] = a + (c << 2);
        m[3 * SMALL__TILE * SMALL__SUMS] = b + (d << 3) + (m5 << 1);
... 3 lines
/* The rest of A^T m A for a tile and an output channel, row by row. */
... 5 lines
    const int32_t start_22 = finish[SMALL__START_22];
... 5 lines
    const int32_t bend = finish[SMALL__BEND];
... 2 lines
        products + 0, start, start, start, start,
        multiplier, addend, bend, cols, output + 0);
    if (rows > 1) {
        small__output_row(
            products + SMALL__TILE * SMALL__SUMS, start, start, start, start,
            multiplier, addend, bend, cols, output + SMALL__OUT_W * SMALL__OUT_C);
... 3 lines
            products + 2 * SMALL__TILE * SMALL__SUMS, start, start, start_22, start_23,
            multiplier, addend, bend, cols, output + 2 * SMALL__OUT_W * SMALL__OUT_C);
... 12 lines
    small__output_columns(products);
    for (int32_t tile = 0; tile < SMALL__TILES; ++tile) {
... 8 lines
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
... 3 lines
                const uint32_t g0 = rows[i][0], g1 = rows[i][1], g2 = rows[i][2];
... 2 lines
                to[0] = small__settle(6u * g0);
                to[SMALL__MATRIX] = small__settle(0u - ((s + g1) << 2));
                to[2 * SMALL__MATRIX] = small__settle((g1 - s) << 2);
                to[3 * SMALL__MATRIX] = small__settle(t + (g1 << 1));
                to[4 * SMALL__MATRIX] = small__settle(t - (g1 << 1));
                to[5 * SMALL__MATRIX] = small__settle(12u * g2);

                to += SMALL__TILE * SMALL__MATRIX;
            }
            kernel += 18; /* of two channels */
... 9 lines
    uint32_t *const transformed =
... 2 lines
    small__transform_weights(transformed);
... 7 lines
                small__multiply(tiles, transformed + channel / SMALL__CHANNELS * SMALL__BLOCK, products);
... 7 lines
