... 3 lines
 * Algorithm  direct_w16
 * Sums       SMLAD, 2 x 4 (pixels x channels) in registers, weights widened to int16
 * Assembly   for GCC and clang, little-endian, Thumb-2 with DSP instructions and unaligned loads;
... 113 lines
    "    ldr r2, =680\n"
    "    add r2, r1\n"
... 16 lines
    "    smlad r4, r2, r12, r4\n"
    "    smlad r5, r3, r12, r5\n"
    "    smlad r6, r2, lr, r6\n"
    "    smlad r7, r3, lr, r7\n"
    "    ldrd r12, lr, [r1], #8\n"
    "    smlad r8, r2, r12, r8\n"
    "    smlad r9, r3, r12, r9\n"
    "    smlad r10, r2, lr, r10\n"
    "    smlad r11, r3, lr, r11\n"
    "    ldr r3, [r0, #4]\n"
... 13 lines
    "    .endr\n"
... 7 lines
    "    ldm r1!, {r3, r12}\n"
    "    smmla r4, r4, r3, r12\n"
... 12 lines
    "    ldm r1!, {r3, r12}\n"
    "    smmla r8, r8, r3, r12\n"
... 75 lines
    "    smlad r4, r3, r5, r4\n"
    "    smlad r6, r3, r7, r6\n"
    "    smlad r8, r3, r9, r8\n"
    "    smlad r10, r3, r11, r10\n"
    "    ldm r1!, {r5, r7, r9, r11}\n"
    "    smlad r4, r2, r5, r4\n"
    "    smlad r6, r2, r7, r6\n"
    "    smlad r8, r2, r9, r8\n"
    "    smlad r10, r2, r11, r10\n"
    "    .endr\n"
... 47 lines
        const uint32_t weights = *constants++;
... 2 lines
    }
... 38 lines
        const uint32_t *line = constants;

        for (int32_t p = 0; p < pixels; ++p) {
            const int32_t sum = (int32_t)sums[p][c];
            const int64_t product = (int64_t)sum * (int32_t)line[0];
... 116 lines
