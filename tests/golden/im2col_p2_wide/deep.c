... 85 lines
#define DEEP__TAP_GROUPS 1
#define DEEP__OUT_C 5
... 13 lines
 * On the stack: input, output, the end of the constants and the end of a loop.
 */
... 22 lines
    "    ldr r2, =144\n"
    "    add r2, r0, r2\n"
    "    str r2, [sp, #12]\n"
    "9:\n"
    "    .rept 9\n"
    "    ldrd r2, r3, [r0], #8\n"
... 12 lines
    "    ldr r2, [sp, #12]\n"
    "    cmp r0, r2\n"
    "    bne 9b\n"
    "    ldr r0, [sp, #4]\n"
... 138 lines
    for (; groups > 0; --groups) {
        deep__widen_group(to, from);
        to += DEEP__GROUP;
        from += 4;
    }
... 3 lines
static DEEP__CODE int16_t *deep__fill(int16_t *to, int32_t groups)
{
    for (; groups > 0; --groups) {
        to[0] = to[1] = to[4] = to[5] = -1;
        to += DEEP__GROUP;
    }
... 3 lines
/* A run of which groups before and behind are outside the image: inlined, its loops would be unrolled. */
static DEEP__CODE DEEP__OUT_OF_LINE int16_t *deep__edge(
    int16_t *to, const int8_t *from, int32_t before, int32_t inside, int32_t behind)
{
    to = deep__fill(to, before);
    to = deep__widen(to, from, inside);
    return deep__fill(to, behind);
}
... 2 lines
static DEEP__CODE void deep__gather(const int8_t *input, int32_t in_row, int32_t in_col, int16_t *patch)
... 2 lines
    const int32_t last_row = in_row + (DEEP__KERNEL_H - 1) * DEEP__DILATION_H;
... 6 lines
            from += DEEP__DILATION_H * DEEP__IN_W * DEEP__IN_C;
... 6 lines
        const int32_t first = col < 0 ? 0 : col;
        const int32_t last = col + DEEP__RUN_TAPS < DEEP__IN_W ? col + DEEP__RUN_TAPS : DEEP__IN_W;
        const int inside = row >= 0 && row < DEEP__IN_H && first < last;
        const int8_t *from = inside ? input + (row * DEEP__IN_W + first) * DEEP__IN_C : input;

        if (inside) {
            to = deep__edge(
                to, from, (first - col) * DEEP__TAP_GROUPS, (last - first) * DEEP__TAP_GROUPS,
                (col + DEEP__RUN_TAPS - last) * DEEP__TAP_GROUPS);
        } else {
            to = deep__fill(to, DEEP__GROUPS);
        }
... 7 lines
    int32_t pixel = 0;
... 14 lines
