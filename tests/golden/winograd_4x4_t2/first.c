... 148 lines
 *   r2 r3 r8-r12 lr  sums of the first tile, then of the second
 *
... 88 lines
/* The last channel alone. */
static FIRST__CODE inline uint32_t first__single(const int8_t *pixel, uint32_t added)
{
    const int32_t lower = pixel[0];

    return (uint32_t)lower + added;
}
... 27 lines
    first__combine(
        first__single(pixels[0] + FIRST__IN_C - 1, 0), first__single(pixels[1] + FIRST__IN_C - 1, 0),
        first__single(pixels[2] + FIRST__IN_C - 1, 0), first__single(pixels[3] + FIRST__IN_C - 1, 0),
        first__single(pixels[4] + FIRST__IN_C - 1, added), first__single(pixels[5] + FIRST__IN_C - 1, added),
        to, FIRST__TILE * FIRST__POSITION);
}
... 35 lines
/* B^T d B of the tile d whose first pixel is at (in_row, in_col). */
static FIRST__CODE inline void first__transform(
... 9 lines
    int32_t multiplier, int32_t addend, int32_t cols, int8_t *output)
... 15 lines
        (int32_t)(value0 * FIRST__INVERSE + (uint32_t)start0), multiplier, addend);
    if (cols > 1) {
        output[FIRST__OUT_C] = first__finish(
            (int32_t)(value1 * FIRST__INVERSE + (uint32_t)start1), multiplier, addend);
    }
... 2 lines
            (int32_t)(value2 * FIRST__INVERSE + (uint32_t)start2), multiplier, addend);
... 39 lines

... 2 lines
        multiplier, addend, cols, output + 0);
    if (rows > 1) {
... 2 lines
            multiplier, addend, cols, output + FIRST__OUT_W * FIRST__OUT_C);
    }
... 3 lines
            multiplier, addend, cols, output + 2 * FIRST__OUT_W * FIRST__OUT_C);
    }
... 42 lines
