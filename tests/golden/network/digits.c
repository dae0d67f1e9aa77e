/* How many rows of operators 0 to 2 are done, and with which row each ring begins. */
struct digits__rows_0 {
    int16_t conv1;
... 2 lines
    int16_t conv1_top;
... 3 lines
/* Goes on with conv3, by a row of its input. */
static DIGITS__CODE DIGITS__OUT_OF_LINE void digits__conv3_turn(char *memory, struct digits__rows_0 *at)
{
    const int8_t *const input = (void *)(memory + 384); /* conv2: a ring of 1 row of 128 bytes */
    int8_t *const output = (void *)(memory + 0); /* conv3: 10 bytes */
    void *const workspace = (void *)(memory + 560); /* 40 bytes */
    const int32_t row = at->conv3;

    at->conv3 = (int16_t)(row + 1);
    digits__conv3_rows(input, at->conv2_top * 128, output, workspace, row * 128, (row + 1) * 128);
... 2 lines
/* The same if what that reads is there. */
static DIGITS__CODE int digits__conv3_next(char *memory, struct digits__rows_0 *at)
... 3 lines
    if (row == 4 || at->conv2 < row + 1) {
        return 0;
    }
    digits__conv3_turn(memory, at);
... 3 lines
/* Goes on with conv2, by a row. */
... 2 lines
    const int8_t *const input = (void *)(memory + 0); /* conv1: a ring of 3 rows of 128 bytes */
    int8_t *const output = (void *)(memory + 384); /* conv2: a ring of 1 row of 128 bytes */
... 2 lines
    if (row + 1 - at->conv2_top > 1) {
        const int32_t top = at->conv2_top;
        const int32_t first = digits__least(at->conv3, row);

        at->conv2_top = (int16_t)first;
        digits__move(
            memory + 384, (first - top) * 128, (row - first) * 128);
... 2 lines
    digits__conv2_rows(input, at->conv1_top, output + (row - at->conv2_top) * 128, 0, row, row + 1);
... 7 lines
    if (row == 4 || at->conv1 < digits__least(row * 2 + 3, 8)) {
... 9 lines
    const int8_t *const input = (void *)(memory + 496); /* input: 8 rows of 8 bytes */
    int8_t *const output = (void *)(memory + 0); /* conv1: a ring of 3 rows of 128 bytes */
... 4 lines
        const int32_t first = digits__least(at->conv2 * 2, row);
... 6 lines
    digits__conv1_rows(input, 0, output + (row - at->conv1_top) * 128, 0, row, row + 1);
... 7 lines
    if (row == 8) {
... 6 lines
static DIGITS__CODE DIGITS__OUT_OF_LINE void digits__probabilities_turn(char *memory)
{
    int8_t *const conv3 = (void *)(memory + 0); /* 10 bytes, conv1 to probabilities */
    int8_t *const probabilities = (void *)(memory + 0); /* 10 bytes, probabilities */

    digits__probabilities(conv3, probabilities);
... 2 lines
DIGITS__CODE void digits(void *arena)
{
    char *const memory = arena;
... 2 lines
        struct digits__rows_0 *const at = (void *)(memory + 600);

        *at = (struct digits__rows_0){0};
        while ((at->conv3 < 4)
               && (digits__conv3_next(memory, at)
                   || digits__conv2_next(memory, at)
                   || digits__conv1_next(memory, at))) {
            /* Whoever is furthest ahead of those that can has gone on. */
... 2 lines
    digits__probabilities_turn(memory);
}
