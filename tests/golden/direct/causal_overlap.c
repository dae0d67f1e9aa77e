... 11 lines
 * The output begins 4 bytes above the input in one pool, the last outputs first: 58 bytes instead
 *   of 90.
... 465 lines
    /* From the last pixel to the first: so outputs overwrite only input that is not read any more. */
    output += CAUSAL__OUT_H * CAUSAL__OUT_W * CAUSAL__OUT_C;

    for (int32_t out_row = CAUSAL__OUT_H - 1; out_row >= 0; --out_row) {
... 2 lines
        const int32_t inner_right = row_inside ? CAUSAL__INNER_RIGHT : 0;
        int32_t col = CAUSAL__OUT_W;
        uintptr_t tap = (uintptr_t)input /* or outside */
            + (uintptr_t)((in_row * CAUSAL__IN_W + CAUSAL__OUT_W * CAUSAL__STRIDE_W - CAUSAL__PAD_LEFT) * CAUSAL__IN_C);

        while (col > inner_right) {
            --col;
            output -= CAUSAL__OUT_C;
            tap -= CAUSAL__STRIDE_W * CAUSAL__IN_C;
... 3 lines
        while (col >= CAUSAL__INNER_LEFT + 2) {
            col -= 2;
            output -= 2 * CAUSAL__OUT_C;
            tap -= 2 * CAUSAL__STRIDE_W * CAUSAL__IN_C;
... 3 lines
        while (col > 0) {
... 7 lines
