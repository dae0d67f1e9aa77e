... 3 lines
 * Algorithm  direct_planes_wide_r2
 * Sums       assembly with DSP instructions where there are, two products at once
... 4 lines
 * The workspace holds what 2 output rows see of one channel at a time, widened to int16 with zero
 *   points around the image: no bounds are checked.
 * Printed from templates/algorithms/direct_planes_wide.c.j2.
 *
... 52 lines
#define DEPTHWISE__OUT_H 3
#define DEPTHWISE__OUT_C 6
... 53 lines
 *   r4 r5 r6         sums, side by side
 *   r2 r3 r8 r9      inputs: two pixels in each; in the end what requantises
 *   r10 r11          weights: two in each; in the end what requantises
 *
... 21 lines
    "    ldm r0, {r2, r3, r8, r9}\n"
    "    add r0, r0, #16\n"
    "    ldm r1!, {r10, r11}\n"
    "    smlad r4, r2, r10, r4\n"
    "    smlad r5, r3, r10, r5\n"
    "    smlad r6, r8, r10, r6\n"
    "    smlad r4, r3, r11, r4\n"
    "    smlad r5, r8, r11, r5\n"
    "    smlad r6, r9, r11, r6\n"
    "    .endr\n"
    "    ldm r1, {r2, r3, r8}\n"
    "    and r9, r8, r4, asr #31; add r9, r9, r3\n"
    "    smmla r4, r4, r2, r9\n"
    "    and r9, r8, r5, asr #31; add r9, r9, r3\n"
    "    smmla r5, r5, r2, r9\n"
    "    and r9, r8, r6, asr #31; add r9, r9, r3\n"
    "    smmla r6, r6, r2, r9\n"
    "    ldr r1, [sp, #4]\n"
... 33 lines
    const int32_t bend = (int32_t)constants[10 + 2];

... 16 lines
            output[i * DEPTHWISE__OUT_ALONG] = depthwise__finish((int32_t)sum, multiplier, addend, bend);
        }
... 20 lines
        depthwise__walk(plane, depthwise__planes + c * DEPTHWISE__PLANE, output + c, last - first);
    }
... 6 lines
    for (int32_t row = 0; row < DEPTHWISE__OUT_H; row += 2) {
        const int32_t end = row + 2 < DEPTHWISE__OUT_H ? row + 2 : DEPTHWISE__OUT_H;

        depthwise__make(input, output, (int16_t *)plane, row, end);
        output += 2 * DEPTHWISE__OUT_ACROSS;
    }
}
