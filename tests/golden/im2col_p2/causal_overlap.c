... 9 lines
 * Taps outside the image become -1 in the patch.
 * Input and output begin together in one pool, the last outputs first: 54 bytes instead of 90.
 * Printed from templates/algorithms/im2col.c.j2.
... 106 lines
    "    .rept 3\n"
    "    ldr r3, [r0, #12]\n"
    "    ldr r2, [r0]\n"
... 12 lines
    "    smlad r9, r3, lr, r9\n"
    "    ldr r3, [r0, #12]\n"
    "    ldr r2, [r0], #4\n"
... 335 lines
    int8_t *output = (int8_t *)pool + CAUSAL_OUTPUT_OFFSET;
    int8_t *const patches = workspace;

    int8_t *patch = patches + CAUSAL__PATCHES * CAUSAL__PATCH;

... 3 lines
    for (int32_t out_row = CAUSAL__OUT_H - 1; out_row >= 0; --out_row) {
        for (int32_t out_col = CAUSAL__OUT_W - 1; out_col >= 0; --out_col) {
            patch -= CAUSAL__PATCH;
            causal__gather(
                input, out_row * CAUSAL__STRIDE_H - CAUSAL__PAD_TOP, out_col * CAUSAL__STRIDE_W - CAUSAL__PAD_LEFT, patch);
            if (patch == patches) {
                output -= CAUSAL__PATCHES * CAUSAL__OUT_C;
                causal__multiply(patches, CAUSAL__PATCHES, output);
                patch = patches + CAUSAL__PATCHES * CAUSAL__PATCH;
            }
        }
    }
    causal__multiply(patch, 1, output - CAUSAL__OUT_C);
}
