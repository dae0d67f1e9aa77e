... 444 lines
        deep__pixels_2(window, deep__weights, output);
... 16 lines
    for (; k + 4 <= count; k += 4) {
        __builtin_memcpy(to + k, from + k, 4);
... 2 lines
    for (; k < count; ++k) {
... 16 lines
    if (!row_inside) {
        for (int32_t out_col = 0; out_col < DEEP__OUT_W; ++out_col) {
            deep__fill(to, DEEP__ROW);
... 5 lines
        const int32_t in_col = out_col * DEEP__STRIDE_W - DEEP__PAD_LEFT;

        if (in_col >= 0 && in_col + DEEP__KERNEL_W <= DEEP__IN_W) {
            deep__copy(to, input + (row * DEEP__IN_W + in_col) * DEEP__IN_C, DEEP__ROW);
... 9 lines
                deep__copy(to + j * DEEP__IN_C, tap, DEEP__IN_C);
            } else {
                deep__fill(to + j * DEEP__IN_C, DEEP__IN_C);
... 18 lines
