... 11 lines
 * The output begins 4 bytes above the input in one pool, the last outputs first: 58 bytes instead
 *   of 90.
 * Printed from templates/algorithms/direct.c.j2.
... 107 lines
    "    ldr r2, =248\n"
    "    add r2, r1\n"
... 7 lines
    "    .rept 3\n"
... 135 lines
    "    lsrs lr, #1\n"
... 171 lines
            const uintptr_t at = input + (uintptr_t)(row * 4);
            const int8_t *run = bits & 1u ? (const int8_t *)at : zero_points;
... 36 lines
    (void)workspace;

    /* From the last pixel to the first: so outputs overwrite only input that is not read any more. */
    output += CAUSAL__OUT_H * CAUSAL__OUT_W * CAUSAL__OUT_C;

    for (int32_t out_row = CAUSAL__OUT_H - 1; out_row >= 0; --out_row) {
        const int32_t in_row = out_row * CAUSAL__STRIDE_H - CAUSAL__PAD_TOP;
        const int row_inside = out_row >= CAUSAL__INNER_TOP && out_row < CAUSAL__INNER_BOTTOM;
        const int32_t inner_right = row_inside ? CAUSAL__INNER_RIGHT : 0;
        int32_t col = CAUSAL__OUT_W;
        uintptr_t tap = (uintptr_t)input /* or outside */
            + (uintptr_t)((in_row * CAUSAL__IN_W + CAUSAL__OUT_W * CAUSAL__STRIDE_W - CAUSAL__PAD_LEFT) * CAUSAL__IN_C);

        while (col > inner_right) {
            --col;
            output -= CAUSAL__OUT_C;
            tap -= CAUSAL__STRIDE_W * CAUSAL__IN_C;
            causal__edge(tap, in_row, col * CAUSAL__STRIDE_W - CAUSAL__PAD_LEFT, output);
        }

        while (col >= CAUSAL__INNER_LEFT + 2) {
            col -= 2;
            output -= 2 * CAUSAL__OUT_C;
            tap -= 2 * CAUSAL__STRIDE_W * CAUSAL__IN_C;
            causal__pixels_2(
                (const int8_t *)tap, causal__weights, output);
        }
        while (col > 0) {
            --col;
... 6 lines
