... 88 lines
#define DEEP__INNER_RIGHT 4
#define DEEP__OUT_C 5
#define DEEP__BLOCKS 2 /* of 4 output channels; the last overlaps the one before */
#define DEEP__STREAM 102 /* constants before zero points */
#define DEEP__PIXEL_PITCH 4 /* elements from pixel to pixel of a block */
... 25 lines
    "    strd r0, r2, [sp]\n"
    "    ldr r2, =408\n"
    "    add r2, r1\n"
... 9 lines
    "2:\n"
    "    .rept 3\n"
    "    ldr r3, [r0, #4]\n"
... 29 lines
    "    .endr\n"
    "    ldr r2, =8\n"
    "    add r0, r2\n"
... 15 lines
    "    ssat r5, #8, r5, asr #15\n"
    "    strb r5, [r0, #5]\n"
    "    strb r4, [r0], #1\n"
... 4 lines
    "    ssat r7, #8, r7, asr #15\n"
    "    strb r7, [r0, #5]\n"
    "    strb r6, [r0], #1\n"
... 6 lines
    "    ssat r9, #8, r9, asr #15\n"
    "    strb r9, [r0, #5]\n"
    "    strb r8, [r0], #1\n"
... 4 lines
    "    ssat r11, #8, r11, asr #15\n"
    "    strb r11, [r0, #5]\n"
    "    strb r10, [r0], #1\n"
... 13 lines
/*
 * deep__taps: 1 x 4 sums (pixels x channels). Registers:
 *
... 4 lines
 *   r4 r6 r8 r10     sums: of channel 0, of channel 1 ...
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
... 3 lines
    DEEP__CFI("rel_offset r10, 24; .cfi_rel_offset r11, 28; .cfi_rel_offset lr, 32")
    "    sub sp, #32\n"
    DEEP__CFI("adjust_cfa_offset 32")
    "    strd r0, r2, [sp]\n"
... 2 lines
    "    str r2, [sp, #8]\n"
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
... 15 lines
    "    .endr\n"
    "    ldr r2, =4\n"
    "    add r12, r2\n"
    "    ldr r2, [sp, #20]\n"
    "    subs r2, #1\n"
    "    str r2, [sp, #20]\n"
    "    bne 3b\n"
    "    ldr r2, =8\n"
    "    add r12, r2\n"
    "    ldr r2, [sp, #16]\n"
... 30 lines
    "    bne 1b\n"
    "    add sp, #32\n"
    DEEP__CFI("adjust_cfa_offset -32")
    "    pop {r4-r11, pc}\n"
    "    .ltorg\n"
    DEEP__END(deep__taps));

... 76 lines
        for (int32_t row = 0; row < 3; ++row) {
            const int8_t *run = input + row * 20;

            constants = deep__run(sums, 2, run, 12, constants);
        }
... 4 lines

static DEEP__CODE void deep__taps(uintptr_t input, const uint32_t *constants, int8_t *output, uint32_t inside)
{
    const int8_t *zero_points = (const int8_t *)(constants + DEEP__STREAM);

    for (int32_t block = 0; block < DEEP__BLOCKS; ++block) {
... 8 lines

        uint32_t bits = inside;

        for (int32_t row = 0; row < 3; ++row) {
        for (int32_t tap = 0; tap < 3; ++tap) {
            const uintptr_t at = input + (uintptr_t)(row * 20) + (uintptr_t)(tap * 4);
            const int8_t *run = bits & 1u ? (const int8_t *)at : zero_points;

            constants = deep__run(sums, 1, run, 4, constants);
            bits >>= 1;
        }
        }
... 6 lines

/* One output pixel, its first tap at (in_row, in_col); taps outside the image read zero points. */
static DEEP__CODE DEEP__OUT_OF_LINE void deep__edge(
    const int8_t *input, int32_t in_row, int32_t in_col, int8_t *output)
{
    uint32_t inside = 0;
    uint32_t bit = 1; /* the lowest is the first tap's */

    for (int32_t row = in_row; row < in_row + DEEP__KERNEL_H * DEEP__DILATION_H; row += DEEP__DILATION_H) {
        for (int32_t col = in_col; col < in_col + DEEP__KERNEL_W * DEEP__DILATION_W; col += DEEP__DILATION_W) {
            if (row >= 0 && row < DEEP__IN_H && col >= 0 && col < DEEP__IN_W) {
                inside |= bit;
            }
            bit <<= 1;
        }
    }
    /* As a number, since the first tap may be outside. */
    deep__taps(
        (uintptr_t)input + (uintptr_t)((in_row * DEEP__IN_W + in_col) * DEEP__IN_C), deep__weights, output, inside);
}
... 27 lines
