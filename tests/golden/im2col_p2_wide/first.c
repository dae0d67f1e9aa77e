... 3 lines
 * Algorithm  im2col_p2_wide
... 6 lines
 * Printed from templates/algorithms/im2col_wide.c.j2.
... 64 lines
#define FIRST__RUN_TAPS 3 /* taps side by side */
#define FIRST__GROUPS 2 /* of four elements, in a run of them */
#define FIRST__GROUP 8 /* elements of a group of two pixels */
#define FIRST__RUN 9 /* elements of a run */
#define FIRST__TAILS 48 /* where in the patches what is left of each run begins */
... 2 lines
#define FIRST__STEPS 14 /* of two products, for one sum */
... 36 lines
    "    ldrd r2, r3, [r0], #8\n"
... 113 lines
        for (int32_t step = 0; step < FIRST__STEPS; ++step) {
... 3 lines
                const int16_t *x = input + 4 * step + 2 * p;

                next = first__step(sums[p], x[0], x[1], constants);
... 10 lines
/* Widens four elements of one pixel: 0 and 2 side by side, then 1 and 3; between them is the other pixel. */
static FIRST__CODE inline void first__widen_group(int16_t *to, const int8_t *from)
... 2 lines
    uint32_t word, even, odd;

    __builtin_memcpy(&word, from, 4);
    __asm__("sxtb16 %0, %1" : "=r"(even) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(word));
    __builtin_memcpy(to, &even, 4);
    __builtin_memcpy(to + 4, &odd, 4);
#else
    to[0] = from[0];
... 6 lines
static FIRST__CODE int16_t *first__widen(int16_t *to, const int8_t *from, int32_t groups)
{
    for (; groups > 0; groups -= 2) {
        first__widen_group(to, from);
        first__widen_group(to + 1 * FIRST__GROUP, from + 1 * 4);
        to += 2 * FIRST__GROUP;
        from += 2 * 4;
    }
    return to;
... 2 lines
/* Puts element k of the groups of a run in its place. */
static FIRST__CODE inline void first__put(int16_t *groups, int32_t k, int16_t value)
{
    groups[k / 4 * FIRST__GROUP + k % 2 * 4 + k / 2 % 2] = value;
... 2 lines
/* Puts element k of what is left of all runs in its place, two by two. */
static FIRST__CODE inline void first__put_tail(int16_t *patch, int32_t k, int16_t value)
{
    patch[FIRST__TAILS + k / 2 * 4 + k % 2] = value;
... 2 lines
/* Puts a run of which only elements from `begin` to `end`, read from `from`, are inside the image. */
static FIRST__CODE int16_t *first__partial(
    int16_t *to, int16_t *patch, int32_t tail, const int8_t *from, int32_t begin, int32_t end)
{
    for (int32_t k = 0; k < FIRST__RUN; ++k) {
        const int16_t value = k >= begin && k < end ? from[k - begin] : -1;

        if (k < 4 * FIRST__GROUPS) {
            first__put(to, k, value);
        } else {
            first__put_tail(patch, tail + k - 4 * FIRST__GROUPS, value);
... 2 lines
    return to + FIRST__GROUPS * FIRST__GROUP;
... 3 lines
static FIRST__CODE void first__gather(const int8_t *input, int32_t in_row, int32_t in_col, int16_t *patch)
... 2 lines
    int32_t tail = 0;
    const int32_t last_row = in_row + (FIRST__KERNEL_H - 1) * FIRST__DILATION_H;

    if (in_row >= 0 && last_row < FIRST__IN_H && in_col >= 0 && in_col + FIRST__RUN_TAPS <= FIRST__IN_W) {
        const int8_t *from = input + (in_row * FIRST__IN_W + in_col) * FIRST__IN_C;
... 2 lines
            to = first__widen(to, from, FIRST__GROUPS);
            first__put_tail(patch, tail, from[4 * FIRST__GROUPS]);
            tail += 1;
            from += FIRST__DILATION_H * FIRST__IN_W * FIRST__IN_C;
        }
        return;
... 3 lines
        const int32_t col = in_col;
        const int32_t first = col < 0 ? 0 : col;
        const int32_t last = col + FIRST__RUN_TAPS < FIRST__IN_W ? col + FIRST__RUN_TAPS : FIRST__IN_W;
        const int inside = row >= 0 && row < FIRST__IN_H && first < last;
        const int8_t *from = inside ? input + (row * FIRST__IN_W + first) * FIRST__IN_C : input;

        if (inside && last - first == FIRST__RUN_TAPS) {
... 3 lines
            const int32_t begin = inside ? (first - col) * FIRST__IN_C : FIRST__RUN;
            const int32_t end = inside ? (last - col) * FIRST__IN_C : FIRST__RUN;

            to = first__partial(to, patch, tail, from, begin, end);
... 9 lines
    patches[53] = 0; /* beside the last of an odd number: its weight is 0 */
    patches[55] = 0; /* beside the last of an odd number: its weight is 0 */
    int32_t pixel = 0;
... 4 lines
                input, out_row * FIRST__STRIDE_H - FIRST__PAD_TOP, out_col * FIRST__STRIDE_W - FIRST__PAD_LEFT, patches + 2 * pixel);
            ++pixel;
            if (pixel == 2) {
                first__pixels_2(patches, first__weights, output);
                output += 2 * FIRST__OUT_C;
                pixel = 0;
... 4 lines
