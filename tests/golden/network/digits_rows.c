... 2 lines
    int16_t input;
... 3 lines
    int16_t input_top;
... 62 lines
    const int8_t *const input = (void *)(memory + 552); /* input: a ring of 3 rows of 8 bytes */
... 12 lines
    digits__conv1_rows(input, at->input_top, output + (row - at->conv1_top) * 128, 0, row, row + 1);
... 7 lines
    if (row == 8 || at->input < digits__least(row + 2, 8)) {
... 14 lines
DIGITS__CODE void digits_begin(void *arena)
{
    struct digits__rows_0 *const at = (void *)((char *)arena + 576);
... 4 lines
/* Goes on with all that the rows which are there make possible; by itself, to keep the stack low. */
static DIGITS__CODE DIGITS__OUT_OF_LINE int digits__go_on(char *memory)
... 11 lines
        if (at->conv3 < 4) {
... 8 lines
DIGITS__CODE int digits_push_row(void *arena, const int8_t *row)
... 2 lines
    char *const fed = memory + 552; /* 3 rows of 8 bytes */
    struct digits__rows_0 *const at = (void *)(memory + 576);
    const int32_t end = at->input;

    if (!(at->conv3 < 4)) {
... 2 lines
    if (end + 1 - at->input_top > 3) {
        const int32_t top = at->input_top;
        const int32_t first = digits__least(digits__most(at->conv1 - 1, 0), end);

        at->input_top = (int16_t)first;
        digits__move(
            memory + 552, (first - top) * 8, (end - first) * 8);
    }
    (void)memcpy(fed + (end - at->input_top) * 8, row, 8);
    at->input = (int16_t)(end + 1);
    return digits__go_on(memory);
}
