... 3 lines
 * Algorithm  direct_planes_inplace
... 8 lines
 * The workspace holds the pixels of the row above, which outputs may have overwritten; those of
 *   the row itself take their place as they are read.
... 70 lines
 *   r1               where words of the row above are, and where those for the next are kept
... 9 lines
    const int8_t *input, int8_t *output, const uint32_t *plane, const uint32_t *end, int32_t *line);
... 24 lines
    "    ldrsb r2, [r0], #3; str r2, [r1], #4\n"
... 4 lines
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16; str r2, [r1], #4\n"
... 5 lines
    "    ldr r2, [sp, #76]; strb r4, [r2], #3; strb r5, [r2], #3; str r2, [sp, #76]\n"
... 22 lines
    "    ldr r2, [sp, #76]; strb r6, [r2], #3; str r2, [sp, #76]\n"
... 119 lines
static PLANES__CODE const int8_t *planes__load_top(int32_t column[3], const int8_t *in, int8_t *kept)
... 2 lines
    *kept = (int8_t)column[1];
... 10 lines
static PLANES__CODE void planes__top(const int8_t *input, int8_t *output, const uint32_t *plane, int8_t *line)
... 13 lines
    int8_t *kept = line;
... 2 lines
    in = planes__load_top(a, in, kept++);
    in = planes__load_top(b, in, kept++);
... 5 lines
    in = planes__load_top(c, in, kept++);
... 41 lines
static PLANES__CODE const int8_t *planes__load_inner(int32_t column[3], const int8_t *in, int8_t *kept)
{
    column[0] = *kept;
... 12 lines
static PLANES__CODE void planes__inner(const int8_t *input, int8_t *output, const uint32_t *plane, int8_t *line)
... 18 lines
        in = planes__load_inner(a, in, kept++);
        in = planes__load_inner(b, in, kept++);
... 5 lines
        in = planes__load_inner(c, in, kept++);
... 42 lines
static PLANES__CODE const int8_t *planes__load_bottom(int32_t column[3], const int8_t *in, int8_t *kept)
... 12 lines
static PLANES__CODE void planes__bottom(const int8_t *input, int8_t *output, const uint32_t *plane, int8_t *line)
... 16 lines
    in = planes__load_bottom(a, in, kept++);
    in = planes__load_bottom(b, in, kept++);
... 5 lines
    in = planes__load_bottom(c, in, kept++);
... 40 lines
static PLANES__CODE void planes__walk(
    const int8_t *input, int8_t *output, const uint32_t *plane, const uint32_t *end, int32_t *line)
... 2 lines
        planes__top(input, output, plane, (int8_t *)line);
        planes__inner(input + 1 * PLANES__IN_ROW, output + 1 * PLANES__OUT_ROW, plane, (int8_t *)line);
        planes__bottom(input + 4 * PLANES__IN_ROW, output + 4 * PLANES__OUT_ROW, plane, (int8_t *)line);
... 9 lines
    int32_t *const line = workspace;

    planes__walk(input, output, planes__planes, planes__planes + PLANES__OUT_C * PLANES__PLANE, line);
}
