... 10 lines
 *   zero points.
 * The output begins 4 bytes above the input in one pool, the last outputs first: 58 bytes instead
 *   of 90.
 * Printed from templates/algorithms/direct.c.j2.
... 106 lines
    "    strd r0, r2, [sp]\n"
    "    ldr r2, =248\n"
    "    add r2, r1\n"
... 6 lines
    "    mov r11, r10\n"
    "    .rept 3\n"
... 46 lines
    "    ssat r5, #8, r5, asr #14\n"
    "    strb r5, [r0, #6]\n"
... 9 lines
    "    ssat r7, #8, r7, asr #14\n"
    "    strb r7, [r0, #6]\n"
... 11 lines
    "    ssat r9, #8, r9, asr #14\n"
    "    strb r9, [r0, #6]\n"
... 9 lines
    "    ssat r11, #8, r11, asr #14\n"
    "    strb r11, [r0, #6]\n"
... 51 lines
    "2:\n"
    "    lsrs lr, #1\n"
... 148 lines
            constants = causal__run(sums, 2, run, 12, constants);
        constants = causal__finish(sums, 2, constants, output);
... 20 lines
        for (int32_t row = 0; row < 3; ++row) {
            const uintptr_t at = input + (uintptr_t)(row * 4);
            const int8_t *run = bits & 1u ? (const int8_t *)at : zero_points;
... 34 lines
    int8_t *output = (int8_t *)pool + CAUSAL_OUTPUT_OFFSET;
    (void)workspace;

    /* From the last pixel to the first: so outputs overwrite only input that is not read any more. */
    output += CAUSAL__OUT_H * CAUSAL__OUT_W * CAUSAL__OUT_C;

    for (int32_t out_row = CAUSAL__OUT_H - 1; out_row >= 0; --out_row) {
        const int32_t in_row = out_row * CAUSAL__STRIDE_H - CAUSAL__PAD_TOP;
        const int row_inside = out_row >= CAUSAL__INNER_TOP && out_row < CAUSAL__INNER_BOTTOM;
        const int32_t inner_right = row_inside ? CAUSAL__INNER_RIGHT : 0;
        int32_t col = CAUSAL__OUT_W;

        while (col > inner_right) {
            --col;
            output -= CAUSAL__OUT_C;
            causal__edge(input, in_row, col * CAUSAL__STRIDE_W - CAUSAL__PAD_LEFT, output);
        }

        while (col >= CAUSAL__INNER_LEFT + 2) {
            col -= 2;
            output -= 2 * CAUSAL__OUT_C;
            causal__pixels_2(
                input + (in_row * CAUSAL__IN_W + col * CAUSAL__STRIDE_W - CAUSAL__PAD_LEFT) * CAUSAL__IN_C, causal__weights, output);
        }
        while (col > 0) {
            --col;
... 5 lines
