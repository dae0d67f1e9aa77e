... 3 lines
 * Algorithm  direct_planes
 * Sums       assembly with DSP instructions where there are, two at a time; weights and sums 256
 *   times
 * Assembly   for GCC and clang, little-endian, Thumb-2 with DSP instructions; plain C for all
 *   others
... 2 lines
 * 3 x 3 kinds of outputs (rows x columns) differ in the taps inside the image: each kind has its
 *   own code and start, so no bounds are checked.
 * Printed from templates/algorithms/direct_planes.c.j2.
... 19 lines
    defined(__thumb2__) && defined(__ARM_FEATURE_DSP)
... 36 lines
#define PLANES__IN_ROW 21 /* elements of a row of pixels */
#define PLANES__OUT_ROW 21
#define PLANES__PLANE 17 /* constants of a channel */
#define PLANES__SHIFT 14 /* of a sum times its multiplier, to an output */
#define PLANES__LEAST (-128) /* of a line, before it is clamped */
#define PLANES__MOST 127
... 4 lines
 * One channel after the other, along its rows. Registers:
 *
 *   r0               where the input is read
 *   r1               where outputs are stored
 *   r2 r3            inputs: a pair of pixels; what is needed once
 *   r4-r7            sums: two to be finished with these pixels, and two begun
 *   r8 r9 r10        weights (w0, w1) of each kernel row
 *   r11 r12 lr       weights (w1, w2) of each kernel row
 *
 * On the stack: the channel's constants but for its weights, then what has no register.
... 2 lines
void planes__walk(
    const int8_t *input, int8_t *output, const uint32_t *plane, const uint32_t *end);
... 2 lines
    PLANES__BEGIN(planes__walk)
... 7 lines
    "    strd r0, r1, [sp, #52]\n"
... 2 lines
    "    mov r1, sp\n"
    "    ldm r2!, {r3-r10}; stm r1!, {r3-r10}\n"
    "    ldm r2!, {r3-r5}; stm r1!, {r3-r5}\n"
    "    ldm r2!, {r8, r9, r10, r11, r12, lr}\n"
    "    str r2, [sp, #60]\n"
    "    ldrd r0, r1, [sp, #52]\n"
    "    @ the top row\n"
    "    ldrsb r2, [r0, #21]\n"
    "    ldr r3, [sp, #8]; smlabt r4, r2, r10, r3; ldr r3, [sp, #12]; smlabb r5, r2, r10, r3\n"
    "    ldrsb r2, [r0], #3\n"
    "    smlabt r4, r2, r9, r4; smlabb r5, r2, r9, r5\n"
    "    ldrsb r3, [r0, #24]; ldrsb r2, [r0, #21]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabt r4, r2, lr, r4; smlad r5, r2, lr, r5\n"
    "    ldr r3, [sp, #12]; smlad r6, r2, r10, r3; smlatb r7, r2, r10, r3\n"
    "    ldrsb r3, [r0, #3]; ldrsb r2, [r0], #6; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabt r4, r2, r12, r4; smlad r5, r2, r12, r5\n"
    "    smlad r6, r2, r9, r6; smlatb r7, r2, r9, r7\n"
    "    ldrd r2, r3, [sp]; smmla r4, r4, r2, r3; smmla r5, r5, r2, r3\n"
... 2 lines
    "    strb r4, [r1], #3; strb r5, [r1], #3\n"
... 12 lines
    "    ldr r3, [sp, #16]; smlad r6, r2, r10, r3\n"
... 7 lines
    "    ldrd r2, r3, [sp]; smmla r6, r6, r2, r3\n"
... 2 lines
    "    sub r0, r0, #21\n"
    "    @ 3 inner rows\n"
    "    add r2, r0, #63; str r2, [sp, #72]\n"
... 49 lines
    "    ldr r2, [sp, #72]; cmp r0, r2; bne 2b\n"
    "    @ the bottom row\n"
... 37 lines
    "    @ the next channel\n"
    "    ldrd r0, r1, [sp, #52]\n"
    "    add r0, r0, #1\n"
... 8 lines
    PLANES__END(planes__walk));
... 3 lines
/* Sum to output: activation and zero point are in the addend. */
static PLANES__CODE int8_t planes__finish(int32_t sum, int32_t multiplier, int32_t addend)
{
    const int32_t high = (int32_t)(((int64_t)sum * multiplier) >> 32);
    int32_t value = (high + addend) >> PLANES__SHIFT;

    value = value < PLANES__LEAST ? PLANES__LEAST : value;
    value = value > PLANES__MOST ? PLANES__MOST : value;
    return (int8_t)value;
... 2 lines
/* The pixels of a column that are inside the image; returns where the next column is. */
static PLANES__CODE const int8_t *planes__load_top(int32_t column[3], const int8_t *in)
{
    column[1] = in[0];
    column[2] = in[PLANES__IN_ROW];
    return in + PLANES__IN_C;
... 2 lines
static PLANES__CODE int32_t planes__column_top(int32_t sum, const int32_t column[3], const int32_t w[3])
{
    return sum + column[1] * w[1] + column[2] * w[2];
... 2 lines
/* One row, from left to right: three columns of pixels take turns in the window. */
static PLANES__CODE void planes__top(const int8_t *input, int8_t *output, const uint32_t *plane)
{
    const int32_t multiplier = (int32_t)plane[0];
    const int32_t addend = (int32_t)plane[1];
    const int32_t left = (int32_t)plane[2];
    const int32_t inner = (int32_t)plane[3];
    const int32_t right = (int32_t)plane[4];
    const int32_t w[9] = { /* column by column */
        (int16_t)plane[11], (int16_t)plane[12], (int16_t)plane[13],
        (int16_t)plane[14], (int16_t)plane[15], (int16_t)plane[16],
        (int16_t)(plane[14] >> 16), (int16_t)(plane[15] >> 16), (int16_t)(plane[16] >> 16),
    };
    const int8_t *in = input;
    int8_t *out = output;
    int32_t a[3], b[3], c[3], sum;

    in = planes__load_top(a, in);
    in = planes__load_top(b, in);
    sum = planes__column_top(left, a, w + 3);
    sum = planes__column_top(sum, b, w + 6);
    *out = planes__finish(sum, multiplier, addend);
    out += PLANES__OUT_C;

    in = planes__load_top(c, in);
    sum = planes__column_top(inner, a, w);
    sum = planes__column_top(sum, b, w + 3);
    sum = planes__column_top(sum, c, w + 6);
... 4 lines
    sum = planes__column_top(inner, b, w);
    sum = planes__column_top(sum, c, w + 3);
    sum = planes__column_top(sum, a, w + 6);
... 4 lines
    sum = planes__column_top(inner, c, w);
... 19 lines
    sum = planes__column_top(right, c, w);
... 6 lines
static PLANES__CODE const int8_t *planes__load_inner(int32_t column[3], const int8_t *in)
... 3 lines
    column[2] = in[2 * PLANES__IN_ROW];
... 3 lines
static PLANES__CODE int32_t planes__column_inner(int32_t sum, const int32_t column[3], const int32_t w[3])
{
    return sum + column[0] * w[0] + column[1] * w[1] + column[2] * w[2];
... 2 lines
/* 3 rows, from left to right: three columns of pixels take turns in the window. */
static PLANES__CODE void planes__inner(const int8_t *input, int8_t *output, const uint32_t *plane)
... 13 lines
        const int8_t *in = input + row * PLANES__STRIDE_H * PLANES__IN_ROW;
        int8_t *out = output + row * PLANES__OUT_ROW;
... 2 lines
        in = planes__load_inner(a, in);
        in = planes__load_inner(b, in);
        sum = planes__column_inner(left, a, w + 3);
        sum = planes__column_inner(sum, b, w + 6);
... 3 lines
        in = planes__load_inner(c, in);
        sum = planes__column_inner(inner, a, w);
        sum = planes__column_inner(sum, b, w + 3);
        sum = planes__column_inner(sum, c, w + 6);
... 4 lines
        sum = planes__column_inner(inner, b, w);
        sum = planes__column_inner(sum, c, w + 3);
        sum = planes__column_inner(sum, a, w + 6);
... 4 lines
        sum = planes__column_inner(inner, c, w);
... 19 lines
        sum = planes__column_inner(right, c, w);
... 7 lines
static PLANES__CODE const int8_t *planes__load_bottom(int32_t column[3], const int8_t *in)
... 6 lines
static PLANES__CODE int32_t planes__column_bottom(int32_t sum, const int32_t column[3], const int32_t w[3])
... 5 lines
static PLANES__CODE void planes__bottom(const int8_t *input, int8_t *output, const uint32_t *plane)
... 15 lines
    in = planes__load_bottom(a, in);
    in = planes__load_bottom(b, in);
    sum = planes__column_bottom(left, a, w + 3);
    sum = planes__column_bottom(sum, b, w + 6);
... 3 lines
    in = planes__load_bottom(c, in);
    sum = planes__column_bottom(inner, a, w);
    sum = planes__column_bottom(sum, b, w + 3);
    sum = planes__column_bottom(sum, c, w + 6);
... 4 lines
    sum = planes__column_bottom(inner, b, w);
    sum = planes__column_bottom(sum, c, w + 3);
    sum = planes__column_bottom(sum, a, w + 6);
... 4 lines
    sum = planes__column_bottom(inner, c, w);
... 19 lines
    sum = planes__column_bottom(right, c, w);
... 5 lines
static PLANES__CODE void planes__walk(const int8_t *input, int8_t *output, const uint32_t *plane, const uint32_t *end)
{
    for (; plane < end; plane += PLANES__PLANE) {
        planes__top(input, output, plane);
        planes__inner(input, output + 1 * PLANES__OUT_ROW, plane);
        planes__bottom(input + 3 * PLANES__IN_ROW, output + 4 * PLANES__OUT_ROW, plane);
        ++input;
        ++output;
... 9 lines
    planes__walk(input, output, planes__planes, planes__planes + PLANES__OUT_C * PLANES__PLANE);
}
