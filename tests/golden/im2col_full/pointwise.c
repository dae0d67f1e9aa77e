... 8 lines
 *
 * A 1x1 patch is the pixel itself: nothing is copied.
 * Printed from templates/algorithms/im2col.c.j2.
... 54 lines
#define POINTWISE__OUT_W 3
#define POINTWISE__PATCH 5 /* elements of a patch, all groups */
... 28 lines
    "    strd r0, r2, [sp]\n"
    "    ldr r2, =192\n"
    "    add r2, r1\n"
... 6 lines
    "    mov r11, r10\n"
    "    .rept 1\n"
    "    ldr r3, [r0, #5]\n"
    "    ldr r2, [r0]\n"
... 12 lines
    "    smlad r9, r3, lr, r9\n"
    "    ldr r3, [r0, #5]\n"
    "    ldr r2, [r0], #4\n"
... 13 lines
    "    .endr\n"
    "    ldrsb r3, [r0, #5]\n"
    "    ldrsb r2, [r0], #1\n"
... 26 lines
    "    ssat r5, #8, r5, asr #14\n"
    "    strb r5, [r0, #8]\n"
    "    strb r4, [r0], #1\n"
... 8 lines
    "    ssat r7, #8, r7, asr #14\n"
    "    strb r7, [r0, #8]\n"
    "    strb r6, [r0], #1\n"
... 10 lines
    "    ssat r9, #8, r9, asr #14\n"
    "    strb r9, [r0, #8]\n"
    "    strb r8, [r0], #1\n"
... 8 lines
    "    ssat r11, #8, r11, asr #14\n"
    "    strb r11, [r0, #8]\n"
    "    strb r10, [r0], #1\n"
... 19 lines
 *   r12              addends
 *   lr               what addends change by for negative sums
 *
... 2 lines

void pointwise__pixels_1(const int8_t *input, const uint32_t *constants, int8_t *output);

__extension__ __asm__(
    POINTWISE__BEGIN(pointwise__pixels_1)
    "    push {r4-r11, lr}\n"
... 11 lines
    "    ldm r1!, {r4, r6, r8, r10}\n"
    "    .rept 1\n"
... 24 lines
    "    smlad r8, r2, r7, r8\n"
    "    ldr r0, [sp, #4]\n"
    "    sub r6, r4\n"
    "    sub r10, r8\n"
    "    ldm r1!, {r2, r3, r12, lr}\n"
    "    add r4, r2, r4, lsl #8\n"
    "    and r2, lr, r4, asr #31\n"
    "    add r2, r12\n"
    "    smmla r4, r4, r3, r2\n"
    "    ssat r4, #8, r4, asr #14\n"
    "    strb r4, [r0], #1\n"
... 3 lines
    "    smmla r6, r6, r3, r2\n"
    "    ssat r6, #8, r6, asr #14\n"
    "    strb r6, [r0], #1\n"
    "    ldm r1!, {r2, r3, r12, lr}\n"
    "    add r8, r2, r8, lsl #8\n"
    "    and r2, lr, r8, asr #31\n"
    "    add r2, r12\n"
    "    smmla r8, r8, r3, r2\n"
    "    ssat r8, #8, r8, asr #14\n"
    "    strb r8, [r0], #1\n"
... 3 lines
    "    smmla r10, r10, r3, r2\n"
    "    ssat r10, #8, r10, asr #14\n"
    "    strb r10, [r0], #1\n"
... 8 lines
    "    .ltorg\n"
    POINTWISE__END(pointwise__pixels_1));

... 78 lines

            constants = pointwise__run(sums, 2, run, 5, constants);
        constants = pointwise__finish(sums, 2, constants, output);
... 3 lines

static POINTWISE__CODE void pointwise__pixels_1(const int8_t *input, const uint32_t *constants, int8_t *output)
{
... 11 lines

            constants = pointwise__run(sums, 1, run, 5, constants);
        constants = pointwise__finish(sums, 1, constants, output);
        output += 4;
... 11 lines
    }
    for (; count >= 1; --count) {
        pointwise__pixels_1(input, pointwise__weights, output);
        input += POINTWISE__PATCH;
        output += POINTWISE__OUT_C;
    }
... 5 lines

    pointwise__multiply(input, POINTWISE__OUT_H * POINTWISE__OUT_W, output);
}
