... 3 lines
 * Algorithm  direct_planes_wide_r2
... 5 lines
 * The workspace holds what 2 output rows see of one channel at a time, widened to int16 with zero
 *   points around the image: no bounds are checked.
 * Printed from templates/algorithms/direct_planes_wide.c.j2.
... 108 lines
 *   r4 r5 r6         sums, side by side
 *   r2 r3 r8 r9      inputs: two pixels in each; in the end what requantises
 *   r10 r11          weights: two in each; in the end what requantises
... 22 lines
    "    ldm r0, {r2, r3, r8, r9}\n"
... 10 lines
    "    and r9, r8, r4, asr #31; add r9, r9, r3\n"
... 39 lines
    const int32_t bend = (int32_t)constants[10 + 2];
... 17 lines
            output[i * DEPTHWISE__OUT_ALONG] = depthwise__finish((int32_t)sum, multiplier, addend, bend);
... 21 lines
        depthwise__walk(plane, depthwise__planes + c * DEPTHWISE__PLANE, output + c, last - first);
... 7 lines
    for (int32_t row = 0; row < DEPTHWISE__OUT_H; row += 2) {
        const int32_t end = row + 2 < DEPTHWISE__OUT_H ? row + 2 : DEPTHWISE__OUT_H;

        depthwise__make(input, output, (int16_t *)plane, row, end);
        output += 2 * DEPTHWISE__OUT_ACROSS;
... 2 lines
