... 91 lines
#define DEEP__STREAM 102 /* constants before zero points */
... 128 lines
 * deep__taps: 1 x 4 sums (pixels x channels). Registers:
... 6 lines
 *   r12              the next tap; in the end addends
 *   lr               a bit for each tap that is inside the image
 *
 * On the stack: input, output, the end of the constants, how many runs are left and the mask of the taps.
 * Zero points stand at the end of the constants.
... 2 lines
void deep__taps(uintptr_t input, const uint32_t *constants, int8_t *output, uint32_t inside);
... 2 lines
    DEEP__BEGIN(deep__taps)
... 15 lines
    "    ldr lr, [sp, #24]\n"
    "    movw r2, #3\n"
... 5 lines
    "    lsrs lr, #1\n"
    "    ite cs\n"
    "    movcs r0, r12\n"
    "    ldrcc r0, [sp, #8]\n"
... 62 lines
    DEEP__END(deep__taps));
... 87 lines
static DEEP__CODE void deep__taps(uintptr_t input, const uint32_t *constants, int8_t *output, uint32_t inside)
{
    const int8_t *zero_points = (const int8_t *)(constants + DEEP__STREAM);
... 11 lines
        uint32_t bits = inside;
... 2 lines
        for (int32_t tap = 0; tap < 3; ++tap) {
            const uintptr_t at = input + (uintptr_t)(row * 20) + (uintptr_t)(tap * 4);
            const int8_t *run = bits & 1u ? (const int8_t *)at : zero_points;
... 2 lines
            bits >>= 1;
... 10 lines
 * One output pixel, its first tap at (in_row, in_col): a number, since that may be outside the image.
... 3 lines
    uintptr_t first, int32_t in_row, int32_t in_col, int8_t *output)
{
    uint32_t inside = 0;
    uint32_t bit = 1; /* the lowest is the first tap's */
... 3 lines
            if (row >= 0 && row < DEEP__IN_H && col >= 0 && col < DEEP__IN_W) {
                inside |= bit;
            }
            bit <<= 1;
... 2 lines
    deep__taps(first, deep__weights, output, inside);
... 33 lines
