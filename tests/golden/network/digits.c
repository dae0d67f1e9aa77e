/* How many rows of operators 0 to 2 are done, and with which row each ring begins. */
struct digits__rows_0 {
    int16_t conv1;
    int16_t conv2;
    int16_t conv3;
    int16_t conv1_top;
    int16_t conv2_top;
};

/* Goes on with conv3, by a row of its input. */
static DIGITS__CODE DIGITS__OUT_OF_LINE void digits__conv3_turn(char *memory, struct digits__rows_0 *at)
{
    const int8_t *const input = (void *)(memory + 384); /* conv2: a ring of 1 row of 128 bytes */
    int8_t *const output = (void *)(memory + 0); /* conv3: 10 bytes */
    void *const workspace = (void *)(memory + 560); /* 40 bytes */
    const int32_t row = at->conv3;

    at->conv3 = (int16_t)(row + 1);
    digits__conv3_rows(input, at->conv2_top * 128, output, workspace, row * 128, (row + 1) * 128);
}

/* The same if what that reads is there. */
static DIGITS__CODE int digits__conv3_next(char *memory, struct digits__rows_0 *at)
{
    const int32_t row = at->conv3;

    if (row == 4 || at->conv2 < row + 1) {
        return 0;
    }
    digits__conv3_turn(memory, at);
    return 1;
}

/* Goes on with conv2, by a row. */
static DIGITS__CODE DIGITS__OUT_OF_LINE void digits__conv2_turn(char *memory, struct digits__rows_0 *at)
{
    const int8_t *const input = (void *)(memory + 0); /* conv1: a ring of 3 rows of 128 bytes */
    int8_t *const output = (void *)(memory + 384); /* conv2: a ring of 1 row of 128 bytes */
    const int32_t row = at->conv2;

    if (row + 1 - at->conv2_top > 1) {
        const int32_t top = at->conv2_top;
        const int32_t first = digits__least(at->conv3, row);

        at->conv2_top = (int16_t)first;
        digits__move(
            memory + 384, (first - top) * 128, (row - first) * 128);
    }
    at->conv2 = (int16_t)(row + 1);
    digits__conv2_rows(input, at->conv1_top, output + (row - at->conv2_top) * 128, 0, row, row + 1);
}
... 6 lines
    if (row == 4 || at->conv1 < digits__least(row * 2 + 3, 8)) {
        return 0;
... 8 lines
    const int8_t *const input = (void *)(memory + 496); /* input: 8 rows of 8 bytes */
    int8_t *const output = (void *)(memory + 0); /* conv1: a ring of 3 rows of 128 bytes */
    const int32_t row = at->conv1;
... 3 lines
        const int32_t first = digits__least(at->conv2 * 2, row);

... 5 lines
    digits__conv1_rows(input, 0, output + (row - at->conv1_top) * 128, 0, row, row + 1);
}
... 6 lines
    if (row == 8) {
        return 0;
... 5 lines
static DIGITS__CODE DIGITS__OUT_OF_LINE void digits__probabilities_turn(char *memory)
{
    int8_t *const conv3 = (void *)(memory + 0); /* 10 bytes, conv1 to probabilities */
    int8_t *const probabilities = (void *)(memory + 0); /* 10 bytes, probabilities */

    digits__probabilities(conv3, probabilities);
}

DIGITS__CODE void digits(void *arena)
{
    char *const memory = arena;

    {
        struct digits__rows_0 *const at = (void *)(memory + 600);

        *at = (struct digits__rows_0){0};
        while ((at->conv3 < 4)
               && (digits__conv3_next(memory, at)
                   || digits__conv2_next(memory, at)
                   || digits__conv1_next(memory, at))) {
            /* Whoever is furthest ahead of those that can has gone on. */
        }
    }
    digits__probabilities_turn(memory);
}
