... 3 lines
 * Algorithm  im2col_full
 * Sums       SMLAD, 2 x 4 (pixels x channels) in registers, weights of two channels in int16
... 4 lines
 * A 1x1 patch is the pixel itself: nothing is copied.
 * Printed from templates/algorithms/im2col.c.j2.
... 55 lines
#define POINTWISE__PATCH 5 /* elements of a patch, all groups */
... 29 lines
    "    ldr r2, =192\n"
    "    add r2, r1\n"
... 7 lines
    "    .rept 1\n"
... 117 lines
 *   lr               what addends change by for negative sums
 *
... 20 lines
    "    .rept 1\n"
... 25 lines
    "    ldr r0, [sp, #4]\n"
... 2 lines
    "    ldm r1!, {r2, r3, r12, lr}\n"
    "    add r4, r2, r4, lsl #8\n"
    "    and r2, lr, r4, asr #31\n"
... 2 lines
    "    ssat r4, #8, r4, asr #14\n"
... 5 lines
    "    ssat r6, #8, r6, asr #14\n"
... 3 lines
    "    and r2, lr, r8, asr #31\n"
... 2 lines
    "    ssat r8, #8, r8, asr #14\n"
... 5 lines
    "    ssat r10, #8, r10, asr #14\n"
... 126 lines
    for (; count >= 1; --count) {
        pointwise__pixels_1(input, pointwise__weights, output);
        input += POINTWISE__PATCH;
        output += POINTWISE__OUT_C;
    }
... 6 lines
    pointwise__multiply(input, POINTWISE__OUT_H * POINTWISE__OUT_W, output);
}
