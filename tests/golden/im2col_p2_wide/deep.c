... 85 lines
#define DEEP__TAP_GROUPS 1
... 14 lines
 * On the stack: input, output, the end of the constants and the end of a loop.
... 24 lines
    "    add r2, r0, r2\n"
... 158 lines
    for (; groups > 0; --groups) {
        deep__widen_group(to, from);
        to += DEEP__GROUP;
        from += 4;
... 4 lines
static DEEP__CODE int16_t *deep__fill(int16_t *to, int32_t groups)
... 2 lines
        to[0] = to[1] = to[4] = to[5] = -1;
... 5 lines
/* A run of which groups before and behind are outside the image: inlined, its loops would be unrolled. */
static DEEP__CODE DEEP__OUT_OF_LINE int16_t *deep__edge(
    int16_t *to, const int8_t *from, int32_t before, int32_t inside, int32_t behind)
{
    to = deep__fill(to, before);
    to = deep__widen(to, from, inside);
    return deep__fill(to, behind);
... 20 lines
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
... 23 lines
