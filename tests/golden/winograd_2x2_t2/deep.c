... 3 lines
 * Algorithm  winograd_2x2_t2
 * Sums       assembly: two products in each SMLAD, 2 x 4 sums (tiles x channels)
... 4 lines
 * 16 products for 4 outputs instead of 36.
 * Sums stay within 349,772, below 2^29: exact modulo 2^32.
 * Printed from templates/algorithms/winograd_pairs.c.j2.
... 68 lines
#define DEEP__SQUARE 2 /* rows and columns of outputs that one tile gives */
#define DEEP__TILE 4 /* rows and columns of the tile */
#define DEEP__POSITIONS 16 /* of a tile */
#define DEEP__TILES 2 /* multiplied at a time */
#define DEEP__CHANNELS 4 /* of the output, multiplied at a time */
#define DEEP__SUMS 8 /* of one position */
#define DEEP__PAIRS 2 /* of input channels: words of weights for an output channel */
#define DEEP__PAIR 2 /* words from one pair of the tiles to the next */
#define DEEP__POSITION 4 /* words from one position of the tiles to the next */
#define DEEP__BLOCK 128 /* words of a block's weights */
#define DEEP__START 0 /* columns of the table of what finishes outputs */
#define DEEP__MULTIPLIER 1
#define DEEP__ADDEND 2
#define DEEP__COLUMNS 3

/* The upper half of a product, and a sum. */
static DEEP__CODE inline int32_t deep__high(int32_t a, int32_t b, int32_t addend)
... 2 lines
    int32_t high;

    __asm__("smmla %0, %1, %2, %3" : "=r"(high) : "r"(a), "r"(b), "r"(addend));
    return high;
#else
    return (int32_t)(((int64_t)a * b) >> 32) + addend;
... 3 lines
/* What is left after a shift to the right, to eight bits, signed. */
static DEEP__CODE inline int32_t deep__shift(int32_t value)
... 2 lines
    __asm__("ssat %0, #8, %0, asr #9" : "+r"(value));
... 2 lines
    value = value < -128 ? -128 : value;
... 3 lines
    return value;
... 2 lines
/* Sum to output, exactly as TensorFlow Lite rounds it: a line through all steps of the output. */
static DEEP__CODE inline int8_t deep__finish(int32_t sum, int32_t multiplier, int32_t addend)
{
    const int32_t high = deep__high(sum, multiplier, addend);
    int32_t value = deep__shift(high);
... 7 lines
 * Multiplies tiles by weights, position by position, with two products in each SMLAD. Registers:
 *
 *   r0               tiles
 *   r1               weights, in order of use
 *   r4 r5            inputs: a pair of channels of both tiles
 *   r6 r7            weights of that pair, for some output channels at a time
 *   r2 r3 r8-r12 lr  sums of the first tile, then of the second
 *
 * On the stack: products, positions left.
... 2 lines
void deep__multiply(
    const uint32_t *tiles, const uint32_t *weights, uint32_t *products);
... 2 lines
    DEEP__BEGIN(deep__multiply)
... 5 lines
    "    movs r3, #16\n"
... 2 lines
    "    push {r2, r3}\n"
... 2 lines
    "    ldmia r0!, {r4, r5}\n"
    "    ldmia r1!, {r6, r7}\n"
    "    smuad r2, r4, r6\n"
... 7 lines
    "    smuad lr, r5, r7\n"
... 11 lines
    "    smlad lr, r5, r7, lr\n"
    "    .endr\n"
    "    ldrd r4, r5, [sp]\n"
    "    stmia r4!, {r2, r3, r8, r9, r10, r11, r12, lr}\n"
... 6 lines
    DEEP__END(deep__multiply));
... 3 lines
/* Multiplies DEEP__TILES tiles by the weights of DEEP__CHANNELS output channels, position by position. */
static DEEP__CODE void deep__multiply(
    const uint32_t *tiles, const uint32_t *weights, uint32_t *products)
{
    for (int32_t position = 0; position < DEEP__POSITIONS; ++position) {
        for (int32_t i = 0; i < DEEP__SUMS; ++i) {
            products[i] = 0;
        }
        for (int32_t pair = 0; pair < DEEP__PAIRS; ++pair) {
            for (int32_t i = 0; i < DEEP__SUMS; ++i) {
                const uint32_t w = weights[i % DEEP__CHANNELS];
                const uint32_t x = tiles[i / DEEP__CHANNELS];
                const int32_t lower = (int16_t)x, upper = (int16_t)(x >> 16);

                products[i] += (uint32_t)(lower * (int16_t)w) + (uint32_t)(upper * (int16_t)(w >> 16));
            }
            tiles += DEEP__PAIR;
            weights += DEEP__CHANNELS;
        }
        products += DEEP__SUMS;
... 5 lines
/* The even ones of four channels as the halves of a word. */
static DEEP__CODE inline uint32_t deep__even(const int8_t *pixel)
... 2 lines
    uint32_t pair;

    __builtin_memcpy(&pair, pixel, 4);
    __asm__("sxtb16 %0, %0" : "+r"(pair));
    return pair;
#else
    const int32_t lower = pixel[0], upper = pixel[2];

    return (uint16_t)lower + ((uint32_t)upper << 16);
... 3 lines
/* The odd ones of four channels as the halves of a word. */
static DEEP__CODE inline uint32_t deep__odd(const int8_t *pixel)
... 5 lines
    __asm__("sxtb16 %0, %0, ror #8" : "+r"(pair));
... 8 lines
static DEEP__CODE inline uint32_t deep__add(uint32_t a, uint32_t b)
... 2 lines
    uint32_t halves;

    __asm__("sadd16 %0, %1, %2" : "=r"(halves) : "r"(a), "r"(b));
    return halves;
#else
    return ((a + b) & 0xffffu) + ((a & 0xffff0000u) + (b & 0xffff0000u));
... 3 lines
static DEEP__CODE inline uint32_t deep__subtract(uint32_t a, uint32_t b)
... 4 lines
    __asm__("ssub16 %0, %1, %2" : "=r"(halves) : "r"(a), "r"(b));
... 2 lines
    return ((a - b) & 0xffffu) + ((a & 0xffff0000u) - (b & 0xffff0000u));
... 3 lines
/* B^T of a column or a row, two channels in each word. */
static DEEP__CODE inline void deep__combine(
    uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3, uint32_t *to, int32_t step)
{
    to[0] = deep__subtract(d0, d2);
    to[step] = deep__add(d1, d2);
    to[2 * step] = deep__subtract(d2, d1);
... 3 lines
/* Transforms a column of all channels. */
static DEEP__CODE inline void deep__column(
    const int8_t *const pixels[DEEP__TILE], uint32_t *to)
{
    for (int32_t channel = 0; channel < DEEP__IN_C; channel += 4) {
        deep__combine(
            deep__even(pixels[0] + channel), deep__even(pixels[1] + channel),
            deep__even(pixels[2] + channel), deep__even(pixels[3] + channel),
            to, DEEP__TILE * DEEP__POSITION);
        to += DEEP__PAIR;
        deep__combine(
            deep__odd(pixels[0] + channel), deep__odd(pixels[1] + channel),
... 6 lines
/* The columns of a tile that reaches over the image. */
static DEEP__CODE DEEP__OUT_OF_LINE void deep__columns_edge(
    const int8_t *input, int32_t in_row, int32_t in_col, uint32_t *tile)
{
    for (int32_t col = 0; col < DEEP__TILE; ++col) {
        const int in_width = in_col + col >= 0 && in_col + col < DEEP__IN_W;
        const int8_t *pixels[DEEP__TILE];

        for (int32_t i = 0; i < DEEP__TILE; ++i) {
            const int in_image = in_width && in_row + i >= 0 && in_row + i < DEEP__IN_H;
            const int32_t place = ((in_row + i) * DEEP__IN_W + in_col + col) * DEEP__IN_C;

            pixels[i] = in_image ? input + place : deep__zero_points;
        }
        deep__column(pixels, tile + col * DEEP__POSITION);
... 3 lines
/* The rows of a tile whose columns are transformed, in place. */
static DEEP__CODE DEEP__OUT_OF_LINE void deep__rows(uint32_t *tile)
{
    for (int32_t row = 0; row < DEEP__TILE; ++row) {
        uint32_t *d = tile + row * DEEP__TILE * DEEP__POSITION;
... 3 lines
                d[0], d[DEEP__POSITION], d[2 * DEEP__POSITION],
                d[3 * DEEP__POSITION],
                d, DEEP__POSITION);
            d += DEEP__PAIR;
... 4 lines
/* B^T d B of the tile d whose first pixel is at (in_row, in_col). */
static DEEP__CODE inline void deep__transform(
... 2 lines
    deep__columns_edge(input, in_row, in_col, tile);
    deep__rows(tile);
... 2 lines
/* A row of outputs of a tile. */
static DEEP__CODE inline void deep__output_row(
    const uint32_t *m, int32_t start0, int32_t start1,
    int32_t multiplier, int32_t addend, int32_t cols, int8_t *output)
{
    const uint32_t m0 = m[0];
... 3 lines
    const uint32_t value0 = m0 + m1 + m2;
    const uint32_t value1 = m1 - m2 - m3;

    output[0] = deep__finish(
        (int32_t)(value0 + (uint32_t)start0), multiplier, addend);
    if (cols > 1) {
        output[DEEP__OUT_C] = deep__finish(
... 4 lines
/* A^T m A of the products m of a tile and an output channel. */
static DEEP__CODE DEEP__OUT_OF_LINE void deep__outputs(
    const uint32_t *products, int32_t channel, int32_t rows, int32_t cols, int8_t *output)
{
    const int32_t *finish = deep__finish_table + channel * DEEP__COLUMNS;
    const int32_t start = finish[DEEP__START];
    const int32_t multiplier = finish[DEEP__MULTIPLIER];
    const int32_t addend = finish[DEEP__ADDEND];
    uint32_t half[DEEP__SQUARE][DEEP__TILE];
... 2 lines
        const uint32_t *m = products + col * DEEP__SUMS;
        const uint32_t m0 = m[0];
        const uint32_t m1 = m[DEEP__TILE * DEEP__SUMS];
        const uint32_t m2 = m[2 * DEEP__TILE * DEEP__SUMS];
... 2 lines
        half[0][col] = m0 + m1 + m2;
        half[1][col] = m1 - m2 - m3;
... 2 lines
    (void)rows;
    deep__output_row(
        half[0], start, start,
        multiplier, addend, cols, output + 0);
... 2 lines
        multiplier, addend, cols, output + DEEP__OUT_W * DEEP__OUT_C);
... 2 lines
/* The outputs of a block. */
static DEEP__CODE inline void deep__block(
    uint32_t *products, int32_t rows, int32_t cols, int32_t channel, int8_t *output)
{
    for (int32_t tile = 0; tile < DEEP__TILES && tile * DEEP__SQUARE < cols; ++tile) {
        for (int32_t c = 0; c < DEEP__CHANNELS && channel + c < DEEP__OUT_C; ++c) {
            deep__outputs(
                products + tile * DEEP__CHANNELS + c, channel + c, rows, cols - tile * DEEP__SQUARE,
                output + tile * DEEP__SQUARE * DEEP__OUT_C + c);
... 6 lines
    uint32_t *const products = workspace;
    uint32_t *const tiles =
... 2 lines
    for (int32_t out_row = 0; out_row < DEEP__OUT_H; out_row += DEEP__SQUARE) {
        for (int32_t col = 0; col < DEEP__OUT_W; col += DEEP__TILES * DEEP__SQUARE) {
            for (int32_t tile = 0; tile < DEEP__TILES && col + tile * DEEP__SQUARE < DEEP__OUT_W; ++tile) {
                deep__transform(
                    input, out_row - DEEP__PAD_TOP, col + tile * DEEP__SQUARE - DEEP__PAD_LEFT, tiles + tile);
            }
            for (int32_t channel = 0; channel < DEEP__OUT_C; channel += DEEP__CHANNELS) {
                deep__multiply(tiles, deep__weights + channel / DEEP__CHANNELS * DEEP__BLOCK, products);
                deep__block(
                    products, DEEP__OUT_H - out_row, DEEP__OUT_W - col, channel,
                    output + (out_row * DEEP__OUT_W + col) * DEEP__OUT_C + channel);
... 4 lines
