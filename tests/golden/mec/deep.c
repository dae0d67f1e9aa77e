... 3 lines
 * Algorithm  mec
 * Sums       SMLAD, 2 x 4 (pixels x channels) in registers, weights of two channels in int16
... 63 lines
#define DEEP__OUT_W 5
#define DEEP__KERNEL_W 3
#define DEEP__STRIDE_H 1
#define DEEP__STRIDE_W 1
#define DEEP__DILATION_W 1
#define DEEP__PAD_TOP 1
#define DEEP__PAD_LEFT 1
#define DEEP__ROWS 6 /* image rows that the lowered matrix holds */
#define DEEP__ROW 12 /* elements of one of them, for one output column */
#define DEEP__COLUMN 72 /* elements for one output column, all groups */
#define DEEP__OUT_C 5
... 37 lines
    "    .rept 8\n"
    "    ldr r3, [r0, #72]\n"
    "    ldr r2, [r0]\n"
... 12 lines
    "    smlad r9, r3, lr, r9\n"
    "    ldr r3, [r0, #72]\n"
    "    ldr r2, [r0], #4\n"
... 14 lines
    "    .rept 1\n"
    "    ldr r3, [r0, #72]\n"
... 109 lines
    "    ldm r1!, {r4, r6, r8, r10}\n"
    "    .rept 8\n"
    "    ldr r2, [r0], #4\n"
... 165 lines

            constants = deep__run(sums, 1, run, 36, constants);
        constants = deep__finish(sums, 1, constants, output);
... 13 lines

        deep__pixels_2(window, deep__weights, output);
        output += 2 * DEEP__OUT_C;
    }
    for (; col < DEEP__OUT_W; ++col) {
        const int8_t *window = input + col * DEEP__COLUMN;

        deep__pixels_1(window, deep__weights, output);
        output += DEEP__OUT_C;
... 5 lines
{
    int32_t k = 0;

#ifdef __GNUC__
    for (; k + 4 <= count; k += 4) {
        __builtin_memcpy(to + k, from + k, 4);
    }
#endif
    for (; k < count; ++k) {
        to[k] = from[k];
... 14 lines

    if (!row_inside) {
        for (int32_t out_col = 0; out_col < DEEP__OUT_W; ++out_col) {
            deep__fill(to, DEEP__ROW);
            to += DEEP__COLUMN;
        }
        return;
    }
    for (int32_t out_col = 0; out_col < DEEP__OUT_W; ++out_col) {
        const int32_t in_col = out_col * DEEP__STRIDE_W - DEEP__PAD_LEFT;

        if (in_col >= 0 && in_col + DEEP__KERNEL_W <= DEEP__IN_W) {
            deep__copy(to, input + (row * DEEP__IN_W + in_col) * DEEP__IN_C, DEEP__ROW);
            to += DEEP__COLUMN;
            continue;
... 5 lines

            if (inside) {
                deep__copy(to + j * DEEP__IN_C, tap, DEEP__IN_C);
            } else {
                deep__fill(to + j * DEEP__IN_C, DEEP__IN_C);
            }
... 17 lines
