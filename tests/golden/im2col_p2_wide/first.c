... 3 lines
 * Algorithm  im2col_p2_wide
 * Sums       SMLAD, 2 x 4 (pixels x channels) in registers, weights of two channels in int16
 * Assembly   for GCC and clang, little-endian, Thumb-2 with DSP instructions; plain C for all
... 4 lines
 * Printed from templates/algorithms/im2col_wide.c.j2.
 *
... 58 lines
#define FIRST__STRIDE_H 1
... 2 lines
#define FIRST__PAD_TOP 1
#define FIRST__PAD_LEFT 1
#define FIRST__RUN_TAPS 3 /* taps side by side */
#define FIRST__GROUPS 2 /* of four elements, in a run of them */
#define FIRST__GROUP 8 /* elements of a group of two pixels */
#define FIRST__RUN 9 /* elements of a run */
#define FIRST__TAILS 48 /* where in the patches what is left of each run begins */
#define FIRST__OUT_C 6
#define FIRST__BLOCKS 2 /* of 4 output channels; the last overlaps the one before */
#define FIRST__STEPS 14 /* of two products, for one sum */

... 34 lines
    "    .rept 14\n"
    "    ldrd r2, r3, [r0], #8\n"
    "    ldrd r12, lr, [r1], #8\n"
... 112 lines
        for (int32_t step = 0; step < FIRST__STEPS; ++step) {
            const uint32_t *next = constants;

            for (int32_t p = 0; p < 2; ++p) {
                const int16_t *x = input + 4 * step + 2 * p;

                next = first__step(sums[p], x[0], x[1], constants);
            }
            constants = next;
        }
... 7 lines
/* Widens four elements of one pixel: 0 and 2 side by side, then 1 and 3; between them is the other pixel. */
static FIRST__CODE inline void first__widen_group(int16_t *to, const int8_t *from)
{
#ifdef FIRST__ASSEMBLY
    uint32_t word, even, odd;

    __builtin_memcpy(&word, from, 4);
    __asm__("sxtb16 %0, %1" : "=r"(even) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(word));
    __builtin_memcpy(to, &even, 4);
    __builtin_memcpy(to + 4, &odd, 4);
#else
    to[0] = from[0];
    to[1] = from[2];
... 2 lines
#endif
}

static FIRST__CODE int16_t *first__widen(int16_t *to, const int8_t *from, int32_t groups)
{
    for (; groups > 0; groups -= 2) {
        first__widen_group(to, from);
        first__widen_group(to + 1 * FIRST__GROUP, from + 1 * 4);
        to += 2 * FIRST__GROUP;
        from += 2 * 4;
    }
    return to;
}

/* Puts element k of the groups of a run in its place. */
static FIRST__CODE inline void first__put(int16_t *groups, int32_t k, int16_t value)
{
    groups[k / 4 * FIRST__GROUP + k % 2 * 4 + k / 2 % 2] = value;
}

/* Puts element k of what is left of all runs in its place, two by two. */
static FIRST__CODE inline void first__put_tail(int16_t *patch, int32_t k, int16_t value)
{
    patch[FIRST__TAILS + k / 2 * 4 + k % 2] = value;
}

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
        }
    }
    return to + FIRST__GROUPS * FIRST__GROUP;
}
... 2 lines
static FIRST__CODE void first__gather(const int8_t *input, int32_t in_row, int32_t in_col, int16_t *patch)
{
    int16_t *to = patch;
    int32_t tail = 0;
    const int32_t last_row = in_row + (FIRST__KERNEL_H - 1) * FIRST__DILATION_H;

    if (in_row >= 0 && last_row < FIRST__IN_H && in_col >= 0 && in_col + FIRST__RUN_TAPS <= FIRST__IN_W) {
        const int8_t *from = input + (in_row * FIRST__IN_W + in_col) * FIRST__IN_C;

        for (int32_t i = 0; i < FIRST__KERNEL_H; ++i) {
            to = first__widen(to, from, FIRST__GROUPS);
            first__put_tail(patch, tail, from[4 * FIRST__GROUPS]);
            tail += 1;
            from += FIRST__DILATION_H * FIRST__IN_W * FIRST__IN_C;
        }
        return;
    }
    for (int32_t i = 0; i < FIRST__KERNEL_H; ++i) {
        const int32_t row = in_row + i * FIRST__DILATION_H;
        const int32_t col = in_col;
        const int32_t first = col < 0 ? 0 : col;
        const int32_t last = col + FIRST__RUN_TAPS < FIRST__IN_W ? col + FIRST__RUN_TAPS : FIRST__IN_W;
        const int inside = row >= 0 && row < FIRST__IN_H && first < last;
        const int8_t *from = inside ? input + (row * FIRST__IN_W + first) * FIRST__IN_C : input;

        if (inside && last - first == FIRST__RUN_TAPS) {
            to = first__widen(to, from, FIRST__GROUPS);
            first__put_tail(patch, tail, from[4 * FIRST__GROUPS]);
        } else {
            const int32_t begin = inside ? (first - col) * FIRST__IN_C : FIRST__RUN;
            const int32_t end = inside ? (last - col) * FIRST__IN_C : FIRST__RUN;

            to = first__partial(to, patch, tail, from, begin, end);
        }
        tail += 1;
    }
... 6 lines
    patches[53] = 0; /* beside the last of an odd number: its weight is 0 */
    patches[55] = 0; /* beside the last of an odd number: its weight is 0 */
    int32_t pixel = 0;

... 3 lines
                input, out_row * FIRST__STRIDE_H - FIRST__PAD_TOP, out_col * FIRST__STRIDE_W - FIRST__PAD_LEFT, patches + 2 * pixel);
            ++pixel;
            if (pixel == 2) {
                first__pixels_2(patches, first__weights, output);
                output += 2 * FIRST__OUT_C;
                pixel = 0;
            }
... 3 lines
