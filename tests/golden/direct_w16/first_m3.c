... 4 lines
 * Sums       MLA, 1 x 4 (pixels x channels) in registers, weights of two channels in a word
 * Assembly   for GCC and clang, little-endian, Thumb-2; plain C for all others
... 31 lines
    defined(__thumb2__)
... 57 lines
 *   r4-r7            weights, then products
 *   r8 r10           sums of both halves, of channels 0, 1 and 2, 3
 *   r9 r11           sums of the upper half
 *   lr               0x8000, which rounds
 *
 * On the stack: input, output, the ends of the constants and of a run, runs left, next tap.
... 16 lines
    "    mov lr, #0x8000\n"
... 9 lines
    "    mla r4, r2, r4, lr\n"
    "    mla r6, r2, r6, lr\n"
    "    mla r4, r3, r5, r4\n"
... 23 lines
    "    .irp sum, r8, r9, r10, r11\n"
    "    ldm r1!, {r3, r4}\n"
    "    smull r2, \\sum, \\sum, r3\n"
    "    add \\sum, r4\n"
    "    ssat \\sum, #8, \\sum, asr #7\n"
    "    strb \\sum, [r0], #1\n"
... 127 lines
/* Where the sums of a block start: of two channels, less what rounding adds to all, the whole and the upper. */
... 4 lines
            sums[p][c] = constants[c] - (constants[c + 1] << 16) + 491520u;
... 16 lines
            value = value < -128 ? -128 : value > 127 ? 127 : value;
... 103 lines
