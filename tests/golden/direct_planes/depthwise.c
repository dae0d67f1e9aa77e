... 3 lines
 * Algorithm  direct_planes
 * Sums       assembly with DSP instructions where there are, two at a time; weights and sums 256
... 7 lines
 * Printed from templates/algorithms/direct_planes.c.j2.
 *
... 72 lines
 *   r11 r12          weights w2 of each kernel row
 *   lr               where sums start that have all taps inside
 *
... 19 lines
    "    ldm r2!, {r3-r9}; stm r1!, {r3-r9}\n"
    "    ldm r2!, {r8, r9, r10, r11, r12}\n"
    "    str r2, [sp, #44]\n"
    "    ldr lr, [sp, #20]\n"
    "    ldrd r0, r1, [sp, #36]\n"
    "    @ 2 inner rows\n"
    "    ldrsb r3, [r0, #150]; ldrsb r2, [r0, #144]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlad r5, r2, r10, lr\n"
    "    ldrsb r3, [r0, #114]; ldrsb r2, [r0, #108]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlad r5, r2, r9, r5\n"
    "    ldrsb r3, [r0, #78]; ldrsb r2, [r0, #72]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlad r4, r2, r10, lr; smlad r5, r2, r8, r5\n"
    "    ldrsb r3, [r0, #42]; ldrsb r2, [r0, #36]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlad r4, r2, r9, r4\n"
    "    ldrsb r3, [r0, #6]; ldrsb r2, [r0], #12; pkhbt r2, r2, r3, lsl #16\n"
    "    smlad r4, r2, r8, r4\n"
    "    ldrsb r3, [r0, #150]; ldrsb r2, [r0, #144]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabb r5, r2, r12, r5\n"
    "    smlad r7, r2, r10, lr\n"
    "    ldrsb r3, [r0, #114]; ldrsb r2, [r0, #108]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabt r5, r2, r11, r5\n"
    "    smlad r7, r2, r9, r7\n"
    "    ldrsb r3, [r0, #78]; ldrsb r2, [r0, #72]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabb r4, r2, r12, r4; smlabb r5, r2, r11, r5\n"
    "    smlad r6, r2, r10, lr; smlad r7, r2, r8, r7\n"
    "    ldrsb r3, [r0, #42]; ldrsb r2, [r0, #36]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabt r4, r2, r11, r4\n"
    "    smlad r6, r2, r9, r6\n"
    "    ldrsb r3, [r0, #6]; ldrsb r2, [r0], #12; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabb r4, r2, r11, r4\n"
    "    smlad r6, r2, r8, r6\n"
    "    strd r0, r1, [sp, #28]; ldm sp, {r0, r1, r2}\n"
    "    and r3, r2, r5, asr #31; add r3, r3, r1; smmla r5, r5, r0, r3\n"
    "    and r3, r2, r4, asr #31; add r3, r3, r1; smmla r4, r4, r0, r3\n"
    "    ldrd r0, r1, [sp, #28]\n"
    "    ssat r5, #8, r5, asr #14\n"
    "    ssat r4, #8, r4, asr #14\n"
    "    strb r5, [r1, #18]; strb r4, [r1], #6\n"
    "    ldrsb r3, [r0, #150]; ldrsb r2, [r0, #144]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabb r7, r2, r12, r7\n"
    "    ldr r3, [sp, #24]; smlad r5, r2, r10, r3\n"
    "    ldrsb r3, [r0, #114]; ldrsb r2, [r0, #108]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabt r7, r2, r11, r7\n"
    "    smlad r5, r2, r9, r5\n"
    "    ldrsb r3, [r0, #78]; ldrsb r2, [r0, #72]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabb r6, r2, r12, r6; smlabb r7, r2, r11, r7\n"
    "    ldr r3, [sp, #24]; smlad r4, r2, r10, r3; smlad r5, r2, r8, r5\n"
    "    ldrsb r3, [r0, #42]; ldrsb r2, [r0, #36]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabt r6, r2, r11, r6\n"
    "    smlad r4, r2, r9, r4\n"
    "    ldrsb r3, [r0, #6]; ldrsb r2, [r0], #12; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabb r6, r2, r11, r6\n"
    "    smlad r4, r2, r8, r4\n"
    "    strd r0, r1, [sp, #28]; ldm sp, {r0, r1, r2}\n"
    "    and r3, r2, r7, asr #31; add r3, r3, r1; smmla r7, r7, r0, r3\n"
    "    and r3, r2, r6, asr #31; add r3, r3, r1; smmla r6, r6, r0, r3\n"
    "    ldrd r0, r1, [sp, #28]\n"
    "    ssat r7, #8, r7, asr #14\n"
    "    ssat r6, #8, r6, asr #14\n"
    "    strb r7, [r1, #18]; strb r6, [r1], #6\n"
    "    strd r0, r1, [sp, #28]; ldm sp, {r0, r1, r2}\n"
... 6 lines
    "    add r0, r0, #108\n"
    "    add r1, r1, #18\n"
    "    @ the bottom row\n"
    "    ldrsb r3, [r0, #42]; ldrsb r2, [r0, #36]; pkhbt r2, r2, r3, lsl #16\n"
    "    ldr r3, [sp, #12]; smlad r4, r2, r9, r3\n"
    "    ldrsb r3, [r0, #6]; ldrsb r2, [r0], #12; pkhbt r2, r2, r3, lsl #16\n"
... 3 lines
    "    ldr r3, [sp, #12]; smlad r6, r2, r9, r3\n"
... 4 lines
    "    and r3, r2, r4, asr #31; add r3, r3, r1; smmla r4, r4, r0, r3\n"
    "    ldrd r0, r1, [sp, #28]\n"
    "    ssat r4, #8, r4, asr #14\n"
    "    strb r4, [r1], #6\n"
    "    ldrsb r3, [r0, #42]; ldrsb r2, [r0, #36]; pkhbt r2, r2, r3, lsl #16\n"
    "    smlabt r6, r2, r11, r6\n"
    "    ldr r3, [sp, #16]; smlad r4, r2, r9, r3\n"
... 4 lines
    "    and r3, r2, r6, asr #31; add r3, r3, r1; smmla r6, r6, r0, r3\n"
    "    ldrd r0, r1, [sp, #28]\n"
    "    ssat r6, #8, r6, asr #14\n"
    "    strb r6, [r1], #6\n"
    "    strd r0, r1, [sp, #28]; ldm sp, {r0, r1, r2}\n"
... 4 lines
    "    @ the next channel\n"
... 14 lines
/* Sum to output: activation and zero point are in the addend, below zero with `bend`. */
static DEPTHWISE__CODE int8_t depthwise__finish(int32_t sum, int32_t multiplier, int32_t addend, int32_t bend)
{
    const int32_t high = (int32_t)(((int64_t)sum * multiplier) >> 32);
    int32_t value = (high + addend + (bend & (sum >> 31))) >> DEPTHWISE__SHIFT;

... 24 lines
    const int32_t bend = (int32_t)plane[2];
    const int32_t inner = (int32_t)plane[5];
... 4 lines
        (int16_t)plane[10], (int16_t)(plane[10] >> 16), (int16_t)plane[11],
    };
... 8 lines
        in = depthwise__load_inner(c, in);
... 3 lines
        *out = depthwise__finish(sum, multiplier, addend, bend);
        out += DEPTHWISE__OUT_C;
... 6 lines
        *out = depthwise__finish(sum, multiplier, addend, bend);
... 3 lines
        sum = depthwise__column_inner(right, b, w);
        sum = depthwise__column_inner(sum, c, w + 3);
... 37 lines
    in = depthwise__load_bottom(c, in);
... 3 lines
    *out = depthwise__finish(sum, multiplier, addend, bend);
    out += DEPTHWISE__OUT_C;
... 6 lines
    *out = depthwise__finish(sum, multiplier, addend, bend);
... 3 lines
    sum = depthwise__column_bottom(right, b, w);
    sum = depthwise__column_bottom(sum, c, w + 3);
... 7 lines
        depthwise__inner(input, output, plane);
        depthwise__bottom(input + 4 * DEPTHWISE__IN_ROW, output + 2 * DEPTHWISE__OUT_ROW, plane);
... 11 lines
    depthwise__walk(input, output, depthwise__planes, depthwise__planes + DEPTHWISE__OUT_C * DEPTHWISE__PLANE);
}
