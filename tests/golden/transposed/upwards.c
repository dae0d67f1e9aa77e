/*
 * upwards: transposed convolution; upwards.h says of what sizes
 *
 * Algorithm  transposed
... 5 lines
 * The kernel of 3 x 3 is cut into those of 2 x 2 phases: outputs that have the same taps.
 * Printed from templates/algorithms/transposed_phases.c.j2.
... 72 lines
#define UPWARDS__PIXELS 2 /* of a block */
#define UPWARDS__OUT_STEP (UPWARDS__STRIDE_W * UPWARDS__OUT_C) /* from an output to the next of its phase */

#define UPWARDS__PIXEL_PITCH UPWARDS__IN_C /* from what one reads to what the next does */
... 4 lines
 * upwards__phase_2x2_pixels_2: 2 x 4 sums (pixels x channels). Registers:
... 10 lines
void upwards__phase_2x2_pixels_2(
    const int8_t *input, const uint32_t *constants, int8_t *output);
... 2 lines
    UPWARDS__BEGIN(upwards__phase_2x2_pixels_2)
... 142 lines
    UPWARDS__END(upwards__phase_2x2_pixels_2));
... 453 lines
 * upwards__phase_2x2_taps: 1 x 4 sums (pixels x channels). Registers:
... 13 lines
void upwards__phase_2x2_taps(
    uintptr_t input, const uint32_t *constants, int8_t *output, uint32_t inside);
... 2 lines
    UPWARDS__BEGIN(upwards__phase_2x2_taps)
... 104 lines
    UPWARDS__END(upwards__phase_2x2_taps));
... 293 lines
            output[p * UPWARDS__OUT_STEP + c] = (int8_t)(value);
... 6 lines
static UPWARDS__CODE void upwards__phase_2x2_pixels_2(
    const int8_t *input, const uint32_t *constants, int8_t *output)
... 13 lines
            const int8_t *run = input + row * 20 + tap * 5;
... 76 lines
static UPWARDS__CODE void upwards__phase_2x2_taps(
    uintptr_t input, const uint32_t *constants, int8_t *output, uint32_t inside)
{
    const int8_t *zero_points = (const int8_t *)(constants + 86);
... 45 lines
            const uintptr_t at = input + (uintptr_t)(row * 20);
... 41 lines
/* A bit for each tap that is inside the image, the lowest of the first, which is at (row, col). */
static UPWARDS__CODE uint32_t upwards__inside(int32_t row, int32_t col, int32_t rows, int32_t cols)
... 2 lines
    uint32_t bit = 1;

    for (int32_t i = row; i < row + rows; ++i) {
        for (int32_t j = col; j < col + cols; ++j) {
            if (i >= 0 && i < UPWARDS__IN_H && j >= 0 && j < UPWARDS__IN_W) {
... 5 lines
    return inside;
... 2 lines
/* `count` outputs of a row that have 2 x 2 taps, the first of them at `first`, (row, col): a number,
 * since that may be outside the image. */
static UPWARDS__CODE UPWARDS__OUT_OF_LINE void upwards__phase_2x2(
    uintptr_t first, int32_t row, int32_t col, int32_t count, const uint32_t *constants, int8_t *output)
{
    while (count > 0) {
        const int rows_inside = row >= 0 && row + 2 <= UPWARDS__IN_H;
        const int inside = rows_inside && col >= 0 && col + UPWARDS__PIXELS - 1 + 2 <= UPWARDS__IN_W && count >= UPWARDS__PIXELS;
        const int32_t pixels = inside ? UPWARDS__PIXELS : 1;
... 2 lines
            upwards__phase_2x2_pixels_2((const int8_t *)first, constants, output);
        } else {
            upwards__phase_2x2_taps(first, constants, output, upwards__inside(row, col, 2, 2));
        }
        first += (uintptr_t)(pixels * UPWARDS__IN_C);
        col += pixels;
        count -= pixels;
        output += pixels * UPWARDS__OUT_STEP;
... 47 lines
/* `count` outputs of a row that have 1 x 1 taps, the first of them at `first`. */
static UPWARDS__CODE UPWARDS__OUT_OF_LINE void upwards__phase_1x1(
    uintptr_t first, int32_t count, const uint32_t *constants, int8_t *output)
... 2 lines
        const int32_t pixels = UPWARDS__PIXELS;
... 13 lines
        const int32_t phase_row = (out_row + UPWARDS__PAD_TOP) % UPWARDS__STRIDE_H;
        const int32_t rows = (UPWARDS__KERNEL_H + UPWARDS__STRIDE_H - 1 - phase_row) / UPWARDS__STRIDE_H;
        const int32_t row = (out_row + UPWARDS__PAD_TOP) / UPWARDS__STRIDE_H - rows + 1;

        for (int32_t start = 0; start < UPWARDS__STRIDE_W && start < UPWARDS__OUT_W; ++start) {
            const int32_t phase_col = (start + UPWARDS__PAD_LEFT) % UPWARDS__STRIDE_W;
            const int32_t cols = (UPWARDS__KERNEL_W + UPWARDS__STRIDE_W - 1 - phase_col) / UPWARDS__STRIDE_W;
            const int32_t number = phase_row * UPWARDS__STRIDE_W + phase_col;
            const int32_t col = (start + UPWARDS__PAD_LEFT) / UPWARDS__STRIDE_W - cols + 1;
            const int32_t count = (UPWARDS__OUT_W - start + UPWARDS__STRIDE_W - 1) / UPWARDS__STRIDE_W;
            const uint32_t *constants = upwards__weights + upwards__phase_starts[number];
            const uintptr_t first = (uintptr_t)input /* or outside */
                + (uintptr_t)((row * UPWARDS__IN_W + col) * UPWARDS__IN_C);

            if (rows == 2 && cols == 2) {
                upwards__phase_2x2(first, row, col, count, constants, output + start * UPWARDS__OUT_C);
... 8 lines
                upwards__phase_1x1(first, count, constants, output + start * UPWARDS__OUT_C);
... 5 lines
