... 148 lines
 *   r2 r3 r8-r12 lr  sums of the first tile, then of the second
... 89 lines
/* The last channel alone. */
static FIRST__CODE inline uint32_t first__single(const int8_t *pixel, uint32_t added)
{
    const int32_t lower = pixel[0];

    return (uint32_t)lower + added;
... 29 lines
        first__single(pixels[0] + FIRST__IN_C - 1, 0), first__single(pixels[1] + FIRST__IN_C - 1, 0),
        first__single(pixels[2] + FIRST__IN_C - 1, 0), first__single(pixels[3] + FIRST__IN_C - 1, 0),
        first__single(pixels[4] + FIRST__IN_C - 1, added), first__single(pixels[5] + FIRST__IN_C - 1, added),
... 37 lines
/* B^T d B of the tile d whose first pixel is at (in_row, in_col). */
... 26 lines
        (int32_t)(value0 * FIRST__INVERSE + (uint32_t)start0), multiplier, addend);
... 58 lines
            multiplier, addend, cols, output + 2 * FIRST__OUT_W * FIRST__OUT_C);
... 43 lines
