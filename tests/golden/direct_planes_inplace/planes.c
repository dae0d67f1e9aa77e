... 3 lines
 * Algorithm  direct_planes_inplace
 * Sums       assembly with DSP instructions where there are, two at a time; weights and sums 256
... 7 lines
 * The workspace holds the pixels of the row above, which outputs may have overwritten; those of
 *   the row itself take their place as they are read.
 * Printed from templates/algorithms/direct_planes.c.j2.
... 69 lines
 *   r1               where words of the row above are, and where those for the next are kept
 *   r2 r3            inputs: a pair of pixels; what is needed once
... 8 lines
    const int8_t *input, int8_t *output, const uint32_t *plane, const uint32_t *end, int32_t *line);

... 18 lines
    "    str r1, [sp, #76]\n"
    "    @ the top row\n"
    "    ldr r1, [sp, #116]\n"
    "    ldrsb r2, [r0, #21]\n"
    "    ldr r3, [sp, #8]; smlabt r4, r2, r10, r3; ldr r3, [sp, #12]; smlabb r5, r2, r10, r3\n"
    "    ldrsb r2, [r0], #3; str r2, [r1], #4\n"
    "    smlabt r4, r2, r9, r4; smlabb r5, r2, r9, r5\n"
... 3 lines
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16; str r2, [r1], #4\n"
    "    smlabt r4, r2, r12, r4; smlad r5, r2, r12, r5\n"
... 4 lines
    "    ldr r2, [sp, #76]; strb r4, [r2], #3; strb r5, [r2], #3; str r2, [sp, #76]\n"
    "    ldrsb r3, [r0, #24]; ldrsb r2, [r0, #21]; pkhbt r2, r2, r3, lsl #16\n"
... 2 lines
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16; str r2, [r1], #4\n"
    "    smlabt r6, r2, r12, r6; smlad r7, r2, r12, r7\n"
... 4 lines
    "    ldr r2, [sp, #76]; strb r6, [r2], #3; strb r7, [r2], #3; str r2, [sp, #76]\n"
    "    ldrsb r3, [r0, #24]; ldrsb r2, [r0, #21]; pkhbt r2, r2, r3, lsl #16\n"
... 2 lines
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16; str r2, [r1], #4\n"
... 6 lines
    "    ldrd r2, r3, [sp]; smmla r6, r6, r2, r3\n"
    "    ssat r6, #8, r6, asr #14\n"
    "    ldr r2, [sp, #76]; strb r6, [r2], #3; str r2, [sp, #76]\n"
    "    @ 3 inner rows\n"
... 2 lines
    "    ldr r1, [sp, #116]\n"
... 2 lines
    "    ldr r2, [r1]\n"
    "    smlabt r4, r2, r8, r4; smlabb r5, r2, r8, r5\n"
    "    ldrsb r2, [r0], #3; str r2, [r1], #4\n"
... 4 lines
    "    ldr r2, [r1]\n"
    "    smlabt r4, r2, r11, r4; smlad r5, r2, r11, r5\n"
    "    smlad r6, r2, r8, r6; smlatb r7, r2, r8, r7\n"
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16; str r2, [r1], #4\n"
... 9 lines
    "    ldr r2, [r1]\n"
    "    smlabt r6, r2, r11, r6; smlad r7, r2, r11, r7\n"
    "    smlad r4, r2, r8, r4; smlatb r5, r2, r8, r5\n"
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16; str r2, [r1], #4\n"
... 9 lines
    "    ldr r2, [r1]\n"
... 2 lines
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16; str r2, [r1], #4\n"
... 9 lines
    "    ldr r2, [sp, #72]; cmp r0, r2; bne 2b\n"
    "    @ the bottom row\n"
    "    ldr r1, [sp, #116]\n"
    "    ldr r2, [r1], #4\n"
    "    ldr r3, [sp, #20]; smlabt r4, r2, r8, r3; ldr r3, [sp, #24]; smlabb r5, r2, r8, r3\n"
    "    ldrsb r2, [r0], #3\n"
    "    smlabt r4, r2, r9, r4; smlabb r5, r2, r9, r5\n"
    "    ldr r2, [r1], #4\n"
    "    smlabt r4, r2, r11, r4; smlad r5, r2, r11, r5\n"
    "    ldr r3, [sp, #24]; smlad r6, r2, r8, r3; smlatb r7, r2, r8, r3\n"
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16\n"
... 6 lines
    "    ldr r2, [r1], #4\n"
    "    smlabt r6, r2, r11, r6; smlad r7, r2, r11, r7\n"
    "    ldr r3, [sp, #24]; smlad r4, r2, r8, r3; smlatb r5, r2, r8, r3\n"
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16\n"
... 6 lines
    "    ldr r2, [r1], #4\n"
    "    smlabt r4, r2, r11, r4; smlad r5, r2, r11, r5\n"
    "    ldr r3, [sp, #28]; smlad r6, r2, r8, r3\n"
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16\n"
... 9 lines
    "    @ the next channel\n"
... 26 lines
static PLANES__CODE const int8_t *planes__load_top(int32_t column[3], const int8_t *in, int8_t *kept)
{
    column[1] = in[0];
    *kept = (int8_t)column[1];
    column[2] = in[PLANES__IN_ROW];
... 9 lines
static PLANES__CODE void planes__top(const int8_t *input, int8_t *output, const uint32_t *plane, int8_t *line)
{
... 12 lines
    int8_t *kept = line;
    int32_t a[3], b[3], c[3], sum;

    in = planes__load_top(a, in, kept++);
    in = planes__load_top(b, in, kept++);
    sum = planes__column_top(left, a, w + 3);
... 4 lines
    in = planes__load_top(c, in, kept++);
    sum = planes__column_top(inner, a, w);
... 6 lines
    sum = planes__column_top(inner, b, w);
... 5 lines
    in = planes__load_top(b, in, kept++);
    sum = planes__column_top(inner, c, w);
... 26 lines
static PLANES__CODE const int8_t *planes__load_inner(int32_t column[3], const int8_t *in, int8_t *kept)
{
    column[0] = *kept;
    column[1] = in[0];
... 11 lines
static PLANES__CODE void planes__inner(const int8_t *input, int8_t *output, const uint32_t *plane, int8_t *line)
{
... 14 lines
        int8_t *kept = line;
        int32_t a[3], b[3], c[3], sum;

        in = planes__load_inner(a, in, kept++);
        in = planes__load_inner(b, in, kept++);
        sum = planes__column_inner(left, a, w + 3);
... 4 lines
        in = planes__load_inner(c, in, kept++);
        sum = planes__column_inner(inner, a, w);
... 6 lines
        sum = planes__column_inner(inner, b, w);
... 5 lines
        in = planes__load_inner(b, in, kept++);
        sum = planes__column_inner(inner, c, w);
... 27 lines
static PLANES__CODE const int8_t *planes__load_bottom(int32_t column[3], const int8_t *in, int8_t *kept)
{
... 2 lines
    return in + PLANES__IN_C;
... 8 lines
static PLANES__CODE void planes__bottom(const int8_t *input, int8_t *output, const uint32_t *plane, int8_t *line)
{
... 15 lines
    in = planes__load_bottom(a, in, kept++);
    in = planes__load_bottom(b, in, kept++);
    sum = planes__column_bottom(left, a, w + 3);
... 4 lines
    in = planes__load_bottom(c, in, kept++);
    sum = planes__column_bottom(inner, a, w);
... 6 lines
    sum = planes__column_bottom(inner, b, w);
... 5 lines
    in = planes__load_bottom(b, in, kept++);
    sum = planes__column_bottom(inner, c, w);
... 25 lines
static PLANES__CODE void planes__walk(
    const int8_t *input, int8_t *output, const uint32_t *plane, const uint32_t *end, int32_t *line)
{
    for (; plane < end; plane += PLANES__PLANE) {
        planes__top(input, output, plane, (int8_t *)line);
        planes__inner(input + 1 * PLANES__IN_ROW, output + 1 * PLANES__OUT_ROW, plane, (int8_t *)line);
        planes__bottom(input + 4 * PLANES__IN_ROW, output + 4 * PLANES__OUT_ROW, plane, (int8_t *)line);
        ++input;
... 8 lines
    int32_t *const line = workspace;

    planes__walk(input, output, planes__planes, planes__planes + PLANES__OUT_C * PLANES__PLANE, line);
}
