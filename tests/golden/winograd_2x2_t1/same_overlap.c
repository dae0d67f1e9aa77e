... 11 lines
 * The input begins 40 bytes above the output in one pool: 240 bytes instead of 400. `between`
 *   keeps pixels for which outputs come too early.
... 279 lines
/* B^T of the differences of two rows. */
static SAME__CODE inline void same__differences(const uint32_t *a, const uint32_t *b, uint32_t *to)
... 2 lines
        same__subtract(a[0], b[0]), same__subtract(a[1], b[1]),
        same__subtract(a[2], b[2]), same__subtract(a[3], b[3]), to, SAME__POSITION);
... 2 lines
/* B^T of the sums of two rows. */
static SAME__CODE inline void same__sums(const uint32_t *a, const uint32_t *b, uint32_t *to)
... 2 lines
        same__add(a[0], b[0]), same__add(a[1], b[1]),
        same__add(a[2], b[2]), same__add(a[3], b[3]), to, SAME__POSITION);
... 2 lines
/* B^T d B of a tile d that lies in the image: row by row, since it fits into registers. */
static SAME__CODE SAME__OUT_OF_LINE void same__inside(const int8_t *first, uint32_t *tile)
{
    uint32_t d0[SAME__TILE], d1[SAME__TILE], d2[SAME__TILE], d3[SAME__TILE];
... 3 lines
            d0[i] = same__even(first + (i) * SAME__IN_C + channel);
... 2 lines
            d2[i] = same__even(first + (2 * SAME__IN_W + i) * SAME__IN_C + channel);
        }
        same__differences(d0, d2, tile);
... 3 lines
        same__sums(d1, d2, tile + SAME__TILE * SAME__POSITION);
        same__differences(d2, d1, tile + 2 * SAME__TILE * SAME__POSITION);
... 5 lines
        tile += SAME__PAIR;
        for (int32_t i = 0; i < SAME__TILE; ++i) {
            d0[i] = same__odd(first + (i) * SAME__IN_C + channel);
... 2 lines
            d2[i] = same__odd(first + (2 * SAME__IN_W + i) * SAME__IN_C + channel);
... 72 lines
    if (in_row >= 0 && in_row + SAME__TILE <= SAME__IN_H && in_col >= 0 && in_col + SAME__TILE <= SAME__IN_W) {
        same__inside(input + (in_row * SAME__IN_W + in_col) * SAME__IN_C, tile);
... 18 lines
    (void)cols;
... 50 lines
/* Keeps the pixels left of the tiles at outputs (row, col), before outputs are stored there. */
static SAME__CODE SAME__OUT_OF_LINE void same__keep(int8_t *input, int32_t row, int32_t col, int8_t *between)
{
    for (int32_t i = 0; i < SAME__SQUARE; ++i) {
        const int32_t in_row = row - SAME__PAD_TOP + i;

        if (in_row >= 0 && in_row < SAME__IN_H) {
            int8_t *pixel = input + (in_row * SAME__IN_W + col - SAME__PAD_LEFT) * SAME__IN_C;
... 2 lines
                between[i * SAME__IN_C + channel] = pixel[channel];
... 5 lines
/* Lets the kept pixels and the outputs in their place change places. */
static SAME__CODE SAME__OUT_OF_LINE void same__swap(int8_t *input, int32_t row, int32_t col, int8_t *between)
... 8 lines
                const int8_t kept = between[i * SAME__IN_C + channel];
... 2 lines
                pixel[channel] = kept;
... 7 lines
    int8_t *input = (int8_t *)pool + SAME_INPUT_OFFSET;
... 4 lines
    int8_t *const between =
... 4 lines
            if (col > 0) {
                same__swap(input, out_row, col, between);
... 8 lines
            if (col + SAME__TILES * SAME__SQUARE < SAME__OUT_W) {
                same__keep(input, out_row, col + SAME__TILES * SAME__SQUARE, between);
... 10 lines
