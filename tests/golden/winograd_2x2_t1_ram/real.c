... 8 lines
 * Printed from templates/algorithms/winograd.c.j2.
... 31 lines
#define REAL__TILES 1 /* transformed before they are multiplied */
#define REAL__POSITIONS 16 /* of a tile */
#define REAL__POSITION 3 /* elements from one position of the tiles to the next */
#define REAL__MATRIX 15 /* weights of one position */
... 57 lines
/* G g G^T of every kernel g. */
static REAL__CODE void real__transform_weights(float *transformed)
... 7 lines
            const float g0 = kernel[col];
            const float g1 = kernel[3 + col];
            const float g2 = kernel[2 * 3 + col];

            rows[0][col] = g0;
            rows[1][col] = 0.5f * g0 + 0.5f * g1 + 0.5f * g2;
            rows[2][col] = 0.5f * g0 - 0.5f * g1 + 0.5f * g2;
... 3 lines
            const float g0 = rows[row][0];
... 3 lines
            transformed[row * REAL__TILE * REAL__MATRIX + k] = g0;
            transformed[(row * REAL__TILE + 1) * REAL__MATRIX + k] = 0.5f * g0 + 0.5f * g1 + 0.5f * g2;
            transformed[(row * REAL__TILE + 2) * REAL__MATRIX + k] = 0.5f * g0 - 0.5f * g1 + 0.5f * g2;
            transformed[(row * REAL__TILE + 3) * REAL__MATRIX + k] = g2;
        }
        kernel += 9;
... 4 lines
static REAL__CODE void real__transform(const float *input, int32_t in_row, int32_t in_col, float *tile)
{
    const float *pixels[REAL__TILE][REAL__TILE];
... 2 lines
        const int32_t row = in_row + i;

        for (int32_t j = 0; j < REAL__TILE; ++j) {
            const int32_t col = in_col + j;
... 2 lines
            pixels[i][j] = inside ? input + (row * REAL__IN_W + col) * REAL__IN_C : real__zero_points;
... 2 lines
    for (int32_t channel = 0; channel < REAL__IN_C; ++channel) {
        float rows[REAL__TILE][REAL__TILE];
... 2 lines
            const float d0 = pixels[0][col][channel];
... 4 lines
            rows[0][col] = d0 - d2;
            rows[1][col] = d1 + d2;
            rows[2][col] = -d1 + d2;
... 3 lines
            const float d0 = rows[row][0];
... 4 lines
            tile[row * REAL__TILE * REAL__POSITION + channel] = d0 - d2;
            tile[(row * REAL__TILE + 1) * REAL__POSITION + channel] = d1 + d2;
            tile[(row * REAL__TILE + 2) * REAL__POSITION + channel] = -d1 + d2;
            tile[(row * REAL__TILE + 3) * REAL__POSITION + channel] = d1 - d3;
... 4 lines
/* A^T m A of the products m, `pitch` apart: the outputs of one tile, as many as there are. */
static REAL__CODE void real__outputs(
    const float *products, int32_t pitch, int32_t tile,
    int32_t rows, int32_t cols, int32_t channel, float *output)
{
    const int32_t first = tile * REAL__SQUARE;
    const int32_t last = cols < first + REAL__SQUARE ? cols : first + REAL__SQUARE;
... 3 lines
        const float m0 = products[col * pitch];
        const float m1 = products[(REAL__TILE + col) * pitch];
        const float m2 = products[(2 * REAL__TILE + col) * pitch];
... 5 lines
    for (int32_t row = 0; row < rows; ++row) {
        const float m0 = half[row][0];
... 3 lines
        const float square[REAL__SQUARE] = {
            m0 + m1 + m2,
            m1 - m2 - m3,
... 2 lines
        for (int32_t col = first; col < last; ++col) {
            const float sum = square[col - first] + real__bias[channel];

            output[(row * REAL__OUT_W + col) * REAL__OUT_C + channel] = real__finish(sum);
... 4 lines
/* 1 x 4 (tiles x channels): a product for each position, then the outputs. */
static REAL__CODE REAL__OUT_OF_LINE void real__block_1x4(
    const float *input, const float *transformed, float *products,
... 3 lines
        float sums[1][4] = {{0}};
... 2 lines
            sums, input + position * REAL__POSITION,
            transformed + (position * REAL__OUT_C + channel) * REAL__DEPTH, REAL__DEPTH);
... 2 lines
            products[4 * position + c] = sums[0][c];
... 3 lines
        real__outputs(products + c, 4, 0, rows, cols, channel + c, output);
... 16 lines
            products[position + c] = sums[0][c];
... 7 lines
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
... 14 lines
        const int32_t rows = REAL__OUT_H - out_row < REAL__SQUARE ? REAL__OUT_H - out_row : REAL__SQUARE;
... 2 lines
        for (int32_t out_col = 0; out_col < REAL__OUT_W; out_col += REAL__SQUARE) {
            real__transform(input, out_row - REAL__PAD_TOP, out_col - REAL__PAD_LEFT, tiles + count * REAL__IN_C);
            if (++count == REAL__TILES || out_col + REAL__SQUARE >= REAL__OUT_W) {
                const int32_t left = out_col - (count - 1) * REAL__SQUARE;
... 2 lines
                    tiles, transformed, products, count, rows, REAL__OUT_W - left,
                    output + (out_row * REAL__OUT_W + left) * REAL__OUT_C);
                count = 0;
... 4 lines
