... 147 lines
 *   r6 r7            weights of that pair, for some output channels at a time
 *   r2 r3 r8-r12 lr  sums of the first tile, then of the second
 *
... 87 lines

/* The last channel alone. */
static FIRST__CODE inline uint32_t first__single(const int8_t *pixel, uint32_t added)
{
    const int32_t lower = pixel[0];

    return (uint32_t)lower + added;
}
... 26 lines
    }
    first__combine(
        first__single(pixels[0] + FIRST__IN_C - 1, 0), first__single(pixels[1] + FIRST__IN_C - 1, 0),
        first__single(pixels[2] + FIRST__IN_C - 1, 0), first__single(pixels[3] + FIRST__IN_C - 1, 0),
        first__single(pixels[4] + FIRST__IN_C - 1, added), first__single(pixels[5] + FIRST__IN_C - 1, added),
        to, FIRST__TILE * FIRST__POSITION);
}
... 34 lines

/* B^T d B of the tile d whose first pixel is at (in_row, in_col). */
static FIRST__CODE inline void first__transform(
... 8 lines
    const uint32_t *m, int32_t start0, int32_t start1, int32_t start2, int32_t start3,
    int32_t multiplier, int32_t addend, int32_t cols, int8_t *output)
... 14 lines
    output[0] = first__finish(
        (int32_t)(value0 * FIRST__INVERSE + (uint32_t)start0), multiplier, addend);
    if (cols > 1) {
        output[FIRST__OUT_C] = first__finish(
            (int32_t)(value1 * FIRST__INVERSE + (uint32_t)start1), multiplier, addend);
    }
    if (cols > 2) {
        output[2 * FIRST__OUT_C] = first__finish(
            (int32_t)(value2 * FIRST__INVERSE + (uint32_t)start2), multiplier, addend);
    }
    if (cols > 3) {
        output[3 * FIRST__OUT_C] = first__finish(
            (int32_t)(value3 * FIRST__INVERSE + (uint32_t)start3), multiplier, addend);
    }
... 33 lines
    const int32_t addend = finish[FIRST__ADDEND];

    first__output_row(
        products + 0, start, start, start, start,
        multiplier, addend, cols, output + 0);
    if (rows > 1) {
        first__output_row(
            products + FIRST__TILE * FIRST__SUMS, start, start, start, start,
            multiplier, addend, cols, output + FIRST__OUT_W * FIRST__OUT_C);
    }
... 2 lines
            products + 2 * FIRST__TILE * FIRST__SUMS, start, start, start_22, start_23,
            multiplier, addend, cols, output + 2 * FIRST__OUT_W * FIRST__OUT_C);
    }
... 2 lines
            products + 3 * FIRST__TILE * FIRST__SUMS, start, start, start_32, start_33,
            multiplier, addend, cols, output + 3 * FIRST__OUT_W * FIRST__OUT_C);
    }
... 20 lines
        (uint32_t *)(void *)((char *)workspace + 1152);

... 15 lines
