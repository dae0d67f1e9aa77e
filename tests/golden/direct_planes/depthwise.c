... 3 lines
 * Algorithm  direct_planes
... 8 lines
 * Printed from templates/algorithms/direct_planes.c.j2.
... 73 lines
 *   r11 r12          weights w2 of each kernel row
 *   lr               where sums start that have all taps inside
... 21 lines
    "    ldm r2!, {r8, r9, r10, r11, r12}\n"
... 5 lines
    "    smlad r5, r2, r10, lr\n"
... 3 lines
    "    smlad r4, r2, r10, lr; smlad r5, r2, r8, r5\n"
... 5 lines
    "    smlabb r5, r2, r12, r5\n"
... 2 lines
    "    smlabt r5, r2, r11, r5\n"
... 2 lines
    "    smlabb r4, r2, r12, r4; smlabb r5, r2, r11, r5\n"
... 7 lines
    "    strd r0, r1, [sp, #28]; ldm sp, {r0, r1, r2}\n"
    "    and r3, r2, r5, asr #31; add r3, r3, r1; smmla r5, r5, r0, r3\n"
... 4 lines
    "    strb r5, [r1, #18]; strb r4, [r1], #6\n"
... 8 lines
    "    ldr r3, [sp, #24]; smlad r4, r2, r10, r3; smlad r5, r2, r8, r5\n"
... 69 lines
/* Sum to output: activation and zero point are in the addend, below zero with `bend`. */
static DEPTHWISE__CODE int8_t depthwise__finish(int32_t sum, int32_t multiplier, int32_t addend, int32_t bend)
... 2 lines
    int32_t value = (high + addend + (bend & (sum >> 31))) >> DEPTHWISE__SHIFT;
... 25 lines
    const int32_t bend = (int32_t)plane[2];
... 5 lines
        (int16_t)plane[10], (int16_t)(plane[10] >> 16), (int16_t)plane[11],
... 13 lines
        *out = depthwise__finish(sum, multiplier, addend, bend);
... 11 lines
        sum = depthwise__column_inner(right, b, w);
... 54 lines
    sum = depthwise__column_bottom(right, b, w);
... 8 lines
        depthwise__inner(input, output, plane);
... 12 lines
    depthwise__walk(input, output, depthwise__planes, depthwise__planes + DEPTHWISE__OUT_C * DEPTHWISE__PLANE);
}
