... 3 lines
 * Algorithm  kn2row
... 3 lines
 * Each tap multiplies all 20 pixels of the image.
 * Printed from templates/algorithms/kn2row.c.j2.
... 15 lines
#define DEEP__TAPS 9
... 12 lines
#define DEEP__PARTIAL_PITCH 45 /* partial sums from pixel to pixel */
... 3 lines
#define DEEP__FINISH_MIN 0 /* activation range less the output zero point */
#define DEEP__FINISH_MAX 255
#define DEEP__OUT_ZERO_POINT (-128)
... 77 lines
/* One tap of 2 x 4 partial sums. */
static DEEP__CODE void deep__tap_2x4(
    const int8_t *input, int32_t tap, int32_t channel, int32_t *partial)
{
    const int32_t *starts = deep__tap_starts + tap * DEEP__OUT_C;
... 4 lines
            sums[pixel][c] = starts[channel + c];
... 4 lines
        sums, input, deep__weights + (tap * DEEP__OUT_C + channel) * DEEP__DEPTH, DEEP__DEPTH);
... 3 lines
            partial[pixel * DEEP__PARTIAL_PITCH + channel + c] = sums[pixel][c];
... 27 lines
/* Multiplies `count` pixels by the weights of one tap. */
static DEEP__CODE void deep__multiply(const int8_t *input, int32_t tap, int32_t count, int32_t *partial)
... 2 lines
        deep__tap_2x4(input, tap, 0, partial);
... 2 lines
        input += 2 * DEEP__PIXEL_PITCH;
        partial += 2 * DEEP__PARTIAL_PITCH;
... 3 lines
/* Adds up the taps of one output pixel that are inside the image; the first is at (in_row, in_col). */
static DEEP__CODE void deep__add_taps(const int32_t *planes, int32_t in_row, int32_t in_col, int8_t *output)
{
    const int32_t *taps[DEEP__TAPS] = {0};
    int32_t count = 0;
... 7 lines
                taps[count++] = planes + ((row * DEEP__IN_W + col) * DEEP__TAPS + i * DEEP__KERNEL_W + j) * DEEP__OUT_C;
... 3 lines
    for (int32_t channel = 0; channel < DEEP__OUT_C; ++channel) {
        int32_t sum = deep__bias[channel];

        for (int32_t tap = 0; tap < count; ++tap) {
            sum += taps[tap][channel];
        }
        output[channel] = deep__finish(sum, channel);
... 5 lines
    int32_t *const planes = workspace;

    for (int32_t tap = 0; tap < DEEP__TAPS; ++tap) {
        deep__multiply(input, tap, DEEP__IN_H * DEEP__IN_W, planes + tap * DEEP__OUT_C);
... 3 lines
            deep__add_taps(planes, out_row * DEEP__STRIDE_H - DEEP__PAD_TOP, out_col * DEEP__STRIDE_W - DEEP__PAD_LEFT, output);
... 4 lines
