... 89 lines
#define DEEP__OUT_C 5
#define DEEP__BLOCKS 2 /* of 4 output channels; the last overlaps the one before */
#define DEEP__STREAM 102 /* constants before zero points */
#define DEEP__PIXEL_PITCH 4 /* elements from pixel to pixel of a block */
... 26 lines
    "    ldr r2, =408\n"
    "    add r2, r1\n"
... 10 lines
    "    .rept 3\n"
    "    ldr r3, [r0, #4]\n"
... 30 lines
    "    ldr r2, =8\n"
    "    add r0, r2\n"
... 55 lines
 * deep__taps: 1 x 4 sums (pixels x channels). Registers:
 *
... 5 lines
 *   r12              the next tap; in the end addends
 *   lr               a bit for each tap that is inside the image
 *
 * On the stack: input, output, the end of the constants, how many runs are left and the mask of the taps.
 * Zero points stand at the end of the constants.
 */

void deep__taps(uintptr_t input, const uint32_t *constants, int8_t *output, uint32_t inside);

__extension__ __asm__(
    DEEP__BEGIN(deep__taps)
    "    push {r4-r11, lr}\n"
... 10 lines
    "    str r3, [sp, #24]\n"
    "1:\n"
    "    ldm r1!, {r4, r6, r8, r10}\n"
    "    ldr r12, [sp]\n"
    "    ldr lr, [sp, #24]\n"
    "    movw r2, #3\n"
    "    str r2, [sp, #16]\n"
    "2:\n"
    "    movw r2, #3\n"
    "    str r2, [sp, #20]\n"
    "3:\n"
    "    lsrs lr, #1\n"
    "    ite cs\n"
    "    movcs r0, r12\n"
    "    ldrcc r0, [sp, #8]\n"
    "    .rept 1\n"
    "    ldr r2, [r0], #4\n"
... 16 lines
    "    ldr r2, =4\n"
    "    add r12, r2\n"
    "    ldr r2, [sp, #20]\n"
... 2 lines
    "    bne 3b\n"
    "    ldr r2, =8\n"
    "    add r12, r2\n"
... 36 lines
    DEEP__END(deep__taps));

... 86 lines
static DEEP__CODE void deep__taps(uintptr_t input, const uint32_t *constants, int8_t *output, uint32_t inside)
{
    const int8_t *zero_points = (const int8_t *)(constants + DEEP__STREAM);

    for (int32_t block = 0; block < DEEP__BLOCKS; ++block) {
... 9 lines
        uint32_t bits = inside;

        for (int32_t row = 0; row < 3; ++row) {
        for (int32_t tap = 0; tap < 3; ++tap) {
            const uintptr_t at = input + (uintptr_t)(row * 20) + (uintptr_t)(tap * 4);
            const int8_t *run = bits & 1u ? (const int8_t *)at : zero_points;

            constants = deep__run(sums, 1, run, 4, constants);
            bits >>= 1;
        }
        }
... 8 lines
 * One output pixel, its first tap at (in_row, in_col): a number, since that may be outside the image.
 * Taps there read zero points.
... 2 lines
    uintptr_t first, int32_t in_row, int32_t in_col, int8_t *output)
{
    uint32_t inside = 0;
    uint32_t bit = 1; /* the lowest is the first tap's */

... 2 lines
            if (row >= 0 && row < DEEP__IN_H && col >= 0 && col < DEEP__IN_W) {
                inside |= bit;
            }
            bit <<= 1;
        }
    }
    deep__taps(first, deep__weights, output, inside);
}
... 32 lines
