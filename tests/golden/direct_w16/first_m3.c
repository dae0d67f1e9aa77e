... 4 lines
 * Sums       MLA, 1 x 4 (pixels x channels) in registers, weights of two channels in a word
 * Assembly   for GCC and clang, little-endian, Thumb-2; plain C for all others
 * Numbers    SYNTHETIC: weights, bias and scales are made up from a seed, not trained
... 30 lines
    defined(__thumb2__)
#define FIRST__ASSEMBLY
... 56 lines
 *   r4-r7            weights, then products
 *   r8 r10           sums of both halves, of channels 0, 1 and 2, 3
 *   r9 r11           sums of the upper half
 *   lr               0x8000, which rounds
 *
 * On the stack: input, output, the ends of the constants and of a run, runs left, next tap.
 */
... 12 lines
    "    ldr r2, =536\n"
    "    add r2, r1\n"
    "    str r2, [sp, #8]\n"
    "    mov lr, #0x8000\n"
    "1:\n"
    "    ldm r1!, {r8-r11}\n"
    "    ldr r2, =3\n"
... 2 lines
    "    .rept 4\n"
    "    ldrsb r3, [r0, #1]\n"
    "    ldrsb r2, [r0], #2\n"
    "    ldm r1!, {r4-r7}\n"
    "    mla r4, r2, r4, lr\n"
    "    mla r6, r2, r6, lr\n"
    "    mla r4, r3, r5, r4\n"
    "    mla r6, r3, r7, r6\n"
    "    add r8, r4\n"
    "    add r9, r9, r4, asr #16\n"
    "    add r10, r6\n"
    "    add r11, r11, r6, asr #16\n"
    "    .endr\n"
    "    ldrsb r2, [r0], #1\n"
    "    ldm r1!, {r4, r6}\n"
    "    mla r4, r2, r4, lr\n"
    "    mla r6, r2, r6, lr\n"
    "    add r8, r4\n"
... 3 lines
    "    ldr r2, =12\n"
... 6 lines
    "    sub r8, r8, r9, lsl #16\n"
    "    sub r10, r10, r11, lsl #16\n"
    "    .irp sum, r8, r9, r10, r11\n"
    "    ldm r1!, {r3, r4}\n"
    "    smull r2, \\sum, \\sum, r3\n"
    "    add \\sum, r4\n"
    "    ssat \\sum, #8, \\sum, asr #7\n"
    "    strb \\sum, [r0], #1\n"
    "    .endr\n"
    "    ldm r1!, {r2}\n"
... 25 lines
void first__patch(const int8_t *input, const uint32_t *constants, int8_t *output);
... 41 lines
    "    ldr r2, [sp, #16]\n"
... 57 lines
/* Where the sums of a block start: of two channels, less what rounding adds to all, the whole and the upper. */
static FIRST__CODE void first__start(uint32_t (*sums)[FIRST__BLOCK], int32_t pixels, const uint32_t *constants)
... 3 lines
            sums[p][c] = constants[c] - (constants[c + 1] << 16) + 491520u;
            sums[p][c + 1] = constants[c + 1];
... 15 lines
            value = value < -128 ? -128 : value > 127 ? 127 : value;
            output[p * FIRST__OUT_C + c] = (int8_t)(value);
... 102 lines
