... 3 lines
 * Algorithm  direct_planes_wide
 * Sums       assembly with DSP instructions where there are, two products at once
... 4 lines
 * The workspace holds one channel at a time, widened to int16 with zero points around the image:
 *   no bounds are checked.
 * Printed from templates/algorithms/direct_planes_wide.c.j2.
... 54 lines
#define PLANES__IN_ALONG 3 /* from pixel to pixel along a row, and to the next row */
#define PLANES__IN_ACROSS 21
#define PLANES__OUT_ALONG 3
#define PLANES__OUT_ACROSS 21
#define PLANES__LINES 5 /* rows of the image, what the next output's are on, and what lies before the first */
#define PLANES__NEXT 1
#define PLANES__BEFORE 1
#define PLANES__TAPS 3 /* of the kernel, across rows */
#define PLANES__PITCH 10 /* elements of a widened row */
#define PLANES__PLANE 18 /* constants of a channel */
#define PLANES__VALUE (-1) /* outside the image */
... 4 lines
/* Writes so many elements of what is around the input. */
static PLANES__CODE int16_t *planes__fill(int16_t *output, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = PLANES__VALUE;
    }
    return output + count;
... 2 lines
/* Widens the pixels of one channel that are inside the image, row by row. */
static PLANES__CODE void planes__widen(const int8_t *input, int16_t *plane, int32_t lines)
{
    for (; lines > 0; --lines) {
        const int8_t *in = input;
        int16_t *wide = plane;

        for (int32_t turn = 0; turn < 1; ++turn) {
            wide[0] = in[0 * PLANES__IN_ALONG];
... 6 lines
            in += 7 * PLANES__IN_ALONG;
            wide += 7;
        }
        input += PLANES__IN_ACROSS;
        plane += PLANES__PITCH;
... 6 lines
 * Along the rows of a plane, 4 outputs at a time. Registers:
 *
 *   r0               where the plane is read
 *   r1               constants, in order of use; then where outputs are stored
 *   r4-r7            sums, side by side
 *   r2 r3 r8         inputs: two pixels in each; in the end what requantises
 *   r9-r12           weights: two in each; in the end what requantises
 *
 * On the stack: the constants, the output, how many rows are left, the end of a loop.
 */
void planes__walk(const int16_t *plane, const uint32_t *constants, int8_t *output, int32_t lines);
... 16 lines
    "    ldm r0, {r2, r3, r8}\n"
... 11 lines
    "    ldm r1, {r2, r3}\n"
... 9 lines
    "    strb r4, [r1], #3; strb r5, [r1], #3; strb r6, [r1], #3; strb r7, [r1], #3\n"
... 25 lines
    "    strb r4, [r1], #3; strb r5, [r1], #3; strb r6, [r1], #3\n"
... 3 lines
    "    ldr r1, [sp, #4]; add r1, r1, #0; str r1, [sp, #4]\n"
    "    ldr r3, [sp, #8]; subs r3, r3, #1; str r3, [sp, #8]\n"
... 19 lines
/* Output rows of one channel, whose plane begins with the first that they see. */
static PLANES__CODE void planes__walk(const int16_t *plane, const uint32_t *constants, int8_t *output, int32_t lines)
{
    const int32_t multiplier = (int32_t)constants[16];
    const int32_t addend = (int32_t)constants[16 + 1];
... 2 lines
        for (int32_t i = 0; i < 7; ++i) {
            const int16_t *pixels = plane + i * 1;
            const uint32_t *pairs = constants + 4;
            uint32_t sum = constants[0];

            for (int32_t row = 0; row < PLANES__TAPS; ++row) {
                for (int32_t tap = 0; tap < 3; ++tap) {
                    const uint32_t pair = pairs[0 + tap / 2];
                    const int16_t weight = (int16_t)(tap % 2 == 0 ? pair : pair >> 16);

                    sum += (uint32_t)(pixels[0 + tap] * weight);
                }
                pixels += PLANES__PITCH;
                pairs += 4;
            }
            output[i * PLANES__OUT_ALONG] = planes__finish((int32_t)sum, multiplier, addend);
        }
        plane += PLANES__NEXT * PLANES__PITCH;
        output += PLANES__OUT_ACROSS;
... 5 lines
/* Output rows `first` to `last` of all channels. */
static PLANES__CODE void planes__make(
    const int8_t *input, int8_t *output, int16_t *plane, int32_t first, int32_t last)
{
    const int32_t above = first * PLANES__NEXT - PLANES__BEFORE;
    const int32_t below = (last - 1) * PLANES__NEXT - PLANES__BEFORE + PLANES__TAPS;
    const int32_t top = above < 0 ? 0 : above < PLANES__LINES ? above : PLANES__LINES;
    const int32_t bottom = below > PLANES__LINES ? PLANES__LINES : below;
    const int8_t *in = input + top * PLANES__IN_ACROSS;

    planes__fill(plane, (below - above) * PLANES__PITCH);
    for (int32_t c = 0; c < PLANES__OUT_C; ++c) {
        planes__widen(in + c, plane + (top - above) * PLANES__PITCH + 1, bottom - top);
        planes__walk(plane, planes__planes + c * PLANES__PLANE, output + c, last - first);
... 5 lines
    int32_t *const plane = workspace;

    planes__make(input, output, (int16_t *)plane, 0, 5);
}
