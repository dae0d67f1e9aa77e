... 4 lines
 * Sums       MULS, 1 x 4 (pixels x channels) in registers, weights of two channels in a word
 * Assembly   for GCC and clang, little-endian, Thumb of the M-profile; plain C for all others
... 31 lines
    defined(__thumb__) && (defined(__thumb2__) || __ARM_ARCH_PROFILE == 'M')
... 43 lines
#define DEEP__BLOCK 4 /* output channels */
#define DEEP__BLOCKS 2 /* the last overlaps the one before */
... 9 lines
 *   r2 r3            inputs: two elements
 *   r5 r6            weights, then products
 *   r12 lr           sums of both halves, of channels 0, 1 and 2, 3
 *   r4 r7            sums of the upper half, where ADCS rounds
 *   r8               end of a run; in the end a sum that is kept
 *
 * On the stack: input, output, end of the constants, -, runs left, next tap.
... 5 lines
    "    .macro finish at\n"
... 2 lines
    "    uxth r3, r2\n"
    "    asrs r2, #16\n"
    "    lsrs r5, r4, #16\n"
... 2 lines
    "    muls r6, r4\n"
... 3 lines
    "    lsrs r6, #16\n"
    "    adds r4, r6\n"
... 8 lines
    "    cmp r2, #255\n"
    "    bls 6f\n"
    "    asrs r2, #31\n"
    "    mvns r2, r2\n"
    "    movs r3, #255\n"
    "    ands r2, r3\n"
... 2 lines
    "    strb r2, [r0, #\\at]\n"
    "    .endm\n"
... 3 lines
    DEEP__CFI("rel_offset r7, 12; .cfi_rel_offset lr, 16")
    "    mov r4, r8\n"
    "    push {r4}\n"
    DEEP__CFI("adjust_cfa_offset 4")
    DEEP__CFI("rel_offset r8, 0")
... 2 lines
    "    str r0, [sp]\n"
... 11 lines
    "    .irp k, 0, 1, 2, 3, 4, 5\n"
    "    ldrb r2, [r0, #2 * \\k]\n"
    "    sxtb r2, r2\n"
    "    ldrb r3, [r0, #2 * \\k + 1]\n"
... 7 lines
    "    adcs r4, r5\n"
... 4 lines
    "    add lr, r5\n"
... 3 lines
    "    adds r0, #2 * 6\n"
... 5 lines
    "    beq 8f\n"
    "    b 2b\n"
... 3 lines
    "    lsls r3, r4, #16\n"
... 2 lines
    "    finish 0\n"
... 3 lines
    "    mov r2, lr\n"
... 4 lines
    "    adds r0, #4\n"
... 11 lines
    "    pop {r4}\n"
    DEEP__CFI("adjust_cfa_offset -4; .cfi_register r8, r4")
    "    mov r8, r4\n"
    DEEP__CFI("restore r8")
... 2 lines
    "    .purgem finish\n"
... 15 lines
void deep__taps(const int8_t *const *input, const uint32_t *constants, int8_t *output);
... 61 lines
    "    .irp k, 0, 1\n"
... 62 lines
/* Adds the products of `count` elements, at most two, of each pixel. */
static DEEP__CODE void deep__step(
    uint32_t (*sums)[DEEP__BLOCK], int32_t pixels, const int8_t *input, int32_t count, const uint32_t *weights)
... 2 lines
        for (int32_t c = 0; c < DEEP__BLOCK; c += 2) {
            for (int32_t k = 0; k < count; ++k) {
                const int32_t x = input[p * DEEP__PIXEL_PITCH + k];
                const uint32_t both = weights[c / 2 * count + k];

                sums[p][c] += (uint32_t)(x * (int16_t)both);
                sums[p][c + 1] += (uint32_t)(x * (int16_t)((both + 0x8000u) >> 16));
... 5 lines
/* Adds the products of a run of each pixel; returns the constants after its weights. */
static DEEP__CODE const uint32_t *deep__run(
    uint32_t (*sums)[DEEP__BLOCK], int32_t pixels, const int8_t *input, int32_t count, const uint32_t *constants)
... 2 lines
        const int32_t some = k + 2 <= count ? 2 : 1;

        deep__step(sums, pixels, input + k, some, constants);
        constants += some * (DEEP__BLOCK / 2);
... 4 lines
/* Where the sums of a block start: of two channels the whole and the upper. */
static DEEP__CODE void deep__start(uint32_t (*sums)[DEEP__BLOCK], int32_t pixels, const uint32_t *constants)
... 3 lines
            sums[p][c] = constants[c] - (constants[c + 1] << 16);
            sums[p][c + 1] = constants[c + 1];
... 4 lines
/* Finishes the sums of a block; returns the next block's constants. */
static DEEP__CODE const uint32_t *deep__finish(
    uint32_t (*sums)[DEEP__BLOCK], int32_t pixels, const uint32_t *line, int8_t *output)
{
    for (int32_t c = 0; c < DEEP__BLOCK; ++c) {
        for (int32_t p = 0; p < pixels; ++p) {
            const int32_t sum = (int32_t)(sums[p][c]);
... 4 lines
            value = value < 0 ? 0 : value > 255 ? 255 : value;
            output[p * DEEP__OUT_C + c] = (int8_t)(value - 128);
        }
        line += 2;
    }
    return line;
... 5 lines
        uint32_t sums[1][DEEP__BLOCK];

        deep__start(sums, 1, constants);
        constants += DEEP__BLOCK;
... 7 lines
        output += DEEP__BLOCK - (int32_t)*constants++;
... 3 lines
static DEEP__CODE void deep__taps(const int8_t *const *input, const uint32_t *constants, int8_t *output)
... 8 lines
            constants = deep__run(sums, 1, input[tap], 4, constants);
... 15 lines
    const int8_t *taps[DEEP__TAPS];
    int32_t row = in_row;
    int32_t col = in_col;
... 3 lines
        const uintptr_t at = first + (uintptr_t)(((row - in_row) * DEEP__IN_W + col - in_col) * DEEP__IN_C);

        taps[tap] = inside ? (const int8_t *)at : deep__zero_points;
        col += DEEP__DILATION_W;
        if (col == in_col + DEEP__KERNEL_W * DEEP__DILATION_W) {
            col = in_col;
... 3 lines
    deep__taps(taps, deep__weights, output);
... 33 lines
