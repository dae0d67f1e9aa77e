... 4 lines
 * Sums       SMLAD, 2 x 4 (pixels x channels) in registers, weights of two channels in a word
... 95 lines
 *   r2 r3            inputs: two elements of each pixel; r2 also a count or an end, last limits
 *   r12 lr           weights; in the end addends and shifts
 *   r4-r11           sums of both pixels: of channel 0, of channel 1 ...
... 32 lines
    "    sxtb16 lr, r12, ror #8\n"
... 41 lines
    "    usat r4, #15, r4, asr #1\n"
    "    usat r5, #15, r5, asr #1\n"
    "    strh r5, [r0, #10]\n"
    "    strh r4, [r0], #2\n"
... 22 lines
    "    sub r0, r0, r2, lsl #1\n"
... 16 lines
 *   r2               inputs: two elements of the pixel; r2 also a count or an end, last limits
 *   r5 r7 r9 r11     weights
 *   r3               multipliers
... 97 lines
    for (int32_t k = 0; k < count; k += 2) {
        for (int32_t p = 0; p < pixels; ++p) {
            const int16_t *x = input + p * HALVES__PIXEL_PITCH + k;
            const int32_t x0 = x[0];
            const int32_t x1 = k + 1 < count ? x[1] : 0;
... 2 lines
                const uint32_t word = constants[c / 2] >> (c % 2 * 8);

                sums[p][c] += (int32_t)x0 * (int8_t)word;
                sums[p][c] += (int32_t)x1 * (int8_t)(word >> 16);
... 13 lines
            const int64_t product = (int64_t)sums[p][c] * (int32_t)constants[0];
            int32_t value = (int32_t)(product >> 32) + (int32_t)constants[1];

            value >>= 1;
            value = value < 0 ? 0 : value;
            value = value > 32767 ? 32767 : value;
            output[p * HALVES__OUT_C + c] = (int16_t)value;
... 13 lines
                sums[p][c] = (int32_t)constants[c];
... 77 lines
            + (uintptr_t)((in_row * HALVES__IN_W - HALVES__PAD_LEFT) * HALVES__IN_C * 2);
... 4 lines
            tap += HALVES__STRIDE_W * HALVES__IN_C * 2;
... 6 lines
            tap += 2 * HALVES__STRIDE_W * HALVES__IN_C * 2;
... 8 lines
