... 10 lines
 * Input and output begin together in one pool, the last outputs first: 54 bytes instead of 90.
... 464 lines
    int8_t *patch = patches + CAUSAL__PATCHES * CAUSAL__PATCH;
... 5 lines
        for (int32_t out_col = CAUSAL__OUT_W - 1; out_col >= 0; --out_col) {
            patch -= CAUSAL__PATCH;
... 2 lines
            if (patch == patches) {
                output -= CAUSAL__PATCHES * CAUSAL__OUT_C;
                causal__multiply(patches, CAUSAL__PATCHES, output);
                patch = patches + CAUSAL__PATCHES * CAUSAL__PATCH;
... 3 lines
    causal__multiply(patch, 1, output - CAUSAL__OUT_C);
}
