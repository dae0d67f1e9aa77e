... 3 lines
 * Algorithm  im2col_p2
 * Sums       SMLAD, 2 x 4 (pixels x channels) in registers, weights of two channels in int16
... 4 lines
 * Taps outside the image become -1 in the patch.
 * Printed from templates/algorithms/im2col.c.j2.
 *
... 65 lines
#define FIRST__PATCHES 2 /* gathered before they are multiplied */
#define FIRST__PATCH 27 /* elements of a patch, all groups */
#define FIRST__OUT_C 6
... 13 lines
 * On the stack: input, output and the end of the constants.
 */
... 13 lines
    "    ldr r2, =344\n"
    "    add r2, r1\n"
... 7 lines
    "    .rept 6\n"
    "    ldr r3, [r0, #27]\n"
... 47 lines
    "    ldrsb r3, [r0, #27]\n"
... 12 lines
    "    ldr r0, [sp, #4]\n"
... 125 lines
            const int8_t *run = input;

            constants = first__run(sums, 2, run, 27, constants);
        constants = first__finish(sums, 2, constants, output);
... 5 lines
/* Multiplies `count` patches by all weights and stores their output pixels. */
static FIRST__CODE void first__multiply(const int8_t *input, int32_t count, int8_t *output)
{
    for (; count >= 2; count -= 2) {
        first__pixels_2(input, first__weights, output);
        input += 2 * FIRST__PATCH;
        output += 2 * FIRST__OUT_C;
    }
... 2 lines
/* A loop, since runs are often too short for memcpy to pay. */
static FIRST__CODE void first__copy(int8_t *to, const int8_t *from, int32_t count)
{
    for (int32_t k = 0; k < count; ++k) {
        to[k] = from[k];
    }
... 2 lines
static FIRST__CODE void first__fill(int8_t *to, int32_t count)
{
    for (int32_t k = 0; k < count; ++k) {
        to[k] = -1;
    }
... 2 lines
/* Gathers the patch whose first tap is at (in_row, in_col). */
static FIRST__CODE void first__gather(
    const int8_t *input, int32_t in_row, int32_t in_col, int8_t *patch)
{
    for (int32_t i = 0; i < FIRST__KERNEL_H; ++i) {
        const int32_t row = in_row + i * FIRST__DILATION_H;
        const int row_inside = row >= 0 && row < FIRST__IN_H;

        if (row_inside && in_col >= 0 && in_col + FIRST__KERNEL_W <= FIRST__IN_W) {
            first__copy(patch, input + (row * FIRST__IN_W + in_col) * FIRST__IN_C, FIRST__KERNEL_W * FIRST__IN_C);
            patch += FIRST__KERNEL_W * FIRST__IN_C;
            continue;
        }
        for (int32_t j = 0; j < FIRST__KERNEL_W; ++j) {
            const int32_t col = in_col + j * FIRST__DILATION_W;

            if (row_inside && col >= 0 && col < FIRST__IN_W) {
                first__copy(patch, input + (row * FIRST__IN_W + col) * FIRST__IN_C, FIRST__IN_C);
            } else {
                first__fill(patch, FIRST__IN_C);
            }
            patch += FIRST__IN_C;
        }
... 5 lines
    int8_t *const patches = workspace;

    int8_t *patch = patches;

... 2 lines
            first__gather(
                input, out_row * FIRST__STRIDE_H - FIRST__PAD_TOP, out_col * FIRST__STRIDE_W - FIRST__PAD_LEFT, patch);
            patch += FIRST__PATCH;
            if (patch == patches + FIRST__PATCHES * FIRST__PATCH) {
                first__multiply(patches, FIRST__PATCHES, output);
                output += FIRST__PATCHES * FIRST__OUT_C;
                patch = patches;
            }
... 3 lines
