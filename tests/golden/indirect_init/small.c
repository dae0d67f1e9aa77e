... 3 lines
 * Algorithm  indirect_init
 * Sums       plain C, 2 x 4 sums (pixels x channels)
... 2 lines
 * No tap leaves the image.
 * Printed from templates/algorithms/indirect.c.j2.
... 99 lines
    const int8_t *const *table, int32_t channel, int8_t *output)
{
... 11 lines
            table[tap],
            table[SMALL__TAPS + tap],
        };
... 16 lines
        small__block_2x4(table, 0, output);

... 14 lines

                *table++ = input + (row * SMALL__IN_W + col) * SMALL__IN_C;
            }
... 4 lines
SMALL__CODE void small_init(const int8_t *input, void *workspace)
{
... 3 lines
        small__point(input, out_row, table + out_row * SMALL__OUT_W * SMALL__TAPS);
    }
... 6 lines
    (void)input;
    small__multiply(table, SMALL__OUT_H * SMALL__OUT_W, output);
}
