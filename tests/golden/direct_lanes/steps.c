... 3 lines
 * Algorithm  direct_lanes
 * Sums       assembly with DSP instructions where there are, four channels at once
... 5 lines
 * Printed from templates/algorithms/direct_lanes.c.j2.
... 62 lines
#define STEPS__BLOCKS 2 /* of four channels */
#define STEPS__WORDS 22 /* constants of a block */
... 7 lines
 * A pixel, four channels at a time. Registers:
... 3 lines
 *   r2 r3            inputs: channels 0 and 2, 1 and 3, of a tap
 *   r4-r7            sums, of four channels
 *   r8-r11           weights: of channels 0 and 2, 1 and 3, for two taps; in the end of lines
 *   r12              which constants are the last; an addend
 *   lr               where outputs are stored
 */
void steps__pixel(
    const int8_t *input, const uint32_t *constants, int8_t *output, const uint32_t *end);
... 2 lines
    STEPS__BEGIN(steps__pixel)
... 5 lines
    "    mov lr, r2\n"
... 2 lines
    "    ldm r1!, {r4-r7}\n"
... 2 lines
    "    sxtb16 r3, r2; sxtb16 r2, r2, ror #8\n"
    "    smlabb r4, r3, r8, r4; smlatt r6, r3, r8, r6\n"
... 22 lines
    "    strb r4, [lr], #1; strb r5, [lr], #1; strb r6, [lr], #1; strb r7, [lr], #1\n"
... 4 lines
    STEPS__END(steps__pixel));
... 14 lines
/* A pixel, four channels at a time. */
static STEPS__CODE void steps__pixel(
    const int8_t *input, const uint32_t *constants, int8_t *output, const uint32_t *end)
{
    static const int32_t taps[] = {0, 16, 32};

    for (; constants < end; constants += STEPS__WORDS) {
        for (int32_t c = 0; c < 4; ++c) {
            const uint32_t *line = constants + 10 + c * 3;
            uint32_t sum = constants[c];

            for (int32_t tap = 0; tap < STEPS__KERNEL_H * STEPS__KERNEL_W; ++tap) {
                const uint32_t pair = constants[4 + 2 * tap + c % 2];

                sum += (uint32_t)(input[taps[tap] + c] * (int16_t)(c < 2 ? pair : pair >> 16));
            }
            *output++ = steps__finish(
                (int32_t)sum, (int32_t)line[0], (int32_t)line[1], (int32_t)line[2]);
        }
        input += 4;
... 10 lines
        for (int32_t out_col = 0; out_col < STEPS__OUT_W; ++out_col) {
            const int8_t *pixel = input + (out_row * STEPS__STRIDE_H * STEPS__IN_W + out_col * STEPS__STRIDE_W) * STEPS__IN_C;

            steps__pixel(pixel, steps__lanes, output, steps__lanes + STEPS__BLOCKS * STEPS__WORDS);
... 4 lines
