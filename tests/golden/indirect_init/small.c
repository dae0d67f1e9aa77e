... 3 lines
 * Algorithm  indirect_init
... 3 lines
 * No tap leaves the image.
... 100 lines
    const int8_t *const *table, int32_t channel, int8_t *output)
... 12 lines
            table[tap],
            table[SMALL__TAPS + tap],
... 17 lines
        small__block_2x4(table, 0, output);
... 16 lines
                *table++ = input + (row * SMALL__IN_W + col) * SMALL__IN_C;
... 5 lines
SMALL__CODE void small_init(const int8_t *input, void *workspace)
... 4 lines
        small__point(input, out_row, table + out_row * SMALL__OUT_W * SMALL__TAPS);
... 7 lines
    (void)input;
    small__multiply(table, SMALL__OUT_H * SMALL__OUT_W, output);
}
