... 4 lines
 * Sums       MULS, 1 x 4 (pixels x channels) in registers, weights of two channels in a word
 * Assembly   for GCC and clang, little-endian, Thumb of the M-profile; plain C for all others
 * Numbers    SYNTHETIC: weights, bias and scales are made up from a seed, not trained
... 30 lines
    defined(__thumb__) && (defined(__thumb2__) || __ARM_ARCH_PROFILE == 'M')
#define DEEP__ASSEMBLY
... 11 lines
    ".balign 4\n" \
... 30 lines
#define DEEP__BLOCK 4 /* output channels */
#define DEEP__BLOCKS 2 /* the last overlaps the one before */
#define DEEP__PIXEL_PITCH 4 /* elements from pixel to pixel of a block */
#define DEEP__TAPS 9

... 6 lines
 *   r2 r3            inputs: two elements
 *   r5 r6            weights, then products
 *   r12 lr           sums of both halves, of channels 0, 1 and 2, 3
 *   r4 r7            sums of the upper half, where ADCS rounds
 *   r8               end of a run; in the end a sum that is kept
 *
 * On the stack: input, output, end of the constants, -, runs left, next tap.
 */
void deep__pixels_1(const int8_t *input, const uint32_t *constants, int8_t *output);
... 3 lines
    "    .macro finish at\n"
    "    ldm r1!, {r4, r5}\n"
    "    mov r12, r5\n"
    "    uxth r3, r2\n"
    "    asrs r2, #16\n"
    "    lsrs r5, r4, #16\n"
    "    uxth r4, r4\n"
    "    mov r6, r3\n"
    "    muls r6, r4\n"
    "    muls r4, r2\n"
    "    muls r3, r5\n"
    "    muls r2, r5\n"
    "    lsrs r6, #16\n"
    "    adds r4, r6\n"
    "    uxth r6, r4\n"
    "    adds r3, r6\n"
    "    lsrs r3, #16\n"
    "    asrs r4, #16\n"
    "    adds r2, r4\n"
    "    adds r2, r3\n"
    "    add r2, r12\n"
    "    asrs r2, #7\n"
    "    cmp r2, #255\n"
    "    bls 6f\n"
    "    asrs r2, #31\n"
    "    mvns r2, r2\n"
    "    movs r3, #255\n"
    "    ands r2, r3\n"
    "6:\n"
    "    subs r2, #128\n"
    "    strb r2, [r0, #\\at]\n"
    "    .endm\n"
    "    push {r4-r7, lr}\n"
    DEEP__CFI("adjust_cfa_offset 20")
    DEEP__CFI("rel_offset r4, 0; .cfi_rel_offset r5, 4; .cfi_rel_offset r6, 8")
    DEEP__CFI("rel_offset r7, 12; .cfi_rel_offset lr, 16")
    "    mov r4, r8\n"
    "    push {r4}\n"
    DEEP__CFI("adjust_cfa_offset 4")
    DEEP__CFI("rel_offset r8, 0")
    "    sub sp, #24\n"
    DEEP__CFI("adjust_cfa_offset 24")
    "    str r0, [sp]\n"
    "    str r2, [sp, #4]\n"
    "    ldr r2, =680\n"
... 3 lines
    "    ldm r1!, {r3, r4, r5, r7}\n"
    "    mov r12, r3\n"
    "    mov lr, r5\n"
    "    ldr r2, =3\n"
... 2 lines
    "    .irp k, 0, 1, 2, 3, 4, 5\n"
    "    ldrb r2, [r0, #2 * \\k]\n"
    "    sxtb r2, r2\n"
    "    ldrb r3, [r0, #2 * \\k + 1]\n"
    "    sxtb r3, r3\n"
    "    ldm r1!, {r5, r6}\n"
    "    muls r5, r2\n"
    "    muls r6, r3\n"
    "    adds r5, r6\n"
    "    add r12, r5\n"
    "    asrs r5, #16\n"
    "    adcs r4, r5\n"
    "    ldm r1!, {r5, r6}\n"
... 3 lines
    "    add lr, r5\n"
    "    asrs r5, #16\n"
    "    adcs r7, r5\n"
    "    .endr\n"
    "    adds r0, #2 * 6\n"
    "    ldr r2, =8\n"
... 4 lines
    "    beq 8f\n"
    "    b 2b\n"
    "8:\n"
    "    ldr r0, [sp, #4]\n"
    "    mov r8, r4\n"
    "    lsls r3, r4, #16\n"
    "    mov r2, r12\n"
    "    subs r2, r3\n"
    "    finish 0\n"
    "    mov r2, r8\n"
    "    finish 1\n"
    "    lsls r3, r7, #16\n"
    "    mov r2, lr\n"
    "    subs r2, r3\n"
    "    finish 2\n"
    "    mov r2, r7\n"
    "    finish 3\n"
    "    adds r0, #4\n"
    "    ldm r1!, {r2}\n"
... 5 lines
    "    beq 8f\n"
    "    b 1b\n"
    "8:\n"
    "    add sp, #24\n"
    DEEP__CFI("adjust_cfa_offset -24")
    "    pop {r4}\n"
    DEEP__CFI("adjust_cfa_offset -4; .cfi_register r8, r4")
    "    mov r8, r4\n"
    DEEP__CFI("restore r8")
    "    pop {r4-r7, pc}\n"
    "    .ltorg\n"
    "    .purgem finish\n"
    DEEP__END(deep__pixels_1));
... 14 lines
void deep__taps(const int8_t *const *input, const uint32_t *constants, int8_t *output);

... 2 lines
    "    .macro finish at\n"
... 50 lines
    "    ldr r2, =9\n"
    "    str r2, [sp, #16]\n"
    "    str r0, [sp, #20]\n"
    "2:\n"
    "    ldr r2, [sp, #20]\n"
    "    ldm r2!, {r0}\n"
    "    str r2, [sp, #20]\n"
    "    .irp k, 0, 1\n"
    "    ldrb r2, [r0, #2 * \\k]\n"
... 18 lines
    "    adds r0, #2 * 2\n"
    "    ldr r2, [sp, #16]\n"
... 38 lines
    DEEP__END(deep__taps));
... 2 lines
/* Adds the products of `count` elements, at most two, of each pixel. */
static DEEP__CODE void deep__step(
    uint32_t (*sums)[DEEP__BLOCK], int32_t pixels, const int8_t *input, int32_t count, const uint32_t *weights)
{
    for (int32_t p = 0; p < pixels; ++p) {
        for (int32_t c = 0; c < DEEP__BLOCK; c += 2) {
            for (int32_t k = 0; k < count; ++k) {
                const int32_t x = input[p * DEEP__PIXEL_PITCH + k];
                const uint32_t both = weights[c / 2 * count + k];

                sums[p][c] += (uint32_t)(x * (int16_t)both);
                sums[p][c + 1] += (uint32_t)(x * (int16_t)((both + 0x8000u) >> 16));
            }
... 4 lines
/* Adds the products of a run of each pixel; returns the constants after its weights. */
static DEEP__CODE const uint32_t *deep__run(
    uint32_t (*sums)[DEEP__BLOCK], int32_t pixels, const int8_t *input, int32_t count, const uint32_t *constants)
{
    for (int32_t k = 0; k < count; k += 2) {
        const int32_t some = k + 2 <= count ? 2 : 1;

        deep__step(sums, pixels, input + k, some, constants);
        constants += some * (DEEP__BLOCK / 2);
    }
... 3 lines
/* Where the sums of a block start: of two channels the whole and the upper. */
static DEEP__CODE void deep__start(uint32_t (*sums)[DEEP__BLOCK], int32_t pixels, const uint32_t *constants)
{
... 2 lines
            sums[p][c] = constants[c] - (constants[c + 1] << 16);
            sums[p][c + 1] = constants[c + 1];
        }
... 3 lines
/* Finishes the sums of a block; returns the next block's constants. */
static DEEP__CODE const uint32_t *deep__finish(
    uint32_t (*sums)[DEEP__BLOCK], int32_t pixels, const uint32_t *line, int8_t *output)
{
    for (int32_t c = 0; c < DEEP__BLOCK; ++c) {
        for (int32_t p = 0; p < pixels; ++p) {
            const int32_t sum = (int32_t)(sums[p][c]);
            const int64_t product = (int64_t)sum * (int32_t)line[0];
... 2 lines
            value >>= 7;
            value = value < 0 ? 0 : value > 255 ? 255 : value;
            output[p * DEEP__OUT_C + c] = (int8_t)(value - 128);
        }
        line += 2;
    }
    return line;
}
... 4 lines
        uint32_t sums[1][DEEP__BLOCK];

        deep__start(sums, 1, constants);
        constants += DEEP__BLOCK;

... 6 lines
        output += DEEP__BLOCK - (int32_t)*constants++;
    }
... 2 lines
static DEEP__CODE void deep__taps(const int8_t *const *input, const uint32_t *constants, int8_t *output)
{
... 6 lines
        for (int32_t tap = 0; tap < DEEP__TAPS; ++tap) {
            constants = deep__run(sums, 1, input[tap], 4, constants);
        }
... 14 lines
    const int8_t *taps[DEEP__TAPS];
    int32_t row = in_row;
    int32_t col = in_col;

    for (int32_t tap = 0; tap < DEEP__TAPS; ++tap) {
        const int inside = row >= 0 && row < DEEP__IN_H && col >= 0 && col < DEEP__IN_W;
        const uintptr_t at = first + (uintptr_t)(((row - in_row) * DEEP__IN_W + col - in_col) * DEEP__IN_C);

        taps[tap] = inside ? (const int8_t *)at : deep__zero_points;
        col += DEEP__DILATION_W;
        if (col == in_col + DEEP__KERNEL_W * DEEP__DILATION_W) {
            col = in_col;
            row += DEEP__DILATION_H;
        }
    }
    deep__taps(taps, deep__weights, output);
}
... 22 lines
            output += DEEP__OUT_C;
... 9 lines
