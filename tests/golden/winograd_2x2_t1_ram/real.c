... 4 lines
 * Sums       plain C, 1 x 4 sums (pixels x channels)
... 3 lines
 * Printed from templates/algorithms/winograd.c.j2.
 *
... 26 lines
#define REAL__PAD_TOP 1
... 3 lines
#define REAL__TILES 1 /* transformed before they are multiplied */
#define REAL__POSITIONS 16 /* of a tile */
#define REAL__POSITION 3 /* elements from one position of the tiles to the next */
#define REAL__MATRIX 15 /* weights of one position */
#define REAL__OUT_C 5
#define REAL__DEPTH 3 /* products of one sum */

... 54 lines
/* G g G^T of every kernel g. */
static REAL__CODE void real__transform_weights(float *transformed)
{
    const float *kernel = real__weights;

    for (int32_t k = 0; k < REAL__MATRIX; ++k) {
        float rows[REAL__TILE][3];

        for (int32_t col = 0; col < 3; ++col) {
            const float g0 = kernel[col];
            const float g1 = kernel[3 + col];
            const float g2 = kernel[2 * 3 + col];

            rows[0][col] = g0;
            rows[1][col] = 0.5f * g0 + 0.5f * g1 + 0.5f * g2;
            rows[2][col] = 0.5f * g0 - 0.5f * g1 + 0.5f * g2;
            rows[3][col] = g2;
        }
        for (int32_t row = 0; row < REAL__TILE; ++row) {
            const float g0 = rows[row][0];
            const float g1 = rows[row][1];
            const float g2 = rows[row][2];

            transformed[row * REAL__TILE * REAL__MATRIX + k] = g0;
            transformed[(row * REAL__TILE + 1) * REAL__MATRIX + k] = 0.5f * g0 + 0.5f * g1 + 0.5f * g2;
            transformed[(row * REAL__TILE + 2) * REAL__MATRIX + k] = 0.5f * g0 - 0.5f * g1 + 0.5f * g2;
            transformed[(row * REAL__TILE + 3) * REAL__MATRIX + k] = g2;
        }
        kernel += 9;
    }
... 3 lines
static REAL__CODE void real__transform(const float *input, int32_t in_row, int32_t in_col, float *tile)
{
    const float *pixels[REAL__TILE][REAL__TILE];

    for (int32_t i = 0; i < REAL__TILE; ++i) {
        const int32_t row = in_row + i;

        for (int32_t j = 0; j < REAL__TILE; ++j) {
            const int32_t col = in_col + j;
            const int inside = row >= 0 && row < REAL__IN_H && col >= 0 && col < REAL__IN_W;

            pixels[i][j] = inside ? input + (row * REAL__IN_W + col) * REAL__IN_C : real__zero_points;
        }
    }
    for (int32_t channel = 0; channel < REAL__IN_C; ++channel) {
        float rows[REAL__TILE][REAL__TILE];

        for (int32_t col = 0; col < REAL__TILE; ++col) {
            const float d0 = pixels[0][col][channel];
            const float d1 = pixels[1][col][channel];
... 2 lines

            rows[0][col] = d0 - d2;
            rows[1][col] = d1 + d2;
            rows[2][col] = -d1 + d2;
            rows[3][col] = d1 - d3;
        }
        for (int32_t row = 0; row < REAL__TILE; ++row) {
            const float d0 = rows[row][0];
            const float d1 = rows[row][1];
... 2 lines

            tile[row * REAL__TILE * REAL__POSITION + channel] = d0 - d2;
            tile[(row * REAL__TILE + 1) * REAL__POSITION + channel] = d1 + d2;
            tile[(row * REAL__TILE + 2) * REAL__POSITION + channel] = -d1 + d2;
            tile[(row * REAL__TILE + 3) * REAL__POSITION + channel] = d1 - d3;
        }
... 3 lines
/* A^T m A of the products m, `pitch` apart: the outputs of one tile, as many as there are. */
static REAL__CODE void real__outputs(
    const float *products, int32_t pitch, int32_t tile,
    int32_t rows, int32_t cols, int32_t channel, float *output)
{
    const int32_t first = tile * REAL__SQUARE;
    const int32_t last = cols < first + REAL__SQUARE ? cols : first + REAL__SQUARE;
    float half[REAL__SQUARE][REAL__TILE];

    for (int32_t col = 0; col < REAL__TILE; ++col) {
        const float m0 = products[col * pitch];
        const float m1 = products[(REAL__TILE + col) * pitch];
        const float m2 = products[(2 * REAL__TILE + col) * pitch];
        const float m3 = products[(3 * REAL__TILE + col) * pitch];

... 3 lines
    for (int32_t row = 0; row < rows; ++row) {
        const float m0 = half[row][0];
        const float m1 = half[row][1];
... 2 lines
        const float square[REAL__SQUARE] = {
            m0 + m1 + m2,
            m1 - m2 - m3,
        };

        for (int32_t col = first; col < last; ++col) {
            const float sum = square[col - first] + real__bias[channel];

            output[(row * REAL__OUT_W + col) * REAL__OUT_C + channel] = real__finish(sum);
        }
... 3 lines
/* 1 x 4 (tiles x channels): a product for each position, then the outputs. */
static REAL__CODE REAL__OUT_OF_LINE void real__block_1x4(
    const float *input, const float *transformed, float *products,
    int32_t rows, int32_t cols, int32_t channel, float *output)
... 2 lines
        float sums[1][4] = {{0}};

        real__dot_1x4(
            sums, input + position * REAL__POSITION,
            transformed + (position * REAL__OUT_C + channel) * REAL__DEPTH, REAL__DEPTH);

        for (int32_t c = 0; c < 4; ++c) {
            products[4 * position + c] = sums[0][c];
        }
    }
    for (int32_t c = 0; c < 4; ++c) {
        real__outputs(products + c, 4, 0, rows, cols, channel + c, output);
    }
... 15 lines
            products[position + c] = sums[0][c];
        }
... 6 lines
/* Multiplies `count` tiles of a row by all weights; (rows, cols) outputs are left from the first on. */
static REAL__CODE void real__multiply(
    const float *tiles, const float *transformed, float *products,
    int32_t count, int32_t rows, int32_t cols, float *output)
{
    int32_t tile = 0;

    for (; tile < count; ++tile) {
        const float *input = tiles + tile * REAL__IN_C;
        const int32_t left = cols - tile * REAL__SQUARE;
        float *square = output + tile * REAL__SQUARE * REAL__OUT_C;

        real__block_1x4(input, transformed, products, rows, left, 0, square);
        real__block_1x1(input, transformed, products, rows, left, 4, square);
    }
... 4 lines
    float *const products = workspace;
    float *const transformed =
        (float *)(void *)((char *)workspace + 256);
    float *const tiles =
        (float *)(void *)((char *)workspace + 1216);

... 2 lines
        const int32_t rows = REAL__OUT_H - out_row < REAL__SQUARE ? REAL__OUT_H - out_row : REAL__SQUARE;
        int32_t count = 0;

        for (int32_t out_col = 0; out_col < REAL__OUT_W; out_col += REAL__SQUARE) {
            real__transform(input, out_row - REAL__PAD_TOP, out_col - REAL__PAD_LEFT, tiles + count * REAL__IN_C);
            if (++count == REAL__TILES || out_col + REAL__SQUARE >= REAL__OUT_W) {
                const int32_t left = out_col - (count - 1) * REAL__SQUARE;

                real__multiply(
                    tiles, transformed, products, count, rows, REAL__OUT_W - left,
                    output + (out_row * REAL__OUT_W + left) * REAL__OUT_C);
                count = 0;
            }
... 3 lines
