... 4 lines
 * Sums       SMLAD, 2 x 4 (pixels x channels) in registers, weights of two channels in int16
... 64 lines
#define DEEP__KERNEL_W 3
... 2 lines
#define DEEP__DILATION_W 1
... 2 lines
#define DEEP__ROWS 6 /* image rows that the lowered matrix holds */
... 2 lines
#define DEEP__OUT_C 5
... 181 lines
    "    .rept 8\n"
    "    ldr r2, [r0], #4\n"
... 182 lines
        deep__pixels_2(window, deep__weights, output);
        output += 2 * DEEP__OUT_C;
    }
    for (; col < DEEP__OUT_W; ++col) {
        const int8_t *window = input + col * DEEP__COLUMN;
... 2 lines
        output += DEEP__OUT_C;
... 6 lines
    int32_t k = 0;

#ifdef __GNUC__
    for (; k + 4 <= count; k += 4) {
        __builtin_memcpy(to + k, from + k, 4);
    }
#endif
    for (; k < count; ++k) {
        to[k] = from[k];
... 15 lines
    if (!row_inside) {
        for (int32_t out_col = 0; out_col < DEEP__OUT_W; ++out_col) {
            deep__fill(to, DEEP__ROW);
            to += DEEP__COLUMN;
        }
... 2 lines
    for (int32_t out_col = 0; out_col < DEEP__OUT_W; ++out_col) {
        const int32_t in_col = out_col * DEEP__STRIDE_W - DEEP__PAD_LEFT;

        if (in_col >= 0 && in_col + DEEP__KERNEL_W <= DEEP__IN_W) {
            deep__copy(to, input + (row * DEEP__IN_W + in_col) * DEEP__IN_C, DEEP__ROW);
            to += DEEP__COLUMN;
            continue;
... 6 lines
            if (inside) {
                deep__copy(to + j * DEEP__IN_C, tap, DEEP__IN_C);
            } else {
                deep__fill(to + j * DEEP__IN_C, DEEP__IN_C);
            }
... 17 lines
